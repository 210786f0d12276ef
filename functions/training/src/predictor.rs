//! The model of a function whose kernel predicts classes or numbers.

use crate::fitted::{Fitted, LoadedKernel};
use crate::kernel::Kernel;
use arrow_array::RecordBatch;
use millstream_sdk::{Description, Failure, Matrix, Model, State};

/// A function that fits a [`Kernel`].
pub trait Learner: 'static {
    /// As in its manifest.
    const NAME: &'static str;
    /// The version of its state's format.
    const FORMAT: u16 = 1;
    /// The earliest format that is read; earlier ones are refused.
    const OLDEST_FORMAT: u16 = 1;
    type Kernel: Kernel;

    /// Whether the features are numbers that stand for categories: those of the training rows are the known ones.
    fn takes_categories(_: &Self::Kernel) -> bool {
        false
    }

    /// Reads the state, one of an earlier format as well.
    fn read(state: &State<'_>) -> Result<Fitted<Self::Kernel>, Failure> {
        state.decode()
    }
}

/// A fitted kernel, loaded.
pub struct KernelModel<L: Learner>(LoadedKernel<L::Kernel>);

impl<L: Learner> Model for KernelModel<L> {
    const FUNCTION: &'static str = L::NAME;
    const FORMAT: u16 = L::FORMAT;
    const OLDEST_FORMAT: u16 = L::OLDEST_FORMAT;

    fn load(state: State<'_>) -> Result<Self, Failure> {
        let features = state.columns().fields().len();
        // No state has so many classes, so a kernel for other columns is refused.
        let classes = |kernel: &L::Kernel| match kernel.width() == features {
            true => kernel.classes(),
            false => usize::MAX,
        };
        LoadedKernel::new(&state, L::read(&state)?, classes).map(Self)
    }

    fn describe(&self) -> Description {
        self.0.describe()
    }

    fn predict_table(&self, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
        self.predict_matrix(&Matrix::from_batch(rows)?)
    }

    fn predict_matrix(&self, rows: &Matrix) -> Result<RecordBatch, Failure> {
        self.0.answer(rows, Kernel::predict, Kernel::predict)
    }
}

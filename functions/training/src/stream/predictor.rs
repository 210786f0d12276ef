//! The model of a function that learns batch by batch: of columns of numbers, or of sparse rows too.

use super::indices::Indices;
use super::layout::Layout;
use crate::answer::Answers;
use crate::fitted::{Fitted, LoadedKernel};
use crate::{Kernel, Learner, blame};
use arrow_array::RecordBatch;
use arrow_schema::Schema;
use millstream_learners::factorization_machines::FactorizationMachine;
use millstream_learners::{Error, SparseRows, linear_learner};
use millstream_sdk::table::is_sparse;
use millstream_sdk::unseen::Notes;
use millstream_sdk::{Classes, Context, Description, Failure, Matrix, Model, State, invalid_input};
use serde::{Deserialize, Serialize};

/// A fitted kernel that takes sparse rows beside columns.
pub trait SparseKernel: Kernel {
    /// As [`Kernel::predict`].
    fn predict_sparse(&self, x: &SparseRows) -> Result<Vec<f64>, Error>;
}

impl SparseKernel for FactorizationMachine {
    fn predict_sparse(&self, x: &SparseRows) -> Result<Vec<f64>, Error> {
        match self.classes() {
            0 => self.predict_numbers(x),
            _ => self.predict_proba(x),
        }
    }
}

impl SparseKernel for linear_learner::Model {
    fn predict_sparse(&self, x: &SparseRows) -> Result<Vec<f64>, Error> {
        self.predict_sparse(x)
    }
}

/// What the state of a model of sparse rows keeps in place of the kernel.
#[derive(Serialize, Deserialize)]
struct Indexed<C, K> {
    /// For each column nothing, or the indices that the kernel knows.
    columns: C,
    kernel: K,
}

type Stored<K> = Indexed<Vec<Option<Indices>>, K>;

/// A fitted kernel, loaded.
pub struct StreamModel<L: Learner>(Form<L>);

enum Form<L: Learner> {
    Columns(crate::KernelModel<L>),
    Sparse { loaded: LoadedKernel<Stored<L::Kernel>>, layout: Layout, answers: Answers },
}

/// Writes the model, which takes in `columns`: those of the layout, with what training saw of them. That of columns of numbers is written as any other function writes it.
pub fn put<L>(
    context: &Context,
    layout: &Layout,
    columns: &Schema,
    target: &str,
    classes: Option<Classes>,
    kernel: &L::Kernel,
) -> Result<(), Failure>
where
    L: Learner,
    L::Kernel: SparseKernel,
{
    let target = target.to_owned();
    if layout.is_sparse() {
        let kernel = Indexed { columns: layout.columns(), kernel };
        return context.put_model::<StreamModel<L>>("model", columns, &Fitted { target, classes, kernel });
    }
    context.put_model::<StreamModel<L>>("model", columns, &Fitted { target, classes, kernel })
}

impl<L: Learner> Model for StreamModel<L>
where
    L::Kernel: SparseKernel,
{
    const FUNCTION: &'static str = L::NAME;
    const FORMAT: u16 = L::FORMAT;
    const OLDEST_FORMAT: u16 = L::OLDEST_FORMAT;

    fn load(state: State<'_>) -> Result<Self, Failure> {
        let schema = state.columns();
        if !schema.fields().iter().any(|field| is_sparse(field.data_type())) {
            return crate::KernelModel::load(state).map(|model| Self(Form::Columns(model)));
        }
        let loaded: LoadedKernel<Stored<L::Kernel>> =
            LoadedKernel::open(state, |stored: &Stored<L::Kernel>| stored.kernel.classes())?;
        let layout = Layout::restore(&schema, loaded.kernel().columns.clone())
            .filter(|layout| layout.width() == loaded.kernel().kernel.width());
        let layout = layout.ok_or_else(|| {
            invalid_input("the model's state is damaged: train it again or restore the file")
        })?;
        let answers = Answers::new(loaded.classes());
        Ok(Self(Form::Sparse { loaded, layout, answers }))
    }

    fn describe(&self) -> Description {
        match &self.0 {
            Form::Columns(model) => model.describe(),
            Form::Sparse { loaded, .. } => loaded.describe(),
        }
    }

    fn predict_table(&self, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
        match &self.0 {
            Form::Columns(model) => model.predict_table(rows),
            Form::Sparse { answers, .. } if rows.num_rows() == 0 => answers.table(Vec::new()),
            Form::Sparse { loaded, layout, answers } => {
                let predicted = loaded.kernel().kernel.predict_sparse(&layout.rows(rows)?);
                answers.table(predicted.map_err(|error| blame::failure(error, None, &[]))?)
            }
        }
    }

    fn predict_noting(&self, rows: &RecordBatch, notes: &mut Notes) -> Result<RecordBatch, Failure> {
        if let Form::Sparse { layout, .. } = &self.0 {
            layout.note_unknown(rows, notes)?;
        }
        self.predict_table(rows)
    }

    fn predict_matrix(&self, rows: &Matrix) -> Result<RecordBatch, Failure> {
        match &self.0 {
            Form::Columns(model) => model.predict_matrix(rows),
            Form::Sparse { .. } => self.predict_table(&rows.to_batch()?),
        }
    }
}

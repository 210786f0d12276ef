//! What the user may set.

use millstream_learners::{Check, Checked, Error, ParamError, factorization_machines as kernel};
use millstream_sdk::Failure;
use millstream_training::blame;
use millstream_training::columns::{Described, OF_NUMBERS_OR_SPARSE, TargetColumns};
use millstream_training::stream::{Epochs, Layout, PredictorType, StreamTraining};
use schemars::JsonSchema;
use serde::Deserialize;

/// Names are those of SageMaker's Factorization Machines; the defaults of rates and first factors are larger, so that
/// some hundred steps learn something.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Params {
    #[serde(flatten)]
    columns: TargetColumns<NumbersOrTwo>,
    /// What is predicted.
    predictor_type: PredictorType,
    #[serde(flatten)]
    epochs: Epochs,
    /// How many features there are; if given, a table of another number is refused. Sparse rows have as many as their
    /// largest index and one: they may have fewer than this, but not more.
    #[serde(default)]
    #[schemars(range(min = 1))]
    feature_dim: Option<u32>,
    #[serde(flatten)]
    machine: kernel::Params,
    /// The seed of the first factors and the rows' order; the step's seed if not given.
    #[serde(default)]
    seed: Option<u64>,
}

/// What the target holds.
#[derive(Debug)]
struct NumbersOrTwo;

impl Described for NumbersOrTwo {
    const TARGET: &'static str =
        "The column to predict: numbers, or two classes as text, integers or booleans.";
    const FEATURES: &'static str = OF_NUMBERS_OR_SPARSE;
}

impl Params {
    /// What is asked of the job.
    pub fn plan(&self) -> StreamTraining<'_> {
        StreamTraining { named: self.columns.named(), predictor: self.predictor_type, epochs: &self.epochs }
    }

    /// How many columns the features would have with all their zeros. Holds the table to `feature_dim`.
    pub fn columns_of(&self, layout: &Layout) -> Result<u64, Error> {
        let all = layout.all();
        let Some(features) = self.feature_dim.map(u64::from) else { return Ok(all) };
        if layout.is_sparse() && features >= all || features == all {
            return Ok(features);
        }
        let allowed = if layout.is_sparse() { format!("at least {all}") } else { all.to_string() };
        let message = format!("it is {features}, the table has {all} features");
        Err(ParamError::new("feature_dim", message, allowed).into())
    }

    /// What the kernel takes.
    pub fn kernel(&self, seed: u64) -> Result<Checked<kernel::Params>, Failure> {
        let params = kernel::Params {
            predictor_type: self.predictor_type.kernel(),
            seed: self.seed.unwrap_or(seed),
            ..self.machine.clone()
        };
        params.check().map_err(blame::parameter)
    }
}

//! Ridge regression: a number as a weighted sum of features, the weights kept small.

use millstream_learners::linear_model::LinearModel;
use millstream_learners::{Check, ridge};
use millstream_sdk::{Context, Failure, Job, Manifest, Summary};
use millstream_training::columns::{OfNumbers, TargetColumns};
use millstream_training::{KernelModel, Learner, blame, line};
use schemars::JsonSchema;
use serde::Deserialize;

const NAME: &str = "ridge";

/// The training job.
pub struct Train;

/// What the user may set. Names and defaults are scikit-learn's.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Params {
    #[serde(flatten)]
    columns: TargetColumns<OfNumbers>,
    #[serde(flatten)]
    ridge: ridge::Params,
    #[serde(flatten)]
    scaling: line::Standardize,
}

impl Job for Train {
    type Params = Params;

    fn manifest() -> Manifest {
        line::manifest(
            NAME,
            env!("CARGO_PKG_VERSION"),
            "Predicts a number as a weighted sum of features, the weights kept small.",
            "Least squares with a penalty on squared coefficients, as scikit-learn's `Ridge`. The penalty depends on \
             the features' units: `standardize` takes them to one scale.",
        )
        .parameters::<Params>()
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let kernel = params.ridge.check().map_err(blame::parameter)?;
        let shape = params.scaling.shape(kernel.fit_intercept);
        line::direct::<Self>(
            context,
            &params.columns.named(),
            shape,
            |x, y, weights| kernel.fit(x, y, weights),
            |_| None,
        )
    }
}

impl Learner for Train {
    const NAME: &'static str = NAME;
    type Kernel = LinearModel;
}

/// The predictor.
pub type Line = KernelModel<Train>;

millstream_sdk::export!(algorithm: Train, model: Line);

#[cfg(test)]
mod tests;

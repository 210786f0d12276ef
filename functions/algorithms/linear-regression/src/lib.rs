//! Ordinary least squares: a number as a weighted sum of features.

use millstream_learners::Check;
use millstream_learners::linear_regression::{self, LinearRegression};
use millstream_sdk::{Context, Failure, Job, Manifest, Summary};
use millstream_training::columns::{OfNumbers, TargetColumns};
use millstream_training::{KernelModel, Learner, blame, line};
use schemars::JsonSchema;
use serde::Deserialize;

const NAME: &str = "linear-regression";

/// The training job.
pub struct Train;

/// What the user may set.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Params {
    #[serde(flatten)]
    columns: TargetColumns<OfNumbers>,
    #[serde(flatten)]
    line: linear_regression::Params,
    #[serde(flatten)]
    scaling: line::Standardize,
}

impl Job for Train {
    type Params = Params;

    fn manifest() -> Manifest {
        line::manifest(
            NAME,
            env!("CARGO_PKG_VERSION"),
            "Predicts a number as a weighted sum of features.",
            "Ordinary least squares with sample weights. Where columns depend on each other, of all best \
             coefficients the shortest are taken, as scikit-learn does.",
        )
        .parameters::<Params>()
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let kernel = params.line.check().map_err(blame::parameter)?;
        let dependent = |line: &LinearRegression| {
            let (rank, width) = (line.rank(), line.coefficients().len());
            (rank < width).then(|| {
                let others = width - rank;
                format!(
                    "{others} of {width} features follow from the others; the shortest of the best coefficients were taken"
                )
            })
        };
        let shape = params.scaling.shape(kernel.fit_intercept);
        let named = params.columns.named();
        line::direct::<Self>(context, &named, shape, |x, y, weights| kernel.fit(x, y, weights), dependent)
    }
}

impl Learner for Train {
    const NAME: &'static str = NAME;
    type Kernel = LinearRegression;
}

/// The predictor.
pub type Line = KernelModel<Train>;

millstream_sdk::export!(algorithm: Train, model: Line);

#[cfg(test)]
mod tests;

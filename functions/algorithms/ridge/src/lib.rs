//! Ridge regression: a number as a weighted sum of features, the weights kept small.

use millstream_learners::linear_model::LinearModel;
use millstream_learners::{Check, ridge};
use millstream_sdk::{Context, Failure, Job, Manifest, Summary};
use millstream_training::line;
use millstream_training::{Learner, Named, Predictor, blame};
use schemars::JsonSchema;
use serde::Deserialize;

const NAME: &str = "ridge";

/// The training job.
pub struct Train;

/// What the user may set. Names and defaults are scikit-learn's.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Params {
    /// The column to predict: numbers.
    target: String,
    /// The columns to learn from; all others than target and weight if not given.
    #[serde(default)]
    features: Option<Vec<String>>,
    /// A column of sample weights: a row of weight 2 counts like two rows.
    #[serde(default)]
    weight: Option<String>,
    /// The penalty: the factor of the sum of squared coefficients, against the sum of squared errors.
    #[serde(default = "one")]
    #[schemars(range(min = 0))]
    alpha: f64,
    /// Whether the line may miss the origin. Switch it off only for data that is centred already.
    #[serde(default = "yes")]
    fit_intercept: bool,
    /// Whether to fit on columns of mean 0 and variance 1 (not centred without an intercept). Coefficients and intercept
    /// are those of the columns as they are all the same; the report has both.
    #[serde(default)]
    standardize: bool,
}

fn one() -> f64 {
    1.0
}

fn yes() -> bool {
    true
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
        let kernel = ridge::Params { alpha: params.alpha, fit_intercept: params.fit_intercept };
        let kernel = kernel.check().map_err(blame::parameter)?;
        let named = Named::new(&params.target, &params.features, &params.weight);
        let shape = line::Shape { standardize: params.standardize, fit_intercept: params.fit_intercept };
        line::direct::<Self>(context, &named, shape, |x, y, weights| kernel.fit(x, y, weights), |_| None)
    }
}

impl Learner for Train {
    const NAME: &'static str = NAME;
    type Kernel = LinearModel;
}

/// The predictor.
pub type Line = Predictor<Train>;

millstream_sdk::export!(algorithm: Train, model: Line);

#[cfg(test)]
mod tests;

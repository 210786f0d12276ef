//! Ordinary least squares: a number as a weighted sum of features.

use millstream_learners::Check;
use millstream_learners::linear_regression::{self, LinearRegression};
use millstream_sdk::{Context, Failure, Job, Manifest, Summary};
use millstream_training::line;
use millstream_training::{Learner, Named, Predictor, blame};
use schemars::JsonSchema;
use serde::Deserialize;

const NAME: &str = "linear-regression";

/// The training job.
pub struct Train;

/// What the user may set.
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
    /// Whether the line may miss the origin. Switch it off only for data that is centred already.
    #[serde(default = "yes")]
    fit_intercept: bool,
    /// Whether to fit on columns of mean 0 and variance 1 (not centred without an intercept). Coefficients and intercept
    /// are those of the columns as they are all the same; the report has both.
    #[serde(default)]
    standardize: bool,
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
            "Predicts a number as a weighted sum of features.",
            "Ordinary least squares with sample weights. Where columns depend on each other, of all best \
             coefficients the shortest are taken, as scikit-learn does.",
        )
        .parameters::<Params>()
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let kernel = linear_regression::Params { fit_intercept: params.fit_intercept };
        let kernel = kernel.check().map_err(blame::parameter)?;
        let named = Named::new(&params.target, &params.features, &params.weight);
        let dependent = |line: &LinearRegression| {
            let (rank, width) = (line.rank(), line.coefficients().len());
            (rank < width).then(|| {
                let others = width - rank;
                format!(
                    "{others} of {width} features follow from the others; the shortest of the best coefficients were taken"
                )
            })
        };
        let shape = line::Shape { standardize: params.standardize, fit_intercept: params.fit_intercept };
        line::direct::<Self>(context, &named, shape, |x, y, weights| kernel.fit(x, y, weights), dependent)
    }
}

impl Learner for Train {
    const NAME: &'static str = NAME;
    type Kernel = LinearRegression;
}

/// The predictor.
pub type Line = Predictor<Train>;

millstream_sdk::export!(algorithm: Train, model: Line);

#[cfg(test)]
mod tests;

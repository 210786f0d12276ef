//! Elastic net: a number as a weighted sum of few features, the weights kept small.

use millstream_learners::elastic_net;
use millstream_learners::linear_model::LinearModel;
use millstream_sdk::{Context, Failure, Job, Manifest, Summary};
use millstream_training::net::Path;
use millstream_training::{Learner, Named, Predictor, line, net};
use schemars::JsonSchema;
use serde::Deserialize;

const NAME: &str = "elastic-net";

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
    /// The penalty's factor, against half the mean of squared errors.
    #[serde(default = "one")]
    #[schemars(range(min = 0))]
    alpha: f64,
    /// The share of absolute coefficients in the penalty; the rest counts half their squares. 0 is ridge, 1 lasso.
    #[serde(default = "half")]
    #[schemars(range(min = 0, max = 1))]
    l1_ratio: f64,
    /// Penalties to choose from, instead of `alpha`: the one is taken that does best in the folds of `cv` or, without them, on
    /// the `validation` rows.
    #[serde(default)]
    alphas: Option<Vec<f64>>,
    /// So many penalties to choose from, instead of `alpha`: from the least that leaves no feature down to `eps` times that,
    /// evenly on a logarithmic scale. 100 if `cv` is given alone.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10_000))]
    n_alphas: Option<u32>,
    /// The smallest of `n_alphas` penalties as a share of the largest.
    #[serde(default = "thousandth")]
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    eps: f64,
    /// Folds to choose the penalty by: the rows are cut into so many runs of neighbours, and each is predicted by what the
    /// others teach. Rows in an order that means something should be shuffled first.
    #[serde(default)]
    #[schemars(range(min = 2, max = 1_000))]
    cv: Option<u32>,
    /// Whether the line may miss the origin. Switch it off only for data that is centred already.
    #[serde(default = "yes")]
    fit_intercept: bool,
    /// Whether to fit on columns of mean 0 and variance 1 (not centred without an intercept). Coefficients and intercept
    /// are those of the columns as they are all the same; the report has both.
    #[serde(default)]
    standardize: bool,
    /// Whether coefficients must not be negative.
    #[serde(default)]
    positive: bool,
    /// The fit ends when it is known to be within this share of the target's sum of squares of the least loss.
    #[serde(default = "tolerance")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    tol: f64,
    /// Rounds over the coefficients at the most.
    #[serde(default = "thousand")]
    #[schemars(range(min = 1))]
    max_iter: u32,
}

fn one() -> f64 {
    1.0
}

fn half() -> f64 {
    0.5
}

fn thousandth() -> f64 {
    1e-3
}

fn yes() -> bool {
    true
}

fn tolerance() -> f64 {
    1e-4
}

fn thousand() -> u32 {
    1000
}

impl Job for Train {
    type Params = Params;

    fn manifest() -> Manifest {
        let manifest = line::manifest(
            NAME,
            env!("CARGO_PKG_VERSION"),
            "Predicts a number as a weighted sum of few features, the weights kept small.",
            "Least squares with a penalty on absolute and on squared coefficients, as scikit-learn's `ElasticNet`: features \
             that say little get exactly 0, features alike share the weight. The penalty depends on the features' units: `standardize` takes them to one scale. With \
             `alphas` or `n_alphas` the penalty is chosen by the `validation` rows, or by cross-validation with `cv` as \
             by `ElasticNetCV`; the report `path` and the learning curve then go from the largest to the smallest.",
        );
        net::declare(manifest).parameters::<Params>()
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let kernel = elastic_net::Params {
            alpha: params.alpha,
            l1_ratio: params.l1_ratio,
            fit_intercept: params.fit_intercept,
            positive: params.positive,
            tol: params.tol,
            max_iter: params.max_iter,
        };
        let path = Path { alphas: params.alphas, n_alphas: params.n_alphas, eps: params.eps, cv: params.cv };
        let named = Named::new(&params.target, &params.features, &params.weight);
        net::net::<Self>(context, &named, kernel, params.standardize, &path)
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

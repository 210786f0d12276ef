//! Lasso: a number as a weighted sum of few features.

use millstream_learners::linear_model::LinearModel;
use millstream_sdk::{Context, Failure, Job, Manifest, Summary};
use millstream_training::{KernelModel, Learner, line, net};
use schemars::{JsonSchema, Schema};
use serde::Deserialize;

const NAME: &str = "lasso";

/// The training job.
pub struct Train;

/// What the user may set. Names and defaults are scikit-learn's.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(transform = without_l1_ratio)]
pub struct Params {
    #[serde(flatten)]
    net: net::Params,
}

/// A lasso is an elastic net whose `l1_ratio` is 1.
fn without_l1_ratio(schema: &mut Schema) {
    if let Some(properties) = schema.ensure_object().get_mut("properties").and_then(|all| all.as_object_mut())
    {
        properties.remove("l1_ratio");
    }
}

impl Job for Train {
    type Params = Params;

    fn manifest() -> Manifest {
        let manifest = line::manifest(
            NAME,
            env!("CARGO_PKG_VERSION"),
            "Predicts a number as a weighted sum of as few features as do.",
            "Least squares with a penalty on absolute coefficients, as scikit-learn's `Lasso`: features that say little get \
             exactly 0. The penalty depends on the features' units: `standardize` takes them to one scale. With \
             `alphas` or `n_alphas` the penalty is chosen by the `validation` rows, or by cross-validation with `cv` as \
             by `LassoCV`; the report `path` and the learning curve then go from the largest to the smallest.",
        );
        net::declare(manifest).parameters::<Params>()
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let mut net = params.net;
        net.kernel.l1_ratio = 1.0;
        net::net::<Self>(context, net)
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

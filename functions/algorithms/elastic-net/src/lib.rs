//! Elastic net: a number as a weighted sum of few features, the weights kept small.

use millstream_learners::linear_model::LinearModel;
use millstream_sdk::{Context, Failure, Job, Manifest, Summary};
use millstream_training::{KernelModel, Learner, line, net};

const NAME: &str = "elastic-net";

/// The training job.
pub struct Train;

impl Job for Train {
    type Params = net::Params;

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
        net::declare(manifest).parameters::<net::Params>()
    }

    fn run(params: net::Params, context: &mut Context) -> Result<Summary, Failure> {
        net::net::<Self>(context, params)
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

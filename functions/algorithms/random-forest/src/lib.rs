//! Random forests: classes or numbers from the vote of many trees.

use millstream_learners::random_forest::{Kind, RandomForest};
use millstream_sdk::{Context, Failure, Job, Manifest, Summary};
use millstream_training::{KernelModel, Learner, forests};

const NAME: &str = "random-forest";

/// What the user may set.
pub type Params = forests::Params<Kind>;

/// The training job.
pub struct Train;

impl Job for Train {
    type Params = Params;

    fn manifest() -> Manifest {
        let summary = "Predicts classes with probabilities, or numbers, by the mean of many trees.";
        let manifest = Manifest::new(NAME, env!("CARGO_PKG_VERSION"), summary).description(
            "Breiman's random forests with scikit-learn's parameters, on features cut into at most 255 bins. \
                 Features need no scaling; missing values go either way at each split, whichever is better.",
        );
        forests::declare::<Kind>(manifest)
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        forests::train::<Self, _>(&params, context)
    }
}

impl Learner for Train {
    const NAME: &'static str = NAME;
    const FORMAT: u16 = 3;
    const OLDEST_FORMAT: u16 = 3;
    type Kernel = RandomForest;
}

/// The predictor.
pub type Forest = KernelModel<Train>;

millstream_sdk::export!(algorithm: Train, model: Forest);

#[cfg(test)]
mod tests;

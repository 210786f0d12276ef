//! Extremely randomized trees: classes or numbers from the vote of many trees that are split at random places.

use millstream_learners::extra_trees::{ExtraTrees, Kind};
use millstream_sdk::{Context, Failure, Job, Manifest, Summary};
use millstream_training::{KernelModel, Learner, forests};

const NAME: &str = "extra-trees";

/// What the user may set.
pub type Params = forests::Params<Kind>;

/// The training job.
pub struct Train;

impl Job for Train {
    type Params = Params;

    fn manifest() -> Manifest {
        let summary = "Predicts classes with probabilities, or numbers, by the mean of many trees split at random places.";
        let manifest = Manifest::new(NAME, env!("CARGO_PKG_VERSION"), summary)
            .description(
                "Extremely randomized trees with scikit-learn's parameters (`ExtraTreesClassifier`, \
                 `ExtraTreesRegressor`), on features cut into at most 255 bins: of the features tried each is split at a \
                 random place, and the best of these splits is made. Faster and smoother than a random forest. Features \
                 need no scaling; the side to which missing values go is drawn at each split.",
            );
        forests::declare::<Kind>(manifest)
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        forests::train::<Self, _>(&params, context)
    }
}

impl Learner for Train {
    const NAME: &'static str = NAME;
    const FORMAT: u16 = 2;
    const OLDEST_FORMAT: u16 = 2;
    type Kernel = ExtraTrees;
}

/// The predictor.
pub type Forest = KernelModel<Train>;

millstream_sdk::export!(algorithm: Train, model: Forest);

#[cfg(test)]
mod tests;

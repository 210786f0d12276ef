//! Extremely randomized trees: classes or numbers from the vote of many trees that are split at random places.

use arrow_array::RecordBatch;
use millstream_learners::extra_trees::{self, ExtraTrees};
use millstream_learners::{Checked, Columns, Error};
use millstream_sdk::{Context, Description, Failure, Job, Manifest, Model, State, Summary};
use millstream_training::{fitted, forests};

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
                 need no scaling; missing values must be imputed.",
            );
        forests::declare::<Kind>(manifest)
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        forests::train(params, context)
    }
}

/// The kind of forest.
#[derive(Debug)]
pub struct Kind;

impl forests::Kind for Kind {
    const BOOTSTRAP: bool = false;
    type Params = extra_trees::Params;
    type Forest = ExtraTrees;
    type Model = Forest;

    fn fit_classes(
        params: &Checked<Self::Params>,
        x: &Columns,
        y: &[u32],
        weights: Option<&[f64]>,
        on_tree: &mut dyn FnMut(u32),
    ) -> Result<ExtraTrees, Error> {
        params.fit_classes(x, y, weights, on_tree)
    }

    fn fit_numbers(
        params: &Checked<Self::Params>,
        x: &Columns,
        y: &[f64],
        weights: Option<&[f64]>,
        on_tree: &mut dyn FnMut(u32),
    ) -> Result<ExtraTrees, Error> {
        params.fit_numbers(x, y, weights, on_tree)
    }
}

/// The predictor.
pub struct Forest(fitted::Loaded<ExtraTrees>);

impl Model for Forest {
    const FUNCTION: &'static str = NAME;
    const FORMAT: u16 = 1;

    fn load(state: State<'_>) -> Result<Self, Failure> {
        fitted::Loaded::open(state, |forest: &ExtraTrees| forest.classes()).map(Self)
    }

    fn describe(&self) -> Description {
        self.0.describe()
    }

    fn predict_table(&self, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
        self.0.answer(rows, |model, x| model.predict_numbers(x), |model, x| model.predict_proba(x))
    }
}

millstream_sdk::export!(algorithm: Train, model: Forest);

#[cfg(test)]
mod tests;

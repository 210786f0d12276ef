//! Random forests: classes or numbers from the vote of many trees.

use arrow_array::RecordBatch;
use millstream_learners::random_forest::{self, RandomForest};
use millstream_learners::{Checked, Columns, Error};
use millstream_sdk::{Context, Description, Failure, Job, Manifest, Model, State, Summary};
use millstream_training::{fitted, forests};

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
                 Features need no scaling; missing values must be imputed.",
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
    const BOOTSTRAP: bool = true;
    type Params = random_forest::Params;
    type Forest = RandomForest;
    type Model = Forest;

    fn fit_classes(
        params: &Checked<Self::Params>,
        x: &Columns,
        y: &[u32],
        weights: Option<&[f64]>,
        on_tree: &mut dyn FnMut(u32),
    ) -> Result<RandomForest, Error> {
        params.fit_classes(x, y, weights, on_tree)
    }

    fn fit_numbers(
        params: &Checked<Self::Params>,
        x: &Columns,
        y: &[f64],
        weights: Option<&[f64]>,
        on_tree: &mut dyn FnMut(u32),
    ) -> Result<RandomForest, Error> {
        params.fit_numbers(x, y, weights, on_tree)
    }
}

/// The predictor.
pub struct Forest(fitted::Loaded<RandomForest>);

impl Model for Forest {
    const FUNCTION: &'static str = NAME;
    const FORMAT: u16 = 2;
    const OLDEST_FORMAT: u16 = 2;

    fn load(state: State<'_>) -> Result<Self, Failure> {
        fitted::Loaded::open(state, |forest: &RandomForest| forest.classes()).map(Self)
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

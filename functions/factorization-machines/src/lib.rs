//! Factorization machines: numbers or two classes from products of features, mostly 0.

mod params;

use arrow_array::RecordBatch;
use millstream_learners::factorization_machines::{FactorizationMachine, Learner};
use millstream_learners::{Columns, Error};
use millstream_sdk::{Context, Description, Failure, Job, Manifest, Model, Output, State, Summary};
use millstream_training::{fitted, importance, stream};
pub use params::Params;
use serde::Serialize;

const NAME: &str = "factorization-machines";

/// The training job.
pub struct Train;

fn predict(model: &FactorizationMachine, x: &Columns) -> Result<Vec<f64>, Error> {
    match model.classes() {
        0 => model.predict_numbers(x),
        _ => model.predict_proba(x),
    }
}

/// One feature.
#[derive(Serialize)]
struct Weights {
    /// In the score, alone.
    linear: f64,
    /// The length of its factors: how much it says together with others.
    interaction: f64,
}

impl Job for Train {
    type Params = Params;

    fn manifest() -> Manifest {
        stream::manifest(
            NAME,
            env!("CARGO_PKG_VERSION"),
            "Predicts a number or one of two classes from products of features that are mostly 0.",
            "Factorization machines with the parameters of SageMaker's: a linear score, and for each pair of features \
             the product of their factors. Made for one-hot columns, such as people and things: zeros cost nothing. \
             Features are taken as they are: bring numbers to about 1 in a `features` step. The table is read batch \
             by batch, once an epoch (and once or twice before), and need not fit into memory; rows are put in random \
             order within a batch. With `validation` rows the best epoch's model is kept.",
        )
        .output(Output::report(
            "importance",
            "application/json",
            "The linear weight of each feature and the length of its factors, largest length first.",
        ))
        .parameters::<Params>()
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let kernel = params.kernel(context.seed())?;
        let learner = |width: usize, classes: usize| {
            params.check_width(width)?;
            kernel.learner(width, classes)
        };
        stream::train::<Learner, Learnt>(
            context,
            &params.plan(),
            learner,
            predict,
            |context, model, names, _| {
                let factors = model.factors().chunks_exact(model.factors().len() / names.len());
                let weights = factors.zip(model.linear()).map(|(factors, &linear)| Weights {
                    linear,
                    interaction: factors.iter().map(|v| v * v).sum::<f64>().sqrt(),
                });
                let report = importance::Report::new("factors", names, weights, |w| w.interaction);
                context.put_json("importance", &report)
            },
        )
    }
}

/// The predictor.
pub struct Learnt(fitted::Loaded<FactorizationMachine>);

impl Model for Learnt {
    const FUNCTION: &'static str = NAME;
    const FORMAT: u16 = 1;

    fn load(state: State<'_>) -> Result<Self, Failure> {
        fitted::Loaded::open(state, FactorizationMachine::classes).map(Self)
    }

    fn describe(&self) -> Description {
        self.0.describe()
    }

    fn predict_table(&self, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
        self.0.answer(rows, predict, predict)
    }
}

millstream_sdk::export!(algorithm: Train, model: Learnt);

#[cfg(test)]
mod tests;

//! Factorization machines: numbers or two classes from products of features, mostly 0.

mod params;

use millstream_learners::factorization_machines::{self, FactorizationMachine};
use millstream_sdk::{Context, Failure, Job, Manifest, Output, Summary};
use millstream_training::stream::{self, Layout, StreamModel};
use millstream_training::{Learner, importance};
pub use params::Params;
use serde::Serialize;

const NAME: &str = "factorization-machines";

/// The training job.
pub struct Train;

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
             the product of their factors. Made for one-hot columns, such as people and things, and for sparse rows, \
             as `extract` makes them of a LibSVM file: zeros cost nothing. Indices of sparse rows that no training row \
             has a value at are passed over in rows to predict. Features are taken as they are: bring numbers to about \
             1 in a `features` step. The table is read batch by batch, once an epoch (and once or twice before), and \
             need not fit into memory; rows are put in random order within a batch. With `validation` rows the best \
             epoch's model is kept.",
        )
        .output(Output::report(
            "importance",
            "application/json",
            "The linear weight of each feature and the length of its factors, largest length first; of sparse rows \
             the first 10,000, as `column[index]`.",
        ))
        .parameters::<Params>()
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let kernel = params.kernel(context.seed())?;
        let learner = |layout: &Layout, classes: usize| {
            let all = params.columns_of(layout)?;
            kernel.learner_of(layout.places(), all, classes)
        };
        stream::train::<factorization_machines::Learner, Self>(
            context,
            &params.plan(),
            learner,
            |context, model, layout, _| {
                let width = model.factors().len() / layout.width();
                let interaction = |feature: usize| {
                    let factors = &model.factors()[feature * width..(feature + 1) * width];
                    factors.iter().map(|v| v * v).sum::<f64>().sqrt()
                };
                let (features, names) = layout.reported(interaction);
                let weights = features.into_iter().map(|feature| Weights {
                    linear: model.linear()[feature],
                    interaction: interaction(feature),
                });
                let report = importance::Report::new("factors", &names, weights, |w| w.interaction);
                context.put_json("importance", &report)
            },
        )
    }
}

impl Learner for Train {
    const NAME: &'static str = NAME;
    type Kernel = FactorizationMachine;
}

/// The predictor.
pub type Learnt = StreamModel<Train>;

millstream_sdk::export!(algorithm: Train, model: Learnt);

#[cfg(test)]
mod tests;

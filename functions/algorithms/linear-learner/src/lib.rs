//! Linear learner: lines and logistic regressions learnt in mini-batches from tables of any size.

mod params;

use millstream_learners::linear_learner::{self, LinearLearner};
use millstream_sdk::{Classes, Context, Failure, Job, Manifest, Output, Summary};
use millstream_training::stream::{self, Layout, StreamModel};
use millstream_training::{Learner, importance, line};
pub use params::Params;
use serde::Serialize;

const NAME: &str = "linear-learner";

/// The training job.
pub struct Train;

impl Job for Train {
    type Params = Params;

    fn manifest() -> Manifest {
        stream::manifest(
            NAME,
            env!("CARGO_PKG_VERSION"),
            "Predicts a number or classes from weighted sums of features, learnt from tables of any size.",
            "Linear and logistic regression by stochastic gradient descent in mini-batches, with the parameters of \
             SageMaker's Linear Learner. The table is read batch by batch, once an epoch (and once or twice before), \
             and need not fit into memory; rows are put in random order within a batch, so a table that is sorted \
             by the target should be shuffled first. With `validation` rows the best epoch's model is kept. Sparse \
             rows, as `extract` makes them of a LibSVM file, are never filled up with their zeros; each step still \
             takes time for all features. Their indices that no training row has a value at are passed over in rows \
             to predict.",
        )
        .output(Output::report(
            "importance",
            "application/json",
            "Intercepts, and the coefficients of each feature by class (two classes: of the second), largest first; of \
             sparse rows the first 10,000, as `column[index]`.",
        ))
        .parameters::<Params>()
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let kernel = params.kernel(context.seed())?;
        let learner = |layout: &Layout, classes: usize| kernel.learner(layout.width(), classes);
        stream::train::<LinearLearner, Self>(context, &params.plan(), learner, report)
    }
}

/// One feature's coefficients, one an output of the model.
#[derive(Serialize)]
struct Coefficients {
    coefficients: Vec<f64>,
}

#[derive(Serialize)]
struct Report {
    /// What the coefficients speak for, in their order.
    classes: Vec<String>,
    intercepts: Vec<f64>,
    #[serde(flatten)]
    features: importance::Report<Coefficients>,
}

fn report(
    context: &Context,
    model: &linear_learner::Model,
    layout: &Layout,
    classes: Option<&Classes>,
) -> Result<(), Failure> {
    let model = match model {
        linear_learner::Model::Numbers(model) => {
            let (features, names) = layout.reported(|j| model.coefficients()[j].abs());
            let coefficients: Vec<f64> = features.into_iter().map(|j| model.coefficients()[j]).collect();
            let report = line::Coefficients::new(&names, &coefficients, model.intercept());
            return context.put_json("importance", &report);
        }
        linear_learner::Model::Classes(model) => model,
    };
    let classes = classes.map(Classes::names).unwrap_or_default();
    let width = layout.width();
    let of_feature = |j: usize| model.coefficients().iter().skip(j).step_by(width);
    let (features, names) = layout.reported(|j| of_feature(j).fold(0.0_f64, |most, c| most.max(c.abs())));
    let feature = |j: usize| Coefficients { coefficients: of_feature(j).copied().collect() };
    let largest = |c: &Coefficients| c.coefficients.iter().fold(0.0_f64, |most, c| most.max(c.abs()));
    let report = Report {
        // One output speaks for the last of two classes.
        classes: classes[classes.len().saturating_sub(model.intercepts().len())..].to_vec(),
        intercepts: model.intercepts().to_vec(),
        features: importance::Report::new("coefficient", &names, features.into_iter().map(feature), largest),
    };
    context.put_json("importance", &report)
}

impl Learner for Train {
    const NAME: &'static str = NAME;
    type Kernel = linear_learner::Model;
}

/// The predictor.
pub type Learnt = StreamModel<Train>;

millstream_sdk::export!(algorithm: Train, model: Learnt);

#[cfg(test)]
mod tests;

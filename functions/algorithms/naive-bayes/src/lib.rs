//! Naive Bayes: the probabilities of classes from features that count one by one.

mod params;

use millstream_learners::naive_bayes::NaiveBayes;
use millstream_sdk::{Context, Failure, Job, Labels, Manifest, Output, Summary, internal};
use millstream_training::scores::{self, Figures};
use millstream_training::{
    ClassWeights, Goal, KernelModel, Labelled, Learner, Target, importance, supervised,
};
pub use params::Params;
use serde::Serialize;

const NAME: &str = "naive-bayes";

/// The training job.
pub struct Train;

impl Job for Train {
    type Params = Params;

    fn manifest() -> Manifest {
        let summary = "Predicts the probabilities of classes from features that count one by one.";
        let manifest = Manifest::new(NAME, env!("CARGO_PKG_VERSION"), summary)
            .description(
                "Naive Bayes, as scikit-learn's: `kind` says how features are distributed within a class (`gaussian`, \
                 `bernoulli`, `multinomial` or `categorical`). Fast and small; probabilities are often too sure.",
            );
        let manifest = supervised::channels(manifest)
            .output(Output::model("model", "The fitted classifier.").follows("train"))
            .output(Output::report(
                "importance",
                "application/json",
                "How far each feature tells the classes apart, most telling first.",
            ))
            .parameters::<Params>();
        scores::declare(manifest, Figures::Classification)
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let named = params.columns.named();
        let train = Labelled::train(context, &named, Some(Goal::Classes))?;
        let Target::Classes(Labels { classes, codes }) = &train.target else {
            return Err(internal("a target of classes was read as numbers"));
        };
        let weights =
            ClassWeights::combined(params.class_weight.as_ref(), classes, codes, train.rows.weights())?;
        let (kernel, x) = (params.kernel()?, train.x()?);
        let model = context.phase("fit", || kernel.fit(&x, codes, weights.as_deref()));
        let model = model.map_err(|error| train.rows.blame(error))?;
        let separations = model.separation().into_iter().map(|separation| Separation { separation });
        let report = importance::Report::new("separation", train.rows.names(), separations, |s| s.separation);
        context.put_json("importance", &report)?;
        let message = format!("fitted {} on {} rows", train.kind(), train.count());
        supervised::finish::<Self>(context, &named, &train, &model, Summary::new(message))
    }
}

/// How far one feature tells the classes apart.
#[derive(Serialize)]
struct Separation {
    separation: f64,
}

impl Learner for Train {
    const NAME: &'static str = NAME;
    type Kernel = NaiveBayes;

    fn takes_categories(kernel: &NaiveBayes) -> bool {
        kernel.takes_categories()
    }
}

/// The predictor.
pub type Classifier = KernelModel<Train>;

millstream_sdk::export!(algorithm: Train, model: Classifier);

#[cfg(test)]
mod tests;

//! Logistic regression: the probabilities of classes from weighted sums of features.

mod params;

use millstream_learners::logistic_regression::LogisticRegression;
use millstream_sdk::{Context, Failure, Job, Labels, Manifest, Output, Summary, internal};
use millstream_training::scores::{self, Figures};
use millstream_training::{
    ClassWeights, Goal, Labelled, Learner, Named, Predictor, Rows, Target, importance, supervised,
};
pub use params::Params;
use serde::Serialize;

const NAME: &str = "logistic-regression";

/// The training job.
pub struct Train;

impl Job for Train {
    type Params = Params;

    fn manifest() -> Manifest {
        let summary = "Predicts the probabilities of two or more classes from weighted sums of features.";
        let manifest = Manifest::new(NAME, env!("CARGO_PKG_VERSION"), summary).description(
            "Logistic regression, binary or multinomial, with the penalties of scikit-learn's. The penalty \
                 depends on the features' units: standardise them in a `features` step.",
        );
        let manifest = supervised::channels(manifest)
            .output(Output::model("model", "The fitted classifier.").follows("train"))
            .output(Output::report(
                "importance",
                "application/json",
                "Coefficients of each feature by class (two classes: of the second), largest first.",
            ))
            .parameters::<Params>();
        scores::declare(manifest, Figures::Classification)
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let named = Named::new(&params.target, &params.features, &params.weight);
        let train = Labelled::train(context, &named, Some(Goal::Classes))?;
        let Target::Classes(Labels { classes, codes }) = &train.target else {
            return Err(internal("a target of classes was read as numbers"));
        };
        let weights =
            ClassWeights::combined(params.class_weight.as_ref(), classes, codes, train.rows.weights())?;
        let model = params.kernel()?.fit(&train.x()?, codes, weights.as_deref());
        let model = model.map_err(|error| train.rows.blame(error))?;
        if !model.converged() {
            context.warn(format!(
                "the fit did not converge in {} steps: raise max_iter or tol, or lower C",
                model.iterations()
            ));
        }
        context.put_json("importance", &coefficients(&model, &train.rows, classes.names()))?;
        let how = if model.converged() { "converged" } else { "did not converge" };
        let message = format!(
            "fitted {} on {} rows, {how} in {} steps",
            train.kind(),
            train.count(),
            model.iterations()
        );
        let summary = Summary::new(message).metric("iterations", f64::from(model.iterations()));
        supervised::finish::<Self>(context, &named, &train, &model, summary)
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

fn coefficients(model: &LogisticRegression, rows: &Rows, classes: Vec<String>) -> Report {
    let width = rows.names().len();
    let feature = |j: usize| Coefficients {
        coefficients: model.coefficients().iter().skip(j).step_by(width).copied().collect(),
    };
    let largest = |c: &Coefficients| c.coefficients.iter().fold(0.0_f64, |most, c| most.max(c.abs()));
    Report {
        // One output speaks for the last of two classes.
        classes: classes[classes.len() - model.intercepts().len()..].to_vec(),
        intercepts: model.intercepts().to_vec(),
        features: importance::Report::new("coefficient", rows.names(), (0..width).map(feature), largest),
    }
}

impl Learner for Train {
    const NAME: &'static str = NAME;
    type Kernel = LogisticRegression;
}

/// The predictor.
pub type Classifier = Predictor<Train>;

millstream_sdk::export!(algorithm: Train, model: Classifier);

#[cfg(test)]
mod tests;

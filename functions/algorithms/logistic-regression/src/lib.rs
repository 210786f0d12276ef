//! Logistic regression: the probabilities of classes from weighted sums of features.

mod params;

use millstream_learners::calibration::Method;
use millstream_learners::logistic_regression::{Calibrated, LogisticRegression};
use millstream_sdk::{
    Context, Direction, Failure, Job, Labels, Manifest, Output, State, Summary, internal, invalid_input,
    invalid_parameter,
};
use millstream_training::scores::{self, Figures};
use millstream_training::{
    ClassWeights, Fitted, Goal, KernelModel, Labelled, Learner, Rows, Scaling, Target, importance, supervised,
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
                 depends on the features' units: `standardize` takes them to one scale.",
        );
        let manifest = supervised::channels(manifest)
            .output(Output::model("model", "The fitted classifier.").follows("train"))
            .output(Output::report(
                "importance",
                "application/json",
                "Coefficients of each feature by class (two classes: of the second), largest first.",
            ))
            .metric(
                "train:loss",
                Direction::Minimize,
                "mean log loss and penalty of a unit of weight, by steps",
            )
            .metric("iterations", Direction::Neither, "steps of the search")
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
        let kernel = params.kernel()?;
        let scaling = Scaling::of(&train, params.standardize, kernel.fit_intercept)?;
        let x = scaling.columns(train.x()?);
        let fit = context.phase("fit", || kernel.fit_with_curve(&x, codes, weights.as_deref()));
        let fit = fit.and_then(|(model, losses)| Ok((scaling.restore(model)?, losses)));
        let (model, losses) = fit.map_err(|error| train.rows.blame(error))?;
        for (step, loss) in losses.iter().enumerate() {
            context.metric("train:loss", *loss, step as u64 + 1);
        }
        if !model.converged() {
            context.warn(format!(
                "the fit did not converge in {} steps: raise max_iter or tol, or lower C",
                model.iterations()
            ));
        }
        context.put_json("importance", &coefficients(&model, &train.rows, classes.names(), &scaling))?;
        let how = if model.converged() { "converged" } else { "did not converge" };
        let message = format!(
            "fitted {} on {} rows, {how} in {} steps",
            train.kind(),
            train.count(),
            model.iterations()
        );
        let summary = Summary::new(message).metric("iterations", f64::from(model.iterations()));
        let summary =
            losses.last().into_iter().fold(summary, |summary, &loss| summary.metric("train:loss", loss));
        let validation = train.validation(context, &named)?;
        let model = match params.calibration.method() {
            None => model.into(),
            Some(method) => calibrated(model, method, named.target, validation.as_ref())?,
        };
        let summary = train.score(context, summary, "train", &model)?;
        supervised::finish_on::<Self>(context, &named, &train, validation.as_ref(), &model, summary)
    }
}

/// Learns on the validation rows what the model's decisions are worth.
fn calibrated(
    model: LogisticRegression,
    method: Method,
    target: &str,
    validation: Option<&Labelled>,
) -> Result<Calibrated, Failure> {
    let Some(validation) = validation else {
        let message = "to calibrate probabilities, rows of the channel `validation` are needed";
        return Err(invalid_parameter("calibration", message).allowed("none, or a table in `validation`"));
    };
    let Target::Classes(Labels { classes, codes }) = &validation.target else {
        return Err(internal("a target of classes was read as numbers"));
    };
    let names = classes.names();
    if let Some(class) = (0..names.len()).find(|&class| !codes.contains(&(class as u32))) {
        let message = format!("no row has class `{}`; calibration needs rows of every class", names[class]);
        return Err(invalid_input(message).column(target).channel("validation"));
    }
    let calibrated = model.calibrate(method, &validation.x()?, codes, validation.rows.weights());
    calibrated.map_err(|error| validation.rows.blame(error))
}

/// One feature's coefficients, one an output of the model.
#[derive(Serialize)]
struct Coefficients {
    coefficients: Vec<f64>,
    /// Of the standardised column, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    standardized: Option<Vec<f64>>,
}

#[derive(Serialize)]
struct Report {
    /// What the coefficients speak for, in their order.
    classes: Vec<String>,
    intercepts: Vec<f64>,
    #[serde(flatten)]
    features: importance::Report<Coefficients>,
}

fn coefficients(model: &LogisticRegression, rows: &Rows, classes: Vec<String>, scaling: &Scaling) -> Report {
    let width = rows.names().len();
    let feature = |j: usize| {
        let coefficients: Vec<f64> = model.coefficients().iter().skip(j).step_by(width).copied().collect();
        let standardized = coefficients.iter().map(|&c| scaling.standardized(j, c)).collect();
        Coefficients { coefficients, standardized }
    };
    let largest = |c: &Coefficients| {
        let ranked = c.standardized.as_ref().unwrap_or(&c.coefficients);
        ranked.iter().fold(0.0_f64, |most, c| most.max(c.abs()))
    };
    Report {
        // One output speaks for the last of two classes.
        classes: classes[classes.len() - model.intercepts().len()..].to_vec(),
        intercepts: model.intercepts().to_vec(),
        features: importance::Report::new(scaling.method(), rows.names(), (0..width).map(feature), largest),
    }
}

impl Learner for Train {
    const NAME: &'static str = NAME;
    // 2: with a calibration.
    const FORMAT: u16 = 2;
    type Kernel = Calibrated;

    fn read(state: &State<'_>) -> Result<Fitted<Calibrated>, Failure> {
        if state.format() > 1 {
            return state.decode();
        }
        let Fitted { target, classes, kernel } = state.decode::<Fitted<LogisticRegression>>()?;
        Ok(Fitted { target, classes, kernel: kernel.into() })
    }
}

/// The predictor.
pub type Classifier = KernelModel<Train>;

millstream_sdk::export!(algorithm: Train, model: Classifier);

#[cfg(test)]
mod tests;

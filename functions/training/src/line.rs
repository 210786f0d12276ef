//! What the functions that fit a line share: the manifest, the report of coefficients, the way of the job.

use crate::scores::{self, Figures};
use crate::{Goal, Labelled, Learner, Named, Scaling, Target, importance, supervised};
use millstream_learners::linear_model::LinearModel;
use millstream_learners::standardized::InUnits;
use millstream_learners::{Columns, Error};
use millstream_sdk::{Context, Failure, Manifest, Output, Summary, internal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The manifest, but for the parameters.
pub fn manifest(name: &str, version: &str, summary: &str, description: &str) -> Manifest {
    let manifest = Manifest::new(name, version, summary).description(description);
    let manifest = supervised::channels(manifest)
        .output(Output::model("model", "The fitted line.").follows("train"))
        .output(Output::report(
            "importance",
            "application/json",
            "The intercept, and the coefficient of each feature, largest first.",
        ));
    scores::declare(manifest, Figures::Regression)
}

/// The report `importance`.
#[derive(Serialize)]
pub struct Coefficients {
    intercept: f64,
    #[serde(flatten)]
    report: importance::Report<Coefficient>,
}

#[derive(Serialize)]
struct Coefficient {
    coefficient: f64,
    /// Of the standardised column, if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    standardized: Option<f64>,
}

impl Coefficients {
    /// Of columns as they are.
    pub fn new(names: &[String], coefficients: &[f64], intercept: f64) -> Self {
        Self::scaled(names, coefficients, intercept, &Scaling::none())
    }

    fn scaled(names: &[String], coefficients: &[f64], intercept: f64, scaling: &Scaling) -> Self {
        let figures = coefficients.iter().enumerate().map(|(j, &coefficient)| Coefficient {
            coefficient,
            standardized: scaling.standardized(j, coefficient),
        });
        let largest = |c: &Coefficient| c.standardized.unwrap_or(c.coefficient).abs();
        Self { intercept, report: importance::Report::new(scaling.method(), names, figures, largest) }
    }
}

/// The parameter of lines that kernels do not know.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Standardize {
    /// Whether to fit on columns of mean 0 and variance 1 (not centred without an intercept). Coefficients and intercept
    /// are those of the columns as they are all the same; the report has both.
    #[serde(default)]
    standardize: bool,
}

impl Standardize {
    /// With the kernel's parameter, all that shapes a fit.
    pub fn shape(&self, fit_intercept: bool) -> Shape {
        Shape { standardize: self.standardize, fit_intercept }
    }
}

/// What shapes a fit, whatever the kind of line.
#[derive(Clone, Copy)]
pub struct Shape {
    pub standardize: bool,
    pub fit_intercept: bool,
}

/// What a fit gives.
pub struct Outcome<K> {
    pub model: K,
    /// One line for people.
    pub message: String,
    pub metrics: Vec<(&'static str, f64)>,
}

/// Features, targets, weights.
pub type Parts<'a> = (Columns<'a>, &'a [f64], Option<&'a [f64]>);

/// The rows as the kernels take them.
pub fn parts(labelled: &Labelled) -> Result<Parts<'_>, Failure> {
    let Target::Numbers(y) = &labelled.target else {
        return Err(internal("a target of numbers was read as classes"));
    };
    Ok((labelled.x()?, y, labelled.rows.weights()))
}

/// Reads the channels, lets `fit` make a line of the rows (it sees the validation rows too), scores and writes it.
pub fn train<L: Learner>(
    context: &mut Context,
    named: &Named<'_>,
    shape: Shape,
    fit: impl FnOnce(&mut Context, &Labelled, Option<&Labelled>, &Scaling) -> Result<Outcome<L::Kernel>, Failure>,
) -> Result<Summary, Failure>
where
    L::Kernel: AsRef<LinearModel>,
{
    let train = Labelled::train(context, named, Some(Goal::Numbers))?;
    let validation = train.validation(context, named)?;
    let scaling = Scaling::of(&train, shape.standardize, shape.fit_intercept)?;
    let Outcome { model, message, metrics } = fit(context, &train, validation.as_ref(), &scaling)?;
    let line = model.as_ref();
    let report = Coefficients::scaled(train.rows.names(), line.coefficients(), line.intercept(), &scaling);
    context.put_json("importance", &report)?;
    let summary =
        metrics.into_iter().fold(Summary::new(message), |summary, (name, value)| summary.metric(name, value));
    let mut summary = train.score(context, summary, "train", &model)?;
    if let Some(validation) = validation {
        summary = validation.score(context, summary, "validation", &model)?;
    }
    supervised::put::<L>(context, named, &train, &model)?;
    Ok(summary)
}

/// A line that `fit` finds at once; what `remark` finds to say of it is logged as a warning.
pub fn direct<L: Learner>(
    context: &mut Context,
    named: &Named<'_>,
    shape: Shape,
    fit: impl FnOnce(&Columns, &[f64], Option<&[f64]>) -> Result<L::Kernel, Error>,
    remark: impl FnOnce(&L::Kernel) -> Option<String>,
) -> Result<Summary, Failure>
where
    L::Kernel: AsRef<LinearModel> + InUnits,
{
    train::<L>(context, named, shape, |context, train, _, scaling| {
        let (x, y, weights) = parts(train)?;
        let model = context.phase("fit", || fit(&scaling.columns(x.clone()), y, weights));
        let model = model.and_then(|model| scaling.restore(model));
        let model = model.map_err(|error| train.rows.blame(error))?;
        if let Some(remark) = remark(&model) {
            context.warn(remark);
        }
        let message = format!("fitted {} features on {} rows", x.width(), x.rows());
        Ok(Outcome { model, message, metrics: Vec::new() })
    })
}

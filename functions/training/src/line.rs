//! What the functions that fit a line share: the manifest, the report of coefficients, the way of the job.

use crate::scores::{self, Figures};
use crate::{Goal, Labelled, Learner, Named, Target, importance, supervised};
use millstream_learners::linear_model::LinearModel;
use millstream_learners::metrics::regression;
use millstream_learners::{Check, Columns, Error, elastic_net};
use millstream_sdk::failure::shown;
use millstream_sdk::{Context, Direction, Failure, Manifest, Output, Summary, internal, invalid_parameter};
use serde::Serialize;

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
}

impl Coefficients {
    pub fn new(names: &[String], coefficients: &[f64], intercept: f64) -> Self {
        let figures = coefficients.iter().map(|&coefficient| Coefficient { coefficient });
        let largest = |c: &Coefficient| c.coefficient.abs();
        Self { intercept, report: importance::Report::new("coefficient", names, figures, largest) }
    }
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
    fit: impl FnOnce(&mut Context, &Labelled, Option<&Labelled>) -> Result<Outcome<L::Kernel>, Failure>,
) -> Result<Summary, Failure>
where
    L::Kernel: AsRef<LinearModel>,
{
    let train = Labelled::train(context, named, Some(Goal::Numbers))?;
    let validation = train.validation(context, named)?;
    let Outcome { model, message, metrics } = fit(context, &train, validation.as_ref())?;
    let line = model.as_ref();
    let report = Coefficients::new(train.rows.names(), line.coefficients(), line.intercept());
    context.put_json("importance", &report)?;
    let summary =
        metrics.into_iter().fold(Summary::new(message), |summary, (name, value)| summary.metric(name, value));
    let mut summary = train.score(summary, "train", &model)?;
    if let Some(validation) = validation {
        summary = validation.score(summary, "validation", &model)?;
    }
    supervised::put::<L>(context, named, &train, &model)?;
    Ok(summary)
}

/// A line that `fit` finds at once; what `remark` finds to say of it is logged as a warning.
pub fn direct<L: Learner>(
    context: &mut Context,
    named: &Named<'_>,
    fit: impl FnOnce(&Columns, &[f64], Option<&[f64]>) -> Result<L::Kernel, Error>,
    remark: impl FnOnce(&L::Kernel) -> Option<String>,
) -> Result<Summary, Failure>
where
    L::Kernel: AsRef<LinearModel>,
{
    train::<L>(context, named, |context, train, _| {
        let (x, y, weights) = parts(train)?;
        let model = fit(&x, y, weights).map_err(|error| train.rows.blame(error))?;
        if let Some(remark) = remark(&model) {
            context.warn(remark);
        }
        let message = format!("fitted {} features on {} rows", x.width(), x.rows());
        Ok(Outcome { model, message, metrics: Vec::new() })
    })
}

/// The penalties to choose from.
pub struct Path {
    pub alphas: Option<Vec<f64>>,
    pub n_alphas: Option<u32>,
    pub eps: f64,
}

impl Path {
    /// The penalties, from the largest to the smallest; `None` where none were asked for.
    fn resolve(
        &self,
        kernel: &millstream_learners::Checked<elastic_net::Params>,
        train: &Labelled,
    ) -> Result<Option<Vec<f64>>, Failure> {
        match (&self.alphas, self.n_alphas) {
            (None, None) => Ok(None),
            (Some(alphas), _) => {
                if alphas.is_empty() || alphas.iter().any(|alpha| !alpha.is_finite() || *alpha < 0.0) {
                    return Err(invalid_parameter("alphas", "these are no penalties")
                        .allowed("one finite number or more, each at least 0"));
                }
                let mut alphas = alphas.clone();
                alphas.sort_unstable_by(|a, b| b.total_cmp(a));
                Ok(Some(alphas))
            }
            (None, Some(count)) => {
                if kernel.l1_ratio == 0.0 {
                    return Err(invalid_parameter("n_alphas", "there is no largest penalty with l1_ratio 0")
                        .allowed("`alphas`, or an l1_ratio above 0"));
                }
                let (x, y, weights) = parts(train)?;
                let alphas = kernel.alphas(&x, y, weights, count, self.eps);
                alphas.map(Some).map_err(|error| train.rows.blame(error))
            }
        }
    }
}

/// Declares the figures of [`net`].
pub fn declare_net(manifest: Manifest) -> Manifest {
    manifest
        .metric("alpha", Direction::Neither, "the penalty of the model")
        .metric("nonzero", Direction::Neither, "features that count")
        .metric("iterations", Direction::Neither, "rounds over the coefficients")
        .metric("dual_gap", Direction::Minimize, "how far the loss is above the least at the most")
}

/// Lasso and elastic net: one penalty, or the one of several that does best on the validation rows.
pub fn net<L: Learner<Kernel = LinearModel>>(
    context: &mut Context,
    named: &Named<'_>,
    kernel: elastic_net::Params,
    path: &Path,
) -> Result<Summary, Failure> {
    let kernel = kernel.check().map_err(crate::blame::parameter)?;
    train::<L>(context, named, |context, train, validation| {
        let blame = |error: Error| train.rows.blame(error);
        let (x, y, weights) = parts(train)?;
        let fit = match (path.resolve(&kernel, train)?, validation) {
            (None, _) => kernel.fit(&x, y, weights).map_err(blame)?,
            (Some(_), None) => {
                let name = if path.alphas.is_some() { "alphas" } else { "n_alphas" };
                return Err(invalid_parameter(
                    name,
                    "to choose a penalty, rows of the channel `validation` are needed",
                ));
            }
            (Some(alphas), Some(validation)) => {
                let fits = kernel.fit_path(&x, y, weights, &alphas).map_err(blame)?;
                let mut errors = Vec::with_capacity(fits.len());
                for (step, fit) in fits.iter().enumerate() {
                    for (set, labelled) in [("train", train), ("validation", validation)] {
                        let (x, y, weights) = parts(labelled)?;
                        let scores = fit.model.predict(&x).and_then(|p| regression::brief(y, &p, weights));
                        let rmse = scores.map_err(|error| labelled.rows.blame(error))?.mse.sqrt();
                        context.metric(&format!("{set}:rmse"), rmse, step as u64);
                        errors.push(rmse);
                    }
                    context.progress(step as u64 + 1, Some(alphas.len() as u64));
                }
                // Of equal ones the largest penalty, which comes first.
                let on_validation = |step: &usize| errors[2 * step + 1];
                let best = (0..fits.len()).min_by(|a, b| on_validation(a).total_cmp(&on_validation(b)));
                fits.into_iter().nth(best.unwrap_or_default()).ok_or_else(|| internal("no penalty"))?
            }
        };
        if !fit.converged {
            context.warn(format!(
                "the fit did not converge in {} rounds: raise max_iter or tol, or standardise the features",
                fit.iterations
            ));
        }
        let nonzero = fit.model.nonzero();
        let how = if fit.converged { "converged" } else { "did not converge" };
        let message = format!(
            "{nonzero} of {} features count on {} rows at alpha {}, {how} in {} rounds",
            x.width(),
            x.rows(),
            shown(fit.alpha),
            fit.iterations
        );
        let metrics = vec![
            ("alpha", fit.alpha),
            ("nonzero", nonzero as f64),
            ("iterations", f64::from(fit.iterations)),
            ("dual_gap", fit.dual_gap),
        ];
        Ok(Outcome { model: fit.model, message, metrics })
    })
}

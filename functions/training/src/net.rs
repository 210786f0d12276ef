//! Lasso and elastic net: one penalty, or the best of a path of them.

mod path;

use path::Path;

use crate::columns::{OfNumbers, TargetColumns};
use crate::line::{Outcome, Standardize, parts, train};
use crate::{Labelled, Learner, Scaling};
use millstream_learners::elastic_net::{self, Fit};
use millstream_learners::linear_model::LinearModel;
use millstream_learners::metrics::regression;
use millstream_learners::{Check, Checked, Columns, Error};
use millstream_sdk::failure::shown;
use millstream_sdk::{Context, Direction, Failure, Manifest, Output, Summary, internal};
use schemars::JsonSchema;
use serde::Deserialize;

/// What the user may set. Names and defaults are scikit-learn's.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Params {
    #[serde(flatten)]
    columns: TargetColumns<OfNumbers>,
    #[serde(flatten)]
    pub kernel: elastic_net::Params,
    #[serde(flatten)]
    path: Path,
    #[serde(flatten)]
    scaling: Standardize,
}

/// Declares the report and the figures of [`net`].
pub fn declare(manifest: Manifest) -> Manifest {
    manifest
        .output(
            Output::report(
                path::OUTPUT,
                "application/json",
                "Where penalties were chosen from: coefficients, intercept, dual gap and errors at each, from the largest to the \
                 smallest.",
            )
            .optional(),
        )
        .metric("alpha", Direction::Neither, "the penalty of the model")
        .metric("nonzero", Direction::Neither, "features that count")
        .metric("iterations", Direction::Neither, "rounds over the coefficients")
        .metric("dual_gap", Direction::Minimize, "how far the loss is above the least at the most")
        .metric("cv:rmse", Direction::Minimize, "root of the folds' mean squared error, if `cv` asks for folds")
}

/// The rows as they are fitted: standardised, perhaps.
struct Rows<'a> {
    train: &'a Labelled,
    validation: Option<&'a Labelled>,
    x: Columns<'a>,
    scaling: &'a Scaling,
}

impl Rows<'_> {
    fn blame(&self, error: Error) -> Failure {
        match error {
            Error::Param(error) => crate::blame::parameter(error),
            error => self.train.rows.blame(error),
        }
    }
}

/// Lasso and elastic net: one penalty, or the one of several that does best on rows that it was not fitted on.
pub fn net<L: Learner<Kernel = LinearModel>>(
    context: &mut Context,
    params: Params,
) -> Result<Summary, Failure> {
    let kernel = params.kernel.check().map_err(crate::blame::parameter)?;
    let (shape, path) = (params.scaling.shape(kernel.fit_intercept), &params.path);
    train::<L>(context, &params.columns.named(), shape, |context, train, validation, scaling| {
        let rows = Rows { train, validation, x: scaling.columns(train.x()?), scaling };
        let (fit, cv) = match path.is_asked_for() {
            true => chosen(context, &rows, &kernel, path)?,
            false => {
                let (_, y, weights) = parts(train)?;
                let fit = context
                    .phase("fit", || kernel.fit(&rows.x, y, weights))
                    .and_then(|fit| scaling.restore(fit));
                (fit.map_err(|error| rows.blame(error))?, None)
            }
        };
        if !fit.converged {
            context.warn(format!(
                "the fit did not converge in {} rounds: raise max_iter or tol, or set standardize",
                fit.iterations
            ));
        }
        let nonzero = fit.model.nonzero();
        let how = if fit.converged { "converged" } else { "did not converge" };
        let message = format!(
            "{nonzero} of {} features count on {} rows at alpha {}, {how} in {} rounds",
            rows.x.width(),
            rows.x.rows(),
            shown(fit.alpha),
            fit.iterations
        );
        let mut metrics = vec![
            ("alpha", fit.alpha),
            ("nonzero", nonzero as f64),
            ("iterations", f64::from(fit.iterations)),
            ("dual_gap", fit.dual_gap),
        ];
        metrics.extend(cv.map(|rmse| ("cv:rmse", rmse)));
        Ok(Outcome { model: fit.model, message, metrics })
    })
}

/// The best of the path by folds of the train rows, or by the validation rows; and what it does in the folds.
fn chosen(
    context: &Context,
    rows: &Rows,
    kernel: &Checked<elastic_net::Params>,
    path: &Path,
) -> Result<(Fit, Option<f64>), Failure> {
    let blame = |error: Error| rows.blame(error);
    let (_, y, weights) = parts(rows.train)?;
    path.check(rows.validation.is_some())?;
    let alphas = path.resolve(kernel, rows)?;
    let fits = context.phase("fit", || kernel.fit_path(&rows.x, y, weights, &alphas)).map_err(blame)?;
    let restored = fits.into_iter().map(|fit| rows.scaling.restore(fit));
    let mut fits = restored.collect::<Result<Vec<_>, _>>().map_err(blame)?;
    let mut curves = vec![("train", curve(rows.train, &fits)?)];
    if let Some(validation) = rows.validation {
        curves.push(("validation", curve(validation, &fits)?));
    }
    if let Some(folds) = path.cv {
        let validate = || kernel.cross_validate(&rows.x, y, weights, &alphas, folds as usize);
        let errors = context.phase("fit", validate).map_err(blame)?;
        curves.push(("cv", errors.into_iter().map(f64::sqrt).collect()));
    }
    for step in 0..alphas.len() {
        for (set, curve) in &curves {
            context.metric(&format!("{set}:rmse"), curve[step], step as u64);
        }
        context.progress(step as u64 + 1, Some(alphas.len() as u64));
    }
    let Some((decisive, errors)) = curves.last() else { return Err(internal("no rows to choose by")) };
    // Of equal ones the largest penalty, which comes first.
    let best = (0..alphas.len()).min_by(|&a, &b| errors[a].total_cmp(&errors[b])).unwrap_or_default();
    let cv = (*decisive == "cv").then(|| errors[best]);
    path::put(context, rows.train.rows.names(), kernel.l1_ratio, best, &fits, &curves)?;
    if best >= fits.len() {
        return Err(internal("a path without penalties"));
    }
    Ok((fits.swap_remove(best), cv))
}

/// Root mean squared errors of the rows, one a fit.
fn curve(labelled: &Labelled, fits: &[Fit]) -> Result<Vec<f64>, Failure> {
    let (x, y, weights) = parts(labelled)?;
    let rmse = |fit: &Fit| {
        let scores = fit.model.predict(&x).and_then(|predicted| regression::brief(y, &predicted, weights));
        scores.map(|scores| scores.mse.sqrt()).map_err(|error| labelled.rows.blame(error))
    };
    fits.iter().map(rmse).collect()
}

//! The penalties to choose from, and the report of what became of each.

use super::Rows;
use crate::line::parts;
use millstream_learners::Checked;
use millstream_learners::elastic_net::{self, Fit};
use millstream_sdk::{Context, Failure, internal, invalid_parameter};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The report.
pub(super) const OUTPUT: &str = "path";

/// As many penalties as scikit-learn takes.
const PENALTIES: u32 = 100;

/// The penalties to choose from, and how.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Path {
    /// Penalties to choose from, instead of `alpha`: the one is taken that does best in the folds of `cv` or, without them, on
    /// the `validation` rows.
    #[serde(default)]
    pub alphas: Option<Vec<f64>>,
    /// So many penalties to choose from, instead of `alpha`: from the least that leaves no feature down to `eps` times that,
    /// evenly on a logarithmic scale. 100 if `cv` is given alone.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10_000))]
    pub n_alphas: Option<u32>,
    /// The smallest of `n_alphas` penalties as a share of the largest.
    #[serde(default = "thousandth")]
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    pub eps: f64,
    /// Folds to choose the penalty by: the rows are cut into so many runs of neighbours, and each is predicted by what the
    /// others teach. Rows in an order that means something should be shuffled first.
    #[serde(default)]
    #[schemars(range(min = 2, max = 1_000))]
    pub cv: Option<u32>,
}

fn thousandth() -> f64 {
    1e-3
}

impl Path {
    /// Whether there is anything to choose from.
    pub(super) fn is_asked_for(&self) -> bool {
        self.alphas.is_some() || self.n_alphas.is_some() || self.cv.is_some()
    }

    /// Refuses penalties that there are no rows to choose by.
    pub(super) fn check(&self, validation: bool) -> Result<(), Failure> {
        if validation || self.cv.is_some() {
            return Ok(());
        }
        let name = if self.alphas.is_some() { "alphas" } else { "n_alphas" };
        let message =
            "to choose a penalty, rows of the channel `validation` are needed, or folds of the rows by `cv`";
        Err(invalid_parameter(name, message))
    }

    /// The penalties, from the largest to the smallest.
    pub(super) fn resolve(
        &self,
        kernel: &Checked<elastic_net::Params>,
        rows: &Rows,
    ) -> Result<Vec<f64>, Failure> {
        if let Some(alphas) = &self.alphas {
            if alphas.is_empty() || alphas.iter().any(|alpha| !alpha.is_finite() || *alpha < 0.0) {
                return Err(invalid_parameter("alphas", "these penalties cannot be used")
                    .allowed("one finite number or more, each at least 0"));
            }
            let mut alphas = alphas.clone();
            alphas.sort_unstable_by(|a, b| b.total_cmp(a));
            return Ok(alphas);
        }
        if kernel.l1_ratio == 0.0 {
            let name = if self.n_alphas.is_some() { "n_alphas" } else { "cv" };
            return Err(invalid_parameter(name, "there is no largest penalty with l1_ratio 0")
                .allowed("`alphas`, or an l1_ratio above 0"));
        }
        let (_, y, weights) = parts(rows.train)?;
        let count = self.n_alphas.unwrap_or(PENALTIES);
        kernel.alphas(&rows.x, y, weights, count, self.eps).map_err(|error| rows.blame(error))
    }
}

/// Lists have an entry for each penalty.
#[derive(Serialize)]
struct Report<'a> {
    features: &'a [String],
    l1_ratio: f64,
    /// The penalty of the model.
    alpha: f64,
    alphas: Vec<f64>,
    /// In the order of the features, in the units of the columns.
    coefficients: Vec<&'a [f64]>,
    intercepts: Vec<f64>,
    dual_gaps: Vec<f64>,
    iterations: Vec<u32>,
    /// Root mean squared errors of the rows of train, of validation, and of the folds.
    rmse: BTreeMap<&'a str, &'a [f64]>,
}

/// Writes the report of a path; `best` is the model's place.
pub(super) fn put(
    context: &Context,
    features: &[String],
    l1_ratio: f64,
    best: usize,
    fits: &[Fit],
    curves: &[(&str, Vec<f64>)],
) -> Result<(), Failure> {
    let report = Report {
        features,
        l1_ratio,
        alpha: fits.get(best).map_or(0.0, |fit| fit.alpha),
        alphas: fits.iter().map(|fit| fit.alpha).collect(),
        coefficients: fits.iter().map(|fit| fit.model.coefficients()).collect(),
        intercepts: fits.iter().map(|fit| fit.model.intercept()).collect(),
        dual_gaps: fits.iter().map(|fit| fit.dual_gap).collect(),
        iterations: fits.iter().map(|fit| fit.iterations).collect(),
        rmse: curves.iter().map(|(set, curve)| (*set, &curve[..])).collect(),
    };
    // In one line: there may be a million coefficients.
    let bytes = serde_json::to_vec(&report).map_err(|error| internal(error.to_string()))?;
    context.put(OUTPUT, &format!("{OUTPUT}.json"), "application/json", &bytes)
}

use crate::param_guard::{ABOVE_ZERO, FINITE, within};
use crate::{Check, ParamError};
use serde::{Deserialize, Serialize};

/// What shapes an elastic net; names and defaults are scikit-learn's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The penalty's factor, against half the mean of squared errors. At least 0.
    pub alpha: f64,
    /// The share of the penalty that counts coefficients; the rest counts half their squares. 0 is ridge, 1 lasso.
    pub l1_ratio: f64,
    /// Whether the line may miss the origin. The intercept is not penalised.
    pub fit_intercept: bool,
    /// Whether coefficients must not be negative.
    pub positive: bool,
    /// The fit ends when it is known to be within this share of the target's sum of squares of the least loss.
    /// Above 0.
    pub tol: f64,
    /// Rounds over the coefficients at the most. At least 1.
    pub max_iter: u32,
}

impl Default for Params {
    fn default() -> Self {
        Self { alpha: 1.0, l1_ratio: 0.5, fit_intercept: true, positive: false, tol: 1e-4, max_iter: 1000 }
    }
}

impl Params {
    /// The lasso's defaults.
    pub fn lasso() -> Self {
        Self { l1_ratio: 1.0, ..Self::default() }
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        within("alpha", self.alpha, 0.0..=f64::MAX)?;
        within("l1_ratio", self.l1_ratio, 0.0..=1.0)?;
        within("tol", self.tol, (ABOVE_ZERO, FINITE))?;
        within("max_iter", self.max_iter, 1..)
    }
}

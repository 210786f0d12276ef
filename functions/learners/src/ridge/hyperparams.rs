use crate::param_guard::within;
use crate::{Check, ParamError};
use serde::{Deserialize, Serialize};

/// What shapes a ridge regression; names and defaults are scikit-learn's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The factor of the sum of squared coefficients, against the sum (not the mean) of squared errors. At least 0;
    /// 0 is ordinary least squares.
    pub alpha: f64,
    /// Whether the line may miss the origin. The intercept is not penalised.
    pub fit_intercept: bool,
}

impl Default for Params {
    fn default() -> Self {
        Self { alpha: 1.0, fit_intercept: true }
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        within("alpha", self.alpha, 0.0..=f64::MAX)
    }
}

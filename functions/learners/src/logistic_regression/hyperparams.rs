use crate::param_guard::{ABOVE_ZERO, FINITE, within};
use crate::weights::ClassWeight;
use crate::{Check, ParamError};
use serde::{Deserialize, Serialize};

/// What keeps the coefficients small (not the intercept), against `c` times the loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Penalty {
    /// The sum of absolute coefficients: some are exactly 0.
    L1,
    /// Half the sum of squared coefficients.
    #[default]
    L2,
    /// Both, in shares of `l1_ratio` and the rest.
    ElasticNet,
    /// Nothing: coefficients grow without end where a line separates the classes.
    None,
}

/// What shapes a logistic regression; names and defaults are scikit-learn's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    pub penalty: Penalty,
    /// How much the data counts against the penalty: smaller is a stronger penalty. Above 0.
    pub c: f64,
    /// The share of absolute coefficients in the penalty `elasticnet`, which needs it. 0 to 1.
    pub l1_ratio: Option<f64>,
    /// Whether scores have a constant part.
    pub fit_intercept: bool,
    /// Whether rare classes count as much as frequent ones.
    pub class_weight: ClassWeight,
    /// The fit ends when no component of the mean loss's gradient (for standardised columns) is larger. Above 0.
    pub tol: f64,
    /// The fit ends after so many steps at the latest. At least 1.
    pub max_iter: u32,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            penalty: Penalty::L2,
            c: 1.0,
            l1_ratio: None,
            fit_intercept: true,
            class_weight: ClassWeight::None,
            tol: 1e-4,
            max_iter: 100,
        }
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        within("c", self.c, (ABOVE_ZERO, FINITE))?;
        if let Some(ratio) = self.l1_ratio {
            within("l1_ratio", ratio, 0.0..=1.0)?;
        }
        if self.penalty == Penalty::ElasticNet && self.l1_ratio.is_none() {
            let allowed = "at least 0 and at most 1";
            return Err(ParamError::new("l1_ratio", "the penalty `elasticnet` needs it", allowed));
        }
        within("tol", self.tol, (ABOVE_ZERO, FINITE))?;
        within("max_iter", self.max_iter, 1..)
    }
}

impl Params {
    /// The factors of absolute coefficients and of half the squared ones in the loss.
    pub(super) fn factors(&self) -> (f64, f64) {
        let strength = 1.0 / self.c;
        match self.penalty {
            Penalty::L1 => (strength, 0.0),
            Penalty::L2 => (0.0, strength),
            Penalty::ElasticNet => {
                let ratio = self.l1_ratio.unwrap_or_default();
                (strength * ratio, strength * (1.0 - ratio))
            }
            Penalty::None => (0.0, 0.0),
        }
    }
}

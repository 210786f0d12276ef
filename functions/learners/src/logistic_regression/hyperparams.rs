use crate::param_guard::{ABOVE_ZERO, FINITE, within};
use crate::weights::ClassWeight;
use crate::{Check, ParamError};
use serde::{Deserialize, Serialize};

/// What keeps the coefficients small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Penalty {
    /// Half the sum of squared coefficients (not of the intercept), against `c` times the loss.
    #[default]
    L2,
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
        within("tol", self.tol, (ABOVE_ZERO, FINITE))?;
        within("max_iter", self.max_iter, 1..)
    }
}

impl Params {
    /// The factor of half the squared coefficients in the loss.
    pub(super) fn lambda(&self) -> f64 {
        match self.penalty {
            Penalty::L2 => 1.0 / self.c,
            Penalty::None => 0.0,
        }
    }
}

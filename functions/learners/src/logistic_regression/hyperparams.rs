use crate::param_guard::hyperparams;
use crate::weights::ClassWeight;
use crate::{Check, ParamError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What keeps the coefficients small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Penalty {
    /// The sum of absolute coefficients, against `C` times the loss: some are exactly 0.
    L1,
    /// Half the sum of squared coefficients, against `C` times the loss.
    #[default]
    L2,
    /// Both, in shares of `l1_ratio` and the rest.
    ElasticNet,
    /// Nothing.
    None,
}

hyperparams! {
    /// What shapes a logistic regression; names and defaults are scikit-learn's.
    pub struct Params {
        /// What keeps the coefficients small.
        pub penalty: Penalty = Penalty::L2;
        /// How much the data counts against the penalty: smaller is a stronger penalty.
        #[serde(rename = "C")]
        pub c: f64 = 1.0, "exclusiveMinimum" = 0;
        /// The share of absolute coefficients in the penalty `elasticnet`, which needs it.
        pub l1_ratio: Option<f64> = None, "minimum" = 0, "maximum" = 1;
        /// Whether scores have a constant part.
        pub fit_intercept: bool = true;
        /// Users name classes.
        #[schemars(skip)]
        pub class_weight: ClassWeight = ClassWeight::None;
        /// The fit ends when no component of the mean loss's gradient, for standardised columns, is larger.
        pub tol: f64 = 1e-4, "exclusiveMinimum" = 0;
        /// The fit ends after so many steps at the latest.
        pub max_iter: u32 = 100, "minimum" = 1;
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        self.verify_ranges()?;
        if self.penalty == Penalty::ElasticNet && self.l1_ratio.is_none() {
            let allowed = "at least 0 and at most 1";
            return Err(ParamError::new("l1_ratio", "the penalty `elasticnet` needs it", allowed));
        }
        Ok(())
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

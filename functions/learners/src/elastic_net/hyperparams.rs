use crate::param_guard::hyperparams;
use crate::{Check, ParamError};

hyperparams! {
    /// What shapes an elastic net; names and defaults are scikit-learn's.
    pub struct Params {
        /// The penalty's factor, against half the mean of squared errors.
        pub alpha: f64 = 1.0, "minimum" = 0;
        /// The share of absolute coefficients in the penalty; the rest counts half their squares. 0 is ridge, 1 lasso.
        pub l1_ratio: f64 = 0.5, "minimum" = 0, "maximum" = 1;
        /// Whether the line may miss the origin. Switch it off only for data that is centred already.
        pub fit_intercept: bool = true;
        /// Whether coefficients must not be negative.
        pub positive: bool = false;
        /// The fit ends when it is known to be within this share of the target's sum of squares of the least loss.
        pub tol: f64 = 1e-4, "exclusiveMinimum" = 0;
        /// Rounds over the coefficients at the most.
        pub max_iter: u32 = 1000, "minimum" = 1;
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
        self.verify_ranges()
    }
}

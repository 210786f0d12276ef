use crate::param_guard::hyperparams;
use crate::{Check, ParamError};

hyperparams! {
    /// What shapes a ridge regression; names and defaults are scikit-learn's.
    pub struct Params {
        /// The penalty: the factor of the sum of squared coefficients, against the sum of squared errors.
        pub alpha: f64 = 1.0, "minimum" = 0;
        /// Whether the line may miss the origin. Switch it off only for data that is centred already.
        pub fit_intercept: bool = true;
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        self.verify_ranges()
    }
}

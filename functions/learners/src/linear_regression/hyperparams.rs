use crate::param_guard::hyperparams;
use crate::{Check, ParamError};

hyperparams! {
    /// What shapes a linear regression.
    pub struct Params {
        /// Whether the line may miss the origin. Switch it off only for data that is centred already.
        pub fit_intercept: bool = true;
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        self.verify_ranges()
    }
}

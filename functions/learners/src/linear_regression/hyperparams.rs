use crate::{Check, ParamError};
use serde::{Deserialize, Serialize};

/// What shapes a linear regression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Whether the line may miss the origin. Switch it off only for data that is centred already.
    pub fit_intercept: bool,
}

impl Default for Params {
    fn default() -> Self {
        Self { fit_intercept: true }
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        Ok(())
    }
}

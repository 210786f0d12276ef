//! Least squares with a penalty on squared coefficients, as scikit-learn's `Ridge`.

mod algorithm;
mod hyperparams;

pub use crate::linear_model::LinearModel;
pub use hyperparams::Params;

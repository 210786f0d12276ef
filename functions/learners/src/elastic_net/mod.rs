//! Least squares with a penalty on coefficients and their squares, as scikit-learn's `ElasticNet` and, with
//! `l1_ratio = 1`, `Lasso`: some coefficients are exactly 0.

mod algorithm;
mod descent;
mod folds;
mod hyperparams;
mod quadratic;

pub use crate::linear_model::LinearModel;
pub use algorithm::Fit;
pub use hyperparams::Params;

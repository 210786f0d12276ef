//! Ordinary least squares, as scikit-learn's `LinearRegression`.

mod algorithm;
mod hyperparams;

pub use algorithm::LinearRegression;
pub use hyperparams::Params;

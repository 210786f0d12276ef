//! Mixtures of normal distributions by expectation and maximisation, as scikit-learn's `GaussianMixture`.

mod algorithm;
mod components;
mod hyperparams;
mod moments;

pub use algorithm::{GaussianMixture, Step};
pub use hyperparams::{CovarianceType, InitParams, Params};

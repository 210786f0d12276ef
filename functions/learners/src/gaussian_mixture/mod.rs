//! Mixtures of normal distributions by expectation and maximisation, as scikit-learn's `GaussianMixture`.

mod algorithm;
mod components;
mod hyperparams;
mod model;
mod moments;

pub use algorithm::Step;
pub use hyperparams::{CovarianceType, InitParams, Params};
pub use model::GaussianMixture;

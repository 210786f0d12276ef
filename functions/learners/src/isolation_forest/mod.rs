//! Isolation forests, as scikit-learn's `IsolationForest`: rows that random splits part from the others early are
//! anomalies.
//!
//! F. T. Liu, K. M. Ting, Z.-H. Zhou, Isolation forest, ICDM 2008. Who looks for Amazon's random cut forest finds the
//! same kind of method here; random cut forests draw the feature to split by its range instead of uniformly.

mod algorithm;
mod grow;
mod hyperparams;

pub use crate::cart::{MaxFeatures, MaxSamples};
pub use algorithm::IsolationForest;
pub use hyperparams::Params;

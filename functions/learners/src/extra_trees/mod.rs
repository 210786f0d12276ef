//! Extremely randomized trees on binned features, for classes and numbers, as scikit-learn's `ExtraTreesClassifier`
//! and `ExtraTreesRegressor`.
//!
//! P. Geurts, D. Ernst, L. Wehenkel, Extremely randomized trees, Machine Learning 63, 2006. Of the features tried each
//! is split at a place drawn uniformly between its ends in the node, and the best of these splits is made. Places are
//! those between bins, up to 254 a feature.

mod algorithm;
mod hyperparams;

pub use crate::cart::{Criterion, MaxFeatures, MaxSamples};
pub use crate::forest::ClassWeight;
pub use algorithm::ExtraTrees;
pub use hyperparams::Params;

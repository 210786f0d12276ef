//! Random forests on binned features, for classes and numbers, as scikit-learn's.
//!
//! L. Breiman, Random forests, Machine Learning 45, 2001. Features are cut into 255 bins first, so that a node costs
//! one pass over its rows for each feature tried.

mod algorithm;
mod hyperparams;

pub use crate::cart::{Criterion, MaxFeatures, MaxSamples};
pub use crate::forest::ClassWeight;
pub use algorithm::RandomForest;
pub use hyperparams::Params;

//! Single decision trees on exact values, for classes and numbers, as scikit-learn's `DecisionTreeClassifier` and
//! `DecisionTreeRegressor`.
//!
//! Every feature is sorted once, and its order is kept on both sides of every split: a node costs one pass over its
//! rows for each feature (M. Mehta, R. Agrawal, J. Rissanen, SLIQ, 1996). Any place between two values may be split,
//! half-way between them.

mod absolute;
mod algorithm;
mod export;
mod hyperparams;
mod sorted;
mod stored;

pub use crate::cart::{Criterion, MaxFeatures};
pub use crate::forest::ClassWeight;
pub use algorithm::DecisionTree;
pub use export::{Export, Names};
pub use hyperparams::Params;

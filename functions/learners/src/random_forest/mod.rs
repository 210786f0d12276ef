//! Random forests on binned features, for classes and numbers, as scikit-learn's.
//!
//! L. Breiman, Random forests, Machine Learning 45, 2001. Features are cut into 255 bins first, so that a node costs
//! one pass over its rows for each feature tried.

use crate::forest::{self, ForestOf, Search};

pub use crate::cart::{Criterion, MaxFeatures, MaxSamples};
pub use crate::forest::ClassWeight;

/// The best split of the features tried, on rows drawn with replacement.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Kind;

impl forest::Kind for Kind {
    const SEARCH: Search = Search::Best;
    const BOOTSTRAP: bool = true;
}

/// What shapes the forest; names and defaults are scikit-learn's.
pub type Params = forest::Params<Kind>;

/// A fitted forest, of classes or of numbers.
pub type RandomForest = ForestOf<Kind>;

#[cfg(test)]
mod tests;

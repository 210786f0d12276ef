//! Extremely randomized trees on binned features, for classes and numbers, as scikit-learn's `ExtraTreesClassifier`
//! and `ExtraTreesRegressor`.
//!
//! P. Geurts, D. Ernst, L. Wehenkel, Extremely randomized trees, Machine Learning 63, 2006. Of the features tried each
//! is split at a place drawn uniformly between its ends in the node, and the best of these splits is made. Places are
//! those between bins, up to 254 a feature.

use crate::forest::{self, ForestOf, Search};

pub use crate::cart::{Criterion, MaxFeatures, MaxSamples};
pub use crate::forest::ClassWeight;

/// Splits at random places, on all rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Kind;

impl forest::Kind for Kind {
    const SEARCH: Search = Search::Random;
    const BOOTSTRAP: bool = false;
}

/// What shapes the forest; names and defaults are scikit-learn's.
pub type Params = forest::Params<Kind>;

/// A fitted forest, of classes or of numbers.
pub type ExtraTrees = ForestOf<Kind>;

#[cfg(test)]
mod tests;

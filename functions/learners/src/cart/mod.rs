//! What all methods of classification and regression trees share: limits of growth, the order in which nodes are
//! split, pruning, and the walk of rows through grown trees.
//!
//! L. Breiman, J. Friedman, R. Olshen, C. Stone, Classification and regression trees, 1984; names, defaults and
//! their meaning as in scikit-learn. How a node is split is a [`Splitter`]'s matter: on sorted columns, on bins.

mod amounts;
mod criterion;
mod growth;
mod limits;
mod preorder;
mod sides;
mod twins;
mod walk;

pub use amounts::{MaxFeatures, MaxSamples};
pub use criterion::Criterion;
#[cfg(test)]
pub(crate) use growth::Stats;
pub(crate) use growth::{Entered, Found, Grown, Splitter, grow};
pub use limits::Limits;
pub(crate) use limits::limits_of;
pub(crate) use preorder::{Leaf, MOST, Preorder, only};
pub(crate) use sides::{Least, Many, One, Outputs, Sample, Sides, check_sum_of_squares};
pub(crate) use twins::Twins;
pub(crate) use walk::{Node, places};

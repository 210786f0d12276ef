//! Clusters of any density, and noise, as scikit-learn's `HDBSCAN`; labels of new rows as the package `hdbscan` has them.

mod algorithm;
mod condensed;
mod hyperparams;
mod model;

pub use algorithm::Clustered;
pub use hyperparams::{Params, Selection};
pub use model::{Hdbscan, Placed};

/// The label of rows that belong to no cluster.
pub const NOISE: i32 = -1;

//! Clusters of any density, and noise, as scikit-learn's `HDBSCAN`.

mod algorithm;
mod condensed;
mod hyperparams;

pub use algorithm::Clustered;
pub use hyperparams::{Params, Selection};

/// The label of rows that belong to no cluster.
pub const NOISE: i32 = -1;

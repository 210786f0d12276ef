//! Clusters where rows are dense, and noise where they are not, as scikit-learn's `DBSCAN`.

mod algorithm;
mod hyperparams;

pub use algorithm::{Clustered, Dbscan};
pub use hyperparams::Params;

/// The label of rows that belong to no cluster.
pub const NOISE: i32 = -1;

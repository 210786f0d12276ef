//! Clusters of clusters: the nearest two are joined until there is one, as scikit-learn's `AgglomerativeClustering`.

mod algorithm;
mod chain;
mod hyperparams;
mod spanning;

pub(crate) use algorithm::tree_of;
pub use algorithm::{Dendrogram, Merge};
pub use hyperparams::{Linkage, Params};
pub(crate) use spanning::edges as spanning_edges;

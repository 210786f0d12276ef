use crate::neighbours::Metric;
use crate::param_guard::within;
use crate::{Check, ParamError};
use serde::{Deserialize, Serialize};

/// How much each neighbour counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weights {
    /// All alike.
    #[default]
    Uniform,
    /// By the inverse of the distance; rows at distance 0 alone, if there are any.
    Distance,
}

/// How neighbours are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// `kd_tree` or `brute`, whichever is likely to be faster: both are exact.
    #[default]
    Auto,
    /// A tree of rows: for a few columns.
    KdTree,
    /// All rows: for many columns. Manhattan distances are found in a tree all the same.
    Brute,
    /// An inverted file: only the rows of the nearest few of many k-means clusters. Approximate.
    Ivf,
}

/// What shapes the search; names and defaults are scikit-learn's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// How many neighbours: at least 1, at most as many as rows.
    pub n_neighbors: u32,
    pub weights: Weights,
    pub algorithm: Algorithm,
    pub metric: Metric,
    /// Clusters of the inverted file; none: the root of the number of rows. At least 1.
    pub n_lists: Option<u32>,
    /// Clusters that are searched; none: the root of the number of clusters. More find more. At least 1.
    pub n_probe: Option<u32>,
    /// Of the inverted file's clusters.
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            n_neighbors: 5,
            weights: Weights::Uniform,
            algorithm: Algorithm::Auto,
            metric: Metric::Euclidean,
            n_lists: None,
            n_probe: None,
            seed: 0,
        }
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        within("n_neighbors", self.n_neighbors, 1..)?;
        within("n_lists", self.n_lists.unwrap_or(1), 1..)?;
        within("n_probe", self.n_probe.unwrap_or(1), 1..)
    }
}

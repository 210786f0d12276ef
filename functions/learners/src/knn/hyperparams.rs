use crate::neighbours::Metric;
use crate::param_guard::hyperparams;
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

hyperparams! {
    /// What shapes the search; names and defaults are scikit-learn's.
    pub struct Params {
        /// How many neighbours; at most as many as rows.
        pub n_neighbors: u32 = 5, "minimum" = 1;
        /// How much neighbours count: `uniform` (all alike) or `distance` (by the inverse of their distance).
        #[schemars(with = "String", extend("enum" = ["uniform", "distance"]))]
        pub weights: Weights = Weights::Uniform;
        /// How neighbours are found: `kd_tree` or `brute` (exact), `ivf` (an inverted file: fast on large tables,
        /// approximate), or `auto` (exact, whichever is likely to be faster).
        #[schemars(with = "String", extend("enum" = ["auto", "kd_tree", "brute", "ivf"]))]
        pub algorithm: Algorithm = Algorithm::Auto;
        /// `euclidean` or `manhattan`.
        #[schemars(with = "String", extend("enum" = ["euclidean", "manhattan"]))]
        pub metric: Metric = Metric::Euclidean;
        /// Clusters of the inverted file; the root of the number of rows if not given.
        pub n_lists: Option<u32> = None, "minimum" = 1;
        /// Clusters of the inverted file that are searched: more find more of the nearest rows. The root of `n_lists` if not
        /// given.
        pub n_probe: Option<u32> = None, "minimum" = 1;
        /// Of the inverted file's clusters. Users may leave it to the step.
        #[schemars(skip)]
        pub seed: u64 = 0;
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        self.verify_ranges()
    }
}

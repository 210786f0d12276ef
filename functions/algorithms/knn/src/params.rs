//! What the user may set.

use millstream_learners::neighbours::Metric;
use millstream_learners::{Check, Checked, knn};
use millstream_sdk::Failure;
use millstream_training::blame;
use millstream_training::supervised::Task;
use schemars::JsonSchema;
use serde::Deserialize;

/// Names and defaults are scikit-learn's.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Params {
    /// The column to predict: classes or numbers.
    pub target: String,
    /// The columns to measure distances by; all others than the target if not given.
    #[serde(default)]
    pub features: Option<Vec<String>>,
    /// Whether to tell classes apart or to predict a number. If not given: classes for text, booleans, and integers of
    /// at most 20 distinct values.
    #[serde(default)]
    pub task: Option<Task>,
    /// How many neighbours; at most as many as rows.
    #[serde(default = "five")]
    #[schemars(range(min = 1))]
    n_neighbors: u32,
    /// How much neighbours count: `uniform` (all alike) or `distance` (by the inverse of their distance).
    #[serde(default)]
    #[schemars(with = "String", extend("enum" = ["uniform", "distance"]))]
    weights: knn::Weights,
    /// How neighbours are found: `kd_tree` or `brute` (exact), `ivf` (an inverted file: fast on large tables,
    /// approximate), or `auto` (exact, whichever is likely to be faster).
    #[serde(default)]
    #[schemars(with = "String", extend("enum" = ["auto", "kd_tree", "brute", "ivf"]))]
    algorithm: knn::Algorithm,
    /// `euclidean` or `manhattan`.
    #[serde(default)]
    #[schemars(with = "String", extend("enum" = ["euclidean", "manhattan"]))]
    metric: Metric,
    /// Clusters of the inverted file; the root of the number of rows if not given.
    #[serde(default)]
    #[schemars(range(min = 1))]
    n_lists: Option<u32>,
    /// Clusters of the inverted file that are searched: more find more of the nearest rows. The root of `n_lists` if not
    /// given.
    #[serde(default)]
    #[schemars(range(min = 1))]
    n_probe: Option<u32>,
    /// The seed of the inverted file's clusters; the step's seed if not given.
    #[serde(default)]
    seed: Option<u64>,
}

fn five() -> u32 {
    5
}

impl Params {
    /// What the kernel takes.
    pub fn kernel(&self, seed: u64) -> Result<Checked<knn::Params>, Failure> {
        let params = knn::Params {
            n_neighbors: self.n_neighbors,
            weights: self.weights,
            algorithm: self.algorithm,
            metric: self.metric,
            n_lists: self.n_lists,
            n_probe: self.n_probe,
            seed: self.seed.unwrap_or(seed),
        };
        params.check().map_err(blame::parameter)
    }
}

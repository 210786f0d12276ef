//! What the user may set.

use millstream_learners::{Check, Checked, knn};
use millstream_sdk::Failure;
use millstream_training::columns::{Described, FeatureColumns};
use millstream_training::supervised::Task;
use millstream_training::{Named, blame};
use schemars::JsonSchema;
use serde::Deserialize;

/// Names and defaults are scikit-learn's.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Params {
    /// The column to predict: classes or numbers.
    target: String,
    #[serde(flatten)]
    columns: FeatureColumns<Measured>,
    /// Whether to tell classes apart or to predict a number. If not given: classes for text, booleans, and integers of
    /// at most 20 distinct values.
    #[serde(default)]
    pub task: Option<Task>,
    #[serde(flatten)]
    knn: knn::Params,
    /// The seed of the inverted file's clusters; the step's seed if not given.
    #[serde(default)]
    seed: Option<u64>,
}

/// Distances are measured.
#[derive(Debug)]
struct Measured;

impl Described for Measured {
    const FEATURES: &'static str =
        "The columns to measure distances by; all others than the target if not given.";
}

impl Params {
    /// The columns that the user named.
    pub fn named(&self) -> Named<'_> {
        Named { target: &self.target, features: self.columns.choice(), weight: None }
    }

    /// What the kernel takes.
    pub fn kernel(&self, seed: u64) -> Result<Checked<knn::Params>, Failure> {
        let params = knn::Params { seed: self.seed.unwrap_or(seed), ..self.knn.clone() };
        params.check().map_err(blame::parameter)
    }
}

//! What the user may set.

use millstream_learners::random_forest::{self, MaxFeatures};
use millstream_learners::{Check, Checked, weights};
use millstream_sdk::Failure;
use millstream_training::{Goal, blame};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// Names and defaults are scikit-learn's.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Params {
    /// The column to predict: classes or numbers.
    pub target: String,
    /// The columns to learn from; all others than target and weight if not given.
    #[serde(default)]
    pub features: Option<Vec<String>>,
    /// A column of sample weights: a row of weight 2 counts like two rows.
    #[serde(default)]
    pub weight: Option<String>,
    /// Whether to tell classes apart or to predict a number. If not given: classes for text, booleans, and integers of
    /// at most 20 distinct values.
    #[serde(default)]
    task: Option<Task>,
    /// Trees: more are steadier, and cost in proportion.
    #[serde(default = "hundred")]
    #[schemars(range(min = 1, max = 100_000))]
    n_estimators: u32,
    /// Splits from the root to a leaf at the most; if not given, until leaves are pure.
    #[serde(default)]
    #[schemars(range(min = 1))]
    max_depth: Option<u32>,
    /// Nodes of fewer rows are not split.
    #[serde(default = "two")]
    #[schemars(range(min = 2))]
    min_samples_split: u32,
    /// Splits that would leave fewer rows on a side are not made.
    #[serde(default = "one")]
    #[schemars(range(min = 1))]
    min_samples_leaf: u32,
    /// Features that a split chooses from: `sqrt`, `log2`, `all`, a number of them (2 and more), or a share of them
    /// (0 to 1). If not given: `sqrt` for classes, `all` for numbers.
    #[serde(default)]
    #[schemars(schema_with = "max_features")]
    max_features: Option<MaxFeatures>,
    /// Whether each tree sees rows drawn with replacement, as many as there are, or all rows.
    #[serde(default = "yes")]
    bootstrap: bool,
    /// Whether to score each row by the trees that did not see it. Needs `bootstrap`.
    #[serde(default)]
    oob_score: bool,
    /// `balanced`: rare classes count as much as frequent ones.
    #[serde(default)]
    class_weight: Option<ClassWeight>,
    /// Bins that a feature is cut into at the most.
    #[serde(default = "bins")]
    #[schemars(range(min = 2, max = 255))]
    max_bin: u32,
    /// The seed of samples and features; the step's seed if not given.
    #[serde(default)]
    seed: Option<u64>,
}

/// What the target is.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Task {
    /// Classes.
    Classification,
    /// Numbers.
    Regression,
}

/// How classes are weighed against one another.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum ClassWeight {
    /// A row weighs `rows / (classes * rows of its class)`.
    Balanced,
}

fn max_features(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [
            { "enum": ["sqrt", "log2", "all"] },
            { "type": "integer", "minimum": 1 },
            { "type": "number", "exclusiveMinimum": 0, "maximum": 1 },
            { "type": "null" },
        ]
    })
}

fn hundred() -> u32 {
    100
}

fn two() -> u32 {
    2
}

fn one() -> u32 {
    1
}

fn bins() -> u32 {
    255
}

fn yes() -> bool {
    true
}

impl Params {
    /// What the user says the target is.
    pub fn goal(&self) -> Option<Goal> {
        self.task.map(|task| match task {
            Task::Classification => Goal::Classes,
            Task::Regression => Goal::Numbers,
        })
    }

    /// What the kernel takes.
    pub fn kernel(&self, seed: u64) -> Result<Checked<random_forest::Params>, Failure> {
        let params = random_forest::Params {
            n_estimators: self.n_estimators,
            max_depth: self.max_depth,
            min_samples_split: self.min_samples_split,
            min_samples_leaf: self.min_samples_leaf,
            max_features: self.max_features,
            bootstrap: self.bootstrap,
            oob_score: self.oob_score,
            class_weight: match self.class_weight {
                Some(ClassWeight::Balanced) => weights::ClassWeight::Balanced,
                None => weights::ClassWeight::None,
            },
            max_bin: self.max_bin,
            seed: self.seed.unwrap_or(seed),
        };
        params.check().map_err(blame::parameter)
    }
}

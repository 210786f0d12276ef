//! What a workflow may set.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Parameters of `evaluate`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The column with the true values. Default: the one that the model was trained on.
    #[serde(default)]
    pub target: Option<String>,
    /// What the model does. Default: what it says itself.
    #[serde(default)]
    pub task: Option<Task>,
    /// The positive class of two. Default: the last one in order. Of anomalies: their class in the target; by default the
    /// last one of two, and -1 of -1 and 1.
    #[serde(default)]
    pub positive: Option<String>,
    /// A row counts as positive from this probability on (two classes).
    #[serde(default = "half")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub threshold: f64,
    /// How `precision`, `recall` and `f1` are averaged over more than two classes.
    #[serde(default)]
    pub average: Average,
    /// A column that says which rows are ranked against one another: predictions are then judged by the order in which they
    /// put the rows of each group, best first, and the target holds grades from 0 to 31.
    #[serde(default)]
    pub group: Option<String>,
    /// The rows of each group that `ndcg_at_k` looks at (rankings).
    #[serde(default = "ten")]
    #[schemars(range(min = 1))]
    pub top: usize,
    /// A column of row weights: how much each row counts in the metrics; not for clusters.
    #[serde(default)]
    pub weight: Option<String>,
    /// The columns of numbers in which distances between rows are measured (clustering). Default: those that
    /// the model takes in if the table has them, or else all but the target.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub features: Option<Vec<String>>,
    /// The silhouette looks at this many rows at most; its cost grows with their square (clustering).
    #[serde(default = "silhouette")]
    #[schemars(range(min = 10, max = 50000))]
    pub silhouette_rows: usize,
    /// Bins of the calibration curve.
    #[serde(default = "ten")]
    #[schemars(range(min = 2, max = 100))]
    pub calibration_bins: usize,
    /// Fail if more than this share of the rows hold in one column a category that the model has not seen in training, 0 to
    /// 1. Default: never; from 0.1 on there is a warning, below a line in the log.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub max_unknown: Option<f64>,
    /// Rows that are predicted at once.
    #[serde(default = "rows")]
    #[schemars(range(min = 1, max = 65536))]
    pub batch_rows: usize,
}

/// What a model does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Tells two classes apart.
    Binary,
    /// Tells more classes apart.
    Multiclass,
    /// Predicts a number.
    Regression,
    /// Finds groups.
    Clustering,
    /// Ranks the rows of a `group`.
    Ranking,
    /// Finds rows unlike the others.
    AnomalyDetection,
}

/// How figures of single classes become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Average {
    /// The plain mean over classes.
    #[default]
    Macro,
    /// By the rows of each class.
    Weighted,
    /// Over all rows alike; equals the accuracy.
    Micro,
}

fn half() -> f64 {
    0.5
}

fn silhouette() -> usize {
    5_000
}

fn ten() -> usize {
    10
}

fn rows() -> usize {
    8_192
}

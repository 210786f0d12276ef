//! What the user may set.

use millstream_learners::cart::MaxFeatures;
use millstream_learners::{Check, Checked, decision_tree};
use millstream_sdk::Failure;
use millstream_training::supervised::Task;
use millstream_training::trees::{self, ClassWeight, Criterion};
use millstream_training::{Target, blame};
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
    pub task: Option<Task>,
    /// What splits are chosen by: `gini` (the usual one), `entropy` or `log_loss` for classes, `squared_error` (the
    /// usual one), `friedman_mse` or `absolute_error` (slower) for numbers.
    #[serde(default)]
    criterion: Option<Criterion>,
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
    /// The same for the share of the weight of all rows.
    #[serde(default)]
    #[schemars(range(min = 0, max = 0.5))]
    min_weight_fraction_leaf: f64,
    /// Features that a split chooses from: `sqrt`, `log2`, `all`, a number of them (2 and more), or a share of them
    /// (0 to 1). If not given: all.
    #[serde(default)]
    #[schemars(schema_with = "trees::max_features")]
    max_features: Option<MaxFeatures>,
    /// Leaves at the most; the best splits are made first.
    #[serde(default)]
    #[schemars(range(min = 2))]
    max_leaf_nodes: Option<u32>,
    /// A split that lowers the impurity by less, weighed by the node's share of the rows, is not made.
    #[serde(default)]
    #[schemars(range(min = 0))]
    min_impurity_decrease: f64,
    /// `balanced`: rare classes count as much as frequent ones; or a weight for each class by its name, 1 for those not
    /// named.
    #[serde(default)]
    #[schemars(schema_with = "class_weight")]
    class_weight: Option<ClassWeight>,
    /// What a leaf costs in minimal cost-complexity pruning; 0: the tree is not pruned.
    #[serde(default)]
    #[schemars(range(min = 0))]
    ccp_alpha: f64,
    /// The reports `text` and `graph` show the tree down to this depth.
    #[serde(default = "ten")]
    pub export_max_depth: u32,
    /// The seed of the order in which features are tried, which decides between equal splits; the step's seed if not
    /// given.
    #[serde(default)]
    seed: Option<u64>,
}

/// A forest's balance by sample has no place here.
fn class_weight(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [
            { "const": "balanced" },
            { "type": "object", "additionalProperties": { "type": "number", "minimum": 0 } },
            { "type": "null" },
        ]
    })
}

fn two() -> u32 {
    2
}

fn one() -> u32 {
    1
}

fn ten() -> u32 {
    10
}

impl Params {
    /// What the kernel takes.
    pub fn kernel(&self, seed: u64, target: &Target) -> Result<Checked<decision_tree::Params>, Failure> {
        let params = decision_tree::Params {
            criterion: self.criterion.map(Into::into),
            max_depth: self.max_depth,
            min_samples_split: self.min_samples_split,
            min_samples_leaf: self.min_samples_leaf,
            min_weight_fraction_leaf: self.min_weight_fraction_leaf,
            max_features: self.max_features,
            max_leaf_nodes: self.max_leaf_nodes,
            min_impurity_decrease: self.min_impurity_decrease,
            class_weight: ClassWeight::kernel(self.class_weight.as_ref(), target.classes())?,
            ccp_alpha: self.ccp_alpha,
            seed: self.seed.unwrap_or(seed),
        };
        params.check().map_err(blame::parameter)
    }
}

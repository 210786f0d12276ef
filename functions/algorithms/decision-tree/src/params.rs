//! What the user may set.

use millstream_learners::{Check, Checked, decision_tree};
use millstream_sdk::Failure;
use millstream_training::columns::{OfEither, TargetColumns};
use millstream_training::supervised::Task;
use millstream_training::trees::ClassWeight;
use millstream_training::{Target, blame};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// Names and defaults are scikit-learn's.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Params {
    #[serde(flatten)]
    pub columns: TargetColumns<OfEither>,
    /// Whether to tell classes apart or to predict a number. If not given: classes for text, booleans, and integers of
    /// at most 20 distinct values.
    #[serde(default)]
    pub task: Option<Task>,
    #[serde(flatten)]
    tree: decision_tree::Params,
    /// `balanced`: rare classes count as much as frequent ones; or a weight for each class by its name, 1 for those not
    /// named.
    #[serde(default)]
    #[schemars(schema_with = "class_weight")]
    class_weight: Option<ClassWeight>,
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

fn ten() -> u32 {
    10
}

impl Params {
    /// What the kernel takes.
    pub fn kernel(&self, seed: u64, target: &Target) -> Result<Checked<decision_tree::Params>, Failure> {
        let class_weight = ClassWeight::kernel(self.class_weight.as_ref(), target.classes())?;
        let params =
            decision_tree::Params { class_weight, seed: self.seed.unwrap_or(seed), ..self.tree.clone() };
        params.check().map_err(blame::parameter)
    }
}

//! What the user may set.

use millstream_learners::{Check, Checked, svm};
use millstream_sdk::Failure;
use millstream_training::columns::{OfEither, TargetColumns};
use millstream_training::supervised::Task;
use millstream_training::{ClassWeights, blame};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use std::borrow::Cow;

/// Names and defaults are scikit-learn's.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Params {
    #[serde(flatten)]
    pub columns: TargetColumns<OfEither>,
    /// Whether to tell classes apart (SVC) or to predict a number (SVR). If not given: classes for text, booleans, and
    /// integers of at most 20 distinct values.
    #[serde(default)]
    pub task: Option<Task>,
    #[serde(flatten)]
    machine: svm::Params,
    /// The factor in the kernels `rbf`, `poly` and `sigmoid`: `scale` is 1 / (features x variance of all values), `auto`
    /// 1 / features, or a number above 0.
    #[serde(default)]
    gamma: Gamma,
    /// Classes: whether to fit probabilities, by five more fits that share their work. Without them the model answers
    /// with the class alone. (scikit-learn's default is `false`.)
    #[serde(default = "yes")]
    pub probability: bool,
    /// Classes: `balanced`: rare classes count as much as frequent ones. Or a weight for each class, such as
    /// `{no: 1, yes: 5}`; classes that are not named weigh 1.
    #[serde(default)]
    pub class_weight: Option<ClassWeights>,
    /// Steps of two rows each at the most; if not given or -1, ten million or a hundred a row.
    #[serde(default)]
    #[schemars(range(min = -1))]
    max_iter: Option<i64>,
    /// The seed of the folds for the probabilities; the step's seed if not given.
    #[serde(default)]
    seed: Option<u64>,
}

/// The kernel's factor.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged, expecting = "`scale`, `auto` or a number above 0")]
enum Gamma {
    Rule(GammaRule),
    Value(f64),
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum GammaRule {
    Scale,
    Auto,
}

impl Default for Gamma {
    fn default() -> Self {
        Self::Rule(GammaRule::Scale)
    }
}

impl JsonSchema for Gamma {
    fn schema_name() -> Cow<'static, str> {
        "Gamma".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "oneOf": [{ "enum": ["scale", "auto"] }, { "type": "number", "exclusiveMinimum": 0 }],
            "default": "scale",
        })
    }
}

fn yes() -> bool {
    true
}

impl Params {
    /// What the kernel takes.
    pub fn kernel(&self, seed: u64) -> Result<Checked<svm::Params>, Failure> {
        let params = svm::Params {
            gamma: match self.gamma {
                Gamma::Rule(GammaRule::Scale) => svm::Gamma::Scale,
                Gamma::Rule(GammaRule::Auto) => svm::Gamma::Auto,
                Gamma::Value(gamma) => svm::Gamma::Value(gamma),
            },
            probability: self.probability,
            max_iter: match self.max_iter {
                None | Some(-1) => None,
                Some(steps) => Some(u32::try_from(steps).unwrap_or(u32::MAX)),
            },
            seed: self.seed.unwrap_or(seed),
            // Weights of classes come with those of the rows.
            ..self.machine.clone()
        };
        params.check().map_err(blame::parameter)
    }
}

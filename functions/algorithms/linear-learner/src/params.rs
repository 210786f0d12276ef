//! What the user may set.

use millstream_learners::{Check, Checked, linear_learner as kernel};
use millstream_sdk::Failure;
use millstream_training::blame;
use millstream_training::columns::{Described, OF_NUMBERS_OR_SPARSE, TargetColumns};
use millstream_training::stream::{Epochs, PredictorType, StreamTraining};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use std::borrow::Cow;

/// Names are those of SageMaker's Linear Learner.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Params {
    #[serde(flatten)]
    columns: TargetColumns<NumbersOrClasses>,
    /// What is predicted.
    predictor_type: PredictorType,
    #[serde(flatten)]
    epochs: Epochs,
    #[serde(flatten)]
    learner: kernel::Params,
    /// How a step is made of a gradient.
    #[serde(default)]
    optimizer: Optimizer,
    /// Two classes: what a row of the second one weighs, or `balanced`: as much as makes both equal.
    #[serde(default)]
    positive_example_weight_mult: Multiplier,
    /// The seed of the rows' order; the step's seed if not given.
    #[serde(default)]
    seed: Option<u64>,
}

/// What the target holds.
#[derive(Debug)]
struct NumbersOrClasses;

impl Described for NumbersOrClasses {
    const TARGET: &'static str = "The column to predict: numbers, or classes as text, integers or booleans.";
    const FEATURES: &'static str = OF_NUMBERS_OR_SPARSE;
}

/// How a step is made of a gradient.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Optimizer {
    /// `adam`.
    #[default]
    Auto,
    /// By the remembered gradients and their sizes.
    Adam,
    /// Against the gradient, with momentum.
    Sgd,
    /// Against the gradient, divided by its recent size.
    RmsProp,
}

/// The weight of the second class.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged, expecting = "`balanced` or a number above 0")]
enum Multiplier {
    Rule(Balanced),
    Value(f64),
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Balanced {
    Balanced,
}

impl Default for Multiplier {
    fn default() -> Self {
        Self::Value(1.0)
    }
}

impl JsonSchema for Multiplier {
    fn schema_name() -> Cow<'static, str> {
        "Multiplier".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "oneOf": [{ "const": "balanced" }, { "type": "number", "exclusiveMinimum": 0 }],
            "default": 1,
        })
    }
}

impl Params {
    /// What is asked of the job.
    pub fn plan(&self) -> StreamTraining<'_> {
        StreamTraining { named: self.columns.named(), predictor: self.predictor_type, epochs: &self.epochs }
    }

    /// What the kernel takes.
    pub fn kernel(&self, seed: u64) -> Result<Checked<kernel::Params>, Failure> {
        let params = kernel::Params {
            predictor_type: self.predictor_type.kernel(),
            optimizer: match self.optimizer {
                Optimizer::Auto | Optimizer::Adam => kernel::Method::Adam,
                Optimizer::Sgd => kernel::Method::Sgd,
                Optimizer::RmsProp => kernel::Method::RmsProp,
            },
            positive_example_weight_mult: match self.positive_example_weight_mult {
                Multiplier::Rule(Balanced::Balanced) => None,
                Multiplier::Value(weight) => Some(weight),
            },
            seed: self.seed.unwrap_or(seed),
            ..self.learner.clone()
        };
        params.check().map_err(blame::parameter)
    }
}

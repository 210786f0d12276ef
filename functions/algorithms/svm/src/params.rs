//! What the user may set.

use millstream_learners::{Check, Checked, svm, weights};
use millstream_sdk::Failure;
use millstream_training::supervised::Task;
use millstream_training::{ClassWeights, blame};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use std::borrow::Cow;

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
    /// Whether to tell classes apart (SVC) or to predict a number (SVR). If not given: classes for text, booleans, and
    /// integers of at most 20 distinct values.
    #[serde(default)]
    pub task: Option<Task>,
    /// How much errors count: smaller is a smoother model.
    #[serde(default = "one", rename = "C")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    c: f64,
    /// How alike two rows are.
    #[serde(default)]
    kernel: Kernel,
    /// Of the kernel `poly`.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 64))]
    degree: u32,
    /// The factor in the kernels `rbf`, `poly` and `sigmoid`: `scale` is 1 / (features x variance of all values), `auto`
    /// 1 / features, or a number above 0.
    #[serde(default)]
    gamma: Gamma,
    /// Of the kernels `poly` (how much lower powers count) and `sigmoid`.
    #[serde(default)]
    coef0: f64,
    /// Numbers: errors up to this cost nothing, in the target's unit.
    #[serde(default = "tenth")]
    #[schemars(range(min = 0))]
    epsilon: f64,
    /// Classes: whether to fit probabilities, by five more fits that share their work. Without them the model answers
    /// with the class alone. (scikit-learn's default is `false`.)
    #[serde(default = "yes")]
    pub probability: bool,
    /// Classes: `balanced`: rare classes count as much as frequent ones. Or a weight for each class, such as
    /// `{no: 1, yes: 5}`; classes that are not named weigh 1.
    #[serde(default)]
    pub class_weight: Option<ClassWeights>,
    /// The fit ends when no pair of rows violates the conditions of the optimum by more.
    #[serde(default = "tolerance")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    tol: f64,
    /// Room for kernel values, in MB.
    #[serde(default = "room")]
    #[schemars(range(max = 2000), extend("exclusiveMinimum" = 0))]
    cache_size: f64,
    /// Steps of two rows each at the most; if not given or -1, ten million or a hundred a row.
    #[serde(default)]
    #[schemars(range(min = -1))]
    max_iter: Option<i64>,
    /// The seed of the folds for the probabilities; the step's seed if not given.
    #[serde(default)]
    seed: Option<u64>,
}

/// How alike two rows are.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kernel {
    /// `x . z`
    Linear,
    /// `(gamma x . z + coef0) ^ degree`
    Poly,
    /// `exp(-gamma |x - z|^2)`
    #[default]
    Rbf,
    /// `tanh(gamma x . z + coef0)`
    Sigmoid,
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

fn one() -> f64 {
    1.0
}

fn three() -> u32 {
    3
}

fn tenth() -> f64 {
    0.1
}

fn yes() -> bool {
    true
}

fn tolerance() -> f64 {
    1e-3
}

fn room() -> f64 {
    200.0
}

impl Params {
    /// What the kernel takes.
    pub fn kernel(&self, seed: u64) -> Result<Checked<svm::Params>, Failure> {
        let params = svm::Params {
            c: self.c,
            kernel: match self.kernel {
                Kernel::Linear => svm::Kernel::Linear,
                Kernel::Poly => svm::Kernel::Poly,
                Kernel::Rbf => svm::Kernel::Rbf,
                Kernel::Sigmoid => svm::Kernel::Sigmoid,
            },
            degree: self.degree,
            gamma: match self.gamma {
                Gamma::Rule(GammaRule::Scale) => svm::Gamma::Scale,
                Gamma::Rule(GammaRule::Auto) => svm::Gamma::Auto,
                Gamma::Value(gamma) => svm::Gamma::Value(gamma),
            },
            coef0: self.coef0,
            epsilon: self.epsilon,
            probability: self.probability,
            // Weights of classes come with those of the rows.
            class_weight: weights::ClassWeight::None,
            tol: self.tol,
            cache_size: self.cache_size,
            max_iter: match self.max_iter {
                None | Some(-1) => None,
                Some(steps) => Some(u32::try_from(steps).unwrap_or(u32::MAX)),
            },
            seed: self.seed.unwrap_or(seed),
        };
        params.check().map_err(blame::parameter)
    }
}

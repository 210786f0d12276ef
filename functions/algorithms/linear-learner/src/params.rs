//! What the user may set.

use millstream_learners::{Check, Checked, linear_learner as kernel};
use millstream_sdk::Failure;
use millstream_training::stream::{Plan, PredictorType};
use millstream_training::{Named, blame};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use std::borrow::Cow;

/// Names are those of SageMaker's Linear Learner.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Params {
    /// The column to predict: numbers, or classes as text, integers or booleans.
    target: String,
    /// The columns to learn from, of numbers or of sparse rows; all others than target and weight if not given.
    #[serde(default)]
    features: Option<Vec<String>>,
    /// A column of sample weights: a row of weight 2 counts like two rows.
    #[serde(default)]
    weight: Option<String>,
    /// What is predicted.
    predictor_type: PredictorType,
    /// Readings of the table.
    #[serde(default = "fifteen")]
    #[schemars(range(min = 1))]
    epochs: u32,
    /// Rows a step; if not given 1000, or a 32nd of the rows if that is less.
    #[serde(default)]
    #[schemars(range(min = 1))]
    mini_batch_size: Option<u32>,
    /// Learning ends after so many epochs without an improvement: of the loss on the `validation` rows, else in the epoch.
    #[serde(default = "three")]
    #[schemars(range(min = 1))]
    early_stopping_patience: u32,
    /// The share of the loss that counts as an improvement.
    #[serde(default = "thousandth")]
    #[schemars(range(min = 0))]
    early_stopping_tolerance: f64,
    /// What an error costs. With two classes, losses of numbers hold the score against -1 and 1; probabilities are calibrated
    /// for `logistic` only, for other losses they say no more than which class is nearer and how clearly.
    #[serde(default)]
    loss: Loss,
    /// How a step is made of a gradient.
    #[serde(default)]
    optimizer: Optimizer,
    /// How far a step goes; if not given 0.05 for `adam` and `rmsprop`, 0.1 for `sgd`.
    #[serde(default)]
    #[schemars(extend("exclusiveMinimum" = 0))]
    learning_rate: Option<f64>,
    /// Whether the learning rate falls.
    #[serde(default = "yes")]
    use_lr_scheduler: bool,
    /// Steps after which the learning rate falls.
    #[serde(default = "ten")]
    #[schemars(range(min = 1))]
    lr_scheduler_step: u32,
    /// What it is multiplied by then.
    #[serde(default = "factor")]
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    lr_scheduler_factor: f64,
    /// It falls no lower.
    #[serde(default = "least_rate")]
    #[schemars(range(min = 0))]
    lr_scheduler_minimum_lr: f64,
    /// Of `sgd`: the share of the last step that the next one keeps.
    #[serde(default = "momentum")]
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    momentum: f64,
    /// Of `adam`: how long gradients are remembered.
    #[serde(default = "momentum")]
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    beta_1: f64,
    /// Of `adam` and `rmsprop`: how long their sizes are.
    #[serde(default = "beta_2")]
    #[schemars(range(min = 0), extend("exclusiveMaximum" = 1))]
    beta_2: f64,
    /// The penalty on absolute coefficients, of normalised features.
    #[serde(default)]
    #[schemars(range(min = 0))]
    l1: f64,
    /// The penalty on half the squared coefficients, of normalised features (weight decay); if not given 1 / rows.
    #[serde(default)]
    #[schemars(range(min = 0))]
    wd: Option<f64>,
    /// Whether scores have a constant part.
    #[serde(default = "yes")]
    use_bias: bool,
    /// Whether features are brought to mean 0 and variance 1 for the learning.
    #[serde(default = "yes")]
    normalize_data: bool,
    /// Whether a numeric target is.
    #[serde(default = "yes")]
    normalize_label: bool,
    /// Of `huber_loss`: where squares end, in deviations of the target.
    #[serde(default = "one")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    huber_delta: f64,
    /// Of `quantile_loss`: the share of rows that should lie below the prediction.
    #[serde(default = "half")]
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    quantile: f64,
    /// Of the losses `eps_insensitive_...`: errors up to this cost nothing, in deviations of the target.
    #[serde(default = "hundredth")]
    #[schemars(range(min = 0))]
    loss_insensitivity: f64,
    /// Of `hinge_loss`: how far from the border a row costs nothing.
    #[serde(default = "one")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    margin: f64,
    /// Two classes: what a row of the second one weighs, or `balanced`: as much as makes both equal.
    #[serde(default)]
    positive_example_weight_mult: Multiplier,
    /// Several classes: whether all of them weigh the same.
    #[serde(default)]
    balance_multiclass_weights: bool,
    /// The seed of the rows' order; the step's seed if not given.
    #[serde(default)]
    seed: Option<u64>,
}

/// What an error costs.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Loss {
    /// `squared_loss`, `logistic` or `softmax_loss`, as the predictor is.
    #[default]
    Auto,
    /// Its square.
    #[serde(rename = "squared_loss")]
    Squared,
    /// Its size.
    #[serde(rename = "absolute_loss")]
    Absolute,
    /// Its square up to `huber_delta`, then its size.
    #[serde(rename = "huber_loss")]
    Huber,
    /// Its size, by `quantile` where the prediction is too low and the rest where it is too high.
    #[serde(rename = "quantile_loss")]
    Quantile,
    /// The square of what is above `loss_insensitivity`.
    #[serde(rename = "eps_insensitive_squared_loss")]
    EpsInsensitiveSquared,
    /// What is above `loss_insensitivity`.
    #[serde(rename = "eps_insensitive_absolute_loss")]
    EpsInsensitiveAbsolute,
    /// Two classes: by how much a row lies within `margin` of the border, or beyond it.
    #[serde(rename = "hinge_loss")]
    Hinge,
    /// Log loss, two classes.
    Logistic,
    /// Log loss, several classes.
    #[serde(rename = "softmax_loss")]
    Softmax,
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

fn fifteen() -> u32 {
    15
}

fn three() -> u32 {
    3
}

fn thousandth() -> f64 {
    1e-3
}

fn yes() -> bool {
    true
}

fn ten() -> u32 {
    10
}

fn factor() -> f64 {
    0.99
}

fn least_rate() -> f64 {
    1e-5
}

fn momentum() -> f64 {
    0.9
}

fn beta_2() -> f64 {
    0.999
}

fn one() -> f64 {
    1.0
}

fn half() -> f64 {
    0.5
}

fn hundredth() -> f64 {
    0.01
}

impl Params {
    /// What is asked of the job.
    pub fn plan(&self) -> Plan<'_> {
        Plan {
            named: Named::new(&self.target, &self.features, &self.weight),
            predictor: self.predictor_type,
            epochs: self.epochs,
            early_stopping_patience: self.early_stopping_patience,
            early_stopping_tolerance: self.early_stopping_tolerance,
        }
    }

    /// What the kernel takes.
    pub fn kernel(&self, seed: u64) -> Result<Checked<kernel::Params>, Failure> {
        let params = kernel::Params {
            predictor_type: self.predictor_type.kernel(),
            loss: match self.loss {
                Loss::Auto => kernel::Loss::Auto,
                Loss::Squared => kernel::Loss::SquaredLoss,
                Loss::Absolute => kernel::Loss::AbsoluteLoss,
                Loss::Huber => kernel::Loss::HuberLoss,
                Loss::Quantile => kernel::Loss::QuantileLoss,
                Loss::EpsInsensitiveSquared => kernel::Loss::EpsInsensitiveSquaredLoss,
                Loss::EpsInsensitiveAbsolute => kernel::Loss::EpsInsensitiveAbsoluteLoss,
                Loss::Hinge => kernel::Loss::HingeLoss,
                Loss::Logistic => kernel::Loss::Logistic,
                Loss::Softmax => kernel::Loss::SoftmaxLoss,
            },
            mini_batch_size: self.mini_batch_size,
            optimizer: match self.optimizer {
                Optimizer::Auto | Optimizer::Adam => kernel::Method::Adam,
                Optimizer::Sgd => kernel::Method::Sgd,
                Optimizer::RmsProp => kernel::Method::RmsProp,
            },
            learning_rate: self.learning_rate,
            use_lr_scheduler: self.use_lr_scheduler,
            lr_scheduler_step: self.lr_scheduler_step,
            lr_scheduler_factor: self.lr_scheduler_factor,
            lr_scheduler_minimum_lr: self.lr_scheduler_minimum_lr,
            momentum: self.momentum,
            beta_1: self.beta_1,
            beta_2: self.beta_2,
            l1: self.l1,
            wd: self.wd,
            use_bias: self.use_bias,
            normalize_data: self.normalize_data,
            normalize_label: self.normalize_label,
            huber_delta: self.huber_delta,
            quantile: self.quantile,
            loss_insensitivity: self.loss_insensitivity,
            margin: self.margin,
            positive_example_weight_mult: match self.positive_example_weight_mult {
                Multiplier::Rule(Balanced::Balanced) => None,
                Multiplier::Value(weight) => Some(weight),
            },
            balance_multiclass_weights: self.balance_multiclass_weights,
            seed: self.seed.unwrap_or(seed),
        };
        params.check().map_err(blame::parameter)
    }
}

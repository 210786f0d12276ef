//! What the user may set.

use millstream_learners::{Check, Checked, Error, ParamError, factorization_machines as kernel};
use millstream_sdk::Failure;
use millstream_training::stream::{Layout, Plan, PredictorType};
use millstream_training::{Named, blame};
use schemars::JsonSchema;
use serde::Deserialize;

/// Names are those of SageMaker's Factorization Machines; the defaults of rates and first factors are larger, so that
/// some hundred steps learn something.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Params {
    /// The column to predict: numbers, or two classes as text, integers or booleans.
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
    /// How many features there are; if given, a table of another number is refused. Sparse rows have as many as their
    /// largest index and one: they may have fewer than this, but not more.
    #[serde(default)]
    #[schemars(range(min = 1))]
    feature_dim: Option<u32>,
    /// Factors of a feature.
    #[serde(default = "eight")]
    #[schemars(range(min = 1, max = 1000))]
    num_factors: u32,
    /// How far a step moves the bias.
    #[serde(default = "tenth")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    bias_lr: f64,
    /// How far a step moves linear weights.
    #[serde(default = "hundredth")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    linear_lr: f64,
    /// How far a step moves factors.
    #[serde(default = "hundredth")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    factors_lr: f64,
    /// The penalty on half the squared bias.
    #[serde(default)]
    #[schemars(range(min = 0))]
    bias_wd: f64,
    /// The penalty on half the squared linear weights.
    #[serde(default = "thousandth")]
    #[schemars(range(min = 0))]
    linear_wd: f64,
    /// The penalty on half the squared factors.
    #[serde(default = "tiny")]
    #[schemars(range(min = 0))]
    factors_wd: f64,
    /// The deviation of the first factors, which are drawn at random.
    #[serde(default = "sigma")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    factors_init_sigma: f64,
    /// The seed of the first factors and the rows' order; the step's seed if not given.
    #[serde(default)]
    seed: Option<u64>,
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

fn eight() -> u32 {
    8
}

fn tenth() -> f64 {
    0.1
}

fn hundredth() -> f64 {
    0.01
}

fn tiny() -> f64 {
    1e-5
}

fn sigma() -> f64 {
    0.05
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

    /// How many columns the features would have with all their zeros. Holds the table to `feature_dim`.
    pub fn columns_of(&self, layout: &Layout) -> Result<u64, Error> {
        let all = layout.all();
        let Some(features) = self.feature_dim.map(u64::from) else { return Ok(all) };
        if layout.is_sparse() && features >= all || features == all {
            return Ok(features);
        }
        let allowed = if layout.is_sparse() { format!("at least {all}") } else { all.to_string() };
        let message = format!("it is {features}, the table has {all} features");
        Err(ParamError::new("feature_dim", message, allowed).into())
    }

    /// What the kernel takes.
    pub fn kernel(&self, seed: u64) -> Result<Checked<kernel::Params>, Failure> {
        let params = kernel::Params {
            predictor_type: self.predictor_type.kernel(),
            num_factors: self.num_factors,
            mini_batch_size: self.mini_batch_size,
            bias_lr: self.bias_lr,
            linear_lr: self.linear_lr,
            factors_lr: self.factors_lr,
            bias_wd: self.bias_wd,
            linear_wd: self.linear_wd,
            factors_wd: self.factors_wd,
            factors_init_sigma: self.factors_init_sigma,
            seed: self.seed.unwrap_or(seed),
        };
        params.check().map_err(blame::parameter)
    }
}

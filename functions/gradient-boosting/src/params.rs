//! What the user may set.

use millstream_learners::{Check, Checked, gradient_boosting as kernel};
use millstream_sdk::{Failure, Table, invalid_parameter};
use millstream_training::{Goal, Target, blame};
use schemars::JsonSchema;
use serde::Deserialize;

/// Names and defaults are XGBoost's.
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
    /// What is predicted. If not given: classes for text, booleans, and integers of at most 20 distinct values, else a
    /// number.
    #[serde(default)]
    objective: Option<Objective>,
    /// Rounds of boosting.
    #[serde(default = "hundred")]
    #[schemars(range(min = 1, max = 100_000))]
    num_round: u32,
    /// How much of each tree's step is taken: smaller learns slower and better.
    #[serde(default = "eta")]
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    eta: f64,
    /// Splits from the root to a leaf at the most.
    #[serde(default = "six")]
    #[schemars(range(min = 1, max = 64))]
    max_depth: u32,
    /// The least sum of second derivatives in a leaf; for `reg:squarederror`, of weights.
    #[serde(default = "one")]
    #[schemars(range(min = 0))]
    min_child_weight: f64,
    /// The share of rows that each round sees.
    #[serde(default = "one")]
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    subsample: f64,
    /// The share of columns that each tree sees.
    #[serde(default = "one")]
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    colsample_bytree: f64,
    /// L2 penalty on leaf values.
    #[serde(default = "one")]
    #[schemars(range(min = 0))]
    lambda: f64,
    /// L1 penalty on leaf values.
    #[serde(default)]
    #[schemars(range(min = 0))]
    alpha: f64,
    /// The least gain of a split.
    #[serde(default)]
    #[schemars(range(min = 0))]
    gamma: f64,
    /// What a row of the positive class weighs beside one of the other; two classes only.
    #[serde(default = "one")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    scale_pos_weight: f64,
    /// The prediction before the first tree; if not given, the mean of the target. A probability for
    /// `binary:logistic`; not for `multi:softprob`.
    #[serde(default)]
    base_score: Option<f64>,
    /// Bins that a feature is cut into at the most.
    #[serde(default = "bins")]
    #[schemars(range(min = 2, max = 255))]
    max_bin: u32,
    /// What is reported after each round; if not given, the objective's loss. The last one decides about stopping.
    #[serde(default)]
    eval_metric: Vec<EvalMetric>,
    /// Ends when the last metric has not improved on the `validation` rows for so many rounds, and keeps the rounds
    /// up to the best.
    #[serde(default)]
    #[schemars(range(min = 1))]
    early_stopping_rounds: Option<u32>,
    /// The seed of row and column samples; the step's seed if not given.
    #[serde(default)]
    seed: Option<u64>,
}

/// What is predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
enum Objective {
    /// The probabilities of two classes.
    #[serde(rename = "binary:logistic")]
    BinaryLogistic,
    /// The probabilities of several classes.
    #[serde(rename = "multi:softprob")]
    MultiSoftprob,
    /// A number.
    #[serde(rename = "reg:squarederror")]
    SquaredError,
}

/// A metric of the learning curve.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum EvalMetric {
    /// Negative log likelihood of two classes.
    LogLoss,
    /// Area under the ROC curve of two classes.
    Auc,
    /// Share of rows of two classes predicted wrong.
    Error,
    /// Negative log likelihood of several classes.
    MLogLoss,
    /// Share of rows of several classes predicted wrong.
    MError,
    /// Root of the mean squared error.
    Rmse,
    /// Mean absolute error.
    Mae,
}

fn hundred() -> u32 {
    100
}

fn eta() -> f64 {
    0.3
}

fn six() -> u32 {
    6
}

fn one() -> f64 {
    1.0
}

fn bins() -> u32 {
    255
}

impl From<EvalMetric> for kernel::EvalMetric {
    fn from(metric: EvalMetric) -> Self {
        match metric {
            EvalMetric::LogLoss => Self::LogLoss,
            EvalMetric::Auc => Self::Auc,
            EvalMetric::Error => Self::Error,
            EvalMetric::MLogLoss => Self::MLogLoss,
            EvalMetric::MError => Self::MError,
            EvalMetric::Rmse => Self::Rmse,
            EvalMetric::Mae => Self::Mae,
        }
    }
}

impl Params {
    /// Reads the target for the objective, or for what the column suggests.
    pub fn target(&self, table: &Table) -> Result<Target, Failure> {
        let goal = match self.objective {
            Some(Objective::SquaredError) => Goal::Numbers,
            Some(_) => Goal::Classes,
            None => Goal::suggested(table, &self.target)?,
        };
        let target = Target::read(table, &self.target, goal)?;
        let classes = target.classes().map_or(0, |classes| classes.len());
        if self.objective == Some(Objective::BinaryLogistic) && classes > 2 {
            let message = format!("`{}` has {classes} classes", self.target);
            return Err(invalid_parameter("objective", message).allowed("multi:softprob"));
        }
        Ok(target)
    }

    /// What the kernel takes.
    pub fn kernel(&self, target: &Target, seed: u64) -> Result<Checked<kernel::Params>, Failure> {
        let several = self.objective == Some(Objective::MultiSoftprob);
        let params = kernel::Params {
            objective: match target.classes().map(|classes| classes.len()) {
                None => kernel::Objective::SquaredError,
                Some(2) if !several => kernel::Objective::BinaryLogistic,
                Some(_) => kernel::Objective::MultiSoftprob,
            },
            num_round: self.num_round,
            eta: self.eta,
            max_depth: self.max_depth,
            min_child_weight: self.min_child_weight,
            subsample: self.subsample,
            colsample_bytree: self.colsample_bytree,
            lambda: self.lambda,
            alpha: self.alpha,
            gamma: self.gamma,
            scale_pos_weight: self.scale_pos_weight,
            base_score: self.base_score,
            max_bin: self.max_bin,
            eval_metric: self.eval_metric.iter().map(|&metric| metric.into()).collect(),
            early_stopping_rounds: self.early_stopping_rounds,
            seed: self.seed.unwrap_or(seed),
        };
        params.check().map_err(blame::parameter)
    }
}

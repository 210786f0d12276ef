//! What the user may set.

use millstream_learners::calibration::Method;
use millstream_learners::{Check, Checked, logistic_regression, weights};
use millstream_sdk::Failure;
use millstream_training::{ClassWeights, blame};
use schemars::JsonSchema;
use serde::Deserialize;

/// Names and defaults are scikit-learn's.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Params {
    /// The column to predict: classes as text, integers or booleans.
    pub target: String,
    /// The columns to learn from; all others than target and weight if not given.
    #[serde(default)]
    pub features: Option<Vec<String>>,
    /// A column of sample weights: a row of weight 2 counts like two rows.
    #[serde(default)]
    pub weight: Option<String>,
    /// What keeps the coefficients small.
    #[serde(default)]
    penalty: Penalty,
    /// The share of absolute coefficients in the penalty `elasticnet`, which needs it.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1))]
    l1_ratio: Option<f64>,
    /// How much the data counts against the penalty: smaller is a stronger penalty.
    #[serde(default = "one", rename = "C")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    c: f64,
    /// Whether scores have a constant part.
    #[serde(default = "yes")]
    pub fit_intercept: bool,
    /// Whether to fit on columns of mean 0 and variance 1 (not centred without an intercept), so that the penalty does not
    /// depend on the columns' units. Coefficients and intercepts are those of the columns as they are all the same; the
    /// report has both.
    #[serde(default)]
    pub standardize: bool,
    /// `balanced`: rare classes count as much as frequent ones. Or a weight for each class, such as
    /// `{no: 1, yes: 5}`; classes that are not named weigh 1.
    #[serde(default)]
    pub class_weight: Option<ClassWeights>,
    /// How probabilities are calibrated on the `validation` rows, which it needs: `sigmoid` for few rows, `isotonic` for a
    /// thousand and more. The figures of these rows are then no longer those of unseen ones.
    #[serde(default)]
    pub calibration: Calibration,
    /// The fit ends when no component of the mean loss's gradient, for standardised columns, is larger.
    #[serde(default = "tolerance")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    tol: f64,
    /// The fit ends after so many steps at the latest.
    #[serde(default = "hundred")]
    #[schemars(range(min = 1))]
    max_iter: u32,
}

/// What keeps the coefficients small.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Penalty {
    /// The sum of absolute coefficients, against `C` times the loss: some are exactly 0.
    L1,
    /// Half the sum of squared coefficients, against `C` times the loss.
    #[default]
    L2,
    /// Both, in shares of `l1_ratio` and the rest.
    ElasticNet,
    /// Nothing.
    None,
}

/// How probabilities are calibrated.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Calibration {
    /// They stay as the model has them.
    #[default]
    None,
    /// By a sigmoid of the scores, each class against the rest: Platt's.
    Sigmoid,
    /// By steps that do not fall, each class against the rest.
    Isotonic,
}

impl Calibration {
    /// What the kernel takes.
    pub fn method(self) -> Option<Method> {
        match self {
            Self::None => None,
            Self::Sigmoid => Some(Method::Sigmoid),
            Self::Isotonic => Some(Method::Isotonic),
        }
    }
}

fn one() -> f64 {
    1.0
}

fn yes() -> bool {
    true
}

fn tolerance() -> f64 {
    1e-4
}

fn hundred() -> u32 {
    100
}

impl Params {
    /// What the kernel takes.
    pub fn kernel(&self) -> Result<Checked<logistic_regression::Params>, Failure> {
        let params = logistic_regression::Params {
            penalty: match self.penalty {
                Penalty::L1 => logistic_regression::Penalty::L1,
                Penalty::ElasticNet => logistic_regression::Penalty::ElasticNet,
                Penalty::L2 => logistic_regression::Penalty::L2,
                Penalty::None => logistic_regression::Penalty::None,
            },
            c: self.c,
            l1_ratio: self.l1_ratio,
            fit_intercept: self.fit_intercept,
            // Weights of classes come with those of the rows.
            class_weight: weights::ClassWeight::None,
            tol: self.tol,
            max_iter: self.max_iter,
        };
        params.check().map_err(blame::parameter)
    }
}

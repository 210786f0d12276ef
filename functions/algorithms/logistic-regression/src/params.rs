//! What the user may set.

use millstream_learners::calibration::Method;
use millstream_learners::{Check, Checked, logistic_regression};
use millstream_sdk::Failure;
use millstream_training::columns::{OfClasses, TargetColumns};
use millstream_training::{ClassWeights, blame};
use schemars::JsonSchema;
use serde::Deserialize;

/// Names and defaults are scikit-learn's.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Params {
    #[serde(flatten)]
    pub columns: TargetColumns<OfClasses>,
    #[serde(flatten)]
    regression: logistic_regression::Params,
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

impl Params {
    /// What the kernel takes.
    pub fn kernel(&self) -> Result<Checked<logistic_regression::Params>, Failure> {
        // Weights of classes come with those of the rows.
        self.regression.clone().check().map_err(blame::parameter)
    }
}

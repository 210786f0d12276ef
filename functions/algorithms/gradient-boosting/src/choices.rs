//! What the user may choose among.

use millstream_learners::gradient_boosting as kernel;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use std::borrow::Cow;

/// What is predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Objective {
    /// The probabilities of two classes.
    #[serde(rename = "binary:logistic")]
    BinaryLogistic,
    /// The log-odds of 1 against 0, as a number; the target holds 0 and 1.
    #[serde(rename = "binary:logitraw")]
    BinaryLogitraw,
    /// The probabilities of several classes.
    #[serde(rename = "multi:softprob")]
    MultiSoftprob,
    /// The same model: the class is predicted, beside which the probabilities stand.
    #[serde(rename = "multi:softmax")]
    MultiSoftmax,
    /// A number, by squared error.
    #[serde(rename = "reg:squarederror")]
    SquaredError,
    /// A number above -1, by the squared error of logarithms of 1 and the number.
    #[serde(rename = "reg:squaredlogerror")]
    SquaredLogError,
    /// A number from 0 to 1, by the logistic loss.
    #[serde(rename = "reg:logistic")]
    RegLogistic,
    /// A number, by absolute error: its median.
    #[serde(rename = "reg:absoluteerror")]
    AbsoluteError,
    /// A number, by an error that grows like the square near 0 and evenly beyond `huber_slope`.
    #[serde(rename = "reg:pseudohubererror")]
    PseudoHuberError,
    /// The quantile `quantile_alpha` of a number.
    #[serde(rename = "reg:quantileerror")]
    QuantileError,
    /// The mean of a count.
    #[serde(rename = "count:poisson")]
    Poisson,
    /// The mean of a number above 0 whose spread grows with it.
    #[serde(rename = "reg:gamma")]
    Gamma,
    /// The mean of a number that is often 0 and never below.
    #[serde(rename = "reg:tweedie")]
    Tweedie,
    /// A score by which the rows of a `group` are ranked; the target holds grades from 0 to 31.
    #[serde(rename = "rank:ndcg")]
    RankNdcg,
    /// The same, but all pairs of a group count alike.
    #[serde(rename = "rank:pairwise")]
    RankPairwise,
}

impl Objective {
    /// Whether it tells classes apart.
    pub fn has_classes(self) -> bool {
        kernel::Objective::from(self).has_classes()
    }

    /// Whether it ranks the rows of a group.
    pub fn ranks(self) -> bool {
        kernel::Objective::from(self).ranks()
    }
}

/// How trees are grown.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TreeMethod {
    /// On histograms.
    #[default]
    Hist,
    /// On histograms too.
    Auto,
}

/// What is boosted.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Booster {
    /// Trees.
    #[default]
    Gbtree,
}

/// A file of XGBoost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Json,
    Ubj,
}

/// Whether XGBoost's file is written, and which.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged, expecting = "`json`, `ubj`, or true for `json`")]
pub enum Export {
    /// `json` if so.
    Whether(bool),
    As(Format),
}

impl Default for Export {
    fn default() -> Self {
        Self::Whether(false)
    }
}

impl Export {
    pub fn format(self) -> Option<Format> {
        match self {
            Self::Whether(whether) => whether.then_some(Format::Json),
            Self::As(format) => Some(format),
        }
    }
}

impl JsonSchema for Export {
    fn schema_name() -> Cow<'static, str> {
        "Export".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"enum": ["json", "ubj", true, false]})
    }
}

impl From<Objective> for kernel::Objective {
    fn from(objective: Objective) -> Self {
        match objective {
            Objective::BinaryLogistic => Self::BinaryLogistic,
            Objective::BinaryLogitraw => Self::BinaryLogitraw,
            Objective::MultiSoftprob | Objective::MultiSoftmax => Self::MultiSoftprob,
            Objective::SquaredError => Self::SquaredError,
            Objective::SquaredLogError => Self::SquaredLogError,
            Objective::RegLogistic => Self::RegLogistic,
            Objective::AbsoluteError => Self::AbsoluteError,
            Objective::PseudoHuberError => Self::PseudoHuberError,
            Objective::QuantileError => Self::QuantileError,
            Objective::Poisson => Self::Poisson,
            Objective::Gamma => Self::Gamma,
            Objective::Tweedie => Self::Tweedie,
            Objective::RankNdcg => Self::RankNdcg,
            Objective::RankPairwise => Self::RankPairwise,
        }
    }
}

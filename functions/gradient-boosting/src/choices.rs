//! What the user may choose among.

use millstream_learners::gradient_boosting as kernel;
use schemars::JsonSchema;
use serde::Deserialize;

/// What is predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Objective {
    /// The probabilities of two classes.
    #[serde(rename = "binary:logistic")]
    BinaryLogistic,
    /// The probabilities of several classes.
    #[serde(rename = "multi:softprob")]
    MultiSoftprob,
    /// A number, by squared error.
    #[serde(rename = "reg:squarederror")]
    SquaredError,
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
}

/// Which node is split next.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GrowPolicy {
    /// The one nearest to the root.
    #[default]
    Depthwise,
    /// The one whose split gains most.
    Lossguide,
}

/// A metric of the learning curve.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EvalMetric {
    /// Negative log likelihood of two classes.
    LogLoss,
    /// Area under the ROC curve of two classes.
    Auc,
    /// Area under the curve of precision by recall of two classes.
    AucPr,
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
    /// Mean pseudo-Huber error.
    Mphe,
    /// Mean pinball loss of a quantile.
    Quantile,
    /// Negative log likelihood of counts.
    #[serde(rename = "poisson-nloglik")]
    PoissonNloglik,
    /// Negative log likelihood of a gamma distribution.
    #[serde(rename = "gamma-nloglik")]
    GammaNloglik,
    /// Deviance of a gamma distribution.
    #[serde(rename = "gamma-deviance")]
    GammaDeviance,
    /// Negative log likelihood of Tweedie's distribution.
    #[serde(rename = "tweedie-nloglik")]
    TweedieNloglik,
    /// Normalised discounted cumulative gain of the groups' rankings.
    Ndcg,
}

impl From<GrowPolicy> for kernel::GrowPolicy {
    fn from(policy: GrowPolicy) -> Self {
        match policy {
            GrowPolicy::Depthwise => Self::Depthwise,
            GrowPolicy::Lossguide => Self::Lossguide,
        }
    }
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
            EvalMetric::AucPr => Self::AucPr,
            EvalMetric::Mphe => Self::Mphe,
            EvalMetric::Quantile => Self::Quantile,
            EvalMetric::PoissonNloglik => Self::PoissonNloglik,
            EvalMetric::GammaNloglik => Self::GammaNloglik,
            EvalMetric::GammaDeviance => Self::GammaDeviance,
            EvalMetric::TweedieNloglik => Self::TweedieNloglik,
            EvalMetric::Ndcg => Self::Ndcg,
        }
    }
}

impl From<Objective> for kernel::Objective {
    fn from(objective: Objective) -> Self {
        match objective {
            Objective::BinaryLogistic => Self::BinaryLogistic,
            Objective::MultiSoftprob => Self::MultiSoftprob,
            Objective::SquaredError => Self::SquaredError,
            Objective::AbsoluteError => Self::AbsoluteError,
            Objective::PseudoHuberError => Self::PseudoHuberError,
            Objective::QuantileError => Self::QuantileError,
            Objective::Poisson => Self::Poisson,
            Objective::Gamma => Self::Gamma,
            Objective::Tweedie => Self::Tweedie,
            Objective::RankNdcg => Self::RankNdcg,
        }
    }
}

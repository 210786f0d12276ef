//! What is computed after each round.

use super::exp::exp;
use super::hyperparams::Objective;
use super::ranking;
use crate::Error;
use crate::metrics::{curves, most_probable};
use serde::{Deserialize, Serialize};

/// A metric of the learning curve; names are XGBoost's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EvalMetric {
    /// Negative log likelihood of two classes.
    LogLoss,
    /// Area under the receiver operating characteristic.
    Auc,
    /// Area under the curve of precision by recall: average precision.
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
    /// Mean pseudo-Huber error, by `huber_slope`.
    Mphe,
    /// Mean pinball loss, by `quantile_alpha`.
    Quantile,
    /// Negative log likelihood of counts.
    #[serde(rename = "poisson-nloglik")]
    PoissonNloglik,
    /// Negative log likelihood of a gamma distribution of shape 1.
    #[serde(rename = "gamma-nloglik")]
    GammaNloglik,
    /// Deviance of a gamma distribution.
    #[serde(rename = "gamma-deviance")]
    GammaDeviance,
    /// Negative log likelihood of Tweedie's distribution, without what does not depend on the prediction.
    #[serde(rename = "tweedie-nloglik")]
    TweedieNloglik,
    /// Normalised discounted cumulative gain of the groups' rankings.
    Ndcg,
}

/// Rows with their margins.
#[derive(Clone, Copy)]
pub(super) struct Scored<'a> {
    pub objective: Objective,
    /// What the objective's shape depends on.
    pub shape: f64,
    pub y: &'a [f64],
    pub weights: Option<&'a [f64]>,
    /// Rows of each group.
    pub groups: &'a [Vec<u32>],
    /// What does not depend on the margins, see [`ln_factorials`].
    pub constant: f64,
    /// Rows x slots.
    pub margins: &'a [f64],
    pub slots: usize,
}

/// The mean logarithm of the counts' factorials, which the likelihood of `count:poisson` needs; 0 for other
/// objectives.
pub(super) fn ln_factorials(objective: Objective, y: &[f64], weights: Option<&[f64]>) -> f64 {
    if objective != Objective::Poisson {
        return 0.0;
    }
    weighted(y.iter().map(|&y| ln_gamma(y + 1.0)), weights)
}

impl EvalMetric {
    pub const ALL: [Self; 15] = [
        Self::LogLoss,
        Self::Auc,
        Self::AucPr,
        Self::Error,
        Self::MLogLoss,
        Self::MError,
        Self::Rmse,
        Self::Mae,
        Self::Mphe,
        Self::Quantile,
        Self::PoissonNloglik,
        Self::GammaNloglik,
        Self::GammaDeviance,
        Self::TweedieNloglik,
        Self::Ndcg,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::LogLoss => "logloss",
            Self::Auc => "auc",
            Self::AucPr => "aucpr",
            Self::Error => "error",
            Self::MLogLoss => "mlogloss",
            Self::MError => "merror",
            Self::Rmse => "rmse",
            Self::Mae => "mae",
            Self::Mphe => "mphe",
            Self::Quantile => "quantile",
            Self::PoissonNloglik => "poisson-nloglik",
            Self::GammaNloglik => "gamma-nloglik",
            Self::GammaDeviance => "gamma-deviance",
            Self::TweedieNloglik => "tweedie-nloglik",
            Self::Ndcg => "ndcg",
        }
    }

    /// Whether higher is better.
    pub fn maximize(self) -> bool {
        matches!(self, Self::Auc | Self::AucPr | Self::Ndcg)
    }

    pub fn suits(self, objective: Objective) -> bool {
        match objective {
            Objective::BinaryLogistic => {
                matches!(self, Self::LogLoss | Self::Auc | Self::AucPr | Self::Error)
            }
            Objective::MultiSoftprob => matches!(self, Self::MLogLoss | Self::MError),
            Objective::RankNdcg => self == Self::Ndcg,
            _ => {
                matches!(self, Self::Rmse | Self::Mae) || self == Self::default_of(objective) || {
                    objective == Objective::Gamma && self == Self::GammaDeviance
                }
            }
        }
    }

    /// The names that go with an objective.
    pub(super) fn for_objective(objective: Objective) -> String {
        let names = Self::ALL.iter().filter(|metric| metric.suits(objective)).map(|metric| metric.name());
        names.collect::<Vec<_>>().join(", ")
    }

    /// The metric of an objective if none is asked for.
    pub(super) fn default_of(objective: Objective) -> Self {
        match objective {
            Objective::BinaryLogistic => Self::LogLoss,
            Objective::MultiSoftprob => Self::MLogLoss,
            Objective::SquaredError => Self::Rmse,
            Objective::AbsoluteError => Self::Mae,
            Objective::PseudoHuberError => Self::Mphe,
            Objective::QuantileError => Self::Quantile,
            Objective::Poisson => Self::PoissonNloglik,
            Objective::Gamma => Self::GammaNloglik,
            Objective::Tweedie => Self::TweedieNloglik,
            Objective::RankNdcg => Self::Ndcg,
        }
    }

    /// Computes it from the margins. Undefined (one class only, for the area): an error.
    pub(super) fn evaluate(self, of: Scored) -> Result<f64, Error> {
        let Scored { objective, shape, y, weights, groups, constant, margins, slots } = of;
        let positive = || -> Vec<bool> { y.iter().map(|&v| v == 1.0).collect() };
        let mean = |loss: &dyn Fn(f64, f64) -> f64| {
            average(y, weights, margins, |y, margin| loss(y, objective.prediction_of(margin)))
        };
        Ok(match self {
            Self::Auc => curves::roc_auc(&positive(), margins, weights)?,
            Self::AucPr => curves::average_precision(&positive(), margins, weights)?,
            Self::LogLoss => log_loss(y, weights, margins),
            Self::Error => average(y, weights, margins, |y, m| f64::from(u8::from((m > 0.0) != (y == 1.0)))),
            Self::MLogLoss => {
                let rows = margins.chunks_exact(slots).zip(y);
                let losses = rows.map(|(row, &class)| {
                    let highest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    let sum: f64 = row.iter().map(|margin| exp(margin - highest)).sum();
                    libm::log(sum) + highest - row[class as usize]
                });
                weighted(losses, weights)
            }
            Self::MError => {
                let wrong = most_probable(margins, slots).into_iter().zip(y);
                weighted(wrong.map(|(class, &y)| f64::from(u8::from(f64::from(class) != y))), weights)
            }
            Self::Rmse if objective == Objective::SquaredError => {
                average(y, weights, margins, |y, m| (y - m) * (y - m)).sqrt()
            }
            Self::Rmse => mean(&|y, p| (y - p) * (y - p)).sqrt(),
            Self::Mae => mean(&|y, p| (y - p).abs()),
            Self::Mphe => mean(&|y, p| {
                let z = (y - p) / shape;
                shape * shape * ((1.0 + z * z).sqrt() - 1.0)
            }),
            Self::Quantile => mean(&|y, p| (y - p) * if p > y { shape - 1.0 } else { shape }),
            Self::PoissonNloglik => constant + average(y, weights, margins, |y, m| exp(m) - m * y),
            Self::GammaNloglik => average(y, weights, margins, |y, m| y * exp(-m) + m),
            Self::GammaDeviance => {
                2.0 * average(y, weights, margins, |y, m| m - libm::log(y) + y * exp(-m) - 1.0)
            }
            Self::TweedieNloglik => average(y, weights, margins, |y, m| {
                exp((2.0 - shape) * m) / (2.0 - shape) - y * exp((1.0 - shape) * m) / (1.0 - shape)
            }),
            Self::Ndcg => ranking::ndcg(groups, y, margins, weights),
        })
    }
}

/// The weighted mean.
fn weighted(values: impl Iterator<Item = f64>, weights: Option<&[f64]>) -> f64 {
    let (mut sum, mut total) = (0.0, 0.0);
    match weights {
        None => values.for_each(|value| {
            sum += value;
            total += 1.0;
        }),
        Some(weights) => values.zip(weights).for_each(|(value, weight)| {
            sum += value * weight;
            total += weight;
        }),
    }
    sum / total
}

/// The weighted mean of a loss that looks at a row alone.
#[inline(always)]
fn average(y: &[f64], weights: Option<&[f64]>, margins: &[f64], loss: impl Fn(f64, f64) -> f64) -> f64 {
    weighted(y.iter().zip(margins).map(|(&y, &margin)| loss(y, margin)), weights)
}

/// The negative log likelihood of two classes: the mean of `ln(1 + e^-m)`, m being the margin towards the truth.
fn log_loss(y: &[f64], weights: Option<&[f64]>, margins: &[f64]) -> f64 {
    /// Factors of 2 at the most, whose product stays far from infinity.
    const TOGETHER: usize = 256;
    let against = |y: f64, margin: f64| (1.0 - 2.0 * y) * margin;
    if weights.is_some() {
        return average(y, weights, margins, |y, margin| {
            let m = against(y, margin);
            m.max(0.0) + libm::log1p(exp(-m.abs()))
        });
    }
    let mut sum = 0.0;
    for (y, margins) in y.chunks(TOGETHER).zip(margins.chunks(TOGETHER)) {
        let mut products = [1.0; 4];
        let mut linear = [0.0; 4];
        for (y, margins) in y.chunks(4).zip(margins.chunks(4)) {
            for (lane, (&y, &margin)) in y.iter().zip(margins).enumerate() {
                let m = against(y, margin);
                linear[lane] += m.max(0.0);
                products[lane] *= 1.0 + exp(-m.abs());
            }
        }
        sum += linear.iter().sum::<f64>() + products.iter().map(|product| libm::log(*product)).sum::<f64>();
    }
    sum / y.len() as f64
}

/// The logarithm of the gamma function, for `x` of at least 1: Stirling's series beyond 8.
fn ln_gamma(mut x: f64) -> f64 {
    let mut product = 1.0;
    while x < 8.0 {
        product *= x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series = 1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square / 1680.0));
    (x - 0.5) * libm::log(x) - x + 0.918_938_533_204_672_7 + series / x - libm::log(product)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::binary;

    fn scored<'a>(
        objective: Objective,
        y: &'a [f64],
        margins: &'a [f64],
        weights: Option<&'a [f64]>,
    ) -> Scored<'a> {
        let slots = margins.len() / y.len();
        Scored { objective, shape: 1.5, y, weights, groups: &[], constant: 0.0, margins, slots }
    }

    #[test]
    fn names_read_back() {
        for metric in EvalMetric::ALL {
            let json = format!("\"{}\"", metric.name());
            assert_eq!(serde_json::from_str::<EvalMetric>(&json).unwrap(), metric);
        }
        assert_eq!(EvalMetric::for_objective(Objective::SquaredError), "rmse, mae");
        for objective in Objective::ALL {
            assert!(EvalMetric::default_of(objective).suits(objective));
            let json = format!("\"{}\"", objective.name());
            assert_eq!(serde_json::from_str::<Objective>(&json).unwrap(), objective);
        }
    }

    #[test]
    fn errors_are_weighted() {
        let of = scored(Objective::BinaryLogistic, &[1.0, 0.0], &[2.0, 2.0], Some(&[3.0, 1.0]));
        assert_eq!(EvalMetric::Error.evaluate(of).unwrap(), 0.25);
        let of = scored(Objective::MultiSoftprob, &[1.0, 0.0], &[0.1, 0.9, 0.2, 0.8], None);
        assert_eq!(EvalMetric::MError.evaluate(of).unwrap(), 0.5);
        let loss = EvalMetric::MLogLoss.evaluate(of).unwrap();
        let by_hand = ((1.0 + (-0.8f64).exp()).ln() + (1.0 + 0.6f64.exp()).ln()) / 2.0;
        assert!((loss - by_hand).abs() < 1e-12, "{loss} {by_hand}");
    }

    #[test]
    fn log_loss_is_that_of_the_probabilities() {
        let margins: Vec<f64> = (0..777).map(|i| f64::from(i % 61) * 0.3 - 9.0).collect();
        let y: Vec<f64> = (0..777).map(|i| f64::from(i % 3 % 2)).collect();
        let truth: Vec<bool> = y.iter().map(|&y| y == 1.0).collect();
        let proba: Vec<f64> = margins.iter().map(|&m| 1.0 / (1.0 + (-m).exp())).collect();
        let weights: Vec<f64> = (0..777).map(|i| f64::from(i % 5)).collect();
        for weights in [None, Some(weights.as_slice())] {
            let ours = EvalMetric::LogLoss.evaluate(scored(Objective::BinaryLogistic, &y, &margins, weights));
            let theirs = binary::log_loss(&truth, &proba, weights).unwrap();
            assert!((ours.unwrap() - theirs).abs() < 1e-11);
        }
    }

    /// As XGBoost defines them, by hand for a prediction of 2 and a target of 3.
    #[test]
    fn metrics_of_numbers() {
        let weights = Some(&[2.0][..]);
        let value = |metric: EvalMetric, objective: Objective, margin: f64| {
            let constant = ln_factorials(objective, &[3.0], weights);
            let margins = [margin];
            metric.evaluate(Scored { constant, ..scored(objective, &[3.0], &margins, weights) }).unwrap()
        };
        let log = 2f64.ln();
        for (metric, objective, margin, expected) in [
            (EvalMetric::PoissonNloglik, Objective::Poisson, log, 6f64.ln() + 2.0 - 3.0 * log),
            (EvalMetric::GammaNloglik, Objective::Gamma, log, 1.5 + log),
            (EvalMetric::GammaDeviance, Objective::Gamma, log, 2.0 * ((2.0f64 / 3.0).ln() + 0.5)),
            (EvalMetric::TweedieNloglik, Objective::Tweedie, log, 6.0 / 2f64.sqrt() + 2.0 * 2f64.sqrt()),
            (EvalMetric::Mphe, Objective::PseudoHuberError, 2.0, 2.25 * ((1.0 + 1.0 / 2.25f64).sqrt() - 1.0)),
            (EvalMetric::Quantile, Objective::QuantileError, 2.0, 1.5),
            (EvalMetric::Rmse, Objective::Gamma, log, 1.0),
            (EvalMetric::Mae, Objective::AbsoluteError, 2.0, 1.0),
        ] {
            let ours = value(metric, objective, margin);
            assert!((ours - expected).abs() < 1e-9, "{metric:?}: {ours} {expected}");
        }
    }

    #[test]
    fn logarithms_of_factorials() {
        let mut factorial = 1.0f64;
        for n in 1..20 {
            factorial *= f64::from(n);
            assert!((ln_gamma(f64::from(n) + 1.0) - factorial.ln()).abs() < 1e-9);
        }
    }
}

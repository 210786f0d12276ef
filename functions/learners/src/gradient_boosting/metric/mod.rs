//! What is computed after each round.

mod areas;
mod names;

use super::exp::{exp, softmax};
use super::hyperparams::{Objective, Params};
use super::objective::LEAST_LOGGED;
use super::ranking;
use crate::metrics::most_probable;
use crate::{Error, shown};
use areas::Area;
pub use names::Top;

/// A metric of the learning curve; names and definitions are XGBoost's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum EvalMetric {
    /// Negative log likelihood of two classes.
    LogLoss,
    /// Area under the receiver operating characteristic; of several classes the mean over each against the rest,
    /// weighted by their rows.
    Auc,
    /// Area under the curve of precision by recall; of several classes the mean over each against the rest.
    AucPr,
    /// Share of rows of two classes predicted wrong.
    Error,
    /// The same where predictions above this count as class 1 instead of those above 0.5.
    ErrorAt(f64),
    /// Negative log likelihood of several classes.
    MLogLoss,
    /// Share of rows of several classes predicted wrong.
    MError,
    /// Root of the mean squared error.
    Rmse,
    /// Root of the mean squared error of logarithms of 1 and the number.
    Rmsle,
    /// Mean absolute error.
    Mae,
    /// Mean absolute error as a share of the target.
    Mape,
    /// Mean pseudo-Huber error, by `huber_slope`.
    Mphe,
    /// Mean pinball loss, by `quantile_alpha`.
    Quantile,
    /// Negative log likelihood of counts.
    PoissonNloglik,
    /// Negative log likelihood of a gamma distribution of shape 1.
    GammaNloglik,
    /// Deviance of a gamma distribution.
    GammaDeviance,
    /// Negative log likelihood of Tweedie's distribution, without what does not depend on the prediction.
    TweedieNloglik,
    /// The same of another power than the objective's.
    TweedieNloglikAt(f64),
    /// Normalised discounted cumulative gain of the groups' rankings.
    Ndcg,
    NdcgAt(Top),
    /// Mean average precision of the groups' rankings, for grades of 0 and 1.
    Map,
    MapAt(Top),
}

/// Rows with their margins.
#[derive(Clone, Copy)]
pub(super) struct Scored<'a> {
    pub params: &'a Params,
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
    /// Those without a number of their own.
    pub const ALL: [Self; 18] = [
        Self::LogLoss,
        Self::Auc,
        Self::AucPr,
        Self::Error,
        Self::MLogLoss,
        Self::MError,
        Self::Rmse,
        Self::Rmsle,
        Self::Mae,
        Self::Mape,
        Self::Mphe,
        Self::Quantile,
        Self::PoissonNloglik,
        Self::GammaNloglik,
        Self::GammaDeviance,
        Self::TweedieNloglik,
        Self::Ndcg,
        Self::Map,
    ];

    /// Whether higher is better.
    pub fn maximize(self) -> bool {
        matches!(self, Self::Auc | Self::AucPr | Self::Ndcg | Self::NdcgAt(_) | Self::Map | Self::MapAt(_))
    }

    pub fn suits(self, objective: Objective) -> bool {
        let of_two = matches!(self, Self::LogLoss | Self::Auc | Self::AucPr | Self::Error | Self::ErrorAt(_));
        match objective {
            Objective::BinaryLogistic | Objective::BinaryLogitraw => {
                of_two || matches!(self, Self::Rmse | Self::Mae)
            }
            Objective::MultiSoftprob => {
                matches!(self, Self::MLogLoss | Self::MError | Self::Auc | Self::AucPr)
            }
            Objective::RankNdcg | Objective::RankPairwise => {
                matches!(self, Self::Ndcg | Self::NdcgAt(_) | Self::Map | Self::MapAt(_))
            }
            _ => match self {
                Self::Rmse | Self::Rmsle | Self::Mae | Self::Mape | Self::Mphe => true,
                Self::GammaDeviance => objective == Objective::Gamma,
                Self::TweedieNloglikAt(_) => objective == Objective::Tweedie,
                metric => metric == Self::default_of(objective),
            },
        }
    }

    /// Checks that it is defined for these targets.
    pub(super) fn check(self, y: &[f64]) -> Result<(), Error> {
        let (bad, message): (fn(f64) -> bool, &str) = match self {
            Self::Rmsle => (|y| y <= -1.0, "rmsle takes numbers above -1"),
            Self::Mape => (|y| y == 0.0, "mape divides by it, so that it must not be 0"),
            Self::Map | Self::MapAt(_) => (|y| y != 0.0 && y != 1.0, "map takes grades of 0 and 1"),
            _ => return Ok(()),
        };
        match y.iter().position(|&y| bad(y)) {
            None => Ok(()),
            Some(row) => Err(Error::row(row, format!("the target is {}; {message}", shown(y[row])))),
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
            Objective::BinaryLogistic | Objective::BinaryLogitraw => Self::LogLoss,
            Objective::MultiSoftprob => Self::MLogLoss,
            Objective::SquaredError | Objective::RegLogistic => Self::Rmse,
            Objective::SquaredLogError => Self::Rmsle,
            Objective::AbsoluteError => Self::Mae,
            Objective::PseudoHuberError => Self::Mphe,
            Objective::QuantileError => Self::Quantile,
            Objective::Poisson => Self::PoissonNloglik,
            Objective::Gamma => Self::GammaNloglik,
            Objective::Tweedie => Self::TweedieNloglik,
            Objective::RankNdcg | Objective::RankPairwise => Self::Ndcg,
        }
    }

    /// Computes it from the margins. Undefined (one class only, for the area): an error.
    pub(super) fn evaluate(self, of: Scored) -> Result<f64, Error> {
        let Scored { params, y, weights, groups, constant, margins, slots } = of;
        let objective = params.objective;
        let positive = || -> Vec<bool> { y.iter().map(|&v| v == 1.0).collect() };
        let mean = |loss: &dyn Fn(f64, f64) -> f64| {
            average(y, weights, margins, |y, margin| loss(y, objective.prediction_of(margin)))
        };
        Ok(match self {
            Self::Auc | Self::AucPr => {
                let area = if self == Self::Auc { Area::Roc } else { Area::PrecisionRecall };
                if slots == 1 {
                    return area.of_two(&positive(), margins, weights);
                }
                let mut proba = margins.to_vec();
                proba.chunks_exact_mut(slots).for_each(softmax);
                area.of_several(y, &proba, slots, weights)?
            }
            Self::LogLoss => log_loss(y, weights, margins),
            // The same without a probability a row.
            Self::Error if objective == Objective::BinaryLogistic => {
                average(y, weights, margins, |y, m| f64::from(u8::from((m > 0.0) != (y == 1.0))))
            }
            Self::Error => mean(&|y, p| f64::from(u8::from((p > 0.5) != (y == 1.0)))),
            Self::ErrorAt(threshold) => mean(&|y, p| f64::from(u8::from((p > threshold) != (y == 1.0)))),
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
            Self::Rmsle => {
                // A prediction of -1 or less has no logarithm: as near as the objective lets them come.
                let log = |p: f64| libm::log1p(p.max(LEAST_LOGGED));
                mean(&|y, p| (log(y) - log(p)) * (log(y) - log(p))).sqrt()
            }
            Self::Mae => mean(&|y, p| (y - p).abs()),
            Self::Mape => mean(&|y, p| ((y - p) / y).abs()),
            Self::Mphe => {
                let slope = params.huber_slope;
                mean(&|y, p| {
                    let z = (y - p) / slope;
                    slope * slope * ((1.0 + z * z).sqrt() - 1.0)
                })
            }
            Self::Quantile => {
                let alpha = params.quantile_alpha;
                mean(&|y, p| (y - p) * if p > y { alpha - 1.0 } else { alpha })
            }
            Self::PoissonNloglik => constant + average(y, weights, margins, |y, m| exp(m) - m * y),
            Self::GammaNloglik => average(y, weights, margins, |y, m| y * exp(-m) + m),
            Self::GammaDeviance => {
                2.0 * average(y, weights, margins, |y, m| m - libm::log(y) + y * exp(-m) - 1.0)
            }
            Self::TweedieNloglik => tweedie(params.tweedie_variance_power, of),
            Self::TweedieNloglikAt(power) => tweedie(power, of),
            Self::Ndcg => ranking::ndcg(groups, y, margins, weights, Top::ALL),
            Self::NdcgAt(top) => ranking::ndcg(groups, y, margins, weights, top),
            Self::Map => ranking::mean_average_precision(groups, y, margins, weights, Top::ALL),
            Self::MapAt(top) => ranking::mean_average_precision(groups, y, margins, weights, top),
        })
    }
}

fn tweedie(power: f64, of: Scored) -> f64 {
    average(of.y, of.weights, of.margins, |y, m| {
        exp((2.0 - power) * m) / (2.0 - power) - y * exp((1.0 - power) * m) / (1.0 - power)
    })
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
mod tests;

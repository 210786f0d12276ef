//! Losses: their derivatives by the margins (the sums of leaf values), and the way back to predictions.

use super::exp::{exp, sigmoid, softmax};
use super::hyperparams::{Objective, Params};
use super::quantile::quantile;
use crate::linalg::mean;
use crate::matrix::{check_length, check_single, check_target};
use crate::{Error, shown};

/// First and second derivative of the loss.
pub(super) type Gradient = [f32; 2];

/// Keeps second derivatives off 0, where a step has no length; XGBoost's number.
const LEAST_HESSIAN: f64 = 1e-16;
/// Predictions of `reg:squaredlogerror` count as this at least; XGBoost's number.
pub(super) const LEAST_LOGGED: f64 = -1.0 + 1e-6;
/// The largest label of rankings: gains are powers of two.
const HIGHEST_RANK_LABEL: f64 = 31.0;

impl Objective {
    pub const ALL: [Self; 14] = [
        Self::BinaryLogistic,
        Self::BinaryLogitraw,
        Self::MultiSoftprob,
        Self::SquaredError,
        Self::SquaredLogError,
        Self::RegLogistic,
        Self::AbsoluteError,
        Self::PseudoHuberError,
        Self::QuantileError,
        Self::Poisson,
        Self::Gamma,
        Self::Tweedie,
        Self::RankNdcg,
        Self::RankPairwise,
    ];

    /// XGBoost's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::BinaryLogistic => "binary:logistic",
            Self::BinaryLogitraw => "binary:logitraw",
            Self::MultiSoftprob => "multi:softprob",
            Self::SquaredError => "reg:squarederror",
            Self::SquaredLogError => "reg:squaredlogerror",
            Self::RegLogistic => "reg:logistic",
            Self::AbsoluteError => "reg:absoluteerror",
            Self::PseudoHuberError => "reg:pseudohubererror",
            Self::QuantileError => "reg:quantileerror",
            Self::Poisson => "count:poisson",
            Self::Gamma => "reg:gamma",
            Self::Tweedie => "reg:tweedie",
            Self::RankNdcg => "rank:ndcg",
            Self::RankPairwise => "rank:pairwise",
        }
    }

    /// Whether it predicts probabilities of classes.
    pub fn has_classes(self) -> bool {
        matches!(self, Self::BinaryLogistic | Self::MultiSoftprob)
    }

    /// Whether rows are ranked within their groups.
    pub fn ranks(self) -> bool {
        matches!(self, Self::RankNdcg | Self::RankPairwise)
    }

    /// Whether predictions are probabilities whose log-odds are the margins.
    pub(super) fn is_logistic(self) -> bool {
        matches!(self, Self::BinaryLogistic | Self::RegLogistic)
    }

    /// Margins of a row.
    pub(super) fn slots(self, classes: usize) -> usize {
        if self == Self::MultiSoftprob { classes } else { 1 }
    }

    /// Checks the target and returns its number of classes, 0 for numbers. With `classes` given (from the training
    /// data), labels must be among them.
    pub(super) fn check(self, y: &[f64], rows: usize, classes: Option<usize>) -> Result<usize, Error> {
        check_target(y, rows)?;
        check_single(y)?;
        let refuse = |bad: &dyn Fn(f64) -> bool, wanted: &str| match y.iter().position(|&v| bad(v)) {
            None => Ok(()),
            Some(row) => Err(Error::row(row, format!("the target is {}; {wanted}", shown(y[row])))),
        };
        match self {
            Self::BinaryLogistic | Self::MultiSoftprob => return self.check_classes(y, classes),
            Self::Poisson => refuse(&|v| v < 0.0, "counts are at least 0")?,
            Self::Tweedie => refuse(&|v| v < 0.0, "reg:tweedie takes numbers of at least 0")?,
            Self::Gamma => refuse(&|v| v <= 0.0, "reg:gamma takes numbers above 0")?,
            Self::RegLogistic => {
                refuse(&|v| !(0.0..=1.0).contains(&v), "reg:logistic takes numbers from 0 to 1")?;
            }
            Self::BinaryLogitraw => refuse(&|v| v != 0.0 && v != 1.0, "binary:logitraw takes 0 and 1")?,
            Self::SquaredLogError => {
                refuse(&|v| v <= -1.0, "reg:squaredlogerror takes numbers above -1")?;
            }
            Self::RankNdcg | Self::RankPairwise => {
                let bad = |v: f64| v.fract() != 0.0 || !(0.0..=HIGHEST_RANK_LABEL).contains(&v);
                refuse(&bad, "rankings take grades: whole numbers from 0 to 31")?;
            }
            _ => {}
        }
        Ok(0)
    }

    fn check_classes(self, y: &[f64], classes: Option<usize>) -> Result<usize, Error> {
        if let Some(row) = y.iter().position(|&v| v < 0.0 || v.fract() != 0.0 || v >= f64::from(u16::MAX)) {
            return Err(Error::row(row, format!("the class is {}; classes are 0, 1, 2, ...", shown(y[row]))));
        }
        let highest = y.iter().copied().fold(0.0, f64::max) as usize;
        let found = match self {
            Self::BinaryLogistic => 2,
            _ => classes.unwrap_or(highest + 1),
        };
        if highest >= found {
            let row = y.iter().position(|&v| v as usize >= found).unwrap_or_default();
            return Err(Error::row(row, format!("class {} of {found}; classes count from 0", y[row])));
        }
        if classes.is_none() {
            let mut seen = vec![false; found];
            y.iter().for_each(|&class| seen[class as usize] = true);
            if found < 2 || self == Self::BinaryLogistic && !seen.iter().all(|&s| s) {
                return Err(Error::data("the target has one class only; a classifier needs at least two"));
            }
            if let Some(class) = seen.iter().position(|&s| !s) {
                return Err(Error::data(format!("no row has class {class}; label the classes without gaps")));
            }
        }
        Ok(found)
    }

    /// Checks the groups that ranking needs.
    pub(super) fn check_groups(self, groups: Option<&[u32]>, rows: usize) -> Result<(), Error> {
        match groups {
            Some(groups) => check_length("group", groups.len(), rows),
            None if self.ranks() => Err(Error::data(format!(
                "{} needs to know which rows belong together: name a column of groups",
                self.name()
            ))),
            None => Ok(()),
        }
    }

    /// The margin of a prediction.
    pub(super) fn margin_of(self, prediction: f64) -> f64 {
        match self {
            // A class whose rows have no weight must not send the margin to infinity.
            _ if self.is_logistic() => {
                let p = prediction.clamp(1e-6, 1.0 - 1e-6);
                libm::log(p / (1.0 - p))
            }
            Self::Poisson | Self::Gamma | Self::Tweedie => libm::log(prediction.max(1e-16)),
            _ => prediction,
        }
    }

    /// The prediction of a margin, for objectives of one margin a row.
    pub(super) fn prediction_of(self, margin: f64) -> f64 {
        match self {
            Self::BinaryLogistic | Self::RegLogistic => sigmoid(margin),
            Self::Poisson | Self::Gamma | Self::Tweedie => exp(margin),
            _ => margin,
        }
    }

    /// The margins before the first tree: what a model without features would say.
    pub(super) fn base(
        self,
        params: &Params,
        y: &[f64],
        weights: Option<&[f64]>,
        classes: usize,
    ) -> Vec<f64> {
        let total = weights.map_or(y.len() as f64, |w| w.iter().sum());
        let weight = |i: usize| weights.map_or(1.0, |w| w[i]);
        if let Some(score) = params.base_score {
            return vec![self.margin_of(score)];
        }
        let prediction = match self {
            Self::SquaredError | Self::Poisson | Self::Gamma | Self::Tweedie => mean(y, weights, total),
            Self::AbsoluteError | Self::PseudoHuberError => {
                quantile(&mut y.iter().enumerate().map(|(i, &y)| (y, weight(i))).collect::<Vec<_>>(), 0.5)
            }
            Self::QuantileError => {
                let alpha = params.quantile_alpha;
                quantile(&mut y.iter().enumerate().map(|(i, &y)| (y, weight(i))).collect::<Vec<_>>(), alpha)
            }
            Self::SquaredLogError => {
                let logs: Vec<f64> = y.iter().map(|&y| libm::log1p(y)).collect();
                libm::expm1(mean(&logs, weights, total))
            }
            Self::RankNdcg | Self::RankPairwise => 0.0,
            Self::RegLogistic => {
                let weight = |i: usize| weight(i) * if y[i] == 1.0 { params.scale_pos_weight } else { 1.0 };
                let total: f64 = (0..y.len()).map(weight).sum();
                (0..y.len()).map(|i| weight(i) * y[i]).sum::<f64>() / total
            }
            Self::BinaryLogistic | Self::BinaryLogitraw => {
                let positive: f64 = (0..y.len()).map(|i| weight(i) * y[i]).sum();
                let positive = positive * params.scale_pos_weight;
                let negative: f64 = (0..y.len()).map(|i| weight(i) * (1.0 - y[i])).sum();
                let share = positive / (positive + negative);
                if self == Self::BinaryLogitraw { Self::BinaryLogistic.margin_of(share) } else { share }
            }
            Self::MultiSoftprob => {
                let mut shares = vec![0.0; classes];
                y.iter().enumerate().for_each(|(i, &class)| shares[class as usize] += weight(i));
                let logs: Vec<f64> =
                    shares.iter().map(|share| libm::log((share / total).max(1e-6))).collect();
                let centre = logs.iter().sum::<f64>() / classes as f64;
                return logs.iter().map(|log| log - centre).collect();
            }
        };
        vec![self.margin_of(prediction)]
    }

    /// The quantile of the residuals that leaves take, where the second derivative says nothing.
    pub(super) fn refit(self, params: &Params) -> Option<f64> {
        match self {
            Self::AbsoluteError => Some(0.5),
            Self::QuantileError => Some(params.quantile_alpha),
            _ => None,
        }
    }

    /// Writes the derivatives, rows x slots, at the margins; not for ranking.
    pub(super) fn gradients(
        self,
        params: &Params,
        y: &[f64],
        weights: Option<&[f64]>,
        margins: &[f64],
        out: &mut [Gradient],
    ) {
        let shape = params.shape();
        match self {
            Self::SquaredError => pointwise(y, weights, margins, out, |y, m| [m - y, 1.0]),
            Self::SquaredLogError => pointwise(y, weights, margins, out, |y, m| {
                let p = m.max(LEAST_LOGGED);
                let off = libm::log1p(p) - libm::log1p(y);
                [off / (p + 1.0), ((1.0 - off) / ((p + 1.0) * (p + 1.0))).max(1e-6)]
            }),
            // Here the target may be any share, of which only a whole one is of the positive class.
            Self::RegLogistic => {
                let positive = params.scale_pos_weight;
                pointwise(y, weights, margins, out, |y, m| {
                    let p = sigmoid(m);
                    let w = if y == 1.0 { positive } else { 1.0 };
                    [w * (p - y), w * (p * (1.0 - p)).max(LEAST_HESSIAN)]
                });
            }
            Self::BinaryLogistic | Self::BinaryLogitraw => {
                let positive = params.scale_pos_weight - 1.0;
                pointwise(y, weights, margins, out, |y, m| {
                    let p = sigmoid(m);
                    let w = 1.0 + positive * y;
                    [w * (p - y), w * (p * (1.0 - p)).max(LEAST_HESSIAN)]
                });
            }
            Self::AbsoluteError => pointwise(y, weights, margins, out, |y, m| {
                [
                    if m > y {
                        1.0
                    } else if m < y {
                        -1.0
                    } else {
                        0.0
                    },
                    1.0,
                ]
            }),
            Self::QuantileError => {
                pointwise(y, weights, margins, out, |y, m| [if m >= y { 1.0 - shape } else { -shape }, 1.0])
            }
            Self::PseudoHuberError => pointwise(y, weights, margins, out, |y, m| {
                let z = (m - y) / shape;
                let root = (1.0 + z * z).sqrt();
                [shape * z / root, (1.0 / ((1.0 + z * z) * root)).max(LEAST_HESSIAN)]
            }),
            Self::Poisson => {
                let step = exp(params.max_delta_step());
                pointwise(y, weights, margins, out, |y, m| {
                    let mean = exp(m);
                    [mean - y, mean * step]
                });
            }
            Self::Gamma => pointwise(y, weights, margins, out, |y, m| {
                let share = y * exp(-m);
                [1.0 - share, share]
            }),
            Self::Tweedie => pointwise(y, weights, margins, out, |y, m| {
                let [a, b] = [y * exp((1.0 - shape) * m), exp((2.0 - shape) * m)];
                [b - a, ((2.0 - shape) * b - (1.0 - shape) * a).max(LEAST_HESSIAN)]
            }),
            Self::MultiSoftprob => {
                let weight = |i: usize| weights.map_or(1.0, |w| w[i]);
                let slots = margins.len() / y.len();
                let mut proba = vec![0.0; slots];
                for (i, (out, row)) in
                    out.chunks_exact_mut(slots).zip(margins.chunks_exact(slots)).enumerate()
                {
                    proba.copy_from_slice(row);
                    softmax(&mut proba);
                    let (w, class) = (weight(i), y[i] as usize);
                    for (k, (out, &p)) in out.iter_mut().zip(&proba).enumerate() {
                        let hit = f64::from(u8::from(k == class));
                        *out =
                            [(w * (p - hit)) as f32, (w * (2.0 * p * (1.0 - p)).max(LEAST_HESSIAN)) as f32];
                    }
                }
            }
            Self::RankNdcg | Self::RankPairwise => {}
        }
    }

    /// From margins (rows x slots) to predictions, in place: numbers, probabilities of class 1, or probabilities of
    /// each class.
    pub(super) fn transform(self, margins: &mut [f64], slots: usize) {
        match self {
            Self::MultiSoftprob => margins.chunks_exact_mut(slots).for_each(softmax),
            Self::BinaryLogistic | Self::RegLogistic => {
                margins.iter_mut().for_each(|margin| *margin = sigmoid(*margin));
            }
            Self::Poisson | Self::Gamma | Self::Tweedie => {
                margins.iter_mut().for_each(|margin| *margin = exp(*margin));
            }
            _ => {}
        }
    }
}

/// Writes the derivatives of a loss that looks at a row alone.
#[inline(always)]
fn pointwise(
    y: &[f64],
    weights: Option<&[f64]>,
    margins: &[f64],
    out: &mut [Gradient],
    derivatives: impl Fn(f64, f64) -> [f64; 2],
) {
    let rows = y.iter().zip(margins).zip(out.iter_mut());
    match weights {
        None => {
            for ((&y, &margin), out) in rows {
                *out = derivatives(y, margin).map(|d| d as f32);
            }
        }
        Some(weights) => {
            for (((&y, &margin), out), w) in rows.zip(weights) {
                *out = derivatives(y, margin).map(|d| (w * d) as f32);
            }
        }
    }
}

#[cfg(test)]
mod tests;

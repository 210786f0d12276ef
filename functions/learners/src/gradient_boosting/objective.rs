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
/// The largest label of `rank:ndcg`: gains are powers of two.
const HIGHEST_RANK_LABEL: f64 = 31.0;

impl Objective {
    pub const ALL: [Self; 10] = [
        Self::BinaryLogistic,
        Self::MultiSoftprob,
        Self::SquaredError,
        Self::AbsoluteError,
        Self::PseudoHuberError,
        Self::QuantileError,
        Self::Poisson,
        Self::Gamma,
        Self::Tweedie,
        Self::RankNdcg,
    ];

    /// XGBoost's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::BinaryLogistic => "binary:logistic",
            Self::MultiSoftprob => "multi:softprob",
            Self::SquaredError => "reg:squarederror",
            Self::AbsoluteError => "reg:absoluteerror",
            Self::PseudoHuberError => "reg:pseudohubererror",
            Self::QuantileError => "reg:quantileerror",
            Self::Poisson => "count:poisson",
            Self::Gamma => "reg:gamma",
            Self::Tweedie => "reg:tweedie",
            Self::RankNdcg => "rank:ndcg",
        }
    }

    /// Whether it predicts probabilities of classes.
    pub fn has_classes(self) -> bool {
        matches!(self, Self::BinaryLogistic | Self::MultiSoftprob)
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
            Self::RankNdcg => {
                let bad = |v: f64| v.fract() != 0.0 || !(0.0..=HIGHEST_RANK_LABEL).contains(&v);
                refuse(&bad, "rank:ndcg takes whole numbers from 0 to 31")?;
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
            None if self == Self::RankNdcg => Err(Error::data(
                "rank:ndcg needs to know which rows belong together: name a column of groups",
            )),
            None => Ok(()),
        }
    }

    /// The margin of a prediction.
    pub(super) fn margin_of(self, prediction: f64) -> f64 {
        match self {
            // A class whose rows have no weight must not send the margin to infinity.
            Self::BinaryLogistic => {
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
            Self::BinaryLogistic => sigmoid(margin),
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
            Self::RankNdcg => 0.0,
            Self::BinaryLogistic => {
                let positive: f64 = (0..y.len()).map(|i| weight(i) * y[i]).sum();
                let positive = positive * params.scale_pos_weight;
                let negative: f64 = (0..y.len()).map(|i| weight(i) * (1.0 - y[i])).sum();
                positive / (positive + negative)
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
            Self::BinaryLogistic => {
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
            Self::RankNdcg => {}
        }
    }

    /// From margins (rows x slots) to predictions, in place: numbers, probabilities of class 1, or probabilities of
    /// each class.
    pub(super) fn transform(self, margins: &mut [f64], slots: usize) {
        match self {
            Self::MultiSoftprob => margins.chunks_exact_mut(slots).for_each(softmax),
            Self::BinaryLogistic => margins.iter_mut().for_each(|margin| *margin = sigmoid(*margin)),
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
mod tests {
    use super::*;

    /// The derivatives against differences of the loss.
    #[test]
    fn gradients_are_those_of_the_log_loss() {
        let params = Params::default();
        let loss = |margins: &[f64], class: usize| {
            let mut p = margins.to_vec();
            softmax(&mut p);
            -p[class].ln()
        };
        let margins = [0.3, -0.7, 1.1];
        let mut out = [[0.0; 2]; 3];
        Objective::MultiSoftprob.gradients(&params, &[2.0], None, &margins, &mut out);
        for k in 0..3 {
            let at = |d: f64| {
                let mut m = margins;
                m[k] += d;
                loss(&m, 2)
            };
            assert!((f64::from(out[k][0]) - (at(1e-5) - at(-1e-5)) / 2e-5).abs() < 1e-6);
        }
        let mut out = [[0.0; 2]];
        let params = Params { scale_pos_weight: 3.0, ..params };
        Objective::BinaryLogistic.gradients(&params, &[1.0], Some(&[2.0]), &[0.0], &mut out);
        assert_eq!(out, [[-3.0, 1.5]]);
    }

    #[test]
    fn gradients_are_those_of_their_losses() {
        type Loss = fn(f64, f64) -> f64;
        let losses: [(Objective, Loss, bool); 5] = [
            (Objective::PseudoHuberError, |y, m| 4.0 * ((1.0 + ((m - y) / 2.0).powi(2)).sqrt() - 1.0), true),
            (Objective::Poisson, |y, m| m.exp() - y * m, false),
            (Objective::Gamma, |y, m| y * (-m).exp() + m, true),
            (Objective::Tweedie, |y, m| -y * (-0.3 * m).exp() / -0.3 + (0.7 * m).exp() / 0.7, true),
            (Objective::QuantileError, |y, m| (y - m) * if m > y { 0.2 - 1.0 } else { 0.2 }, false),
        ];
        for (objective, loss, second) in losses {
            let params = Params {
                objective,
                huber_slope: 2.0,
                quantile_alpha: 0.2,
                tweedie_variance_power: 1.3,
                ..Params::default()
            };
            for (y, m) in [(1.5, 0.3), (0.2, -1.0), (3.0, 2.0)] {
                let mut out = [[0.0; 2]];
                objective.gradients(&params, &[y], None, &[m], &mut out);
                let d = 1e-4;
                let first = (loss(y, m + d) - loss(y, m - d)) / (2.0 * d);
                assert!((f64::from(out[0][0]) - first).abs() < 1e-5, "{objective:?} {out:?} {first}");
                let curve = (loss(y, m + d) - 2.0 * loss(y, m) + loss(y, m - d)) / (d * d);
                assert!(
                    !second || (f64::from(out[0][1]) - curve).abs() < 1e-4,
                    "{objective:?} {out:?} {curve}"
                );
            }
        }
    }

    #[test]
    fn labels_are_checked() {
        let check = |objective: Objective, y: &[f64]| objective.check(y, y.len(), None);
        assert_eq!(check(Objective::MultiSoftprob, &[0.0, 1.0, 2.0]).unwrap(), 3);
        assert!(check(Objective::MultiSoftprob, &[0.0, 2.0]).is_err());
        assert!(check(Objective::BinaryLogistic, &[1.0, 1.0]).is_err());
        assert!(matches!(
            check(Objective::BinaryLogistic, &[0.0, 1.0, 2.0]),
            Err(Error::Data { row: Some(2), .. })
        ));
        assert!(check(Objective::BinaryLogistic, &[0.0, 0.5]).is_err());
        assert!(Objective::MultiSoftprob.check(&[3.0], 1, Some(3)).is_err());
        for (objective, bad) in
            [(Objective::Gamma, 0.0), (Objective::Poisson, -1.0), (Objective::RankNdcg, 0.5)]
        {
            assert!(matches!(check(objective, &[1.0, bad]), Err(Error::Data { row: Some(1), .. })));
        }
        assert!(Objective::RankNdcg.check_groups(None, 1).is_err());
    }
}

//! Losses: their derivatives by the margins (the sums of leaf values), and the way back to predictions.

use super::hyperparams::{Objective, Params};
use crate::Error;
use crate::linalg::mean;
use crate::logistic_regression::{sigmoid, softmax};
use crate::matrix::check_target;

/// First and second derivative of the loss.
pub(super) type Gradient = [f32; 2];

/// Keeps second derivatives off 0, where a step has no length; XGBoost's number.
const LEAST_HESSIAN: f64 = 1e-16;

impl Objective {
    /// Margins of a row.
    pub(super) fn slots(self, classes: usize) -> usize {
        if self == Self::MultiSoftprob { classes } else { 1 }
    }

    /// Checks the target and returns its number of classes, 0 for numbers. With `classes` given (from the training
    /// data), labels must be among them.
    pub(super) fn check(self, y: &[f64], rows: usize, classes: Option<usize>) -> Result<usize, Error> {
        check_target(y, rows)?;
        if self == Self::SquaredError {
            return Ok(0);
        }
        if let Some(row) = y.iter().position(|&v| v < 0.0 || v.fract() != 0.0 || v >= f64::from(u16::MAX)) {
            return Err(Error::row(row, format!("the class is {}; classes are 0, 1, 2, ...", y[row])));
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
        match self {
            Self::SquaredError => vec![params.base_score.unwrap_or_else(|| mean(y, weights, total))],
            Self::BinaryLogistic => {
                let p = params.base_score.unwrap_or_else(|| {
                    let positive: f64 = (0..y.len()).map(|i| weight(i) * y[i]).sum();
                    let positive = positive * params.scale_pos_weight;
                    let negative: f64 = (0..y.len()).map(|i| weight(i) * (1.0 - y[i])).sum();
                    positive / (positive + negative)
                });
                // A class whose rows have no weight must not send the margin to infinity.
                let p = p.clamp(1e-6, 1.0 - 1e-6);
                vec![(p / (1.0 - p)).ln()]
            }
            Self::MultiSoftprob => {
                let mut shares = vec![0.0; classes];
                y.iter().enumerate().for_each(|(i, &class)| shares[class as usize] += weight(i));
                let logs: Vec<f64> = shares.iter().map(|share| (share / total).max(1e-6).ln()).collect();
                let centre = logs.iter().sum::<f64>() / classes as f64;
                logs.iter().map(|log| log - centre).collect()
            }
        }
    }

    /// Writes the derivatives, rows x slots, at the margins.
    pub(super) fn gradients(
        self,
        params: &Params,
        y: &[f64],
        weights: Option<&[f64]>,
        margins: &[f64],
        out: &mut [Gradient],
    ) {
        let weight = |i: usize| weights.map_or(1.0, |w| w[i]);
        match self {
            Self::SquaredError => {
                for (i, (out, margin)) in out.iter_mut().zip(margins).enumerate() {
                    let w = weight(i);
                    *out = [(w * (margin - y[i])) as f32, w as f32];
                }
            }
            Self::BinaryLogistic => {
                for (i, (out, &margin)) in out.iter_mut().zip(margins).enumerate() {
                    let w = weight(i) * if y[i] == 1.0 { params.scale_pos_weight } else { 1.0 };
                    let p = sigmoid(margin);
                    *out = [(w * (p - y[i])) as f32, (w * (p * (1.0 - p)).max(LEAST_HESSIAN)) as f32];
                }
            }
            Self::MultiSoftprob => {
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
        }
    }

    /// From margins (rows x slots) to predictions, in place: numbers, probabilities of class 1, or probabilities of
    /// each class.
    pub(super) fn transform(self, margins: &mut [f64], slots: usize) {
        match self {
            Self::SquaredError => {}
            Self::BinaryLogistic => margins.iter_mut().for_each(|margin| *margin = sigmoid(*margin)),
            Self::MultiSoftprob => margins.chunks_exact_mut(slots).for_each(softmax),
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
    }
}

use crate::Error;
use crate::logistic_regression::sigmoid;
use crate::streaming::{Features, View};
use serde::{Deserialize, Serialize};

/// `bias + sum w_j x_j + sum over pairs (v_i . v_j) x_i x_j`: a number, or the score of the second of two classes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct FactorizationMachine {
    pub(super) bias: f64,
    #[serde(with = "crate::packed")]
    pub(super) linear: Vec<f64>,
    /// Features x factors, feature after feature.
    #[serde(with = "crate::packed")]
    pub(super) factors: Vec<f64>,
    pub(super) num_factors: u32,
    /// 0 (numbers) or 2.
    pub(super) classes: u32,
}

/// [`FactorizationMachine`] as it is read, before it is known to hold together.
#[derive(Deserialize)]
struct Stored {
    bias: f64,
    #[serde(with = "crate::packed")]
    linear: Vec<f64>,
    #[serde(with = "crate::packed")]
    factors: Vec<f64>,
    num_factors: u32,
    classes: u32,
}

impl TryFrom<Stored> for FactorizationMachine {
    type Error = &'static str;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        let Stored { bias, linear, factors, num_factors, classes } = stored;
        let model = Self { bias, linear, factors, num_factors, classes };
        let sound = model.linear.len().checked_mul(num_factors as usize) == Some(model.factors.len())
            && matches!(classes, 0 | 2)
            && model.is_finite();
        if sound { Ok(model) } else { Err("the factors are damaged") }
    }
}

impl FactorizationMachine {
    pub(super) fn is_finite(&self) -> bool {
        self.linear.iter().chain(&self.factors).chain([&self.bias]).all(|v| v.is_finite())
    }

    /// 0: it predicts numbers.
    pub fn classes(&self) -> usize {
        self.classes as usize
    }

    /// One weight a feature.
    pub fn linear(&self) -> &[f64] {
        &self.linear
    }

    /// Features x factors, feature after feature.
    pub fn factors(&self) -> &[f64] {
        &self.factors
    }

    /// The score of a row's features that are not 0. `sums` has room for a value a factor, and holds their sums after.
    pub(super) fn score(&self, row: impl Iterator<Item = (u32, f64)>, sums: &mut [f64]) -> f64 {
        let k = sums.len();
        sums.fill(0.0);
        let (mut score, mut squares) = (self.bias, 0.0);
        for (j, x) in row {
            let j = j as usize;
            score += self.linear[j] * x;
            for (sum, v) in sums.iter_mut().zip(&self.factors[j * k..(j + 1) * k]) {
                *sum += v * x;
                squares += (v * x) * (v * x);
            }
        }
        score + 0.5 * (sums.iter().map(|sum| sum * sum).sum::<f64>() - squares)
    }

    fn scores(&self, x: View) -> Result<Vec<f64>, Error> {
        x.check(self.linear.len())?;
        let mut sums = vec![0.0; self.num_factors as usize];
        let rows = super::algorithm::sparse(x);
        Ok((0..x.rows()).map(|i| self.score(rows.row(i), &mut sums)).collect())
    }

    /// One number a row.
    ///
    /// # Errors
    /// For another number of columns than at the fit, and for values that are not finite.
    pub fn predict_numbers<X: Features>(&self, x: &X) -> Result<Vec<f64>, Error> {
        self.scores(x.view())
    }

    /// Probabilities, rows x 2, row after row.
    ///
    /// # Errors
    /// As [`Self::predict_numbers`].
    pub fn predict_proba<X: Features>(&self, x: &X) -> Result<Vec<f64>, Error> {
        let shares = |score: f64| {
            let p = sigmoid(score);
            [1.0 - p, p]
        };
        Ok(self.scores(x.view())?.into_iter().flat_map(shares).collect())
    }
}

//! The penalised mean log loss with its gradient and, for two classes, its Hessian.

use super::sigmoid;
use crate::Columns;
use crate::linalg::gram::Gram;
use crate::linalg::standardize::{BLOCK, Standardizer};
use crate::linalg::{axpy, dot};

/// The loss over one data set.
///
/// Coefficients are those of standardised columns, which makes the search independent of units; the penalty is
/// that of the columns as they are. They lie output after output, each `width` values and the intercept.
pub(super) struct Objective<'a> {
    pub x: &'a Columns<'a>,
    pub y: &'a [u32],
    pub weights: Option<&'a [f64]>,
    pub standardizer: &'a Standardizer,
    /// 1 for two classes (the score of class 1), else one a class.
    pub outputs: usize,
    pub intercept: bool,
    /// The sum of the weights.
    pub total: f64,
    pub lambda: f64,
}

impl Objective<'_> {
    /// Coefficients of one output, the intercept included.
    pub fn stride(&self) -> usize {
        self.x.width() + 1
    }

    /// The penalty's factor of the squared standardised coefficient `j`, per unit of weight.
    fn ridge(&self, j: usize) -> f64 {
        self.lambda / (self.standardizer.scales[j].powi(2) * self.total)
    }

    /// Loss at `beta`; writes its gradient, and adds the Hessian to `hessian` where one is wanted (two classes only).
    pub fn evaluate(&self, beta: &[f64], gradient: &mut [f64], mut hessian: Option<&mut Gram>) -> f64 {
        let (width, stride) = (self.x.width(), self.stride());
        let mut block = vec![0.0; stride * BLOCK];
        let mut scores = vec![0.0; self.outputs * BLOCK];
        let mut curvature = [0.0; BLOCK];
        gradient.fill(0.0);
        if let Some(hessian) = hessian.as_deref_mut() {
            hessian.clear();
        }
        let mut loss = 0.0;
        for start in (0..self.x.rows()).step_by(BLOCK) {
            let rows = self.standardizer.read_block(self.x, start, &mut block[..width * BLOCK]);
            // The constant column: 0 keeps the intercept at 0.
            block[width * BLOCK..].fill(0.0);
            block[width * BLOCK..width * BLOCK + rows].fill(if self.intercept { 1.0 } else { 0.0 });
            scores.fill(0.0);
            for (output, score) in scores.chunks_exact_mut(BLOCK).enumerate() {
                for (j, column) in block.chunks_exact(BLOCK).enumerate() {
                    axpy(beta[output * stride + j], column, score);
                }
            }
            loss += match self.outputs {
                1 => self.binary_residuals(start, rows, &mut scores, &mut curvature),
                _ => self.multinomial_residuals(start, rows, &mut scores),
            };
            for (output, residual) in scores.chunks_exact(BLOCK).enumerate() {
                for (j, column) in block.chunks_exact(BLOCK).enumerate() {
                    gradient[output * stride + j] += dot(column, residual);
                }
            }
            if let Some(hessian) = hessian.as_deref_mut() {
                for column in block.chunks_exact_mut(BLOCK) {
                    column.iter_mut().zip(&curvature).for_each(|(v, root)| *v *= root);
                }
                hessian.add_block(&block);
            }
        }
        gradient.iter_mut().for_each(|g| *g /= self.total);
        if let Some(hessian) = hessian {
            hessian.values.iter_mut().for_each(|h| *h /= self.total);
            for j in 0..width {
                hessian.values[j * stride + j] += self.ridge(j);
            }
        }
        loss / self.total + self.add_penalty(beta, gradient)
    }

    fn add_penalty(&self, beta: &[f64], gradient: &mut [f64]) -> f64 {
        let mut penalty = 0.0;
        for (beta, gradient) in beta.chunks_exact(self.stride()).zip(gradient.chunks_exact_mut(self.stride()))
        {
            for j in 0..self.x.width() {
                let ridge = self.ridge(j);
                penalty += 0.5 * ridge * beta[j] * beta[j];
                gradient[j] += ridge * beta[j];
            }
        }
        penalty
    }

    fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |w| w[row])
    }

    /// Turns scores into weighted residuals `w (p - y)`, and writes the roots of the curvature `w p (1 - p)`.
    fn binary_residuals(&self, start: usize, rows: usize, scores: &mut [f64], curvature: &mut [f64]) -> f64 {
        let mut loss = 0.0;
        for i in 0..rows {
            let (weight, score) = (self.weight(start + i), scores[i]);
            let positive = self.y[start + i] == 1;
            let p = sigmoid(score);
            // log(1 + exp(-margin)), without overflow.
            let margin = if positive { score } else { -score };
            loss += weight * ((-margin).max(0.0) + (-margin.abs()).exp().ln_1p());
            scores[i] = weight * (p - f64::from(u8::from(positive)));
            curvature[i] = (weight * p * (1.0 - p)).sqrt();
        }
        scores[rows..].fill(0.0);
        curvature[rows..].fill(0.0);
        loss
    }

    /// Turns scores (outputs x [`BLOCK`]) into weighted residuals `w (p_k - [y = k])`.
    fn multinomial_residuals(&self, start: usize, rows: usize, scores: &mut [f64]) -> f64 {
        let mut loss = 0.0;
        for i in 0..BLOCK {
            let places = (i..scores.len()).step_by(BLOCK);
            if i >= rows {
                places.for_each(|place| scores[place] = 0.0);
                continue;
            }
            let (weight, class) = (self.weight(start + i), self.y[start + i] as usize);
            let highest = places.clone().map(|place| scores[place]).fold(f64::NEG_INFINITY, f64::max);
            let own = scores[class * BLOCK + i];
            let mut sum = 0.0;
            for place in places.clone() {
                scores[place] = (scores[place] - highest).exp();
                sum += scores[place];
            }
            loss += weight * (sum.ln() + highest - own);
            places.for_each(|place| scores[place] *= weight / sum);
            scores[class * BLOCK + i] -= weight;
        }
        loss
    }
}

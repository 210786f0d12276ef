//! Scores and gradients of rows of which only the values that are not 0 are held.
//!
//! Normalised, a value `x` is `(x - mean) / scale`, which is not 0 where `x` is. What zeros add to a row's score is the same
//! for all rows: it is added up once a mini-batch, and taken off the gradient once.

use super::Model;
use super::algorithm::{Block, LinearLearner};
use crate::linalg::dot;
use crate::linalg::standardize::BLOCK;
use crate::logistic_regression::{sigmoid, softmax};
use crate::streaming::Batch;
use crate::{Error, SparseRows};

/// What is known of the features while the model learns from a batch.
pub(super) struct Normal {
    /// A value's share of its normalised one.
    factors: Vec<f64>,
    /// The normalised value of 0, turned round; none: it is 0 for all features.
    origin: Option<Vec<f64>>,
}

impl LinearLearner {
    /// Steps over the mini-batches of rows in this order.
    pub(super) fn learn_sparse(&mut self, batch: Batch<SparseRows>, order: &[u32]) {
        let normal = self.normal();
        let mut block = self.block(0);
        let mut gradient = vec![0.0; self.weights.len()];
        let mut sums = vec![0.0; self.outputs];
        for mini_batch in order.chunks(self.mini_batch) {
            gradient.fill(0.0);
            sums.fill(0.0);
            let offsets = self.offsets(&normal, &self.weights);
            let mut total = 0.0;
            for rows in mini_batch.chunks(BLOCK) {
                let rows = rows.iter().map(|&i| i as usize);
                let weights = (&self.weights[..], &offsets[..]);
                self.loss.0 += self.evaluate_sparse(&mut block, &normal, batch, rows.clone(), weights);
                total += block.weights.iter().sum::<f64>();
                self.add_sparse(&block, &normal, batch.x, rows, (&mut gradient, &mut sums));
            }
            self.loss.1 += total;
            if total > 0.0 {
                self.shift(&normal, &mut gradient, &sums);
                self.step(&mut gradient, total);
            }
        }
    }

    pub(super) fn normal(&self) -> Normal {
        let factors: Vec<f64> = self.scales[..self.width].iter().map(|scale| 1.0 / scale).collect();
        let origin: Vec<f64> = factors.iter().zip(&self.means).map(|(factor, mean)| mean * factor).collect();
        Normal { factors, origin: origin.iter().any(|v| *v != 0.0).then_some(origin) }
    }

    /// The score of a row of zeros, for each output.
    pub(super) fn offsets(&self, normal: &Normal, weights: &[f64]) -> Vec<f64> {
        let of_output = |weights: &[f64]| {
            let bias = if self.params.use_bias { weights[self.width] } else { 0.0 };
            bias - normal.origin.as_ref().map_or(0.0, |origin| dot(&weights[..self.width], origin))
        };
        weights.chunks_exact(self.width + 1).map(of_output).collect()
    }

    /// Scores rows of a batch, at most [`BLOCK`] of them, and turns scores into weighted slopes of the loss. Returns the
    /// weighted loss. `offsets` are those of the weights.
    pub(super) fn evaluate_sparse(
        &self,
        block: &mut Block,
        normal: &Normal,
        batch: Batch<SparseRows>,
        rows: impl ExactSizeIterator<Item = usize> + Clone,
        (weights, offsets): (&[f64], &[f64]),
    ) -> f64 {
        block.scores.fill(0.0);
        let outputs = weights.chunks_exact(self.width + 1).zip(block.scores.chunks_exact_mut(BLOCK));
        for ((weights, scores), offset) in outputs.zip(offsets) {
            for (score, i) in scores.iter_mut().zip(rows.clone()) {
                let values =
                    batch.x.row(i).map(|(j, x)| weights[j as usize] * (x * normal.factors[j as usize]));
                *score = offset + values.sum::<f64>();
            }
        }
        self.read_targets(block, batch, rows);
        self.slopes(block)
    }

    /// Adds what rows of a block say to the gradient, as if 0 were 0 when normalised, and to the sum of slopes of each
    /// output.
    fn add_sparse(
        &self,
        block: &Block,
        normal: &Normal,
        x: &SparseRows,
        rows: impl Iterator<Item = usize> + Clone,
        (gradient, sums): (&mut [f64], &mut [f64]),
    ) {
        let outputs = block.scores.chunks_exact(BLOCK).zip(gradient.chunks_exact_mut(self.width + 1));
        for ((slopes, gradient), sum) in outputs.zip(sums) {
            for (slope, i) in slopes.iter().zip(rows.clone()) {
                *sum += slope;
                if *slope != 0.0 {
                    let values = x.row(i);
                    values
                        .for_each(|(j, x)| gradient[j as usize] += slope * (x * normal.factors[j as usize]));
                }
            }
        }
    }

    /// Ends the gradient of a mini-batch with these sums of slopes.
    fn shift(&self, normal: &Normal, gradient: &mut [f64], sums: &[f64]) {
        for (gradient, sum) in gradient.chunks_exact_mut(self.width + 1).zip(sums) {
            if let Some(origin) = &normal.origin {
                gradient.iter_mut().zip(origin).for_each(|(gradient, origin)| *gradient -= origin * sum);
            }
            gradient[self.width] = if self.params.use_bias { *sum } else { 0.0 };
        }
    }
}

impl Model {
    /// A number a row, or probabilities, rows x classes.
    ///
    /// # Errors
    /// For another number of features than at the fit, and for values that are not finite.
    pub fn predict_sparse(&self, x: &SparseRows) -> Result<Vec<f64>, Error> {
        let (coefficients, intercepts) = match self {
            Self::Numbers(model) => (model.coefficients(), &[model.intercept()][..]),
            Self::Classes(model) => (model.coefficients(), model.intercepts()),
        };
        let width = coefficients.len() / intercepts.len().max(1);
        if x.width() != width {
            let message = format!("the model was fitted on {width} features, the rows have {}", x.width());
            return Err(Error::data(message));
        }
        x.check()?;
        let score = |i: usize, output: usize| {
            let own = &coefficients[output * width..(output + 1) * width];
            x.row(i).fold(intercepts[output], |score, (j, value)| score + own[j as usize] * value)
        };
        let outputs = intercepts.len();
        let mut answers = Vec::with_capacity(x.rows() * outputs.max(2));
        for i in 0..x.rows() {
            match self {
                Self::Numbers(_) => answers.push(score(i, 0)),
                Self::Classes(_) if outputs == 1 => {
                    let p = sigmoid(score(i, 0));
                    answers.extend([1.0 - p, p]);
                }
                Self::Classes(_) => {
                    let start = answers.len();
                    answers.extend((0..outputs).map(|output| score(i, output)));
                    softmax(&mut answers[start..]);
                }
            }
        }
        Ok(answers)
    }
}

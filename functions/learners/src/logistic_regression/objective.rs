//! The penalised mean log loss with its gradient and its Hessian.

use crate::Columns;
use crate::linalg::exp::{exp, ln_1p_unit};
use crate::linalg::gram::Gram;
use crate::linalg::standardize::{BLOCK, Standardizer};
use crate::linalg::{add_combination, add_products};

/// The smooth part of the loss over one data set, or over every so many blocks of it.
///
/// Coefficients are those of standardised columns, which makes the search independent of units; the penalty is
/// that of the columns as they are. They lie output after output, each `width` values and the intercept.
#[derive(Clone, Copy)]
pub(super) struct Objective<'a> {
    pub x: &'a Columns<'a>,
    pub y: &'a [u32],
    pub weights: Option<&'a [f64]>,
    pub standardizer: &'a Standardizer,
    /// 1 for two classes (the score of class 1), else one a class.
    pub outputs: usize,
    pub intercept: bool,
    /// The sum of all weights.
    pub total: f64,
    /// Factors of absolute coefficients (not in the smooth part) and of half the squared ones.
    pub l1: f64,
    pub l2: f64,
    /// Of so many blocks of rows one is looked at.
    pub step: usize,
}

/// Room that the blocks share.
struct Scratch {
    block: Vec<f64>,
    scores: Vec<f64>,
    weights: [f64; BLOCK],
    labels: [f64; BLOCK],
    /// Of each output and row: what the Hessian's columns are multiplied by.
    curvature: Vec<f64>,
}

impl Objective<'_> {
    /// Coefficients of one output, the intercept included.
    pub fn stride(&self) -> usize {
        self.x.width() + 1
    }

    /// The penalty's factor of half the squared standardised coefficient `j`, per unit of weight.
    pub fn ridge(&self, j: usize) -> f64 {
        self.l2 / (self.standardizer.scales[j].powi(2) * self.total)
    }

    /// The penalty's factor of the absolute standardised coefficient `j`, per unit of weight.
    pub fn lasso(&self, j: usize) -> f64 {
        self.l1 / (self.standardizer.scales[j] * self.total)
    }

    /// Loss at `beta`; writes its gradient, and the Hessian to `hessian` where one is wanted (outputs x stride wide).
    pub fn evaluate(&self, beta: &[f64], gradient: &mut [f64], mut hessian: Option<&mut Gram>) -> f64 {
        let (width, stride) = (self.x.width(), self.stride());
        let mut scratch = Scratch {
            block: vec![0.0; stride * BLOCK],
            scores: vec![0.0; self.outputs * BLOCK],
            weights: [1.0; BLOCK],
            labels: [0.0; BLOCK],
            curvature: vec![0.0; if hessian.is_some() { self.outputs * BLOCK } else { 0 }],
        };
        let mut parts = hessian.as_ref().filter(|_| self.outputs > 1).map(|_| Gram::new(stride));
        gradient.fill(0.0);
        if let Some(hessian) = hessian.as_deref_mut() {
            hessian.clear();
        }
        let (mut loss, mut total) = (0.0, 0.0);
        for start in (0..self.x.rows()).step_by(BLOCK * self.step) {
            let Scratch { block, scores, weights, labels, curvature } = &mut scratch;
            let rows = self.standardizer.read_block(self.x, start, &mut block[..width * BLOCK]);
            // The constant column: 0 keeps the intercept at 0.
            let constant = &mut block[width * BLOCK..];
            constant.fill(if self.intercept { 1.0 } else { 0.0 });
            constant[rows..].fill(0.0);
            if let Some(w) = self.weights {
                weights[..rows].copy_from_slice(&w[start..start + rows]);
            }
            weights[rows..].fill(0.0);
            total += weights.iter().sum::<f64>();
            scores.fill(0.0);
            for (beta, scores) in beta.chunks_exact(stride).zip(scores.chunks_exact_mut(BLOCK)) {
                add_combination(block, beta, scores);
            }
            let y = &self.y[start..start + rows];
            loss += match self.outputs {
                1 => {
                    labels.iter_mut().zip(y).for_each(|(label, &y)| *label = f64::from(u8::from(y == 1)));
                    binary_residuals(weights, labels, scores, curvature)
                }
                _ => multinomial_residuals(weights, y, scores, curvature, self.weights.is_none()),
            };
            for (residual, gradient) in scores.chunks_exact(BLOCK).zip(gradient.chunks_exact_mut(stride)) {
                add_products(block, residual, gradient);
            }
            match (hessian.as_deref_mut(), &mut parts) {
                (Some(hessian), None) => {
                    multiply(block, curvature);
                    hessian.add_block(block);
                }
                (Some(hessian), Some(part)) => add_outputs(hessian, part, block, curvature, weights),
                (None, _) => {}
            }
        }
        gradient.iter_mut().for_each(|g| *g /= total);
        if let Some(hessian) = hessian {
            hessian.values.iter_mut().for_each(|h| *h /= total);
            for place in (0..self.outputs * stride).filter(|place| place % stride < width) {
                hessian.values[place * (self.outputs * stride + 1)] += self.ridge(place % stride);
            }
        }
        loss / total + self.add_ridge(beta, gradient)
    }

    fn add_ridge(&self, beta: &[f64], gradient: &mut [f64]) -> f64 {
        let mut penalty = 0.0;
        if self.l2 == 0.0 {
            return penalty;
        }
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
}

/// Multiplies each column by `factors`.
fn multiply(block: &mut [f64], factors: &[f64]) {
    for column in block.chunks_exact_mut(BLOCK) {
        column.iter_mut().zip(factors).for_each(|(v, factor)| *v *= factor);
    }
}

/// Turns scores into weighted residuals `w (p - y)`, and writes the roots of the curvature `w p (1 - p)` where there is
/// room for them. Returns the loss. Not inlined: there LLVM leaves loops scalar for wasm32.
#[inline(never)]
fn binary_residuals(
    weights: &[f64; BLOCK],
    labels: &[f64; BLOCK],
    scores: &mut [f64],
    roots: &mut [f64],
) -> f64 {
    let mut losses = [0.0; BLOCK];
    let rows = scores.iter_mut().zip(weights).zip(labels).zip(&mut losses);
    for (((score, weight), label), loss) in rows {
        let s = *score;
        let e = exp(-s.abs());
        let likelier = 1.0 / (1.0 + e);
        let p = if s >= 0.0 { likelier } else { e * likelier };
        let above = if s >= 0.0 { s } else { 0.0 };
        *loss = weight * (above - label * s + ln_1p_unit(e));
        *score = weight * (p - label);
    }
    if !roots.is_empty() {
        // w p (1 - p) from w (p - y): |r| (1 - |r| / w).
        for ((root, residual), weight) in roots.iter_mut().zip(scores.iter()).zip(weights) {
            let share = if *weight > 0.0 { residual.abs() / weight } else { 0.0 };
            *root = (weight * share * (1.0 - share)).sqrt();
        }
    }
    losses.iter().sum()
}

/// Turns scores (outputs x [`BLOCK`]) into weighted residuals `w (p_k - [y = k])`, and writes the probabilities where
/// there is room for them. Returns the loss. `even`: every row weighs 1.
#[inline(never)]
fn multinomial_residuals(
    weights: &[f64; BLOCK],
    y: &[u32],
    scores: &mut [f64],
    proba: &mut [f64],
    even: bool,
) -> f64 {
    /// So many sums of up to 2^31 classes can be multiplied.
    const FACTORS: usize = 32;
    let mut highest = [f64::NEG_INFINITY; BLOCK];
    for output in scores.chunks_exact(BLOCK) {
        highest.iter_mut().zip(output).for_each(|(high, &s)| *high = if s > *high { s } else { *high });
    }
    let mut loss = 0.0;
    for (i, &class) in y.iter().enumerate() {
        loss += weights[i] * (highest[i] - scores[class as usize * BLOCK + i]);
    }
    let mut sums = [0.0; BLOCK];
    for output in scores.chunks_exact_mut(BLOCK) {
        for ((s, high), sum) in output.iter_mut().zip(&highest).zip(&mut sums) {
            *s = exp(*s - high);
            *sum += *s;
        }
    }
    loss += match even {
        // One logarithm of a product for many rows.
        true => {
            sums[..y.len()].chunks(FACTORS).map(|sums| libm::log(sums.iter().product::<f64>())).sum::<f64>()
        }
        false => sums.iter().zip(weights).map(|(sum, w)| w * libm::log(*sum)).sum(),
    };
    sums.iter_mut().for_each(|sum| *sum = 1.0 / *sum);
    for output in scores.chunks_exact_mut(BLOCK) {
        output.iter_mut().zip(&sums).for_each(|(s, inverse)| *s *= inverse);
    }
    if !proba.is_empty() {
        proba.copy_from_slice(scores);
    }
    for output in scores.chunks_exact_mut(BLOCK) {
        output.iter_mut().zip(weights).for_each(|(s, weight)| *s *= weight);
    }
    for (i, &class) in y.iter().enumerate() {
        scores[class as usize * BLOCK + i] -= weights[i];
    }
    loss
}

/// Adds a block's `w (p_k [k = l] - p_k p_l) x x'` for all pairs of outputs.
fn add_outputs(hessian: &mut Gram, part: &mut Gram, block: &[f64], proba: &[f64], weights: &[f64; BLOCK]) {
    let stride = part.width;
    let mut all = Vec::with_capacity(proba.len() / BLOCK * block.len());
    for (k, p) in proba.chunks_exact(BLOCK).enumerate() {
        let mut own = block.to_vec();
        let roots: Vec<f64> = p.iter().zip(weights).map(|(p, w)| (p * w).sqrt()).collect();
        multiply(&mut own, &roots);
        part.clear();
        part.add_block(&own);
        for i in 0..stride {
            for j in 0..=i {
                hessian.values[(k * stride + i) * hessian.width + k * stride + j] += part.at(i, j);
            }
        }
        // What is left of sqrt(p w) is sqrt(p): together p sqrt(w).
        let roots: Vec<f64> = p.iter().map(|p| p.sqrt()).collect();
        multiply(&mut own, &roots);
        all.extend(own);
    }
    let mut pairs = Gram::new(hessian.width);
    pairs.add_block(&all);
    hessian.values.iter_mut().zip(&pairs.values).for_each(|(h, pair)| *h -= pair);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Matrix;

    /// Gradient and Hessian against differences, with weights, for two classes and more.
    #[test]
    fn derivatives_are_those_of_the_loss() {
        let values: Vec<f64> = (0..300 * 3).map(|i| (i as f64 * 0.71).sin() * 2.0).collect();
        let x = Matrix::from_rows(&values, 3).unwrap();
        let (x, w) = (x.columns(), (0..300).map(|i| (i % 3) as f64).collect::<Vec<_>>());
        let standardizer = Standardizer { means: vec![0.1, 0.0, 0.0], scales: vec![1.0, 2.0, 0.5] };
        for outputs in [1, 3] {
            let y: Vec<u32> =
                (0..300).map(|i| (i * i % 7) as u32 % if outputs == 1 { 2 } else { 3 }).collect();
            for weights in [None, Some(&w[..])] {
                let total = weights.map_or(300.0, |w| w.iter().sum());
                let objective = Objective {
                    x: &x,
                    y: &y,
                    weights,
                    standardizer: &standardizer,
                    outputs,
                    intercept: true,
                    total,
                    l1: 0.0,
                    l2: 3.0,
                    step: 1,
                };
                let n = outputs * 4;
                let beta: Vec<f64> = (0..n).map(|j| (j as f64).cos() * 0.5).collect();
                let (mut gradient, mut hessian) = (vec![0.0; n], Gram::new(n));
                objective.evaluate(&beta, &mut gradient, Some(&mut hessian));
                let h = 1e-5;
                for j in 0..n {
                    let at = |delta: f64| {
                        let (mut beta, mut gradient) = (beta.clone(), vec![0.0; n]);
                        beta[j] += delta;
                        (objective.evaluate(&beta, &mut gradient, None), gradient)
                    };
                    let ((up, up_slopes), (down, down_slopes)) = (at(h), at(-h));
                    assert!(((up - down) / (2.0 * h) - gradient[j]).abs() < 1e-8, "{outputs} {j}");
                    for k in 0..n {
                        let curvature = (up_slopes[k] - down_slopes[k]) / (2.0 * h);
                        assert!((curvature - hessian.at(k, j)).abs() < 1e-8, "{outputs} {j} {k}");
                    }
                }
            }
        }
    }
}

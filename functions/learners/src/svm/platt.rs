//! Probabilities from decisions.
//!
//! H.-T. Lin, C.-J. Lin, R. C. Weng, A Note on Platt's Probabilistic Outputs for Support Vector Machines, Machine
//! Learning 68, 2007; T.-F. Wu, C.-J. Lin, R. C. Weng, Probability Estimates for Multi-class Classification by Pairwise
//! Coupling, JMLR 5, 2004, the second way.

use serde::{Deserialize, Serialize};

/// `P(positive | f) = 1 / (1 + exp(a f + b))`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Sigmoid {
    pub a: f64,
    pub b: f64,
}

impl Sigmoid {
    /// Fits decisions to whether they should have been positive, by Newton's method.
    pub fn fit(decisions: &[f64], positive: &[bool]) -> Self {
        const MAX_ITER: usize = 100;
        const LEAST_STEP: f64 = 1e-10;
        const DAMPING: f64 = 1e-12;
        let positives = positive.iter().filter(|&&p| p).count() as f64;
        let negatives = positive.len() as f64 - positives;
        let (high, low) = ((positives + 1.0) / (positives + 2.0), 1.0 / (negatives + 2.0));
        let target = |i: usize| if positive[i] { high } else { low };
        let loss = |a: f64, b: f64| -> f64 {
            let one = |(i, f): (usize, &f64)| {
                let s = a * f + b;
                let ln = libm::log1p(libm::exp(-s.abs()));
                if s >= 0.0 { target(i) * s + ln } else { (target(i) - 1.0) * s + ln }
            };
            decisions.iter().enumerate().map(one).sum()
        };
        let (mut a, mut b) = (0.0, libm::log((negatives + 1.0) / (positives + 1.0)));
        let mut value = loss(a, b);
        for _ in 0..MAX_ITER {
            let (mut h11, mut h22, mut h21, mut g1, mut g2) = (DAMPING, DAMPING, 0.0, 0.0, 0.0);
            for (i, f) in decisions.iter().enumerate() {
                let p = crate::logistic_regression::sigmoid(-(a * f + b));
                let (d1, d2) = (target(i) - p, p * (1.0 - p));
                h11 += f * f * d2;
                h22 += d2;
                h21 += f * d2;
                g1 += f * d1;
                g2 += d1;
            }
            if g1.abs() < 1e-5 && g2.abs() < 1e-5 {
                break;
            }
            let determinant = h11 * h22 - h21 * h21;
            let (da, db) = (-(h22 * g1 - h21 * g2) / determinant, -(h11 * g2 - h21 * g1) / determinant);
            let slope = g1 * da + g2 * db;
            let mut step = 1.0;
            while step >= LEAST_STEP {
                let (new_a, new_b) = (a + step * da, b + step * db);
                let new = loss(new_a, new_b);
                if new < value + 1e-4 * step * slope {
                    (a, b, value) = (new_a, new_b, new);
                    break;
                }
                step *= 0.5;
            }
            if step < LEAST_STEP {
                break;
            }
        }
        Self { a, b }
    }

    pub fn probability(&self, decision: f64) -> f64 {
        // Certainty in a pair would leave nothing for the other pairs to say.
        const LEAST: f64 = 1e-7;
        crate::logistic_regression::sigmoid(-(self.a * decision + self.b)).clamp(LEAST, 1.0 - LEAST)
    }
}

/// Probabilities of the classes from those of the first in each pair, `pairs[i * classes + j]`.
pub(super) fn couple(pairs: &[f64], proba: &mut [f64]) {
    let classes = proba.len();
    let r = |i: usize, j: usize| pairs[i * classes + j];
    let mut q = vec![0.0; classes * classes];
    for i in 0..classes {
        for j in (0..classes).filter(|&j| j != i) {
            q[i * classes + i] += r(j, i) * r(j, i);
            q[i * classes + j] = -r(j, i) * r(i, j);
        }
    }
    proba.fill(1.0 / classes as f64);
    let mut qp = vec![0.0; classes];
    for _ in 0..classes.max(100) {
        let mut total = 0.0;
        for i in 0..classes {
            qp[i] = (0..classes).map(|j| q[i * classes + j] * proba[j]).sum();
            total += proba[i] * qp[i];
        }
        let error = qp.iter().map(|v| (v - total).abs()).fold(0.0, f64::max);
        if error < 0.005 / classes as f64 {
            break;
        }
        for i in 0..classes {
            let diff = (total - qp[i]) / q[i * classes + i];
            proba[i] += diff;
            total = (total + diff * (diff * q[i * classes + i] + 2.0 * qp[i])) / (1.0 + diff) / (1.0 + diff);
            for j in 0..classes {
                qp[j] = (qp[j] + diff * q[i * classes + j]) / (1.0 + diff);
                proba[j] /= 1.0 + diff;
            }
        }
    }
    // What rounding leaves.
    let sum: f64 = proba.iter().sum();
    proba.iter_mut().for_each(|p| *p /= sum);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coupled_probabilities_agree_with_pairs_that_agree() {
        let truth = [0.5, 0.3, 0.2];
        let pairs: Vec<f64> = (0..9).map(|k| truth[k / 3] / (truth[k / 3] + truth[k % 3])).collect();
        let mut proba = [0.0; 3];
        couple(&pairs, &mut proba);
        for (p, t) in proba.iter().zip(truth) {
            assert!((p - t).abs() < 5e-3, "{proba:?}");
        }
    }

    #[test]
    fn the_sigmoid_finds_the_shares() {
        // Of decision 1 three in four are positive, of decision -1 one in four.
        let decisions: Vec<f64> = (0..4000).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let positive: Vec<bool> = (0..4000).map(|i| (i / 2 % 4 == 0) != (i % 2 == 0)).collect();
        let sigmoid = Sigmoid::fit(&decisions, &positive);
        assert!((sigmoid.probability(1.0) - 0.75).abs() < 1e-2, "{sigmoid:?}");
        assert!((sigmoid.probability(-1.0) - 0.25).abs() < 1e-2);
    }
}

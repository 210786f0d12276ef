//! H.-T. Lin, C.-J. Lin, R. C. Weng, A Note on Platt's Probabilistic Outputs for Support Vector Machines, Machine
//! Learning 68, 2007.

use serde::{Deserialize, Serialize};

/// `P(positive | f) = 1 / (1 + exp(a f + b))`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sigmoid {
    a: f64,
    b: f64,
}

impl Sigmoid {
    /// Fits decisions to whether they should have been positive, by Newton's method.
    ///
    /// A row of weight 2 counts like two rows.
    pub fn fit(decisions: &[f64], positive: &[bool], weights: Option<&[f64]>) -> Self {
        const MAX_ITER: usize = 100;
        const LEAST_STEP: f64 = 1e-10;
        const DAMPING: f64 = 1e-12;
        let weight = |i: usize| weights.map_or(1.0, |w| w[i]);
        let total =
            |side: bool| -> f64 { (0..positive.len()).filter(|&i| positive[i] == side).map(weight).sum() };
        let (positives, negatives) = (total(true), total(false));
        let (high, low) = ((positives + 1.0) / (positives + 2.0), 1.0 / (negatives + 2.0));
        let target = |i: usize| if positive[i] { high } else { low };
        let loss = |a: f64, b: f64| -> f64 {
            let one = |(i, f): (usize, &f64)| {
                let s = a * f + b;
                let ln = libm::log1p(libm::exp(-s.abs()));
                weight(i) * if s >= 0.0 { target(i) * s + ln } else { (target(i) - 1.0) * s + ln }
            };
            decisions.iter().enumerate().map(one).sum()
        };
        let (mut a, mut b) = (0.0, libm::log((negatives + 1.0) / (positives + 1.0)));
        let mut value = loss(a, b);
        for _ in 0..MAX_ITER {
            let (mut h11, mut h22, mut h21, mut g1, mut g2) = (DAMPING, DAMPING, 0.0, 0.0, 0.0);
            for (i, f) in decisions.iter().enumerate() {
                let p = crate::logistic_regression::sigmoid(-(a * f + b));
                let (d1, d2) = (weight(i) * (target(i) - p), weight(i) * p * (1.0 - p));
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
        crate::logistic_regression::sigmoid(-(self.a * decision + self.b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sigmoid_finds_the_shares() {
        // Of decision 1 three in four are positive, of decision -1 one in four.
        let decisions: Vec<f64> = (0..4000).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let positive: Vec<bool> = (0..4000).map(|i| (i / 2 % 4 == 0) != (i % 2 == 0)).collect();
        let sigmoid = Sigmoid::fit(&decisions, &positive, None);
        assert!((sigmoid.probability(1.0) - 0.75).abs() < 1e-2, "{sigmoid:?}");
        assert!((sigmoid.probability(-1.0) - 0.25).abs() < 1e-2);
    }

    #[test]
    fn a_weight_counts_like_repeated_rows() {
        let weighted = Sigmoid::fit(&[1.0, 0.5, -1.0], &[true, false, false], Some(&[2.0, 1.0, 3.0]));
        let decisions = [1.0, 1.0, 0.5, -1.0, -1.0, -1.0];
        let repeated = Sigmoid::fit(&decisions, &[true, true, false, false, false, false], None);
        assert!((weighted.a - repeated.a).abs() < 1e-9 && (weighted.b - repeated.b).abs() < 1e-9);
    }
}

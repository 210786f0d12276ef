//! Probabilities of several classes from those of pairs.
//!
//! T.-F. Wu, C.-J. Lin, R. C. Weng, Probability Estimates for Multi-class Classification by Pairwise
//! Coupling, JMLR 5, 2004, the second way.

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
}

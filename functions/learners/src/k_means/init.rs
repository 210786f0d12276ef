//! Greedy k-means++: each next centre is the best of a few rows drawn by their squared distance to the centres.
//!
//! D. Arthur, S. Vassilvitskii, k-means++: the advantages of careful seeding, SODA 2007; the number of candidates
//! is scikit-learn's.

use super::lloyd::Data;
use crate::rng::Rng;

/// `k` rows as centres, row after row. There are at least `k` rows.
pub(super) fn plus_plus(data: &Data, k: usize, rng: &mut Rng) -> Vec<f64> {
    let candidates = 2 + (k as f64).ln() as usize;
    let mut centres = Vec::with_capacity(k * data.width());
    let mut closest = vec![f64::INFINITY; data.rows()];
    let weights = |i: usize| data.weight(i);
    let first = draw(rng, data.rows(), weights);
    centres.extend(data.row(first));
    data.lower_to(&data.row(first), &mut closest);
    let mut trial = vec![0.0; data.rows()];
    let mut best = vec![0.0; data.rows()];
    for _ in 1..k {
        let mut least = f64::INFINITY;
        let mut chosen = 0;
        for _ in 0..candidates {
            let candidate = draw(rng, data.rows(), |i| closest[i] * weights(i));
            trial.copy_from_slice(&closest);
            data.lower_to(&data.row(candidate), &mut trial);
            let left: f64 = trial.iter().enumerate().map(|(i, d)| d * weights(i)).sum();
            if left < least {
                (least, chosen) = (left, candidate);
                std::mem::swap(&mut best, &mut trial);
            }
        }
        centres.extend(data.row(chosen));
        std::mem::swap(&mut closest, &mut best);
    }
    centres
}

/// A row drawn in proportion to its mass; uniformly if no row has any.
fn draw(rng: &mut Rng, rows: usize, mass: impl Fn(usize) -> f64) -> usize {
    let total: f64 = (0..rows).map(&mass).sum();
    if total <= 0.0 {
        return rng.below(rows);
    }
    let mut left = rng.unit() * total;
    let mut last = 0;
    for i in 0..rows {
        let share = mass(i);
        if share > 0.0 {
            last = i;
            if left < share {
                return i;
            }
            left -= share;
        }
    }
    last
}

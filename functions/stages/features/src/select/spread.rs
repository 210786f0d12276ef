//! Features that vary, and those that do not repeat others.

use super::Candidate;

/// Those whose variance is above a threshold, as scikit-learn's `VarianceThreshold`. At 0 a feature that is constant but for
/// rounding has none.
pub fn above(candidates: &[Candidate], threshold: f64) -> Vec<bool> {
    let one = |candidate: &Candidate| {
        let present: Vec<f64> = candidate.values.iter().copied().filter(|value| !value.is_nan()).collect();
        let Some(first) = present.first() else { return false };
        let mean = present.iter().sum::<f64>() / present.len() as f64;
        let variance =
            present.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / present.len() as f64;
        variance > threshold && present.iter().any(|value| value != first)
    };
    candidates.iter().map(one).collect()
}

/// Those whose correlation with each one that is kept before them is at most a threshold, whatever its sign. Rows where either
/// value is missing do not count.
pub fn apart(candidates: &[Candidate], threshold: f64) -> Vec<bool> {
    let mut kept: Vec<bool> = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let before = candidates.iter().zip(&kept).filter(|(_, kept)| **kept);
        let repeats = before.map(|(other, _)| correlation(&candidate.values, &other.values).abs());
        let repeats = repeats.into_iter().any(|correlation| correlation > threshold);
        kept.push(!repeats);
    }
    kept
}

/// Pearson's correlation over the rows that have both values; 0 if one of them is constant.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let both = || a.iter().zip(b).filter(|(a, b)| !a.is_nan() && !b.is_nan());
    let count = both().count() as f64;
    if count < 2.0 {
        return 0.0;
    }
    let (sum_a, sum_b) = both().fold((0.0, 0.0), |(x, y), (a, b)| (x + a, y + b));
    let (mean_a, mean_b) = (sum_a / count, sum_b / count);
    let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
    for (a, b) in both() {
        let (a, b) = (a - mean_a, b - mean_b);
        aa += a * a;
        bb += b * b;
        ab += a * b;
    }
    if aa <= 0.0 || bb <= 0.0 { 0.0 } else { ab / (aa.sqrt() * bb.sqrt()) }
}

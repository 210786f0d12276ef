//! How far two partitions of the same rows agree, whatever their labels are called.

use super::check_rows;
use crate::Error;
use std::collections::BTreeMap;

/// Rows by pair of labels, and by label on either side.
struct Contingency {
    pairs: Vec<(f64, f64, f64)>,
    left: Vec<f64>,
    right: Vec<f64>,
    rows: f64,
}

impl Contingency {
    fn new(truth: &[u32], clusters: &[u32]) -> Result<Self, Error> {
        let rows = check_rows(truth.len(), clusters.len(), None)?;
        let (mut pairs, mut left, mut right) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for (&t, &c) in truth.iter().zip(clusters) {
            *pairs.entry((t, c)).or_insert(0.0) += 1.0;
            *left.entry(t).or_insert(0.0) += 1.0;
            *right.entry(c).or_insert(0.0) += 1.0;
        }
        let pairs = pairs.iter().map(|((t, c), &n)| (n, left[t], right[c])).collect();
        Ok(Self { pairs, left: left.into_values().collect(), right: right.into_values().collect(), rows })
    }
}

/// Hubert and Arabie's adjusted Rand index: 1 for equal partitions, about 0 for unrelated ones.
pub fn adjusted_rand(truth: &[u32], clusters: &[u32]) -> Result<f64, Error> {
    let table = Contingency::new(truth, clusters)?;
    let pairs = |n: f64| n * (n - 1.0) / 2.0;
    let both: f64 = table.pairs.iter().map(|pair| pairs(pair.0)).sum();
    let left: f64 = table.left.iter().copied().map(pairs).sum();
    let right: f64 = table.right.iter().copied().map(pairs).sum();
    let all = pairs(table.rows);
    let expected = if all > 0.0 { left * right / all } else { 0.0 };
    let most = (left + right) / 2.0;
    Ok(if most == expected { 1.0 } else { (both - expected) / (most - expected) })
}

/// Mutual information over the arithmetic mean of both entropies: 0 to 1.
pub fn normalized_mutual_information(truth: &[u32], clusters: &[u32]) -> Result<f64, Error> {
    let table = Contingency::new(truth, clusters)?;
    // As scikit-learn: two partitions without any parts agree.
    if table.left.len() == 1 && table.right.len() == 1 {
        return Ok(1.0);
    }
    let entropy = |counts: &[f64]| -> f64 {
        counts.iter().map(|n| n / table.rows).map(|share| -share * libm::log(share)).sum()
    };
    let information: f64 = table
        .pairs
        .iter()
        .map(|&(n, left, right)| n / table.rows * libm::log(n * table.rows / (left * right)))
        .sum();
    let mean = (entropy(&table.left) + entropy(&table.right)) / 2.0;
    Ok(if mean > 0.0 { (information / mean).clamp(0.0, 1.0) } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_matter() {
        let (a, b) = ([0, 0, 1, 1, 2], [5, 5, 9, 9, 1]);
        assert_eq!(adjusted_rand(&a, &b).unwrap(), 1.0);
        assert!((normalized_mutual_information(&a, &b).unwrap() - 1.0).abs() < 1e-15);
        assert_eq!(normalized_mutual_information(&[0, 0], &[0, 1]).unwrap(), 0.0);
        assert_eq!(adjusted_rand(&[0], &[3]).unwrap(), 1.0);
    }
}

//! What a classifier of two classes gives up and gains as its threshold moves.

use super::{check_finite, check_rows, ratio, weight};
use crate::{Error, shown};

/// The weight of true and false positives at one threshold: rows with at least this score count as positive.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Step {
    threshold: f64,
    true_positives: f64,
    false_positives: f64,
}

/// Steps from the highest score to the lowest, one a distinct score.
fn steps(truth: &[bool], scores: &[f64], weights: Option<&[f64]>) -> Result<Vec<Step>, Error> {
    check_rows(truth.len(), scores.len(), weights)?;
    check_finite("score", scores)?;
    let mut order: Vec<u32> = (0..truth.len() as u32).collect();
    order.sort_by(|&a, &b| scores[b as usize].total_cmp(&scores[a as usize]));
    let mut steps: Vec<Step> = Vec::new();
    let (mut true_positives, mut false_positives) = (0.0, 0.0);
    for &i in &order {
        let i = i as usize;
        match truth[i] {
            true => true_positives += weight(weights, i),
            false => false_positives += weight(weights, i),
        }
        let step = Step { threshold: scores[i], true_positives, false_positives };
        match steps.last_mut() {
            Some(last) if last.threshold == scores[i] => *last = step,
            _ => steps.push(step),
        }
    }
    Ok(steps)
}

/// Points of a curve, and the score from which on rows count as positive at each.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Curve {
    pub x: Vec<f64>,
    pub y: Vec<f64>,
    pub thresholds: Vec<f64>,
}

/// The receiver operating characteristic: false positive rate (x) and true positive rate (y), from (0, 0), whose
/// threshold is infinite, to (1, 1).
///
/// # Errors
/// For one class only, besides bad arguments.
pub fn roc(truth: &[bool], scores: &[f64], weights: Option<&[f64]>) -> Result<Curve, Error> {
    let steps = steps(truth, scores, weights)?;
    let (positives, negatives) = totals(&steps);
    if positives == 0.0 || negatives == 0.0 {
        return Err(one_class());
    }
    let mut curve = Curve { x: vec![0.0], y: vec![0.0], thresholds: vec![f64::INFINITY] };
    for step in &steps {
        curve.x.push(step.false_positives / negatives);
        curve.y.push(step.true_positives / positives);
        curve.thresholds.push(step.threshold);
    }
    Ok(curve)
}

/// The area under the receiver operating characteristic: how often a positive row scores above a negative one.
pub fn roc_auc(truth: &[bool], scores: &[f64], weights: Option<&[f64]>) -> Result<f64, Error> {
    if weights.is_none() {
        return pairs(truth, scores);
    }
    let steps = steps(truth, scores, weights)?;
    let (positives, negatives) = totals(&steps);
    if positives == 0.0 || negatives == 0.0 {
        return Err(one_class());
    }
    let (mut area, mut last) = (0.0, (0.0, 0.0));
    for step in &steps {
        area += (step.false_positives - last.0) * (step.true_positives + last.1) / 2.0;
        last = (step.false_positives, step.true_positives);
    }
    Ok(area / (positives * negatives))
}

/// The same for rows that count alike: the share of pairs of a positive and a negative row whose positive one scores
/// higher; equal scores count half.
fn pairs(truth: &[bool], scores: &[f64]) -> Result<f64, Error> {
    check_rows(truth.len(), scores.len(), None)?;
    check_finite("score", scores)?;
    // Whole numbers in the scores' order are sorted faster than rows by their scores.
    let ranks = |class: bool| {
        let own = truth.iter().zip(scores).filter(|(truth, _)| **truth == class);
        let mut ranks: Vec<u64> = own.map(|(_, score)| rank(*score)).collect();
        ranks.sort_unstable();
        ranks
    };
    let (positives, negatives) = (ranks(true), ranks(false));
    if positives.is_empty() || negatives.is_empty() {
        return Err(one_class());
    }
    let (mut below, mut not_above, mut halves) = (0, 0, 0u128);
    for positive in &positives {
        while negatives.get(below).is_some_and(|negative| negative < positive) {
            below += 1;
        }
        not_above = below.max(not_above);
        while negatives.get(not_above).is_some_and(|negative| negative == positive) {
            not_above += 1;
        }
        halves += (below + not_above) as u128;
    }
    Ok(halves as f64 / 2.0 / (positives.len() as f64 * negatives.len() as f64))
}

/// A whole number that stands where the score stands: the exponent's bits lie above the others, and those of negative
/// numbers are turned round.
fn rank(score: f64) -> u64 {
    // Minus zero is zero.
    let bits = (score + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// Recall (x) and precision (y), from recall 0 (precision 1, infinite threshold) to recall 1.
///
/// # Errors
/// Without positive rows, besides bad arguments.
pub fn precision_recall(truth: &[bool], scores: &[f64], weights: Option<&[f64]>) -> Result<Curve, Error> {
    let steps = steps(truth, scores, weights)?;
    let (positives, _) = totals(&steps);
    if positives == 0.0 {
        return Err(Error::data("no row is positive; precision and recall need some"));
    }
    let mut curve = Curve { x: vec![0.0], y: vec![1.0], thresholds: vec![f64::INFINITY] };
    for step in &steps {
        curve.x.push(step.true_positives / positives);
        curve.y.push(ratio(step.true_positives, step.true_positives + step.false_positives));
        curve.thresholds.push(step.threshold);
    }
    Ok(curve)
}

/// The area under precision over recall, as the sum of steps (scikit-learn's `average_precision_score`).
pub fn average_precision(truth: &[bool], scores: &[f64], weights: Option<&[f64]>) -> Result<f64, Error> {
    let curve = precision_recall(truth, scores, weights)?;
    Ok((1..curve.x.len()).map(|i| (curve.x[i] - curve.x[i - 1]) * curve.y[i]).sum())
}

/// One bin of predicted probabilities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CalibrationBin {
    /// The mean of the predicted probabilities.
    pub predicted: f64,
    /// The share of rows that are positive.
    pub observed: f64,
    /// The weight of the rows.
    pub weight: f64,
}

/// Compares predicted probabilities with what happened, in `bins` equal bins of 0..1; empty ones are left out.
///
/// # Errors
/// For probabilities outside 0..1, besides bad arguments.
pub fn calibration(
    truth: &[bool],
    proba: &[f64],
    weights: Option<&[f64]>,
    bins: usize,
) -> Result<Vec<CalibrationBin>, Error> {
    check_rows(truth.len(), proba.len(), weights)?;
    check_probabilities(proba)?;
    let mut sums = vec![(0.0, 0.0, 0.0); bins.max(1)];
    for (i, &p) in proba.iter().enumerate() {
        let bin = ((p * sums.len() as f64) as usize).min(sums.len() - 1);
        let w = weight(weights, i);
        sums[bin].0 += w * p;
        sums[bin].1 += if truth[i] { w } else { 0.0 };
        sums[bin].2 += w;
    }
    let bin = |&(p, positive, w): &(f64, f64, f64)| CalibrationBin {
        predicted: p / w,
        observed: positive / w,
        weight: w,
    };
    Ok(sums.iter().filter(|sum| sum.2 > 0.0).map(bin).collect())
}

/// Refuses numbers that are no probabilities.
pub(super) fn check_probabilities(proba: &[f64]) -> Result<(), Error> {
    match proba.iter().position(|p| !(0.0..=1.0).contains(p)) {
        None => Ok(()),
        Some(row) => Err(Error::row(row, format!("{} is not a probability", shown(proba[row])))),
    }
}

fn totals(steps: &[Step]) -> (f64, f64) {
    steps.last().map_or((0.0, 0.0), |last| (last.true_positives, last.false_positives))
}

fn one_class() -> Error {
    Error::data("all rows are of one class; the curve needs both")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ties_count_half() {
        assert_eq!(roc_auc(&[false, true], &[0.5, 0.5], None).unwrap(), 0.5);
        assert_eq!(roc_auc(&[false, true], &[0.1, 0.9], None).unwrap(), 1.0);
        assert!(roc_auc(&[true, true], &[0.1, 0.9], None).is_err());
        assert_eq!(roc_auc(&[false, true, true], &[-0.0, 0.0, -2.0], None).unwrap(), 0.25);
        let scores = [f64::MIN, -1.0, -f64::MIN_POSITIVE, 0.0, 1e-300, 3.0, f64::MAX];
        assert!(scores.is_sorted_by_key(|score| rank(*score)));
    }

    #[test]
    fn bins_hold_their_edges() {
        let bins = calibration(&[true, false, true], &[1.0, 0.0, 0.95], None, 10).unwrap();
        assert_eq!(bins.len(), 2);
        assert_eq!((bins[1].observed, bins[1].weight), (1.0, 2.0));
        assert!(calibration(&[true], &[1.5], None, 10).is_err());
    }

    proptest! {
        #[test]
        fn auc_is_the_share_of_ordered_pairs(rows in prop::collection::vec((any::<bool>(), 0u8..6), 2..40)) {
            let truth: Vec<bool> = rows.iter().map(|r| r.0).collect();
            let scores: Vec<f64> = rows.iter().map(|r| f64::from(r.1)).collect();
            let mut pairs = (0.0, 0.0);
            for (a, &score_a) in truth.iter().zip(&scores).filter(|(t, _)| **t) {
                for (b, &score_b) in truth.iter().zip(&scores).filter(|(t, _)| !**t) {
                    prop_assert!(a != b);
                    pairs.0 += if score_a > score_b { 1.0 } else if score_a == score_b { 0.5 } else { 0.0 };
                    pairs.1 += 1.0;
                }
            }
            match roc_auc(&truth, &scores, None) {
                Ok(auc) => {
                    prop_assert!((auc - pairs.0 / pairs.1).abs() < 1e-12);
                    let ones = vec![1.0; truth.len()];
                    prop_assert!((auc - roc_auc(&truth, &scores, Some(&ones)).unwrap()).abs() < 1e-12);
                }
                Err(_) => prop_assert_eq!(pairs.1, 0.0),
            }
        }
    }
}

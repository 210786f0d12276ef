//! How far a version's predictions are from another's: the population stability index.
//!
//! Both sets are counted in bins; the index is the sum of `(new - old) * ln(new / old)` over the bins' shares. Usual
//! readings: below 0.1 no change, 0.1 to 0.25 some, above 0.25 much.

use std::collections::BTreeMap;

/// Fewer predictions than this of either version say nothing: with ten bins, chance alone makes about
/// `9 * (1/n + 1/m)`, which is 0.036 here.
pub const LEAST: u64 = 500;

/// Bins of numbers hold a tenth each of the old predictions.
const BINS: usize = 10;

/// How far two versions' predictions are apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drift {
    /// The population stability index.
    pub index: f64,
    /// How many predictions of either version went into it, the smaller number.
    pub predictions: u64,
}

/// Of numbers. What is not finite is left out. None if either side has nothing.
pub fn of_numbers(old: &[f64], new: &[f64]) -> Option<Drift> {
    let mut sorted: Vec<f64> = old.iter().copied().filter(|value| value.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let quantiles: Vec<f64> = (1..BINS).map(|i| sorted[(i * sorted.len() / BINS).min(last)]).collect();
    // A value so frequent that it is two quantiles gets a bin of its own.
    let mut edges: Vec<f64> = quantiles
        .chunk_by(|a, b| a == b)
        .flat_map(|same| [Some(same[0]), (same.len() > 1).then(|| same[0].next_up())])
        .flatten()
        .collect();
    edges.dedup();
    let count = |values: &[f64]| {
        let mut counts = vec![0_u64; edges.len() + 1];
        for value in values.iter().filter(|value| value.is_finite()) {
            counts[edges.partition_point(|edge| edge <= value)] += 1;
        }
        counts
    };
    index(&count(old), &count(new))
}

/// Of labels and how often each was predicted. None if either side has nothing.
pub fn of_labels(old: &BTreeMap<String, u64>, new: &BTreeMap<String, u64>) -> Option<Drift> {
    let mut labels: Vec<&String> = old.keys().chain(new.keys()).collect();
    labels.sort();
    labels.dedup();
    let counts = |of: &BTreeMap<String, u64>| -> Vec<u64> {
        labels.iter().map(|label| of.get(*label).copied().unwrap_or(0)).collect()
    };
    index(&counts(old), &counts(new))
}

fn index(old: &[u64], new: &[u64]) -> Option<Drift> {
    let (all_old, all_new): (u64, u64) = (old.iter().sum(), new.iter().sum());
    if all_old == 0 || all_new == 0 {
        return None;
    }
    // Half a prediction more in each bin keeps an empty one from making the index infinite.
    let bins = old.len() as f64;
    let share = |count: u64, all: u64| (count as f64 + 0.5) / (all as f64 + 0.5 * bins);
    let index = old
        .iter()
        .zip(new)
        .map(|(old, new)| (share(*old, all_old), share(*new, all_new)))
        .map(|(old, new)| (new - old) * (new / old).ln())
        .sum();
    Some(Drift { index, predictions: all_old.min(all_new) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(from: f64, to: f64) -> Vec<f64> {
        (0..1000).map(|i| from + (to - from) * f64::from(i) / 1000.0).collect()
    }

    #[test]
    fn the_same_is_near_zero_and_a_shift_is_seen() {
        let old = line(0.0, 1.0);
        let same = of_numbers(&old, &line(0.0, 1.0)).unwrap();
        assert!(same.index < 0.001 && same.predictions == 1000, "{same:?}");
        assert!(of_numbers(&old, &line(0.2, 1.2)).unwrap().index > 0.25);
        // Twice as many predictions of the same kind are no drift.
        let twice: Vec<f64> = old.iter().chain(&old).copied().collect();
        assert!(of_numbers(&old, &twice).unwrap().index < 0.001);
    }

    #[test]
    fn odd_predictions_do_no_harm() {
        assert_eq!(of_numbers(&[], &[1.0]), None);
        assert_eq!(of_numbers(&[1.0], &[f64::NAN]), None);
        assert!(of_numbers(&[1.0; 600], &[1.0; 600]).unwrap().index < 0.001);
        assert!(of_numbers(&[1.0; 600], &[2.0; 600]).unwrap().index.is_finite());
    }

    #[test]
    fn a_constant_that_changes_is_seen() {
        for other in [0.0, 2.0] {
            assert!(of_numbers(&[1.0; 600], &[other; 600]).unwrap().index > 1.0, "{other}");
        }
    }

    #[test]
    fn labels() {
        let counts = |a, b| BTreeMap::from([("no".to_owned(), a), ("yes".to_owned(), b)]);
        assert!(of_labels(&counts(900, 100), &counts(90, 10)).unwrap().index < 0.01);
        assert!(of_labels(&counts(900, 100), &counts(500, 500)).unwrap().index > 0.25);
        assert!(of_labels(&counts(900, 0), &BTreeMap::from([("new".to_owned(), 900)])).unwrap().index > 1.0);
    }
}

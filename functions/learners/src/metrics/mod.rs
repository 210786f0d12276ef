//! Metrics with scikit-learn's meaning, for rows that may be weighted.
//!
//! Every function checks its arguments: lengths that agree, finite numbers, labels in range. A metric that the data
//! leaves undefined (an area under the curve with one class only, say) is an error that says so, or `None` in the
//! summaries, never a number that looks like a result.

pub mod binary;
pub mod clustering;
pub mod confusion;
pub mod curves;
pub mod multiclass;
pub mod partition;
pub mod ranking;
pub mod regression;

pub use confusion::Confusion;

use crate::matrix::check_length;
use crate::weights::check_weights;
use crate::{Error, shown};

/// The index of the largest of each row's `classes` probabilities; the first of equals.
pub fn most_probable(proba: &[f64], classes: usize) -> Vec<u32> {
    let best = |row: &[f64]| {
        let better = |best: usize, i: usize| if row[i] > row[best] { i } else { best };
        (1..row.len()).fold(0, better) as u32
    };
    proba.chunks_exact(classes.max(1)).map(best).collect()
}

/// Checks lengths and weights, and returns the sum of the weights.
fn check_rows(truth: usize, predicted: usize, weights: Option<&[f64]>) -> Result<f64, Error> {
    if truth == 0 {
        return Err(Error::data("there are no rows"));
    }
    check_length("prediction", predicted, truth)?;
    check_weights(weights, truth)?;
    Ok(weights.map_or(truth as f64, |w| w.iter().sum()))
}

/// Refuses the first number that is not finite.
fn check_finite(what: &str, values: &[f64]) -> Result<(), Error> {
    match values.iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(row) => Err(Error::row(row, format!("the {what} is {}", shown(values[row])))),
    }
}

/// The weight of a row.
fn weight(weights: Option<&[f64]>, row: usize) -> f64 {
    weights.map_or(1.0, |w| w[row])
}

/// A quotient that is 0 where there is nothing to divide by: scikit-learn's `zero_division=0`.
fn ratio(numerator: f64, denominator: f64) -> f64 {
    if denominator == 0.0 { 0.0 } else { numerator / denominator }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equals_wins() {
        assert_eq!(most_probable(&[0.5, 0.5, 0.2, 0.8], 2), [0, 1]);
        assert!(most_probable(&[], 2).is_empty());
    }
}

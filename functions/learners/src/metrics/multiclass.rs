//! How well several classes are told apart.

use super::confusion::{Confusion, Rates};
use super::curves::{check_probabilities, roc_auc};
use super::{check_rows, most_probable, weight};
use crate::Error;
use crate::matrix::check_length;

/// All metrics of a classifier of several classes.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    pub accuracy: f64,
    pub balanced_accuracy: f64,
    pub macro_average: Rates,
    pub micro_average: Rates,
    pub weighted_average: Rates,
    pub log_loss: f64,
    /// One class against the rest, averaged plainly; `None` if a class does not occur.
    pub roc_auc: Option<f64>,
    /// Cohen's kappa; `None` if chance alone explains everything.
    pub kappa: Option<f64>,
    /// Matthews' correlation coefficient.
    pub mcc: f64,
    pub confusion: Confusion,
}

/// Computes every metric. `truth` holds classes `0..classes`, `proba` rows x classes probabilities, row after row.
///
/// # Errors
/// For no rows, lengths that differ, labels out of range, numbers that are no probabilities, or bad weights.
pub fn scores(
    truth: &[u32],
    proba: &[f64],
    classes: usize,
    weights: Option<&[f64]>,
) -> Result<Scores, Error> {
    let confusion = Confusion::new(truth, &most_probable(proba, classes), classes, weights)?;
    Ok(Scores {
        accuracy: confusion.accuracy(),
        balanced_accuracy: confusion.balanced_accuracy(),
        macro_average: confusion.macro_average(),
        micro_average: confusion.micro_average(),
        weighted_average: confusion.weighted_average(),
        log_loss: log_loss(truth, proba, classes, weights)?,
        roc_auc: roc_auc_ovr(truth, proba, classes, weights).ok(),
        kappa: confusion.kappa(),
        mcc: confusion.matthews(),
        confusion,
    })
}

/// The mean negative log likelihood; probabilities are kept a rounding error away from 0.
pub fn log_loss(truth: &[u32], proba: &[f64], classes: usize, weights: Option<&[f64]>) -> Result<f64, Error> {
    let total = check_rows(truth.len(), truth.len(), weights)?;
    check_length("probability", proba.len(), truth.len() * classes)?;
    check_probabilities(proba)?;
    let mut loss = 0.0;
    for (i, (row, &class)) in proba.chunks_exact(classes.max(1)).zip(truth).enumerate() {
        let p =
            row.get(class as usize).ok_or_else(|| Error::row(i, format!("class {class} of {classes}")))?;
        loss -= weight(weights, i) * libm::log(p.clamp(f64::EPSILON, 1.0 - f64::EPSILON));
    }
    Ok(loss / total)
}

/// The plain mean of the areas under the curve of each class against the rest.
pub fn roc_auc_ovr(
    truth: &[u32],
    proba: &[f64],
    classes: usize,
    weights: Option<&[f64]>,
) -> Result<f64, Error> {
    check_length("probability", proba.len(), truth.len() * classes)?;
    let mut sum = 0.0;
    for class in 0..classes {
        let is: Vec<bool> = truth.iter().map(|&t| t as usize == class).collect();
        let scores: Vec<f64> = proba.iter().skip(class).step_by(classes).copied().collect();
        sum += roc_auc(&is, &scores, weights)?;
    }
    Ok(sum / classes as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_without_rows_leaves_the_area_undefined() {
        let proba = [0.6, 0.3, 0.1, 0.2, 0.7, 0.1];
        let scores = scores(&[0, 1], &proba, 3, None).unwrap();
        assert_eq!((scores.accuracy, scores.roc_auc), (1.0, None));
        assert!(log_loss(&[0, 5], &proba, 3, None).is_err());
        assert!(log_loss(&[0], &proba, 3, None).is_err());
    }
}

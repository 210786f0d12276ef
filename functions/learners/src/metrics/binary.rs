//! How well two classes are told apart.

use super::confusion::Confusion;
use super::curves::{average_precision, check_probabilities, roc_auc};
use super::{check_rows, weight};
use crate::Error;

/// All metrics of a binary classifier; precision, recall and F1 are those of the positive class.
#[derive(Debug, Clone, PartialEq)]
pub struct Scores {
    pub accuracy: f64,
    pub balanced_accuracy: f64,
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
    /// Matthews' correlation coefficient.
    pub mcc: f64,
    pub log_loss: f64,
    pub brier: f64,
    /// `None` if all rows are of one class.
    pub roc_auc: Option<f64>,
    /// Average precision; `None` if no row is positive.
    pub pr_auc: Option<f64>,
    /// Row and column 1 are the positive class.
    pub confusion: Confusion,
}

/// The metrics that training reports, for those who need no more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Brief {
    pub log_loss: f64,
    /// `None` if all rows are of one class.
    pub roc_auc: Option<f64>,
    pub accuracy: f64,
    /// Of the positive class.
    pub f1: f64,
}

/// Computes the most used metrics: see [`scores`].
///
/// # Errors
/// As [`scores`].
pub fn brief(truth: &[bool], proba: &[f64], threshold: f64, weights: Option<&[f64]>) -> Result<Brief, Error> {
    let confusion = confusion(truth, proba, threshold, weights)?;
    Ok(Brief {
        log_loss: log_loss(truth, proba, weights)?,
        roc_auc: roc_auc(truth, proba, weights).ok(),
        accuracy: confusion.accuracy(),
        f1: confusion.rates(1).f1,
    })
}

fn confusion(
    truth: &[bool],
    proba: &[f64],
    threshold: f64,
    weights: Option<&[f64]>,
) -> Result<Confusion, Error> {
    let labels: Vec<u32> = truth.iter().map(|&t| u32::from(t)).collect();
    let predicted: Vec<u32> = proba.iter().map(|&p| u32::from(p >= threshold)).collect();
    Confusion::new(&labels, &predicted, 2, weights)
}

/// Computes every metric. `proba` is the probability of the positive class, rows with at least `threshold` count as
/// predicted positive.
///
/// # Errors
/// For no rows, lengths that differ, numbers that are no probabilities, or bad weights.
pub fn scores(
    truth: &[bool],
    proba: &[f64],
    threshold: f64,
    weights: Option<&[f64]>,
) -> Result<Scores, Error> {
    let confusion = confusion(truth, proba, threshold, weights)?;
    let positive = confusion.rates(1);
    Ok(Scores {
        accuracy: confusion.accuracy(),
        balanced_accuracy: confusion.balanced_accuracy(),
        precision: positive.precision,
        recall: positive.recall,
        f1: positive.f1,
        mcc: confusion.matthews(),
        log_loss: log_loss(truth, proba, weights)?,
        brier: brier(truth, proba, weights)?,
        roc_auc: roc_auc(truth, proba, weights).ok(),
        pr_auc: average_precision(truth, proba, weights).ok(),
        confusion,
    })
}

/// The mean negative log likelihood; probabilities are kept a rounding error away from 0 and 1.
pub fn log_loss(truth: &[bool], proba: &[f64], weights: Option<&[f64]>) -> Result<f64, Error> {
    let total = check_rows(truth.len(), proba.len(), weights)?;
    check_probabilities(proba)?;
    let loss = |i: usize| {
        let p = proba[i].clamp(f64::EPSILON, 1.0 - f64::EPSILON);
        -weight(weights, i) * if truth[i] { libm::log(p) } else { libm::log1p(-p) }
    };
    Ok((0..truth.len()).map(loss).sum::<f64>() / total)
}

/// The mean squared difference of probability and outcome.
pub fn brier(truth: &[bool], proba: &[f64], weights: Option<&[f64]>) -> Result<f64, Error> {
    let total = check_rows(truth.len(), proba.len(), weights)?;
    check_probabilities(proba)?;
    let square = |i: usize| weight(weights, i) * (proba[i] - f64::from(u8::from(truth[i]))).powi(2);
    Ok((0..truth.len()).map(square).sum::<f64>() / total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certain_mistakes_stay_finite() {
        assert!((log_loss(&[true], &[0.0], None).unwrap() - 36.04).abs() < 0.01);
        let scores = scores(&[true, true], &[0.9, 0.2], 0.5, None).unwrap();
        assert_eq!((scores.recall, scores.precision, scores.roc_auc), (0.5, 1.0, None));
        assert_eq!(scores.pr_auc, Some(1.0));
    }

    #[test]
    fn the_brief_figures_are_those_of_all() {
        let truth: Vec<bool> = (0..500).map(|i| i * 7 % 13 < 5).collect();
        let proba: Vec<f64> = (0..500).map(|i| f64::from(i * 31 % 97) / 97.0).collect();
        let w: Vec<f64> = (0..500).map(|i| f64::from(i % 3)).collect();
        for weights in [None, Some(&w[..])] {
            let (all, some) = (scores(&truth, &proba, 0.5, weights), brief(&truth, &proba, 0.5, weights));
            let (all, some) = (all.unwrap(), some.unwrap());
            assert_eq!((all.log_loss, all.roc_auc), (some.log_loss, some.roc_auc));
            assert_eq!((all.accuracy, all.f1), (some.accuracy, some.f1));
        }
    }
}

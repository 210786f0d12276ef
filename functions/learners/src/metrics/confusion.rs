//! The confusion matrix, and what can be read off it.

use super::{check_rows, ratio, weight};
use crate::Error;
use crate::matrix::MOST_CLASSES;

/// Weights of rows by true class (row) and predicted class (column).
#[derive(Debug, Clone, PartialEq)]
pub struct Confusion {
    counts: Vec<f64>,
    classes: usize,
}

/// Precision, recall and F1 of one class, or an average of several.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rates {
    /// The share of rows predicted as the class that are of it; 0 if none is predicted.
    pub precision: f64,
    /// The share of rows of the class that are predicted as it; 0 if there is none.
    pub recall: f64,
    /// The harmonic mean of both.
    pub f1: f64,
}

impl Confusion {
    /// Counts rows; labels are `0..classes`.
    ///
    /// # Errors
    /// For no rows, lengths that differ, labels out of range, or bad weights.
    pub fn new(
        truth: &[u32],
        predicted: &[u32],
        classes: usize,
        weights: Option<&[f64]>,
    ) -> Result<Self, Error> {
        check_rows(truth.len(), predicted.len(), weights)?;
        if classes > MOST_CLASSES {
            return Err(Error::data(format!(
                "there are {classes} classes; at most {MOST_CLASSES} can be counted"
            )));
        }
        let mut counts = vec![0.0; classes * classes];
        for (i, (&t, &p)) in truth.iter().zip(predicted).enumerate() {
            if t as usize >= classes || p as usize >= classes {
                return Err(Error::row(i, format!("class {} of {classes}; classes count from 0", t.max(p))));
            }
            counts[t as usize * classes + p as usize] += weight(weights, i);
        }
        Ok(Self { counts, classes })
    }

    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The weight of rows of class `truth` predicted as `predicted`.
    pub fn at(&self, truth: usize, predicted: usize) -> f64 {
        self.counts[truth * self.classes + predicted]
    }

    /// The weight of all rows.
    pub fn total(&self) -> f64 {
        self.counts.iter().sum()
    }

    /// The weight of rows of a class.
    pub fn support(&self, class: usize) -> f64 {
        (0..self.classes).map(|p| self.at(class, p)).sum()
    }

    /// The weight of rows predicted as a class.
    pub fn predicted(&self, class: usize) -> f64 {
        (0..self.classes).map(|t| self.at(t, class)).sum()
    }

    fn hits(&self) -> f64 {
        (0..self.classes).map(|class| self.at(class, class)).sum()
    }

    /// The share of rows that are predicted right.
    pub fn accuracy(&self) -> f64 {
        ratio(self.hits(), self.total())
    }

    /// The mean of the recalls of the classes that occur.
    pub fn balanced_accuracy(&self) -> f64 {
        let occurring: Vec<usize> = (0..self.classes).filter(|&c| self.support(c) > 0.0).collect();
        ratio(occurring.iter().map(|&c| self.rates(c).recall).sum(), occurring.len() as f64)
    }

    /// Precision, recall and F1 of one class.
    pub fn rates(&self, class: usize) -> Rates {
        let (hits, predicted, support) = (self.at(class, class), self.predicted(class), self.support(class));
        Rates {
            precision: ratio(hits, predicted),
            recall: ratio(hits, support),
            f1: ratio(2.0 * hits, predicted + support),
        }
    }

    /// The plain mean over the classes that occur or are predicted.
    pub fn macro_average(&self) -> Rates {
        self.average(|_, _| 1.0)
    }

    /// The mean over classes by their support.
    pub fn weighted_average(&self) -> Rates {
        self.average(|confusion, class| confusion.support(class))
    }

    /// Over all rows alike: precision, recall and F1 all equal the accuracy.
    pub fn micro_average(&self) -> Rates {
        let accuracy = self.accuracy();
        Rates { precision: accuracy, recall: accuracy, f1: accuracy }
    }

    fn average(&self, weight: impl Fn(&Self, usize) -> f64) -> Rates {
        let mut sum = Rates::default();
        let mut total = 0.0;
        for class in (0..self.classes).filter(|&c| self.support(c) + self.predicted(c) > 0.0) {
            let (rates, weight) = (self.rates(class), weight(self, class));
            sum.precision += weight * rates.precision;
            sum.recall += weight * rates.recall;
            sum.f1 += weight * rates.f1;
            total += weight;
        }
        Rates {
            precision: ratio(sum.precision, total),
            recall: ratio(sum.recall, total),
            f1: ratio(sum.f1, total),
        }
    }

    /// Matthews' correlation coefficient, for any number of classes (Gorodkin's R_K); 0 where it is undefined.
    pub fn matthews(&self) -> f64 {
        let total = self.total();
        let (mut both, mut truth, mut predicted) = (0.0, 0.0, 0.0);
        for class in 0..self.classes {
            let (t, p) = (self.support(class), self.predicted(class));
            both += t * p;
            truth += t * t;
            predicted += p * p;
        }
        let spread = (total * total - truth) * (total * total - predicted);
        ratio(self.hits() * total - both, spread.sqrt())
    }

    /// Cohen's kappa: the agreement beyond chance. `None` if chance alone explains everything.
    pub fn kappa(&self) -> Option<f64> {
        let total = self.total();
        let chance: f64 = (0..self.classes).map(|c| self.support(c) * self.predicted(c)).sum();
        let chance = chance / (total * total);
        (chance < 1.0).then(|| (self.accuracy() - chance) / (1.0 - chance))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_never_predicted_has_zero_precision() {
        let confusion = Confusion::new(&[0, 0, 1], &[0, 0, 0], 3, None).unwrap();
        assert_eq!(confusion.rates(1), Rates::default());
        assert_eq!(confusion.macro_average().recall, 0.5);
        assert_eq!(confusion.balanced_accuracy(), 0.5);
        assert_eq!(confusion.matthews(), 0.0);
        assert_eq!(Confusion::new(&[0], &[0], 1, None).unwrap().kappa(), None);
    }

    #[test]
    fn labels_out_of_range_are_named() {
        assert!(matches!(Confusion::new(&[0, 2], &[0, 0], 2, None), Err(Error::Data { row: Some(1), .. })));
    }
}

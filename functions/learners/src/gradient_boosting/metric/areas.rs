//! Areas under curves as XGBoost has them: between points the curve of precision by recall is no straight line, and
//! several classes are told apart one against the rest.

use crate::Error;
use crate::metrics::curves;

/// What an area of several classes weighs them by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Area {
    /// Under the receiver operating characteristic; classes count by the weight of their rows.
    Roc,
    /// Under the curve of precision by recall; classes count alike.
    PrecisionRecall,
}

impl Area {
    pub fn of_two(self, truth: &[bool], scores: &[f64], weights: Option<&[f64]>) -> Result<f64, Error> {
        match self {
            Self::Roc => curves::roc_auc(truth, scores, weights),
            Self::PrecisionRecall => precision_recall(truth, scores, weights),
        }
    }

    /// The mean over the classes, each against the rest. `proba` is rows x classes.
    pub fn of_several(
        self,
        y: &[f64],
        proba: &[f64],
        classes: usize,
        weights: Option<&[f64]>,
    ) -> Result<f64, Error> {
        let (mut sum, mut total) = (0.0, 0.0);
        for class in 0..classes {
            let truth: Vec<bool> = y.iter().map(|&y| y as usize == class).collect();
            let scores: Vec<f64> = proba.iter().skip(class).step_by(classes).copied().collect();
            let area = self.of_two(&truth, &scores, weights).map_err(|_| {
                Error::data(format!(
                    "no row has class {class}, or all have: there is no area under its curve"
                ))
            })?;
            let share = match self {
                Self::Roc => {
                    let own = truth.iter().enumerate().filter(|(_, own)| **own);
                    own.map(|(i, _)| weights.map_or(1.0, |w| w[i])).sum()
                }
                Self::PrecisionRecall => 1.0,
            };
            sum += share * area;
            total += share;
        }
        Ok(sum / total)
    }
}

/// J. Davis, M. Goadrich, The relationship between precision-recall and ROC curves, ICML 2006: between two thresholds
/// false positives grow evenly with true ones, which the area is integrated by.
fn precision_recall(truth: &[bool], scores: &[f64], weights: Option<&[f64]>) -> Result<f64, Error> {
    let weight = |i: usize| weights.map_or(1.0, |w| w[i]);
    let sum = |class: bool| -> f64 { (0..truth.len()).filter(|&i| truth[i] == class).map(weight).sum() };
    let (positives, negatives) = (sum(true), sum(false));
    if positives <= 0.0 || negatives <= 0.0 {
        return Err(Error::data("all rows have the same class: there is no area under a curve"));
    }
    let mut order: Vec<u32> = (0..truth.len() as u32).collect();
    order.sort_by(|&a, &b| scores[b as usize].total_cmp(&scores[a as usize]));
    let (mut area, mut last, mut now) = (0.0, [0.0; 2], [0.0; 2]);
    for equal in order.chunk_by(|&a, &b| scores[a as usize] == scores[b as usize]) {
        for &row in equal {
            now[usize::from(!truth[row as usize])] += weight(row as usize);
        }
        area += between(last, now, positives);
        last = now;
    }
    Ok(area)
}

/// The area between two thresholds with their true and false positives.
fn between([tp_before, fp_before]: [f64; 2], [tp, fp]: [f64; 2], positives: f64) -> f64 {
    if tp == tp_before {
        return 0.0;
    }
    let slope = (fp - fp_before) / (tp - tp_before);
    let offset = (fp_before - slope * tp_before) / positives;
    let width = (tp - tp_before) / positives;
    let steep = 1.0 + slope;
    if offset == 0.0 {
        return width / steep;
    }
    (width - offset / steep * libm::log((tp + fp) / (tp_before + fp_before))) / steep
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_class_has_no_area() {
        for area in [Area::Roc, Area::PrecisionRecall] {
            assert!(area.of_two(&[true, true], &[0.1, 0.2], None).is_err());
            assert!(area.of_two(&[true, false], &[0.1, 0.2], Some(&[1.0, 0.0])).is_err());
            assert!(area.of_several(&[0.0, 1.0], &[0.5; 6], 3, None).is_err());
            assert_eq!(area.of_two(&[true, false], &[0.2, 0.1], None).unwrap(), 1.0);
        }
        // One step from (0, 0) to recall 1 at precision 0.5.
        assert_eq!(precision_recall(&[true, false], &[0.0, -0.0], None).unwrap(), 0.5);
    }
}

//! Sample weights and class weights.

use crate::{Error, matrix::check_length, shown};
use serde::{Deserialize, Serialize};

/// How much each class counts in a classifier's loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClassWeight {
    /// Every row counts alike.
    #[default]
    None,
    /// Every class counts alike: a row of class `c` weighs `rows / (classes * rows of c)`, as in scikit-learn.
    Balanced,
}

/// Checks sample weights: one a row, finite, not negative, and not all zero.
pub fn check_weights(weights: Option<&[f64]>, rows: usize) -> Result<(), Error> {
    let Some(weights) = weights else { return Ok(()) };
    check_length("weight", weights.len(), rows)?;
    if let Some(row) = weights.iter().position(|&w| !w.is_finite() || w < 0.0) {
        return Err(Error::row(
            row,
            format!("the weight is {}; weights are finite and at least 0", shown(weights[row])),
        ));
    }
    let total: f64 = weights.iter().sum();
    if total <= 0.0 || !total.is_finite() {
        return Err(Error::data(format!(
            "the weights add up to {total}; some must be above 0, the sum finite"
        )));
    }
    Ok(())
}

/// Sample weights times class weights; `None` if every row weighs 1.
pub fn combined(
    class_weight: ClassWeight,
    y: &[u32],
    classes: usize,
    weights: Option<&[f64]>,
) -> Option<Vec<f64>> {
    match class_weight {
        ClassWeight::None => weights.map(<[f64]>::to_vec),
        ClassWeight::Balanced => {
            let mut counts = vec![0.0; classes];
            for &class in y {
                counts[class as usize] += 1.0;
            }
            let factor = |class: u32| y.len() as f64 / (classes as f64 * counts[class as usize]);
            let weight = |i: usize| weights.map_or(1.0, |w| w[i]);
            Some(y.iter().enumerate().map(|(i, &class)| weight(i) * factor(class)).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balanced_classes_weigh_alike() {
        let weights = combined(ClassWeight::Balanced, &[0, 0, 0, 1], 2, None).unwrap();
        assert_eq!(weights, [2.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0, 2.0]);
        assert_eq!(combined(ClassWeight::None, &[0, 1], 2, None), None);
    }

    #[test]
    fn bad_weights_are_refused_with_their_row() {
        assert!(matches!(check_weights(Some(&[1.0, -1.0]), 2), Err(Error::Data { row: Some(1), .. })));
        assert!(check_weights(Some(&[1.0, f64::NAN]), 2).is_err());
        assert!(check_weights(Some(&[0.0, 0.0]), 2).is_err());
        assert!(check_weights(Some(&[1.0]), 2).is_err());
        assert!(check_weights(Some(&[f64::MAX, f64::MAX]), 2).is_err());
        assert!(check_weights(None, 2).is_ok());
    }
}

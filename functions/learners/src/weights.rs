//! Sample weights and class weights.

use crate::{Columns, Error, matrix::check_length, shown};
use serde::{Deserialize, Serialize};

/// How much each class counts in a classifier's loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClassWeight {
    /// Every row counts alike.
    #[default]
    None,
    /// Every class counts alike: a row of class `c` weighs `rows / (classes * rows of c)`, rows counted by their weights, as
    /// in scikit-learn.
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
            let factors = balanced(&sums_by_class(y, classes, weights));
            let weight = |i: usize| weights.map_or(1.0, |w| w[i]);
            Some(y.iter().enumerate().map(|(i, &class)| weight(i) * factors[class as usize]).collect())
        }
    }
}

/// What the rows of each class weigh together.
pub(crate) fn sums_by_class(y: &[u32], classes: usize, weights: Option<&[f64]>) -> Vec<f64> {
    let mut sums = vec![0.0; classes];
    for (i, &class) in y.iter().enumerate() {
        sums[class as usize] += weights.map_or(1.0, |w| w[i]);
    }
    sums
}

/// What makes classes of these weights weigh alike, and all rows together what they did. A class without weight gets none.
pub(crate) fn balanced(sums: &[f64]) -> Vec<f64> {
    let total: f64 = sums.iter().sum();
    let factor = |&sum: &f64| if sum > 0.0 { total / (sums.len() as f64 * sum) } else { 1.0 };
    sums.iter().map(factor).collect()
}

/// The weights, unless all are the same: then rows count alike.
pub(crate) fn uneven(weights: Option<&[f64]>) -> Option<&[f64]> {
    weights.filter(|weights| weights.iter().any(|weight| *weight != weights[0]))
}

/// The rows of a table that weigh something, where some weigh nothing. A row without weight must not count for anything: not
/// for bins and counts of rows, nor for what is drawn or how sums are rounded. So kernels leave it out.
#[derive(Debug)]
pub(crate) struct Kept {
    rows: Vec<u32>,
    columns: Vec<Vec<f64>>,
    weights: Vec<f64>,
}

impl Kept {
    /// None if all rows weigh something, or there are not as many weights as rows. Weights are checked.
    pub fn of(x: &Columns, weights: Option<&[f64]>) -> Option<Self> {
        let weights = weights.filter(|weights| weights.len() == x.rows() && weights.contains(&0.0))?;
        let rows: Vec<u32> = (0..weights.len() as u32).filter(|&row| weights[row as usize] > 0.0).collect();
        let pick = |values: &[f64]| -> Vec<f64> { rows.iter().map(|&row| values[row as usize]).collect() };
        let columns = x.iter().map(pick).collect();
        Some(Self { columns, weights: pick(weights), rows })
    }

    pub fn columns(&self) -> Columns<'_> {
        Columns::alike(self.columns.iter().map(Vec::as_slice).collect(), self.rows.len())
    }

    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// An error about these rows, by their numbers in the table.
    pub fn of_table(&self, error: Error) -> Error {
        match error {
            Error::Data { message, row: Some(row), column } => {
                Error::Data { message, row: self.rows.get(row).map(|&row| row as usize), column }
            }
            other => other,
        }
    }

    /// The rows' own of other values, one a row of the table.
    pub fn pick<T: Copy>(&self, values: &[T]) -> Vec<T> {
        self.rows.iter().map(|&row| values[row as usize]).collect()
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
        // Rows count by their weights: classes that weigh alike already stay so, and a row of weight 0 is no row.
        let even = combined(ClassWeight::Balanced, &[0, 0, 0, 1], 2, Some(&[1.0, 1.0, 1.0, 3.0])).unwrap();
        assert_eq!(even, [1.0, 1.0, 1.0, 3.0]);
        let without = combined(ClassWeight::Balanced, &[0, 0, 1, 1], 2, Some(&[1.0, 1.0, 1.0, 0.0])).unwrap();
        assert_eq!(without, [0.75, 0.75, 1.5, 0.0]);
    }

    #[test]
    fn rows_without_weight_are_left_out() {
        let (a, b) = ([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]);
        let x = Columns::new(vec![&a, &b]).unwrap();
        assert!(Kept::of(&x, None).is_none() && Kept::of(&x, Some(&[0.1, 1.0, 2.0])).is_none());
        let kept = Kept::of(&x, Some(&[0.1, 0.0, 2.0])).unwrap();
        assert_eq!((kept.columns().column(1), kept.weights()), (&[4.0, 6.0][..], &[0.1, 2.0][..]));
        assert_eq!(kept.pick(&["a", "b", "c"]), ["a", "c"]);
        assert!(matches!(kept.of_table(Error::row(1, "bad")), Error::Data { row: Some(2), .. }));
        assert_eq!(uneven(Some(&[3.0, 3.0])), None);
        assert!(uneven(Some(&[3.0, 2.0])).is_some());
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

//! Rows of which only the values that are not 0 are held.

use super::{TOO_LARGE, not_finite, too_large};
use crate::{Columns, Error};

/// A matrix row by row: of each row the values that are not 0, and the features that they are of, which rise.
#[derive(Debug, Clone, PartialEq)]
pub struct SparseRows {
    width: usize,
    starts: Vec<usize>,
    features: Vec<u32>,
    values: Vec<f64>,
}

impl SparseRows {
    /// No rows of `width` features.
    pub fn new(width: usize) -> Self {
        Self { width, starts: vec![0], features: Vec::new(), values: Vec::new() }
    }

    /// The values of a matrix of columns that are not 0.
    pub fn of_columns(x: &Columns) -> Self {
        let mut starts = vec![0; x.rows() + 1];
        for column in x.iter() {
            starts[1..].iter_mut().zip(column).for_each(|(count, v)| *count += usize::from(*v != 0.0));
        }
        for i in 1..starts.len() {
            starts[i] += starts[i - 1];
        }
        let count = starts.last().copied().unwrap_or_default();
        let (mut features, mut values) = (vec![0; count], vec![0.0; count]);
        let mut ends = starts.clone();
        for (j, column) in x.iter().enumerate() {
            for (i, &v) in column.iter().enumerate().filter(|(_, v)| **v != 0.0) {
                (features[ends[i]], values[ends[i]]) = (j as u32, v);
                ends[i] += 1;
            }
        }
        Self { width: x.width(), starts, features, values }
    }

    /// One more value of the row that is being built. Features of a row rise.
    ///
    /// # Panics
    /// If there is no such feature.
    #[inline]
    pub fn push(&mut self, feature: u32, value: f64) {
        assert!((feature as usize) < self.width, "feature {feature} of {}", self.width);
        if value != 0.0 {
            self.features.push(feature);
            self.values.push(value);
        }
    }

    /// Ends the row.
    pub fn end_row(&mut self) {
        self.starts.push(self.features.len());
    }

    pub fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// The number of features.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Features and values of row `i`.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row(&self, i: usize) -> impl Iterator<Item = (u32, f64)> + '_ {
        let range = self.starts[i]..self.starts[i + 1];
        self.features[range.clone()].iter().copied().zip(self.values[range].iter().copied())
    }

    /// Checks that there are rows and features, not too many rows, and that values are finite and can be squared.
    pub(crate) fn check(&self) -> Result<(), Error> {
        super::check_counts(self.rows(), self.width)?;
        match self.values.iter().position(|value| !(value * TOO_LARGE).is_finite()) {
            None => Ok(()),
            Some(place) => {
                let row = self.starts.partition_point(|start| *start <= place) - 1;
                let (feature, value) = (self.features[place] as usize, self.values[place]);
                let message = match value.is_finite() {
                    true => too_large("the feature", value),
                    false => not_finite("the feature", value),
                };
                Err(Error::cell(row, feature, message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Matrix;

    #[test]
    fn columns_and_rows_say_the_same() {
        let dense = Matrix::from_rows(&[0.0, 2.0, -1.0, 0.0, 0.0, 0.0, 3.0, 0.0, -0.0], 3).unwrap();
        let rows = SparseRows::of_columns(&dense.columns());
        let mut built = SparseRows::new(3);
        built.push(0, 0.0);
        built.push(1, 2.0);
        built.push(2, -1.0);
        built.end_row();
        built.end_row();
        built.push(0, 3.0);
        built.end_row();
        assert_eq!(rows, built);
        assert_eq!((rows.rows(), rows.width()), (3, 3));
        assert_eq!(rows.row(0).collect::<Vec<_>>(), [(1, 2.0), (2, -1.0)]);
        assert!(rows.check().is_ok() && SparseRows::new(3).check().is_err());
        built.push(2, f64::NAN);
        built.end_row();
        assert!(matches!(built.check(), Err(Error::Data { row: Some(3), column: Some(2), .. })));
    }
}

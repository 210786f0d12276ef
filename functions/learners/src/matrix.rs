//! Matrices as the kernels see them: borrowed columns, which a table hands out without a copy.

mod sparse;

pub use sparse::SparseRows;

use crate::{Error, shown};
use smartcore::linalg::basic::arrays::Array2;

/// Classes that a target has at the most. What counts rows by classes, and classes by classes, must fit into 4 GiB; and a
/// column of more values is a number, or tells rows apart.
pub const MOST_CLASSES: usize = 1_000;

/// Only numbers up to `f64::MAX / TOO_LARGE`, about 1e145, can be squared and added up over any table.
const TOO_LARGE: f64 = 1e163;

/// A matrix of `rows` x `columns`, as borrowed columns of equal length.
#[derive(Debug, Clone)]
pub struct Columns<'a> {
    columns: Vec<&'a [f64]>,
    rows: usize,
}

/// What a kernel does about NaN in the features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// NaN is a missing value that the algorithm handles.
    Allowed,
    /// NaN is an error.
    Refused,
}

impl<'a> Columns<'a> {
    /// Columns of equal length.
    ///
    /// # Errors
    /// Names the first column whose length differs from the first one's.
    pub fn new(columns: Vec<&'a [f64]>) -> Result<Self, Error> {
        let rows = columns.first().map_or(0, |column| column.len());
        match columns.iter().position(|column| column.len() != rows) {
            None => Ok(Self { columns, rows }),
            Some(column) => Err(Error::Data {
                message: format!("the column has {} rows, the first has {rows}", columns[column].len()),
                row: None,
                column: Some(column),
            }),
        }
    }

    /// Columns that are known to be `rows` long each.
    pub(crate) fn alike(columns: Vec<&'a [f64]>, rows: usize) -> Self {
        debug_assert!(columns.iter().all(|column| column.len() == rows));
        Self { columns, rows }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns.
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// Column `j`, one value a row.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn column(&self, j: usize) -> &'a [f64] {
        self.columns[j]
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [f64]> + '_ {
        self.columns.iter().copied()
    }

    /// Copies row `i` to `row`, which is as wide as the matrix.
    pub fn read_row(&self, i: usize, row: &mut [f64]) {
        for (value, column) in row.iter_mut().zip(&self.columns) {
            *value = column[i];
        }
    }

    /// Checks what every fit needs: rows, columns, and finite values (NaN only where it is allowed).
    pub fn check_features(&self, missing: Missing) -> Result<(), Error> {
        self.check_shape()?;
        self.check_values(missing)
    }

    /// Checks that there are rows and columns, and not too many rows.
    pub fn check_shape(&self) -> Result<(), Error> {
        check_counts(self.rows, self.columns.len())
    }

    /// Checks that values are finite (NaN only where it is allowed).
    pub fn check_values(&self, missing: Missing) -> Result<(), Error> {
        for (j, column) in self.columns.iter().enumerate() {
            if all_finite(column) {
                continue;
            }
            let bad = |value: &f64| match missing {
                Missing::Allowed => value.is_infinite(),
                Missing::Refused => !value.is_finite(),
            };
            if let Some(i) = column.iter().position(bad) {
                return Err(Error::cell(i, j, not_finite("the feature", column[i])));
            }
        }
        Ok(())
    }

    /// Checks what a kernel needs that squares values: rows, columns, finite values, and none so large that sums of squares
    /// would not be finite.
    pub fn check_squares(&self) -> Result<(), Error> {
        self.check_shape()?;
        for (j, column) in self.columns.iter().enumerate() {
            if all_within(column, TOO_LARGE) {
                continue;
            }
            if let Some(i) = column.iter().position(|value| !(value * TOO_LARGE).is_finite()) {
                let value = column[i];
                return Err(Error::cell(
                    i,
                    j,
                    match value.is_finite() {
                        true => too_large("the feature", value),
                        false => not_finite("the feature", value),
                    },
                ));
            }
        }
        Ok(())
    }

    /// Checks that a table to predict is as wide as the one that the model was fitted on.
    pub fn check_width(&self, expected: usize) -> Result<(), Error> {
        if self.width() == expected {
            return Ok(());
        }
        Err(Error::data(format!(
            "the model was fitted on {expected} feature columns, the table has {}",
            self.width()
        )))
    }
}

/// Checks that there are rows and columns, and not too many rows.
fn check_counts(rows: usize, columns: usize) -> Result<(), Error> {
    if columns == 0 {
        return Err(Error::data("there are no feature columns"));
    }
    if rows == 0 {
        return Err(Error::data("there are no rows"));
    }
    if u32::try_from(rows).is_err() {
        return Err(Error::data("there are more rows than 4,294,967,295"));
    }
    Ok(())
}

/// Whether all values are finite.
pub fn all_finite(values: &[f64]) -> bool {
    all_within(values, 1.0)
}

/// Whether all values times `factor` are finite. Without a branch a value: nothing but a finite number gives 0 times 0.
#[inline]
fn all_within(values: &[f64], factor: f64) -> bool {
    let (chunks, rest) = values.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for chunk in chunks {
        for l in 0..8 {
            lanes[l] += chunk[l] * factor * 0.0;
        }
    }
    lanes.iter().all(|lane| *lane == 0.0) && rest.iter().all(|v| (v * factor).is_finite())
}

fn too_large(what: &str, value: f64) -> String {
    format!(
        "{what} is {}, too large for a sum of squares: scale the column, or check for a placeholder value",
        shown(value)
    )
}

fn not_finite(what: &str, value: f64) -> String {
    match value.is_nan() {
        true => format!("{what} is missing (NaN); impute it first or drop the row"),
        false => format!("{what} is infinite"),
    }
}

/// Checks a numeric target: one finite value a row, none too large to be squared.
pub fn check_target(y: &[f64], rows: usize) -> Result<(), Error> {
    check_length("target", y.len(), rows)?;
    match y.iter().position(|value| !(value * TOO_LARGE).is_finite()) {
        None => Ok(()),
        Some(row) if y[row].is_finite() => Err(Error::row(row, too_large("the target", y[row]))),
        Some(row) => Err(Error::row(row, not_finite("the target", y[row]))),
    }
}

/// Far enough from the ends of single precision for sums, and for what trees leave to one another.
const LARGEST_SINGLE: f64 = 1e37;
const LEAST_SINGLE: f64 = 1e-30;

/// Checks that trees whose leaves are of single precision can tell the targets apart: not that they all are infinite, or
/// all nothing.
pub fn check_single(y: &[f64]) -> Result<(), Error> {
    let ends = (f64::INFINITY, f64::NEG_INFINITY);
    let (least, most) = y.iter().fold(ends, |(least, most), v| (v.min(least), v.max(most)));
    let spread = most - least;
    let what = match spread {
        _ if most.max(-least) > LARGEST_SINGLE => "large",
        _ if spread > 0.0 && spread < LEAST_SINGLE => "small",
        _ => return Ok(()),
    };
    Err(Error::data(format!(
        "the target lies between {} and {}, too {what} for trees, which hold single precision: scale it",
        shown(least),
        shown(most)
    )))
}

/// Checks class labels `0..n`: one a row, at least two classes in use. Returns the number of rows of each class.
pub fn check_classes(y: &[u32], rows: usize) -> Result<Vec<usize>, Error> {
    check_length("target", y.len(), rows)?;
    let classes = y.iter().max().map_or(0, |&last| last as usize + 1);
    if classes > MOST_CLASSES {
        return Err(Error::data(format!(
            "there are {classes} classes; at most {MOST_CLASSES} can be told apart"
        )));
    }
    if classes > rows {
        return Err(Error::data(format!("class labels go up to {}, but there are {rows} rows", classes - 1)));
    }
    let mut counts = vec![0; classes];
    for &class in y {
        counts[class as usize] += 1;
    }
    if let Some(class) = counts.iter().position(|&count| count == 0) {
        return Err(Error::data(format!(
            "no row has class {class}; label the classes 0, 1, ... without gaps"
        )));
    }
    if classes < 2 {
        return Err(Error::data("the target has one class only; a classifier needs at least two"));
    }
    Ok(counts)
}

/// Checks that something has one value a row.
pub fn check_length(what: &str, got: usize, rows: usize) -> Result<(), Error> {
    if got == rows {
        return Ok(());
    }
    Err(Error::data(format!("the {what} has {got} values for {rows} rows")))
}

/// An owned column-major matrix, for data that is not in columns already.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    values: Vec<f64>,
    rows: usize,
    width: usize,
}

impl Matrix {
    /// Copies any smartcore matrix.
    pub fn from_array<X: Array2<f64>>(x: &X) -> Self {
        let (rows, width) = x.shape();
        let mut values = Vec::with_capacity(rows * width);
        for j in 0..width {
            values.extend((0..rows).map(|i| *x.get((i, j))));
        }
        Self { values, rows, width }
    }

    /// Of values that are column after column already.
    pub(crate) fn from_columns(values: Vec<f64>, rows: usize, width: usize) -> Self {
        debug_assert_eq!(values.len(), rows * width);
        Self { values, rows, width }
    }

    /// Copies a row-major slice of `rows` x `width` values.
    ///
    /// # Errors
    /// If the slice has another length.
    pub fn from_rows(values: &[f64], width: usize) -> Result<Self, Error> {
        if width == 0 || !values.len().is_multiple_of(width) {
            return Err(Error::data(format!("{} values do not make rows of {width}", values.len())));
        }
        let rows = values.len() / width;
        let columns = (0..width).flat_map(|j| (0..rows).map(move |i| values[i * width + j]));
        Ok(Self { values: columns.collect(), rows, width })
    }

    /// The borrowed columns.
    pub fn columns(&self) -> Columns<'_> {
        let columns = (0..self.width).map(|j| &self.values[j * self.rows..(j + 1) * self.rows]).collect();
        Columns { columns, rows: self.rows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_bad_cells() {
        let (a, b) = ([1.0, 2.0], [3.0, f64::NAN]);
        let x = Columns::new(vec![&a, &b]).unwrap();
        assert!(x.check_features(Missing::Allowed).is_ok());
        let error = x.check_features(Missing::Refused).unwrap_err();
        assert!(matches!(error, Error::Data { row: Some(1), column: Some(1), .. }), "{error:?}");
        assert!(Columns::new(vec![&a, &b[..1]]).is_err());
        assert!(Columns::new(vec![]).unwrap().check_features(Missing::Allowed).is_err());
        assert!(Columns::new(vec![&[]]).unwrap().check_features(Missing::Allowed).is_err());
    }

    #[test]
    fn what_cannot_be_squared_is_told_by_its_place() {
        let (a, mut b) = ([1.0; 20], [1e145; 20]);
        assert!(Columns::new(vec![&a, &b]).unwrap().check_squares().is_ok());
        for (row, value, says) in
            [(2, -1e150, "placeholder"), (17, f64::MAX, "scale"), (19, f64::NAN, "missing")]
        {
            let before = std::mem::replace(&mut b[row], value);
            let error = Columns::new(vec![&a, &b]).unwrap().check_squares().unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
            assert!(matches!(error, Error::Data { row: Some(at), column: Some(1), .. } if at == row));
            b[row] = before;
        }
        assert!(check_target(&[1.0, 1e150], 2).is_err() && check_target(&[1.0, 1e100], 2).is_ok());
    }

    #[test]
    fn classes_are_counted_and_gaps_refused() {
        assert_eq!(check_classes(&[1, 0, 1], 3).unwrap(), [1, 2]);
        assert!(check_classes(&[0, 0], 2).is_err());
        assert!(check_classes(&[0, 2, 2], 3).is_err());
        assert!(check_classes(&[0, u32::MAX], 2).is_err());
        assert!(check_classes(&[], 0).is_err());
    }

    #[test]
    fn rows_become_columns() {
        let matrix = Matrix::from_rows(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3).unwrap();
        assert_eq!(matrix.columns().column(1), [2.0, 5.0]);
        let mut row = [0.0; 3];
        matrix.columns().read_row(1, &mut row);
        assert_eq!(row, [4.0, 5.0, 6.0]);
        assert!(Matrix::from_rows(&[1.0], 0).is_err());
    }
}

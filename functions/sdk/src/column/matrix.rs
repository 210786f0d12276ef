//! A table of numbers, column by column.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, RecordBatchOptions};
use arrow_buffer::{NullBuffer, ScalarBuffer};
use arrow_schema::{DataType, SchemaRef};

use super::shared_numbers;
use crate::{
    Failure,
    failure::{internal, invalid_input},
    table,
    unseen::{self, Seen},
};

/// `rows x columns` numbers, column by column. Missing is NaN.
///
/// A column that is `Float64` without missing values in the table is the table's own, not a copy.
#[derive(Clone, Debug)]
pub struct Matrix {
    names: Arc<[String]>,
    rows: usize,
    values: Values,
}

#[derive(Clone, Debug)]
enum Values {
    /// A buffer a column.
    Shared(Vec<ScalarBuffer<f64>>),
    /// Column after column.
    Own(Vec<f64>),
}

impl Matrix {
    /// The named columns of a batch, in that order.
    pub fn from_columns(batch: &RecordBatch, names: &[String]) -> Result<Self, Failure> {
        let columns = names.iter().map(|name| shared_numbers(batch, name)).collect::<Result<_, _>>()?;
        Ok(Self { names: names.into(), rows: batch.num_rows(), values: Values::Shared(columns) })
    }

    /// Values that stand row after row, each row with one for each name.
    pub(crate) fn from_rows(names: &Arc<[String]>, values: Vec<f64>) -> Self {
        let width = names.len();
        let rows = values.len().checked_div(width).unwrap_or(0);
        let by_column = if rows > 1 { transposed(&values, rows, width) } else { values };
        Self::by_column(names.clone(), rows, by_column)
    }

    /// Values that stand column after column, each column with as many as there are rows.
    pub(crate) fn by_column(names: Arc<[String]>, rows: usize, values: Vec<f64>) -> Self {
        debug_assert_eq!(values.len(), rows * names.len());
        Self { names, rows, values: Values::Own(values) }
    }

    /// The same as a batch of `Float64` columns, where NaN is a missing value.
    pub fn to_batch(&self) -> Result<RecordBatch, Failure> {
        let column = |values: ScalarBuffer<f64>| -> ArrayRef {
            let missing = values.iter().any(|value| value.is_nan());
            let nulls = missing.then(|| values.iter().map(|value| !value.is_nan()).collect::<NullBuffer>());
            Arc::new(Float64Array::new(values, nulls))
        };
        let columns = match &self.values {
            Values::Shared(columns) => columns.iter().cloned().map(column).collect(),
            Values::Own(_) => self.iter().map(|values| column(values.to_vec().into())).collect(),
        };
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        RecordBatch::try_new_with_options(self.schema(), columns, &options)
            .map_err(|error| internal(error.to_string()))
    }

    /// All columns of a batch.
    pub fn from_batch(batch: &RecordBatch) -> Result<Self, Failure> {
        let names: Vec<_> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
        Self::from_columns(batch, &names)
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns.
    pub fn columns(&self) -> usize {
        self.names.len()
    }

    /// The columns' names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Column `j`.
    pub fn column(&self, j: usize) -> &[f64] {
        match &self.values {
            Values::Shared(columns) => &columns[j],
            Values::Own(values) => &values[j * self.rows..][..self.rows],
        }
    }

    fn iter(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        (0..self.columns()).map(|j| self.column(j))
    }

    /// The columns, as the kernels of `learners` take them.
    pub fn slices(&self) -> Vec<&[f64]> {
        self.iter().collect()
    }

    /// The schema that a model of these columns has for its state: every column `Float64`, so that a table whose
    /// column holds integers or booleans by chance is taken as well.
    pub fn schema(&self) -> SchemaRef {
        table::schema_of(self.names.iter().map(|name| (name.as_str(), DataType::Float64)))
    }

    /// The same with what the columns hold, which training rows are: what a model sees later is held against it.
    pub fn seen_schema(&self) -> SchemaRef {
        unseen::with_seen(&self.schema(), self.iter().map(Seen::of_numbers))
    }

    /// Refuses missing values, by row and column.
    pub fn no_missing(&self) -> Result<(), Failure> {
        self.refuse(
            f64::is_nan,
            "the value is missing; add a `features` step that imputes it, or drop the row",
        )
    }

    /// Refuses infinite values, by row and column.
    pub fn no_infinite(&self) -> Result<(), Failure> {
        self.refuse(f64::is_infinite, "the value is infinite; replace it or drop the row")
    }

    fn refuse(&self, bad: impl Fn(f64) -> bool, message: &str) -> Result<(), Failure> {
        for (j, name) in self.names.iter().enumerate() {
            if let Some(row) = self.column(j).iter().position(|value| bad(*value)) {
                return Err(invalid_input(message).column(name).row(row as u64 + 1));
            }
        }
        Ok(())
    }
}

/// `rows x width` values, column after column. By blocks of rows, which stay in the cache.
fn transposed(values: &[f64], rows: usize, width: usize) -> Vec<f64> {
    const BLOCK: usize = 16;
    let mut by_column = vec![0.0; values.len()];
    for (block, from) in values.chunks(BLOCK * width).enumerate() {
        let count = from.len() / width;
        for j in 0..width {
            let to = &mut by_column[j * rows + block * BLOCK..][..count];
            let own = from[j..].iter().step_by(width);
            to.iter_mut().zip(own).for_each(|(to, from)| *to = *from);
        }
    }
    by_column
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns_and_a_batch() {
        let names: Arc<[String]> = ["a", "b", "c"].map(String::from).into();
        for rows in [0, 1, 2, 15, 16, 17, 100] {
            let values: Vec<f64> =
                (0..rows * 3).map(|i| if i % 7 == 5 { f64::NAN } else { i as f64 }).collect();
            let matrix = Matrix::from_rows(&names, values.clone());
            assert_eq!((matrix.rows(), matrix.columns()), (rows, 3));
            for (i, value) in values.iter().enumerate() {
                assert_eq!(matrix.column(i % 3)[i / 3].to_bits(), value.to_bits(), "{rows} rows, {i}");
            }
            let batch = matrix.to_batch().unwrap();
            assert_eq!(batch.num_rows(), rows);
            let nulls: usize = batch.columns().iter().map(|column| column.null_count()).sum();
            assert_eq!(nulls, values.iter().filter(|value| value.is_nan()).count());
            let back = Matrix::from_batch(&batch).unwrap();
            let bits =
                |matrix: &Matrix| matrix.slices().concat().iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&back), bits(&matrix));
        }
    }
}

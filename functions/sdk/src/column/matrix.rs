//! A table of numbers, column by column.

use arrow_array::RecordBatch;
use arrow_buffer::ScalarBuffer;
use arrow_schema::{DataType, SchemaRef};

use super::shared_numbers;
use crate::{Failure, failure::invalid_input, table};

/// `rows x columns` numbers, column by column. Missing is NaN.
///
/// A column that is `Float64` without missing values in the table is the table's own, not a copy.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    names: Vec<String>,
    rows: usize,
    columns: Vec<ScalarBuffer<f64>>,
}

impl Matrix {
    /// The named columns of a batch, in that order.
    pub fn from_columns(batch: &RecordBatch, names: &[String]) -> Result<Self, Failure> {
        let columns = names.iter().map(|name| shared_numbers(batch, name)).collect::<Result<_, _>>()?;
        Ok(Self { names: names.to_vec(), rows: batch.num_rows(), columns })
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
        &self.columns[j]
    }

    /// The columns, as the kernels of `learners` take them.
    pub fn slices(&self) -> Vec<&[f64]> {
        self.columns.iter().map(|column| &column[..]).collect()
    }

    /// The schema that a model of these columns has for its state: every column `Float64`, so that a table whose
    /// column holds integers or booleans by chance is taken as well.
    pub fn schema(&self) -> SchemaRef {
        table::schema_of(self.names.iter().map(|name| (name.as_str(), DataType::Float64)))
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

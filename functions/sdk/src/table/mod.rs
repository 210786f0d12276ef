//! Tables: Arrow IPC streams in and out, in a handful of column types.

mod cast;
mod grow;
mod ipc;
pub mod names;
mod pandas;
mod read;
mod sparse;
mod text;
mod texts;
mod time;
mod write;

use std::{ops::Deref, sync::Arc};

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, FieldRef, Schema, SchemaRef, TimeUnit};

pub use cast::{canonical_type, cast, cast_column, conform, stand_for_missing};
pub use grow::{Growing, concat, finish_columns, missing, new_columns, pick};
pub use pandas::pandas_index;
pub use read::{Batches, copy_ipc, from_ipc};
pub use sparse::{SparseBuilder, is_sparse, sparse_parts, sparse_type};
pub use text::{print, with_words};
pub use texts::Texts;
pub use time::{format_date, format_timestamp, parse_date, parse_timestamp};
pub use write::{TableWriter, canonical_nan, to_ipc};

use crate::{
    Failure,
    column::{self, Choice, Labels, Matrix},
    failure::missing_column,
};

/// Media type of a table between steps.
pub const MEDIA_TYPE: &str = "application/vnd.apache.arrow.stream";

/// Rows in a record batch that the SDK writes.
pub const BATCH_ROWS: usize = 65_536;

/// Timestamps with a time zone are kept in this one.
pub const UTC: &str = "UTC";

/// Microseconds since 1970 without a time zone.
pub fn timestamp_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

/// Microseconds since 1970 in UTC.
pub fn utc_timestamp_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from(UTC)))
}

/// A whole table that came by a channel. Errors that it returns name the channel.
#[derive(Clone, Debug)]
pub struct Table {
    channel: String,
    batch: RecordBatch,
}

impl Table {
    /// A table as if it had come by `channel`.
    pub fn new(channel: impl Into<String>, batch: RecordBatch) -> Self {
        Self { channel: channel.into(), batch }
    }

    /// The rows.
    pub fn batch(&self) -> &RecordBatch {
        &self.batch
    }

    /// The rows, the channel's name forgotten.
    pub fn into_batch(self) -> RecordBatch {
        self.batch
    }

    /// The channel it came by.
    pub fn channel(&self) -> &str {
        &self.channel
    }

    fn place<T>(&self, result: Result<T, Failure>) -> Result<T, Failure> {
        result.map_err(|failure| failure.channel(&self.channel))
    }

    /// The column of that name, or a failure that offers the nearest name.
    pub fn column(&self, name: &str) -> Result<&ArrayRef, Failure> {
        self.place(column::get(&self.batch, name))
    }

    /// A number, boolean or missing value (NaN) for each row.
    pub fn numbers(&self, name: &str) -> Result<Vec<f64>, Failure> {
        self.place(column::numbers(&self.batch, name))
    }

    /// The target of a regression: as [`Table::numbers`], but missing and infinite values are refused.
    pub fn target_numbers(&self, name: &str) -> Result<Vec<f64>, Failure> {
        self.place(column::target_numbers(&self.batch, name))
    }

    /// The target of a classification: the sorted classes, and each row's place among them.
    pub fn labels(&self, name: &str) -> Result<Labels, Failure> {
        self.place(Labels::from_column(&self.batch, name))
    }

    /// Sample weights: finite, not negative, not all zero; ones if `name` is `None`.
    pub fn weights(&self, name: Option<&str>) -> Result<Vec<f64>, Failure> {
        self.place(column::weights(&self.batch, name))
    }

    /// The columns to learn from: those that are listed, or all but `target`, `weight` and those that are excluded.
    pub fn features(
        &self,
        choice: Choice<'_>,
        target: Option<&str>,
        weight: Option<&str>,
    ) -> Result<Vec<String>, Failure> {
        self.place(column::features(&self.batch.schema(), choice, target, weight))
    }

    /// The named columns as a matrix of numbers; a column that holds no numbers is refused.
    pub fn matrix(&self, names: &[String]) -> Result<Matrix, Failure> {
        self.place(Matrix::from_columns(&self.batch, names))
    }

    /// A failure for a table without rows.
    pub fn not_empty(&self) -> Result<(), Failure> {
        if self.batch.num_rows() == 0 {
            return Err(crate::failure::invalid_input("the table has no rows").channel(&self.channel));
        }
        Ok(())
    }
}

impl Deref for Table {
    type Target = RecordBatch;

    fn deref(&self) -> &RecordBatch {
        &self.batch
    }
}

/// The place of a column in a schema, or a failure that offers the nearest name.
pub fn index_of(schema: &Schema, name: &str) -> Result<usize, Failure> {
    let fields = schema.fields();
    fields
        .iter()
        .position(|field| field.name() == name)
        .ok_or_else(|| missing_column(name, fields.iter().map(|field| field.name().as_str())))
}

/// Whether both have the same columns in the same order, by name and type; what their metadata say does not count.
pub fn same_columns(one: &Schema, other: &Schema) -> bool {
    let alike = |(one, other): (&FieldRef, &FieldRef)| {
        one.name() == other.name() && one.data_type() == other.data_type()
    };
    one.fields().len() == other.fields().len() && one.fields().iter().zip(other.fields()).all(alike)
}

/// A schema of `(name, type)` pairs; every column may hold missing values.
pub fn schema_of<'a>(columns: impl IntoIterator<Item = (&'a str, DataType)>) -> SchemaRef {
    let fields: Vec<_> =
        columns.into_iter().map(|(name, kind)| arrow_schema::Field::new(name, kind, true)).collect();
    Arc::new(Schema::new(fields))
}

/// A batch from `(name, column)` pairs of one length; every column may hold missing values.
pub fn batch_of<'a>(columns: impl IntoIterator<Item = (&'a str, ArrayRef)>) -> Result<RecordBatch, Failure> {
    let (names, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    let schema = schema_of(names.into_iter().zip(arrays.iter().map(|array| array.data_type().clone())));
    RecordBatch::try_new(schema, arrays).map_err(|error| crate::failure::internal(error.to_string()))
}

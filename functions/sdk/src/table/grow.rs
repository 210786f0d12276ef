//! Columns that grow row by row or batch by batch.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, RecordBatch, RecordBatchOptions,
    builder::{
        BooleanBuilder, Date32Builder, Float64Builder, Int64Builder, StringBuilder,
        TimestampMicrosecondBuilder,
    },
    cast::AsArray,
    types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType},
};
use arrow_schema::{DataType, Schema, SchemaRef, TimeUnit};

use super::{SparseBuilder, is_sparse};
use crate::{
    Failure,
    failure::{internal, invalid_input},
};

/// A column under construction, of one of the types that travel between steps.
pub enum Growing {
    /// `Int64`
    Int(Int64Builder),
    /// `Float64`
    Float(Float64Builder),
    /// `Boolean`
    Bool(BooleanBuilder),
    /// `Utf8`
    Text(StringBuilder),
    /// `Date32`
    Date(Date32Builder),
    /// `Timestamp(Microsecond)`
    Time(TimestampMicrosecondBuilder),
    /// Sparse rows
    Sparse(SparseBuilder),
}

impl Growing {
    /// An empty column of a canonical type, with room for `rows`.
    pub fn new(kind: &DataType, rows: usize) -> Result<Self, Failure> {
        Ok(match kind {
            DataType::Int64 => Self::Int(Int64Builder::with_capacity(rows)),
            DataType::Float64 => Self::Float(Float64Builder::with_capacity(rows)),
            DataType::Boolean => Self::Bool(BooleanBuilder::with_capacity(rows)),
            DataType::Utf8 => Self::Text(StringBuilder::with_capacity(rows, 0)),
            DataType::Date32 => Self::Date(Date32Builder::with_capacity(rows)),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                Self::Time(TimestampMicrosecondBuilder::with_capacity(rows).with_data_type(kind.clone()))
            }
            kind if is_sparse(kind) => Self::Sparse(SparseBuilder::with_capacity(rows)),
            other => return Err(internal(format!("{other} is not a column type of tables between steps"))),
        })
    }

    /// Rows so far.
    pub fn len(&self) -> usize {
        use arrow_array::builder::ArrayBuilder as _;
        match self {
            Self::Int(column) => column.len(),
            Self::Float(column) => column.len(),
            Self::Bool(column) => column.len(),
            Self::Text(column) => column.len(),
            Self::Date(column) => column.len(),
            Self::Time(column) => column.len(),
            Self::Sparse(column) => column.len(),
        }
    }

    /// Whether there are no rows yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One more row without a value.
    pub fn push_null(&mut self) {
        match self {
            Self::Int(column) => column.append_null(),
            Self::Float(column) => column.append_null(),
            Self::Bool(column) => column.append_null(),
            Self::Text(column) => column.append_null(),
            Self::Date(column) => column.append_null(),
            Self::Time(column) => column.append_null(),
            Self::Sparse(column) => column.append_null(),
        }
    }

    /// One more text. The column must hold text; it may hold 2 GiB of it.
    pub fn push_text(&mut self, text: &str) -> Result<(), Failure> {
        let Self::Text(column) = self else {
            return Err(internal("text pushed into another kind of column"));
        };
        check_room(column, text.len())?;
        column.append_value(text);
        Ok(())
    }

    /// The rows of an array of this column's type.
    pub fn push_array(&mut self, array: &ArrayRef) -> Result<(), Failure> {
        match self {
            Self::Int(column) => column.append_array(array.as_primitive::<Int64Type>()),
            Self::Float(column) => column.append_array(array.as_primitive::<Float64Type>()),
            Self::Bool(column) => column.append_array(array.as_boolean()),
            Self::Text(column) => {
                let array = array.as_string::<i32>();
                check_room(column, array.values().len())?;
                column.append_array(array).map_err(|error| internal(error.to_string()))?;
            }
            Self::Date(column) => column.append_array(array.as_primitive::<Date32Type>()),
            Self::Time(column) => column.append_array(array.as_primitive::<TimestampMicrosecondType>()),
            Self::Sparse(column) => column.append_array(array)?,
        }
        Ok(())
    }

    /// One row of an array of this column's type. Panics if there is no such row.
    pub fn push_row(&mut self, array: &ArrayRef, row: usize) -> Result<(), Failure> {
        if array.is_null(row) {
            self.push_null();
            return Ok(());
        }
        match self {
            Self::Int(column) => column.append_value(array.as_primitive::<Int64Type>().value(row)),
            Self::Float(column) => column.append_value(array.as_primitive::<Float64Type>().value(row)),
            Self::Bool(column) => column.append_value(array.as_boolean().value(row)),
            Self::Text(_) => self.push_text(array.as_string::<i32>().value(row))?,
            Self::Date(column) => column.append_value(array.as_primitive::<Date32Type>().value(row)),
            Self::Time(column) => {
                column.append_value(array.as_primitive::<TimestampMicrosecondType>().value(row))
            }
            Self::Sparse(column) => column.append_array(&array.slice(row, 1))?,
        }
        Ok(())
    }

    /// The column; what is left is empty.
    pub fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Int(column) => Arc::new(column.finish()),
            Self::Float(column) => Arc::new(column.finish()),
            Self::Bool(column) => Arc::new(column.finish()),
            Self::Text(column) => Arc::new(column.finish()),
            Self::Date(column) => Arc::new(column.finish()),
            Self::Time(column) => Arc::new(column.finish()),
            Self::Sparse(column) => column.finish(),
        }
    }
}

/// Offsets of `Utf8` are 32 bits.
fn check_room(column: &StringBuilder, more: usize) -> Result<(), Failure> {
    if column.values_slice().len() + more > i32::MAX as usize {
        return Err(invalid_input("a text column holds more than 2 GiB; read the table in shards"));
    }
    Ok(())
}

/// An empty column for each field of a schema.
pub fn new_columns(schema: &Schema, rows: usize) -> Result<Vec<Growing>, Failure> {
    schema.fields().iter().map(|field| Growing::new(field.data_type(), rows)).collect()
}

/// The batch of columns that have grown to `rows`.
pub fn finish_columns(
    mut columns: Vec<Growing>,
    schema: &SchemaRef,
    rows: usize,
) -> Result<RecordBatch, Failure> {
    let columns = columns.iter_mut().map(Growing::finish).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options)
        .map_err(|error| internal(error.to_string()))
}

/// A column of a canonical type without any value.
pub fn missing(kind: &DataType, rows: usize) -> Result<ArrayRef, Failure> {
    let mut column = Growing::new(kind, rows)?;
    (0..rows).for_each(|_| column.push_null());
    Ok(column.finish())
}

/// The rows of batches with the columns of `schema`, one batch after another.
pub fn concat(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<RecordBatch, Failure> {
    if let [one] = batches
        && one.schema() == *schema
    {
        return Ok(one.clone());
    }
    let rows = batches.iter().map(RecordBatch::num_rows).sum();
    let mut columns = new_columns(schema, rows)?;
    for batch in batches {
        if batch.num_columns() != columns.len() {
            return Err(internal("batches of one table have different columns"));
        }
        for ((column, array), field) in columns.iter_mut().zip(batch.columns()).zip(schema.fields()) {
            if array.data_type() != field.data_type() {
                return Err(internal(format!("column `{}` has different types in one table", field.name())));
            }
            column.push_array(array).map_err(|failure| failure.column(field.name()))?;
        }
    }
    finish_columns(columns, schema, rows)
}

/// The rows in these places, in their order. Panics if there is no such row.
pub fn pick(batch: &RecordBatch, rows: &[u32]) -> Result<RecordBatch, Failure> {
    let schema = batch.schema();
    let mut columns = new_columns(&schema, rows.len())?;
    for (column, array) in columns.iter_mut().zip(batch.columns()) {
        rows.iter().try_for_each(|row| column.push_row(array, *row as usize))?;
    }
    finish_columns(columns, &schema, rows.len())
}

//! Tables into parts.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Float64Array, RecordBatch, cast::AsArray, types::Float64Type};
use arrow_schema::{DataType, Schema};

use super::{BATCH_ROWS, ipc::Writer};
use crate::{Failure, failure::internal, part::PartWriter};

/// Writes a table to an output, batch by batch. Nothing is left behind unless [`TableWriter::finish`] is called.
pub struct TableWriter {
    stream: Writer<PartWriter>,
    rows: u64,
}

impl TableWriter {
    pub(crate) fn new(part: PartWriter, schema: &Schema) -> Result<Self, Failure> {
        let stream = Writer::new(part, Arc::new(schema.clone()))?;
        Ok(Self { stream, rows: 0 })
    }

    /// Adds rows. NaNs become the one canonical NaN; large batches are cut into pieces of [`BATCH_ROWS`].
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), Failure> {
        for start in (0..batch.num_rows()).step_by(BATCH_ROWS) {
            let piece = batch.slice(start, BATCH_ROWS.min(batch.num_rows() - start));
            self.stream.write(&canonical(&piece)?)?;
            self.rows += piece.num_rows() as u64;
        }
        Ok(())
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Makes the table part of the output.
    pub fn finish(self) -> Result<(), Failure> {
        self.stream.finish()?.finish()
    }
}

/// The bytes of an Arrow IPC stream.
pub fn to_ipc(batch: &RecordBatch) -> Result<Vec<u8>, Failure> {
    let mut stream = Writer::new(Vec::with_capacity(roughly(batch)), batch.schema())?;
    for start in (0..batch.num_rows()).step_by(BATCH_ROWS) {
        let piece = batch.slice(start, BATCH_ROWS.min(batch.num_rows() - start));
        stream.write(&canonical(&piece)?)?;
    }
    stream.finish()
}

/// The bytes that a stream of numbers takes: memory that grows on the way would be moved again and again.
fn roughly(batch: &RecordBatch) -> usize {
    /// Of a column's names, places and paddings.
    const ABOUT: usize = 256;
    let batches = batch.num_rows().div_ceil(BATCH_ROWS);
    batch.num_columns() * (batch.num_rows() * size_of::<f64>() + (batches + 1) * ABOUT) + 2 * ABOUT
}

/// The same rows with every NaN of the same bits, so that outputs do not depend on how a NaN came about.
fn canonical(batch: &RecordBatch) -> Result<RecordBatch, Failure> {
    let odd = |array: &ArrayRef| {
        *array.data_type() == DataType::Float64 && has_odd_nan(array.as_primitive::<Float64Type>().values())
    };
    if !batch.columns().iter().any(odd) {
        return Ok(batch.clone());
    }
    let columns = batch.columns().iter().map(|array| {
        if !odd(array) {
            return array.clone();
        }
        let floats = array.as_primitive::<Float64Type>();
        let values: Vec<f64> = floats.values().iter().copied().map(canonical_nan).collect();
        Arc::new(Float64Array::new(values.into(), floats.nulls().cloned()))
    });
    RecordBatch::try_new(batch.schema(), columns.collect()).map_err(|error| internal(error.to_string()))
}

/// Whether a NaN has other bits than the one that is written. Pieces without any NaN, which most are, take no branch a
/// value.
fn has_odd_nan(values: &[f64]) -> bool {
    values.chunks(256).any(|piece| {
        piece.iter().fold(false, |found, value| found | value.is_nan())
            && piece.iter().any(|value| value.is_nan() && value.to_bits() != f64::NAN.to_bits())
    })
}

/// The value itself, or the one NaN that is written.
pub fn canonical_nan(value: f64) -> f64 {
    if value.is_nan() { f64::NAN } else { value }
}

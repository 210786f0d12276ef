//! Numbers between the stages of a model: for a row or two, Arrow's stream would take longer to be written and read than the
//! stages take.
//!
//! ```text
//! columns  u32 LE
//! rows     u32 LE
//! names    of each column: bytes as u32 LE, UTF-8
//! values   f64 LE, column after column; missing is NaN
//! ```

use std::sync::Arc;

use arrow_array::{Array, RecordBatch, cast::AsArray, types::Float64Type};
use arrow_schema::DataType;

use crate::{Failure, Matrix, failure::invalid_input};

/// Its media type: a stage that takes it says so in its description's `accepts`.
pub const MEDIA_TYPE: &str = "application/vnd.millstream.matrix";

/// Whether it can hold these rows: all columns are `Float64`.
pub fn can_hold(rows: &RecordBatch) -> bool {
    u32::try_from(rows.num_rows()).is_ok()
        && rows.columns().iter().all(|column| *column.data_type() == DataType::Float64)
}

/// The bytes of rows that [`can_hold`] finds fit.
pub fn write(rows: &RecordBatch) -> Vec<u8> {
    let schema = rows.schema();
    let names: usize = schema.fields().iter().map(|field| 4 + field.name().len()).sum();
    let mut bytes = Vec::with_capacity(8 + names + 8 * rows.num_rows() * rows.num_columns());
    bytes.extend((rows.num_columns() as u32).to_le_bytes());
    bytes.extend((rows.num_rows() as u32).to_le_bytes());
    for field in schema.fields() {
        bytes.extend((field.name().len() as u32).to_le_bytes());
        bytes.extend(field.name().as_bytes());
    }
    for column in rows.columns() {
        let column = column.as_primitive::<Float64Type>();
        match column.nulls().filter(|nulls| nulls.null_count() > 0) {
            None => column.values().iter().for_each(|value| bytes.extend(value.to_le_bytes())),
            Some(nulls) => column.values().iter().zip(nulls).for_each(|(value, valid)| {
                bytes.extend((if valid { *value } else { f64::NAN }).to_le_bytes());
            }),
        }
    }
    bytes
}

/// What was written, taken apart.
struct Parts<'a> {
    rows: usize,
    names: Vec<&'a str>,
    values: &'a [u8],
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

fn number(bytes: &mut &[u8]) -> Option<usize> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*number) as usize)
}

impl<'a> Parts<'a> {
    fn of(mut bytes: &'a [u8]) -> Option<Self> {
        let (columns, rows) = (number(&mut bytes)?, number(&mut bytes)?);
        let mut names = Vec::with_capacity(columns.min(bytes.len() / 4));
        for _ in 0..columns {
            let length = number(&mut bytes)?;
            names.push(std::str::from_utf8(take(&mut bytes, length)?).ok()?);
        }
        let sound = columns.checked_mul(rows)?.checked_mul(8)? == bytes.len();
        sound.then_some(Self { rows, names, values: bytes })
    }

    fn values(&self) -> Vec<f64> {
        let (numbers, _) = self.values.as_chunks();
        numbers.iter().map(|number| f64::from_le_bytes(*number)).collect()
    }
}

/// The rows, if they have exactly these columns in this order.
pub fn read(bytes: &[u8], names: &Arc<[String]>) -> Option<Matrix> {
    let parts = Parts::of(bytes)?;
    let alike = parts.names.iter().eq(names.iter());
    alike.then(|| Matrix::by_column(names.clone(), parts.rows, parts.values()))
}

/// The rows, whatever their columns.
pub fn read_batch(bytes: &[u8]) -> Result<RecordBatch, Failure> {
    let parts =
        Parts::of(bytes).ok_or_else(|| invalid_input(format!("the body is not sound {MEDIA_TYPE}")))?;
    let names = parts.names.iter().map(|name| (*name).to_owned()).collect();
    Matrix::by_column(names, parts.rows, parts.values()).to_batch()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{table::from_ipc, testing::rows};

    #[test]
    fn what_is_written_is_read() {
        let batch = rows("a,b\n1.5,\n,2.5\n0,1e300\n");
        assert!(can_hold(&batch));
        let bytes = write(&batch);
        assert_eq!(read_batch(&bytes).unwrap(), batch);
        let names: Arc<[String]> = ["a", "b"].map(String::from).into();
        assert_eq!(read(&bytes, &names).unwrap().to_batch().unwrap(), batch);
        let others: Arc<[String]> = ["b", "a"].map(String::from).into();
        assert!(read(&bytes, &others).is_none());
        assert_eq!(read_batch(&write(&batch.slice(0, 0))).unwrap().num_rows(), 0);
        assert!(!can_hold(&rows("a\nx\n")) && !can_hold(&rows("a\n1\n")), "text, integers");
        assert!(from_ipc(bytes).is_err());
    }

    proptest! {
        #[test]
        fn damage_is_refused(bytes in prop::collection::vec(0u8..4, 0..40), cut in 0usize..60, place in 0usize..60) {
            let _ = read_batch(&bytes);
            let sound = write(&rows("a,b\n1.5,\n2.5,0.5\n"));
            prop_assert!(read_batch(&sound[..cut.min(sound.len() - 1)]).is_err());
            let mut damaged = sound;
            let place = place % damaged.len();
            damaged[place] ^= 0x55;
            let _ = read_batch(&damaged);
        }
    }
}

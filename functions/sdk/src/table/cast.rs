//! From the many types of Arrow to the few that functions meet.

use std::{fmt::Display, sync::Arc};

use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, BooleanArray, Float64Array, PrimitiveArray, RecordBatch,
    StringArray, TimestampMicrosecondArray,
    builder::StringBuilder,
    cast::AsArray,
    types::{
        Date32Type, Date64Type, Decimal128Type, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type,
        Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
        TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    },
};
use arrow_schema::{DataType, SchemaRef, TimeUnit};

use super::{missing, names, sparse, sparse_type, timestamp_type, utc_timestamp_type};
use crate::{Failure, failure::invalid_input};

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The type in which a column of `kind` is kept between steps: `Int64`, `Float64`, `Boolean`, `Utf8`, `Date32`,
/// `Timestamp(Microsecond)` or that of sparse rows; `None` if there is none.
pub fn canonical_type(kind: &DataType) -> Option<DataType> {
    use DataType as T;
    Some(match kind {
        T::Int8 | T::Int16 | T::Int32 | T::Int64 | T::UInt8 | T::UInt16 | T::UInt32 | T::UInt64 => T::Int64,
        T::Float16 | T::Float32 | T::Float64 | T::Decimal128(..) | T::Null => T::Float64,
        T::Boolean => T::Boolean,
        T::Utf8 | T::LargeUtf8 | T::Utf8View | T::Binary | T::LargeBinary | T::BinaryView => T::Utf8,
        T::Date32 => T::Date32,
        T::Date64 | T::Timestamp(_, None) => timestamp_type(),
        T::Timestamp(_, Some(_)) => utc_timestamp_type(),
        kind if sparse::is_like_sparse(kind) => sparse_type(),
        _ => return None,
    })
}

/// The column in another type, without loss: numbers widen, whole floats become integers, numbers and booleans
/// become text when text is asked for. The error says which value stands in the way.
pub fn cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, Failure> {
    use DataType as T;
    let from = array.data_type();
    if from == to {
        return Ok(array.clone());
    }
    if array.logical_null_count() == array.len() {
        return missing(to, array.len());
    }
    let made = match to {
        T::Int64 => to_int(array)?,
        T::Float64 => to_float(array),
        T::Utf8 => to_text(array)?,
        T::Timestamp(TimeUnit::Microsecond, zone) => {
            to_micros(array)?.map(|times| Arc::new(times.with_timezone_opt(zone.clone())) as ArrayRef)
        }
        to if sparse::is_sparse(to) => sparse::from_pairs(array)?,
        _ => None,
    };
    made.ok_or_else(|| {
        invalid_input(format!("a column of {} cannot be read as {}", named(from, "type "), named(to, "")))
    })
}

/// A type in a message; that of sparse rows is no name that people know.
fn named(kind: &DataType, before: &str) -> String {
    if sparse::is_sparse(kind) { "sparse rows".to_owned() } else { format!("{before}{kind}") }
}

/// Primitive values of one type by a function that cannot fail.
fn map<F: ArrowPrimitiveType, T: ArrowPrimitiveType>(
    array: &ArrayRef,
    f: impl Fn(F::Native) -> T::Native,
) -> Option<ArrayRef> {
    Some(Arc::new(array.as_primitive::<F>().unary::<_, T>(f)))
}

/// Primitive values by a function that may refuse one; the failure names its row.
fn try_map<F: ArrowPrimitiveType, T: ArrowPrimitiveType>(
    array: &ArrayRef,
    f: impl Fn(F::Native) -> Option<T::Native>,
    refusal: impl Fn(F::Native) -> String,
) -> Result<Option<ArrayRef>, Failure> {
    let source = array.as_primitive::<F>();
    let mut values = Vec::with_capacity(source.len());
    for (row, value) in source.iter().enumerate() {
        values.push(match value {
            None => T::default_value(),
            Some(value) => f(value).ok_or_else(|| invalid_input(refusal(value)).row(row as u64 + 1))?,
        });
    }
    Ok(Some(Arc::new(PrimitiveArray::<T>::new(values.into(), source.nulls().cloned()))))
}

fn to_int(array: &ArrayRef) -> Result<Option<ArrayRef>, Failure> {
    use DataType as T;
    Ok(match array.data_type() {
        T::Int8 => map::<Int8Type, Int64Type>(array, i64::from),
        T::Int16 => map::<Int16Type, Int64Type>(array, i64::from),
        T::Int32 => map::<Int32Type, Int64Type>(array, i64::from),
        T::UInt8 => map::<UInt8Type, Int64Type>(array, i64::from),
        T::UInt16 => map::<UInt16Type, Int64Type>(array, i64::from),
        T::UInt32 => map::<UInt32Type, Int64Type>(array, i64::from),
        T::UInt64 => try_map::<UInt64Type, Int64Type>(
            array,
            |value| value.try_into().ok(),
            |value| format!("{value} does not fit into a 64-bit signed integer"),
        )?,
        T::Float64 => {
            try_map::<Float64Type, Int64Type>(array, whole, |value| format!("{value} is not a whole number"))?
        }
        _ => None,
    })
}

/// A float as an integer, if it is one exactly.
fn whole(value: f64) -> Option<i64> {
    let limit = 2f64.powi(63);
    (value.trunc() == value && value >= -limit && value < limit).then_some(value as i64)
}

fn to_float(array: &ArrayRef) -> Option<ArrayRef> {
    use DataType as T;
    match array.data_type() {
        T::Int8 => map::<Int8Type, Float64Type>(array, f64::from),
        T::Int16 => map::<Int16Type, Float64Type>(array, f64::from),
        T::Int32 => map::<Int32Type, Float64Type>(array, f64::from),
        T::Int64 => map::<Int64Type, Float64Type>(array, |value| value as f64),
        T::UInt8 => map::<UInt8Type, Float64Type>(array, f64::from),
        T::UInt16 => map::<UInt16Type, Float64Type>(array, f64::from),
        T::UInt32 => map::<UInt32Type, Float64Type>(array, f64::from),
        T::UInt64 => map::<UInt64Type, Float64Type>(array, |value| value as f64),
        T::Float16 => map::<Float16Type, Float64Type>(array, f64::from),
        T::Float32 => map::<Float32Type, Float64Type>(array, f64::from),
        T::Decimal128(_, scale) => {
            let unit = 10f64.powi(i32::from(*scale));
            map::<Decimal128Type, Float64Type>(array, |value| value as f64 / unit)
        }
        T::Boolean => {
            let bools = array.as_boolean();
            let values: Vec<f64> = bools.values().iter().map(|value| f64::from(u8::from(value))).collect();
            Some(Arc::new(Float64Array::new(values.into(), bools.nulls().cloned())))
        }
        _ => None,
    }
}

fn to_text(array: &ArrayRef) -> Result<Option<ArrayRef>, Failure> {
    use DataType as T;
    fn write<V: Display>(values: impl Iterator<Item = Option<V>>) -> ArrayRef {
        Arc::new(values.map(|value| value.map(|value| value.to_string())).collect::<StringArray>())
    }
    fn copy<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
        Arc::new(values.collect::<StringArray>())
    }
    fn decode<'a>(values: impl Iterator<Item = Option<&'a [u8]>>) -> Result<ArrayRef, Failure> {
        let mut text = StringBuilder::new();
        for (row, value) in values.enumerate() {
            let not_utf8 = |_| invalid_input("the bytes are not UTF-8 text").row(row as u64 + 1);
            text.append_option(value.map(std::str::from_utf8).transpose().map_err(not_utf8)?);
        }
        Ok(Arc::new(text.finish()))
    }
    Ok(Some(match array.data_type() {
        T::LargeUtf8 => copy(array.as_string::<i64>().iter()),
        T::Utf8View => copy(array.as_string_view().iter()),
        T::Binary => decode(array.as_binary::<i32>().iter())?,
        T::LargeBinary => decode(array.as_binary::<i64>().iter())?,
        T::BinaryView => decode(array.as_binary_view().iter())?,
        T::Int64 => write(array.as_primitive::<Int64Type>().iter()),
        T::Boolean => write::<bool>(array.as_any().downcast_ref::<BooleanArray>().into_iter().flatten()),
        _ => return Ok(None),
    }))
}

fn to_micros(array: &ArrayRef) -> Result<Option<TimestampMicrosecondArray>, Failure> {
    fn scaled<F: ArrowPrimitiveType<Native: Into<i64>>>(
        array: &ArrayRef,
        factor: i64,
    ) -> Result<TimestampMicrosecondArray, Failure> {
        let made = try_map::<F, TimestampMicrosecondType>(
            array,
            |value| value.into().checked_mul(factor),
            |_| "the time is out of the range of microseconds since 1970".to_owned(),
        )?;
        // `try_map` made it of this very type.
        Ok(made
            .map(|array| array.as_primitive::<TimestampMicrosecondType>().clone())
            .unwrap_or_else(|| TimestampMicrosecondArray::new_null(array.len())))
    }
    use DataType as T;
    Ok(Some(match array.data_type() {
        T::Timestamp(TimeUnit::Second, _) => scaled::<TimestampSecondType>(array, 1_000_000)?,
        T::Timestamp(TimeUnit::Millisecond, _) => scaled::<TimestampMillisecondType>(array, 1_000)?,
        T::Timestamp(TimeUnit::Microsecond, _) => array.as_primitive::<TimestampMicrosecondType>().clone(),
        T::Timestamp(TimeUnit::Nanosecond, _) => {
            array
                .as_primitive::<TimestampNanosecondType>()
                .unary::<_, TimestampMicrosecondType>(|nanos| nanos.div_euclid(1_000))
        }
        T::Date32 => scaled::<Date32Type>(array, MICROS_PER_DAY)?,
        T::Date64 => scaled::<Date64Type>(array, 1_000)?,
        _ => return Ok(None),
    }))
}

/// The columns of `schema`, picked out of `batch` by name (see [`names::places`]) and cast to the types that `schema` gives.
/// Further columns are left out; all that are missing are told in one failure, which offers the nearest names.
pub fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, Failure> {
    let places = names::columns(schema, &batch.schema())?;
    let mut columns = Vec::with_capacity(schema.fields().len());
    for (field, place) in schema.fields().iter().zip(places) {
        let array = batch.column(place);
        columns.push(cast(array, field.data_type()).map_err(|failure| failure.column(field.name()))?);
    }
    let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options)
        .map_err(|error| invalid_input(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::Date32Array;

    #[test]
    fn days_become_times_or_are_too_far_away() {
        let days = |last: i32| Arc::new(Date32Array::from(vec![0, 1, last])) as ArrayRef;
        let times = cast(&days(-1), &timestamp_type()).unwrap();
        assert_eq!(times.as_primitive::<TimestampMicrosecondType>().value(2), -86_400_000_000);
        let far = cast(&days(i32::MAX), &timestamp_type()).unwrap_err().to_string();
        assert!(far.contains("row 3: the time is out of the range"), "{far}");
    }
}

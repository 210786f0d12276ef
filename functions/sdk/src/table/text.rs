//! Columns of values into columns of text, and back.

use std::{fmt::Display, sync::Arc};

use arrow_array::{
    Array, ArrayRef, RecordBatch, RecordBatchOptions, StringArray,
    builder::StringBuilder,
    cast::AsArray,
    types::{
        ArrowPrimitiveType, Date32Type, Decimal128Type, DecimalType, Float64Type, Int8Type, Int16Type,
        Int32Type, Int64Type, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    },
};
use arrow_schema::{DataType, Field, Schema};

use super::{
    Growing,
    cast::cast,
    parse_date, parse_timestamp,
    texts::{self, Texts},
    timestamp_type,
};
use crate::{
    Failure,
    column::type_name,
    failure::{internal, invalid_input},
    missing::is_missing,
};

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Text as `Utf8`; whole numbers as they print, which is the one way to write them that loses nothing. `None`: values of this
/// type may have been written in several ways.
pub(super) fn exact(array: &ArrayRef) -> Result<Option<ArrayRef>, Failure> {
    use DataType as T;
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
    fn whole<T: ArrowPrimitiveType<Native: Display>>(array: &ArrayRef) -> ArrayRef {
        print_all(array.as_primitive::<T>().iter(), |value| value.to_string())
    }
    Ok(Some(match array.data_type() {
        T::Utf8 => array.clone(),
        T::LargeUtf8 => copy(array.as_string::<i64>().iter()),
        T::Utf8View => copy(array.as_string_view().iter()),
        T::Binary => decode(array.as_binary::<i32>().iter())?,
        T::LargeBinary => decode(array.as_binary::<i64>().iter())?,
        T::BinaryView => decode(array.as_binary_view().iter())?,
        T::Int8 => whole::<Int8Type>(array),
        T::Int16 => whole::<Int16Type>(array),
        T::Int32 => whole::<Int32Type>(array),
        T::Int64 => whole::<Int64Type>(array),
        T::UInt8 => whole::<UInt8Type>(array),
        T::UInt16 => whole::<UInt16Type>(array),
        T::UInt32 => whole::<UInt32Type>(array),
        T::UInt64 => whole::<UInt64Type>(array),
        T::Decimal128(_, scale) if *scale <= 0 => decimals(array, *scale),
        _ => return Ok(None),
    }))
}

fn print_all<V>(values: impl Iterator<Item = Option<V>>, print: impl Fn(V) -> String) -> ArrayRef {
    Arc::new(values.map(|value| value.map(&print)).collect::<StringArray>())
}

fn decimals(array: &ArrayRef, scale: i8) -> ArrayRef {
    let values = array.as_primitive::<Decimal128Type>().iter();
    print_all(values, |value| Decimal128Type::format_decimal(value, 38, scale))
}

/// Any column as text because somebody asked for it: numbers in the shortest form that reads back as the same number, booleans
/// as `true` and `false`, days and times as ISO 8601 has them, decimals with all their digits. Fails for sparse rows.
pub fn print(array: &ArrayRef) -> Result<ArrayRef, Failure> {
    use DataType as T;
    if let Some(text) = exact(array)? {
        return Ok(text);
    }
    match array.data_type() {
        T::Decimal128(_, scale) => Ok(decimals(array, *scale)),
        // Their own shortest form has fewer digits than that of the same number in 64 bits.
        T::Float32 => {
            let values = array.as_primitive::<arrow_array::types::Float32Type>().iter();
            Ok(print_all(values, |value| value.to_string()))
        }
        kind => {
            let kind = super::canonical_type(kind).filter(|kind| !super::is_sparse(kind));
            let kind = kind.ok_or_else(|| invalid_input("the column cannot be written as text"))?;
            match as_written(&cast(array, &kind)?, &Texts::Printed)? {
                Some(text) => Ok(text),
                None => print(&cast(array, &kind)?),
            }
        }
    }
}

/// A column of a canonical type as the text that it was read from; `None` if its values do not tell.
pub(super) fn as_written(array: &ArrayRef, texts: &Texts) -> Result<Option<ArrayRef>, Failure> {
    use DataType as T;
    Ok(Some(match (array.data_type(), texts) {
        (_, Texts::Changed(_)) => return Ok(None),
        (T::Float64, Texts::Printed | Texts::Decimals(_)) => {
            let digits = if let Texts::Decimals(digits) = texts { Some(*digits) } else { None };
            print_all(array.as_primitive::<Float64Type>().iter(), |value| texts::number(value, digits))
        }
        (T::Boolean, Texts::Printed) => print_all(array.as_boolean().iter(), |value| value.to_string()),
        (T::Boolean, Texts::Words { yes, no }) => {
            print_all(array.as_boolean().iter(), |value| if value { yes.clone() } else { no.clone() })
        }
        (kind @ T::Date32, Texts::Printed) => {
            print_all(array.as_primitive::<Date32Type>().iter(), |value| texts::time(kind, value.into()))
        }
        (kind @ T::Timestamp(..), Texts::Printed) => {
            let values = array.as_primitive::<TimestampMicrosecondType>().iter();
            print_all(values, |value| texts::time(kind, value))
        }
        _ => return exact(array),
    }))
}

/// The table with the truth values that were read from words such as `TRUE` as those words again, to be written as text.
pub fn with_words(table: &RecordBatch) -> Result<RecordBatch, Failure> {
    let schema = table.schema();
    let words = |field: &Field| Texts::of(field).filter(|texts| matches!(texts, Texts::Words { .. }));
    if schema.fields().iter().all(|field| words(field).is_none()) {
        return Ok(table.clone());
    }
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (field, column) in schema.fields().iter().zip(table.columns()) {
        let written = words(field).filter(|_| *column.data_type() == DataType::Boolean);
        let column = match written {
            Some(texts) => as_written(column, &texts)?.unwrap_or_else(|| column.clone()),
            None => column.clone(),
        };
        fields.push(Field::new(field.name(), column.data_type().clone(), field.is_nullable()));
        columns.push(column);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(table.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
        .map_err(|error| internal(error.to_string()))
}

/// A column of text in another canonical type: each value as a field of CSV is read. `None` if text cannot be read so. A
/// value that does not fit is refused with its row.
pub(super) fn parsed(array: &ArrayRef, to: &DataType) -> Result<Option<ArrayRef>, Failure> {
    let known = matches!(to, DataType::Int64 | DataType::Float64 | DataType::Boolean | DataType::Date32);
    if !known && !matches!(to, DataType::Timestamp(..)) {
        return Ok(None);
    }
    let text = array.as_string::<i32>();
    let mut column = Growing::new(to, text.len())?;
    for (row, value) in text.iter().enumerate() {
        match value.map(str::trim).filter(|value| !is_missing(value.as_bytes())) {
            None => column.push_null(),
            Some(value) if push(&mut column, value, *to == timestamp_type()) => {}
            Some(value) => {
                let short: String = value.chars().take(40).collect();
                let wanted = type_name(to);
                let message = format!("{wanted} are needed, but the text is `{short}`");
                return Err(invalid_input(message).row(row as u64 + 1));
            }
        }
    }
    Ok(Some(column.finish()))
}

fn push(column: &mut Growing, text: &str, local: bool) -> bool {
    let bytes = text.as_bytes();
    let truth = || match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    };
    match column {
        Growing::Int(column) => {
            let whole = || {
                let number: f64 = text.parse().ok()?;
                (number.trunc() == number && number.abs() < 2f64.powi(53)).then_some(number as i64)
            };
            text.parse().ok().or_else(whole).map(|value| column.append_value(value)).is_some()
        }
        Growing::Float(column) => {
            let number = text.parse().ok().or_else(|| truth().map(|truth| f64::from(u8::from(truth))));
            number.map(|value| column.append_value(value)).is_some()
        }
        Growing::Bool(column) => truth().map(|value| column.append_value(value)).is_some(),
        Growing::Date(column) => parse_date(bytes).map(|value| column.append_value(value)).is_some(),
        Growing::Time(column) => {
            let at_midnight = || Some((i64::from(parse_date(bytes)?) * MICROS_PER_DAY, false));
            let time = parse_timestamp(bytes).or_else(at_midnight).filter(|(_, zoned)| *zoned != local);
            time.map(|(value, _)| column.append_value(value)).is_some()
        }
        Growing::Text(_) | Growing::Sparse(_) => false,
    }
}

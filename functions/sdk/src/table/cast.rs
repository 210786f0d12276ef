//! From the many types of Arrow to the few that functions meet.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, Float64Array, PrimitiveArray, RecordBatch,
    TimestampMicrosecondArray,
    cast::AsArray,
    types::{
        Date32Type, Date64Type, Decimal128Type, DecimalType, Float16Type, Float32Type, Float64Type, Int8Type,
        Int16Type, Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
        TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    },
};
use arrow_schema::{DataType, Field, SchemaRef, TimeUnit};

use super::{
    missing, names, sparse, sparse_type,
    text::{as_written, exact, parsed},
    texts::Texts,
    timestamp_type, utc_timestamp_type,
};
use crate::{Failure, column::type_name, failure::invalid_input, missing::Missing};

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The type in which a column of `kind` is kept between steps: `Int64`, `Float64`, `Boolean`, `Utf8`, `Date32`,
/// `Timestamp(Microsecond)` or that of sparse rows; `None` if there is none.
pub fn canonical_type(kind: &DataType) -> Option<DataType> {
    use DataType as T;
    Some(match kind {
        T::Int8 | T::Int16 | T::Int32 | T::Int64 | T::UInt8 | T::UInt16 | T::UInt32 | T::UInt64 => T::Int64,
        // Whole numbers that always fit, such as the keys of databases.
        T::Decimal128(precision, 0) if *precision <= 18 => T::Int64,
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

/// The column in another type: numbers widen, whole floats become integers, whole numbers become text, and text becomes what
/// it says. Nothing is made of a value that could have been written in several ways: see [`cast_column`]. The error says
/// which value stands in the way. Nanoseconds are cut to microseconds.
pub fn cast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, Failure> {
    use DataType as T;
    let from = array.data_type();
    if from == to {
        return Ok(array.clone());
    }
    if array.logical_null_count() == array.len() {
        return missing(to, array.len());
    }
    if is_text(from) && !is_text(to) {
        let text = exact(array)?.unwrap_or_else(|| array.clone());
        return parsed(&text, to)?.ok_or_else(|| cannot(from, to));
    }
    let made = match to {
        T::Int64 => to_int(array)?,
        T::Float64 => to_float(array)?,
        T::Utf8 => exact(array)?,
        T::Timestamp(TimeUnit::Microsecond, zone) => {
            to_micros(array)?.map(|times| Arc::new(times.with_timezone_opt(zone.clone())) as ArrayRef)
        }
        to if sparse::is_sparse(to) => sparse::from_pairs(array)?,
        _ => None,
    };
    made.ok_or_else(|| cannot(from, to))
}

fn cannot(from: &DataType, to: &DataType) -> Failure {
    invalid_input(format!("a column of {} cannot be read as {}", named(from, "type "), named(to, "")))
}

fn is_text(kind: &DataType) -> bool {
    use DataType as T;
    matches!(kind, T::Utf8 | T::LargeUtf8 | T::Utf8View | T::Binary | T::LargeBinary | T::BinaryView)
}

/// A column of a table as `wanted` has it. Text is made of values only if they tell how they were written (see [`Texts`]), as
/// a category is known by its text alone. A value that was a missing one when `wanted` was learnt is refused. Failures name
/// the column.
pub fn cast_column(array: &ArrayRef, field: &Field, wanted: &Field) -> Result<ArrayRef, Failure> {
    let place = |failure: Failure| failure.column(field.name());
    let made = match (wanted.data_type(), Texts::of(field)) {
        (to @ DataType::Utf8, texts) if !is_text(array.data_type()) => {
            // A table without rows is asked about to find out whether its columns fit at all.
            if array.logical_null_count() == array.len() && !array.is_empty() {
                missing(to, array.len()).map_err(place)?
            } else {
                let made = match &texts {
                    Some(texts) => as_written(array, texts),
                    None => exact(array),
                };
                made.map_err(place)?.ok_or_else(|| unlike(array.data_type(), texts.as_ref(), field.name()))?
            }
        }
        (to, _) => cast(array, to).map_err(place)?,
    };
    if let Some(texts) = Missing::of(wanted)
        && field.metadata().get(crate::missing::KEY) != wanted.metadata().get(crate::missing::KEY)
    {
        none_missing(&made, &texts).map_err(place)?;
    }
    Ok(made)
}

/// Text is needed, and what the column holds does not tell how it was written.
fn unlike(kind: &DataType, texts: Option<&Texts>, name: &str) -> Failure {
    if sparse::is_sparse(kind) {
        return cannot(kind, &DataType::Utf8).column(name);
    }
    let held = canonical_type(kind).map_or("values of an unsupported type", |kind| type_name(&kind));
    let remedy = format!(
        "give the `extract` step that reads these rows `inputs: {{ like: ${{{{ steps.train.outputs.model }}}} }}`, or \
         `types: {{ {name}: string }}`"
    );
    let message = match texts {
        Some(Texts::Changed(example)) => format!(
            "text is needed, but the column was read as {held}: its file has `{example}`, which they do not tell from other \
             ways to write the same, and another text is another category; {remedy}"
        ),
        _ => format!(
            "text is needed, but the column holds {held}, which do not tell how they were written where the model learnt \
             categories (such as `1`, `1.0`, `true`, `TRUE`): write the column as text; if it was read from CSV or JSON Lines, \
             {remedy}"
        ),
    };
    invalid_input(message).column(name)
}

/// Refuses a value that stood for a missing one in the rows that a model was trained on.
fn none_missing(array: &ArrayRef, texts: &Missing) -> Result<(), Failure> {
    let Some(row) = stand_for_missing(array, texts)?.first().copied() else { return Ok(()) };
    let text = super::print(&array.slice(row, 1))?;
    let text = text.as_string::<i32>().value(0);
    let message = format!(
        "`{text}` stood for a missing value in the training rows (`missing_values`), but is a value here; give the `extract` step \
         that reads these rows `inputs: {{ like: ${{{{ steps.train.outputs.model }}}} }}`"
    );
    Err(invalid_input(message).row(row as u64 + 1))
}

/// The places of values in a canonical column that would have been missing, had they been read from text with these ones.
pub fn stand_for_missing(array: &ArrayRef, texts: &Missing) -> Result<Vec<usize>, Failure> {
    Ok(match array.data_type() {
        DataType::Utf8 => {
            let values = array.as_string::<i32>().iter().enumerate();
            let missing = |value: &str| !value.is_empty() && texts.has(value.as_bytes());
            values.filter(|(_, value)| value.is_some_and(missing)).map(|(row, _)| row).collect()
        }
        DataType::Int64 | DataType::Float64 if texts.numeric() => {
            let numbers = texts.texts().iter().filter_map(|text| text.parse().ok());
            let numbers: Vec<f64> = numbers.filter(|number: &f64| number.is_finite()).collect();
            let values = cast(array, &DataType::Float64)?;
            let values = values.as_primitive::<Float64Type>().iter().enumerate();
            let missing = |value: f64| numbers.contains(&value);
            values.filter(|(_, value)| value.is_some_and(missing)).map(|(row, _)| row).collect()
        }
        _ => Vec::new(),
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
            |value| {
                format!(
                    "{value} does not fit into a 64-bit signed integer; write the column as text, or have `extract` read it \
                     as text by `types`"
                )
            },
        )?,
        T::Float64 => {
            try_map::<Float64Type, Int64Type>(array, whole, |value| format!("{value} is not a whole number"))?
        }
        T::Decimal128(_, scale) => {
            let scale = *scale;
            let whole = |value: i128| {
                let power = 10i128.checked_pow(scale.unsigned_abs().into())?;
                let value = if scale > 0 {
                    (value % power == 0).then(|| value / power)
                } else {
                    value.checked_mul(power)
                };
                value.and_then(|value| i64::try_from(value).ok())
            };
            let refusal = |value| {
                let text = Decimal128Type::format_decimal(value, 38, scale);
                format!("{text} is not a whole number that fits into 64 bits")
            };
            try_map::<Decimal128Type, Int64Type>(array, whole, refusal)?
        }
        _ => None,
    })
}

/// A float as an integer, if it is one exactly.
fn whole(value: f64) -> Option<i64> {
    let limit = 2f64.powi(63);
    (value.trunc() == value && value >= -limit && value < limit).then_some(value as i64)
}

fn to_float(array: &ArrayRef) -> Result<Option<ArrayRef>, Failure> {
    use DataType as T;
    Ok(match array.data_type() {
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
        T::Decimal128(_, scale) => decimal_to_float(array, *scale)?,
        T::Boolean => {
            let bools = array.as_boolean();
            let values: Vec<f64> = bools.values().iter().map(|value| f64::from(u8::from(value))).collect();
            Some(Arc::new(Float64Array::new(values.into(), bools.nulls().cloned())))
        }
        _ => None,
    })
}

/// The numbers that are nearest to decimals. Whole ones, which are keys as often as numbers, must be exact.
fn decimal_to_float(array: &ArrayRef, scale: i8) -> Result<Option<ArrayRef>, Failure> {
    /// Products of small powers of ten and whole numbers below this are exact.
    const EXACT: u128 = 1 << 53;
    let unit = 10f64.powi(i32::from(scale).abs());
    let nearest = |value: i128| {
        if value.unsigned_abs() < EXACT && scale.unsigned_abs() <= 22 {
            return Some(if scale > 0 { value as f64 / unit } else { value as f64 * unit });
        }
        let text = Decimal128Type::format_decimal(value, 38, scale);
        let number: f64 = text.parse().ok()?;
        (scale > 0 || number.to_string() == text).then_some(number)
    };
    let refusal = |value| {
        let text = Decimal128Type::format_decimal(value, 38, scale);
        format!(
            "{text} has more digits than a number keeps; write the column as text, or have `extract` read it as text by `types`"
        )
    };
    try_map::<Decimal128Type, Float64Type>(array, nearest, refusal)
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
    let theirs = batch.schema();
    for (field, place) in schema.fields().iter().zip(places) {
        columns.push(cast_column(batch.column(place), theirs.field(place), field)?);
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

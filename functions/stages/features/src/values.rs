//! Columns as numbers, and numbers as columns; what is refused when a column is learnt.

use std::sync::Arc;

use millstream_sdk::{
    Failure,
    arrow_array::{
        Array, ArrayRef, Float64Array,
        cast::AsArray,
        types::{Float64Type, Int64Type},
    },
    arrow_buffer::NullBuffer,
    arrow_schema::DataType,
    column::{self, type_name},
    invalid_input,
    table::cast,
};

/// A number for each row; a missing one is NaN.
///
/// # Errors
/// If the column holds no numbers: says which step wanted them.
pub fn numbers(step: &str, array: &ArrayRef) -> Result<Vec<f64>, Failure> {
    if !column::is_numeric(array.data_type()) {
        return Err(not_of_type(step, "numbers", array.data_type()));
    }
    Ok(as_numbers(&cast(array, &DataType::Float64)?))
}

/// The numbers of a column that is known to hold some; booleans are 0 and 1.
pub fn as_numbers(array: &ArrayRef) -> Vec<f64> {
    if let Some(integers) = array.as_primitive_opt::<Int64Type>() {
        return integers.iter().map(|value| value.map_or(f64::NAN, |value| value as f64)).collect();
    }
    if let Some(truths) = array.as_boolean_opt() {
        return truths
            .iter()
            .map(|value| value.map_or(f64::NAN, |value| f64::from(u8::from(value))))
            .collect();
    }
    let Some(floats) = array.as_primitive_opt::<Float64Type>() else { return vec![f64::NAN; array.len()] };
    match floats.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => floats.values().to_vec(),
        Some(_) => floats.iter().map(|value| value.unwrap_or(f64::NAN)).collect(),
    }
}

/// A column of numbers, where NaN is a missing value.
pub fn column(values: Vec<f64>) -> ArrayRef {
    let missing = values.iter().any(|value| value.is_nan());
    let nulls = missing.then(|| values.iter().map(|value| !value.is_nan()).collect::<NullBuffer>());
    Arc::new(Float64Array::new(values.into(), nulls))
}

/// Each number put through `each`; NaN on either side is a missing value.
pub fn map(array: &ArrayRef, each: impl Fn(f64) -> f64) -> ArrayRef {
    column(as_numbers(array).into_iter().map(each).collect())
}

/// The values that are there, none of them infinite, at least one.
///
/// # Errors
/// Names the first row with an infinite value; or says that there is none.
pub fn finite(step: &str, array: &ArrayRef) -> Result<Vec<f64>, Failure> {
    let values = numbers(step, array)?;
    no_infinite(&values)?;
    let values: Vec<f64> = values.into_iter().filter(|value| !value.is_nan()).collect();
    if values.is_empty() {
        return Err(nothing());
    }
    Ok(values)
}

/// Refuses infinite values, with the row.
pub fn no_infinite(values: &[f64]) -> Result<(), Failure> {
    match values.iter().position(|value| value.is_infinite()) {
        None => Ok(()),
        Some(row) => {
            Err(invalid_input("the value is infinite; replace it or drop the row").row(row as u64 + 1))
        }
    }
}

/// Refuses values whose spread is not finite: scaled by it, all of them would be the same.
pub fn measurable(spread: f64) -> Result<(), Failure> {
    match spread.is_finite() {
        true => Ok(()),
        false => Err(invalid_input(
            "the values are too large to be scaled: check for a placeholder value such as 1e308, or divide the column",
        )),
    }
}

/// There is nothing to learn from.
pub fn nothing() -> Failure {
    invalid_input("the column has no value to learn from; `drop` it")
}

/// A step met a column of another type than it takes.
pub fn not_of_type(step: &str, takes: &str, kind: &DataType) -> Failure {
    let help = match kind {
        DataType::Utf8 => "; use `one-hot`, `ordinal` or `target` for categories, `tf-idf` for sentences",
        DataType::Date32 | DataType::Timestamp(..) => "; use `date-parts` first",
        _ if takes != "numbers" => "; set its type in `extract`",
        _ => "",
    };
    let kind = type_name(kind);
    invalid_input(format!("`{step}` takes {takes}, but the column holds {kind}{help}"))
}

pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The quantiles of sorted values for shares from 0 to 1, on a line between the two nearest (numpy's `linear`).
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = (place.floor() as usize).min(sorted.len() - 1);
    let (low, high) = (sorted[below], sorted[(below + 1).min(sorted.len() - 1)]);
    let part = place - below as f64;
    if part >= 0.5 { high - (high - low) * (1.0 - part) } else { low + (high - low) * part }
}

/// The values in ascending order.
pub fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// `count` numbers from `from` to `to`, at equal distances (numpy's `linspace`).
pub fn evenly(from: f64, to: f64, count: usize) -> Vec<f64> {
    let gap = if count > 1 { (to - from) / (count - 1) as f64 } else { 0.0 };
    let mut places: Vec<f64> = (0..count).map(|place| from + gap * place as f64).collect();
    if let Some(last) = places.last_mut().filter(|_| count > 1) {
        *last = to;
    }
    places
}

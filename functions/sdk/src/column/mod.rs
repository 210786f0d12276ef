//! Columns as what algorithms take: numbers, labels, matrices.

mod labels;
mod matrix;
mod sparse;

use arrow_array::{Array, ArrayRef, Float64Array, RecordBatch, cast::AsArray, types::Float64Type};
use arrow_buffer::ScalarBuffer;
use arrow_schema::{DataType, Schema};

pub use labels::{Classes, Code, Labels};
pub use matrix::Matrix;
pub use sparse::SparseColumn;

use crate::{
    Failure,
    failure::{invalid_input, invalid_parameter, listing, nearest},
    table::{cast, index_of, is_sparse},
};

/// The column of that name, or a failure that offers the nearest name.
pub fn get<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, Failure> {
    Ok(batch.column(index_of(&batch.schema(), name)?))
}

/// Whether a column of this type can be read as numbers: integers, floats and booleans.
pub fn is_numeric(kind: &DataType) -> bool {
    matches!(kind, DataType::Int64 | DataType::Float64 | DataType::Boolean)
}

/// A number for each row: integers and floats as they are, booleans as 0 and 1, missing values as NaN. Other columns
/// are refused by name.
pub fn numbers(batch: &RecordBatch, name: &str) -> Result<Vec<f64>, Failure> {
    shared_numbers(batch, name).map(Vec::from)
}

/// As [`numbers`]; the batch's own memory where it holds them as they are.
fn shared_numbers(batch: &RecordBatch, name: &str) -> Result<ScalarBuffer<f64>, Failure> {
    let floats = floats(get(batch, name)?).map_err(|failure| failure.column(name))?;
    let values = floats.values();
    Ok(match floats.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => values.clone(),
        Some(nulls) => {
            let pairs = values.iter().zip(nulls.iter());
            pairs.map(|(value, valid)| if valid { *value } else { f64::NAN }).collect()
        }
    })
}

fn floats(array: &ArrayRef) -> Result<Float64Array, Failure> {
    if is_sparse(array.data_type()) {
        return Err(invalid_input(
            "a number is needed, but the column holds sparse rows, which few algorithms take; extract the file with \
             `features: dense`, or leave the column out",
        ));
    }
    if !is_numeric(array.data_type()) {
        return Err(invalid_input(format!(
            "a number is needed, but the column holds {}; add a `features` step that encodes it, or leave it out",
            type_name(array.data_type())
        )));
    }
    Ok(cast(array, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
}

/// What people call a column type.
pub fn type_name(kind: &DataType) -> &'static str {
    match kind {
        DataType::Int64 => "integers",
        DataType::Float64 => "numbers",
        DataType::Boolean => "booleans",
        DataType::Utf8 => "text",
        DataType::Date32 => "dates",
        DataType::Timestamp(..) => "timestamps",
        kind if is_sparse(kind) => "sparse rows",
        _ => "values of an unsupported type",
    }
}

/// As [`numbers`], but a missing or infinite value is refused with its row.
pub fn target_numbers(batch: &RecordBatch, name: &str) -> Result<Vec<f64>, Failure> {
    let values = numbers(batch, name)?;
    if let Some(row) = values.iter().position(|value| !value.is_finite()) {
        let what = if values[row].is_nan() { "missing" } else { "infinite" };
        return Err(invalid_input(format!("the target is {what}; drop such rows"))
            .column(name)
            .row(row as u64 + 1));
    }
    Ok(values)
}

/// Sample weights, one a row: finite, not negative, not all zero. Ones if there is no such column.
pub fn weights(batch: &RecordBatch, name: Option<&str>) -> Result<Vec<f64>, Failure> {
    let Some(name) = name else { return Ok(vec![1.0; batch.num_rows()]) };
    let values = weights_or_zeros(batch, name)?;
    if !values.is_empty() && values.iter().all(|value| *value == 0.0) {
        return Err(invalid_input("all weights are zero").column(name));
    }
    Ok(values)
}

/// The largest weight: what is added up and multiplied with it stays finite.
const LARGEST_WEIGHT: f64 = 1e50;

/// As [`weights`] of a part of a table, in which all weights may be zero.
pub fn weights_or_zeros(batch: &RecordBatch, name: &str) -> Result<Vec<f64>, Failure> {
    let values = numbers(batch, name)?;
    match values.iter().position(|value| !(0.0..=LARGEST_WEIGHT).contains(value)) {
        None => Ok(values),
        Some(row) => {
            let message = match values[row].is_finite() && values[row] > 0.0 {
                true => "a weight must be a number up to 1e50; scale the column",
                false => "a weight must be a finite number and not negative",
            };
            Err(invalid_input(message).column(name).row(row as u64 + 1))
        }
    }
}

/// Which columns a user wants to learn from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Choice<'a> {
    /// These, if any are listed.
    pub listed: Option<&'a [String]>,
    /// All but these; not together with a list.
    pub excluded: &'a [String],
}

impl<'a> Choice<'a> {
    /// These and no others.
    pub fn listed(names: &'a [String]) -> Self {
        Self { listed: Some(names), excluded: &[] }
    }
}

/// The columns to learn from: those that are listed, or all but `target`, `weight` and those that are excluded. Refuses a list
/// that is empty, repeats a name or has the target in it, and a table that leaves nothing to learn from.
pub fn features(
    schema: &Schema,
    choice: Choice<'_>,
    target: Option<&str>,
    weight: Option<&str>,
) -> Result<Vec<String>, Failure> {
    for (parameter, name) in [("target", target), ("weight", weight)] {
        if let Some(name) = name {
            named(schema, parameter, name)?;
        }
    }
    for name in choice.excluded {
        named(schema, "exclude", name)?;
    }
    let Some(listed) = choice.listed else {
        let rest = schema.fields().iter().map(|field| field.name());
        let rest: Vec<_> = rest
            .filter(|name| {
                ![target, weight].contains(&Some(name.as_str())) && !choice.excluded.contains(name)
            })
            .cloned()
            .collect();
        if rest.is_empty() {
            return Err(invalid_input("the table has no column to learn from"));
        }
        return Ok(rest);
    };
    if !choice.excluded.is_empty() {
        return Err(invalid_parameter("exclude", "`features` lists the columns to learn from already")
            .allowed("one of the two"));
    }
    if listed.is_empty() {
        return Err(invalid_parameter("features", "the list is empty").allowed("one column or more"));
    }
    for (index, name) in listed.iter().enumerate() {
        named(schema, "features", name)?;
        if target == Some(name) {
            return Err(invalid_parameter("features", format!("`{name}` is the target")));
        }
        if listed[..index].contains(name) {
            return Err(invalid_parameter("features", format!("`{name}` is listed twice")));
        }
    }
    Ok(listed.to_vec())
}

/// A parameter names a column: it must be there. Returns its place.
pub fn named(schema: &Schema, parameter: &str, column: &str) -> Result<usize, Failure> {
    index_of(schema, column).map_err(|_| {
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let hint = nearest(column, names.iter().copied())
            .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        invalid_parameter(parameter, format!("the table has no column `{column}`{hint}"))
            .allowed(listing(&names))
    })
}

//! Categories as the codes that the trees know.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array as _, ArrayRef, Float64Array, RecordBatch};
use millstream_learners::gradient_boosting::{Categories, Encoding};
use millstream_sdk::{Failure, internal, invalid_input, table::batch_of, unseen::Notes};

/// The rows with codes in place of categories. Missing values stay missing. Categories that have no code are noted.
pub fn encoded(
    rows: &RecordBatch,
    encodings: &[Encoding],
    notes: &mut Notes,
) -> Result<RecordBatch, Failure> {
    if encodings.is_empty() {
        return Ok(rows.clone());
    }
    let schema = rows.schema();
    let columns = rows.columns().iter().enumerate().map(|(place, column)| {
        let name = schema.field(place).name().as_str();
        match encodings.iter().find(|encoding| encoding.feature as usize == place) {
            None => Ok((name, column.clone())),
            Some(encoding) => codes(column, encoding, notes)
                .map(|codes| (name, codes))
                .map_err(|failure| failure.column(name)),
        }
    });
    batch_of(columns.collect::<Result<Vec<_>, Failure>>()?)
}

/// The codes of a column. Categories that have none are noted.
pub fn codes(column: &ArrayRef, encoding: &Encoding, notes: &mut Notes) -> Result<ArrayRef, Failure> {
    let unlike = || internal("a column has another type than the model's");
    let mut code = |found: Option<f64>, row: usize, value: &dyn Fn() -> String| match found {
        None if !encoding.unknown_is_missing => {
            let message = format!("the model has not seen the category {:?}", value());
            Err(invalid_input(message).row(row as u64 + 1))
        }
        None => {
            notes.category(encoding.feature as usize, &value(), || names(&encoding.categories).into_iter());
            Ok(None)
        }
        found => Ok(found),
    };
    let codes: Float64Array = match &encoding.categories {
        Categories::Text(texts) => {
            let places: HashMap<&str, usize> = texts.iter().map(String::as_str).zip(0..).collect();
            let values = column.as_string_opt::<i32>().ok_or_else(unlike)?;
            let mut one = |row: usize| match values.is_null(row) {
                true => Ok(None),
                false => {
                    let value = values.value(row);
                    code(places.get(value).map(|&place| place as f64), row, &|| value.to_owned())
                }
            };
            (0..values.len()).map(&mut one).collect::<Result<_, _>>()?
        }
        Categories::Numbers(numbers) => {
            // Minus zero is zero.
            let key = |number: f64| (number + 0.0).to_bits();
            let places: HashMap<u64, usize> = numbers.iter().map(|&number| key(number)).zip(0..).collect();
            let values = column.as_primitive_opt::<Float64Type>().ok_or_else(unlike)?;
            let mut one = |row: usize| match values.value(row) {
                value if values.is_null(row) || value.is_nan() => Ok(None),
                value => code(places.get(&key(value)).map(|&place| place as f64), row, &|| value.to_string()),
            };
            (0..values.len()).map(&mut one).collect::<Result<_, _>>()?
        }
    };
    Ok(Arc::new(codes))
}

/// The categories as texts.
fn names(categories: &Categories) -> Vec<String> {
    match categories {
        Categories::Text(texts) => texts.clone(),
        Categories::Numbers(numbers) => numbers.iter().map(f64::to_string).collect(),
    }
}

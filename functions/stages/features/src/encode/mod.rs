//! Categories as numbers.

pub mod count;
pub mod hashing;
pub mod one_hot;
pub mod ordinal;
pub mod target;

use millstream_sdk::{
    Classes, Failure,
    arrow_array::{
        Array, ArrayRef,
        cast::AsArray,
        types::{Float64Type, Int64Type},
    },
    arrow_schema::DataType,
    column::Code,
    invalid_input,
    unseen::Notes,
};

use crate::{params::Unknown, values};

/// The categories of a column, at least one.
///
/// # Errors
/// For dates, and for a column without a value.
pub fn classes_of(step: &str, array: &ArrayRef) -> Result<Classes, Failure> {
    match array.data_type() {
        DataType::Int64 | DataType::Float64 | DataType::Boolean | DataType::Utf8 => {}
        kind => return Err(values::not_of_type(step, "categories", kind)),
    }
    let classes = Classes::of(array)?;
    if classes.is_empty() {
        return Err(invalid_input("the column has no value to learn categories from; `drop` it"));
    }
    Ok(classes)
}

/// How often each class is there, and how often none is.
pub fn counts(classes: &Classes, codes: &[Code]) -> (Vec<u64>, u64) {
    let (mut counts, mut missing) = (vec![0u64; classes.len()], 0);
    for code in codes {
        match code {
            Code::Class(code) => counts[*code as usize] += 1,
            Code::Missing => missing += 1,
            Code::Unknown => {}
        }
    }
    (counts, missing)
}

/// What is done with values that training has not seen.
pub struct NotSeen<'a> {
    /// Of the column that came in.
    pub place: Option<usize>,
    pub unknown: Unknown,
    pub notes: &'a mut Notes,
}

impl NotSeen<'_> {
    /// A missing value, where there was none. (That is noted for every column, whatever becomes of it.)
    pub fn missing(&self, row: usize) -> Result<(), Failure> {
        self.refuse(row, "the value is missing, as it never was")
    }

    /// A category that is none of `classes`.
    pub fn category(&mut self, array: &ArrayRef, row: usize, classes: &Classes) -> Result<(), Failure> {
        let value = shown(array, row);
        if let Some(place) = self.place {
            self.notes.category(place, &value, || classes.names().into_iter());
        }
        self.refuse(row, &format!("the category `{value}` was not seen"))
    }

    fn refuse(&self, row: usize, what: &str) -> Result<(), Failure> {
        if self.unknown == Unknown::Ignore {
            return Ok(());
        }
        let help = "train with such rows or set `handle_unknown: ignore`";
        Err(invalid_input(format!("{what} in training; {help}")).row(row as u64 + 1))
    }
}

/// A value of a column of categories, as text.
pub fn shown(array: &ArrayRef, row: usize) -> String {
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).to_string(),
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        _ => String::new(),
    }
}

//! Sentences as columns of numbers.

pub mod hash;
pub mod tokens;
pub mod vocabulary;

use millstream_sdk::{
    Failure,
    arrow_array::{Array, ArrayRef, StringArray, cast::AsArray},
    internal,
};
use serde::{Deserialize, Serialize};

use crate::values;

/// Columns at the most.
pub const MOST: usize = 65_536;

/// How a row's columns are brought to one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Norm {
    /// The absolute values add up to 1.
    L1,
    /// The squares add up to 1.
    L2,
    /// They stay.
    None,
}

impl Norm {
    /// What a row's values are divided by; 1 for a row of zeros.
    fn of(self, row: &[(u32, f64)]) -> f64 {
        let size = match self {
            Self::L1 => row.iter().map(|(_, value)| value.abs()).sum(),
            Self::L2 => row.iter().map(|(_, value)| value * value).sum::<f64>().sqrt(),
            Self::None => 1.0,
        };
        if size == 0.0 { 1.0 } else { size }
    }
}

/// The column as text, when it is learnt.
fn texts<'a>(step: &str, array: &'a ArrayRef) -> Result<&'a StringArray, Failure> {
    let texts = array.as_string_opt::<i32>();
    texts.ok_or_else(|| values::not_of_type(step, "text", array.data_type()))
}

/// Rows of a few columns each, as columns.
fn columns(
    array: &ArrayRef,
    width: usize,
    row_of: impl Fn(&str) -> Vec<(u32, f64)>,
) -> Result<Vec<ArrayRef>, Failure> {
    let texts = array.as_string_opt::<i32>().ok_or_else(|| internal("a column of text has another type"))?;
    let mut columns = vec![vec![0.0; texts.len()]; width];
    for (row, text) in texts.iter().enumerate() {
        for (column, value) in text.map(&row_of).unwrap_or_default() {
            columns[column as usize][row] = value;
        }
    }
    Ok(columns.into_iter().map(values::column).collect())
}

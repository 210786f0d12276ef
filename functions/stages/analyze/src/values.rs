//! A column of the table, seen as numbers or as categories.

use std::hash::BuildHasher;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    cast::AsArray,
    temporal_conversions::{date32_to_datetime, timestamp_us_to_datetime},
    types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType},
};
use arrow_schema::DataType;
use foldhash::quality::FixedState;
use millstream_sdk::{Failure, column::type_name, failure::invalid_input};
use serde::Serialize;
use serde_json::Value;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Whole numbers.
    Integer,
    /// Floating-point numbers.
    Float,
    /// True or false.
    Boolean,
    /// Text.
    Text,
    /// Days.
    Date,
    /// Moments, to the microsecond.
    Timestamp,
}

impl Kind {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Float => "float",
            Self::Boolean => "boolean",
            Self::Text => "text",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
        }
    }
}

enum Cells<'a> {
    Integer(&'a Int64Array),
    Float(&'a Float64Array),
    Boolean(&'a BooleanArray),
    Text(&'a StringArray),
    /// Days or microseconds since 1970.
    Time(Vec<i64>, &'a ArrayRef),
}

/// A column: `len` cells, each a value or missing. NaN counts as missing.
pub struct Column<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it holds.
    pub kind: Kind,
    cells: Cells<'a>,
}

impl<'a> Column<'a> {
    /// All columns of the table, in order.
    pub fn all(table: &'a RecordBatch) -> Result<Vec<Self>, Failure> {
        let schema = table.schema_ref();
        schema
            .fields()
            .iter()
            .zip(table.columns())
            .map(|(field, cells)| Self::new(field.name(), cells))
            .collect()
    }

    /// The column `name` with those cells.
    pub fn new(name: &'a str, array: &'a ArrayRef) -> Result<Self, Failure> {
        let (kind, cells) = match array.data_type() {
            DataType::Int64 => (Kind::Integer, Cells::Integer(array.as_primitive::<Int64Type>())),
            DataType::Float64 => (Kind::Float, Cells::Float(array.as_primitive::<Float64Type>())),
            DataType::Boolean => (Kind::Boolean, Cells::Boolean(array.as_boolean())),
            DataType::Utf8 => (Kind::Text, Cells::Text(array.as_string())),
            DataType::Date32 => {
                let days =
                    array.as_primitive::<Date32Type>().values().iter().map(|day| i64::from(*day)).collect();
                (Kind::Date, Cells::Time(days, array))
            }
            DataType::Timestamp(..) => {
                let micros = array.as_primitive::<TimestampMicrosecondType>().values().to_vec();
                (Kind::Timestamp, Cells::Time(micros, array))
            }
            other => {
                let kind = type_name(other);
                let message =
                    format!("the column holds {kind}, which are not analysed; leave it out with `columns`");
                return Err(invalid_input(message).column(name));
            }
        };
        Ok(Self { name, kind, cells })
    }

    /// Cells, missing ones included.
    pub fn len(&self) -> usize {
        match &self.cells {
            Cells::Integer(cells) => cells.len(),
            Cells::Float(cells) => cells.len(),
            Cells::Boolean(cells) => cells.len(),
            Cells::Text(cells) => cells.len(),
            Cells::Time(cells, _) => cells.len(),
        }
    }

    /// Whether cell `row` has no value.
    pub fn is_missing(&self, row: usize) -> bool {
        match &self.cells {
            Cells::Integer(cells) => cells.is_null(row),
            Cells::Float(cells) => cells.is_null(row) || cells.value(row).is_nan(),
            Cells::Boolean(cells) => cells.is_null(row),
            Cells::Text(cells) => cells.is_null(row),
            Cells::Time(_, cells) => cells.is_null(row),
        }
    }

    /// Whether the values have an order and distances (all but text).
    pub fn is_numeric(&self) -> bool {
        self.kind != Kind::Text
    }

    /// The cell as a number: booleans as 0 and 1, times as days or microseconds. NaN if missing or text.
    pub fn number(&self, row: usize) -> f64 {
        if self.is_missing(row) {
            return f64::NAN;
        }
        match &self.cells {
            Cells::Integer(cells) => cells.value(row) as f64,
            Cells::Float(cells) => cells.value(row),
            Cells::Boolean(cells) => f64::from(u8::from(cells.value(row))),
            Cells::Time(cells, _) => cells[row] as f64,
            Cells::Text(_) => f64::NAN,
        }
    }

    /// All cells as numbers; see [`Column::number`].
    pub fn numbers(&self) -> Vec<f64> {
        (0..self.len()).map(|row| self.number(row)).collect()
    }

    /// The cell as a whole number, for those kinds that are kept so.
    pub fn integer(&self, row: usize) -> Option<i64> {
        match &self.cells {
            _ if self.is_missing(row) => None,
            Cells::Integer(cells) => Some(cells.value(row)),
            Cells::Boolean(cells) => Some(i64::from(cells.value(row))),
            Cells::Time(cells, _) => Some(cells[row]),
            Cells::Float(_) | Cells::Text(_) => None,
        }
    }

    /// The cell as text, if it is one.
    pub fn text(&self, row: usize) -> Option<&'a str> {
        match &self.cells {
            Cells::Text(cells) if cells.is_valid(row) => Some(cells.value(row)),
            _ => None,
        }
    }

    /// A key that is equal for equal cells of this column and differs for others; `None` if missing.
    /// Zero and negative zero are one value.
    pub fn key(&self, row: usize) -> Option<Key<'a>> {
        if let Some(text) = self.text(row) {
            return Some(Key::Text(text));
        }
        match self.integer(row) {
            Some(whole) => Some(Key::Bits(whole.cast_unsigned())),
            None if self.is_missing(row) => None,
            None => Some(Key::Bits((self.number(row) + 0.0).to_bits())),
        }
    }

    /// A 64-bit hash for each cell; equal for equal cells.
    pub fn hashes(&self) -> impl Iterator<Item = u64> + '_ {
        let state = FixedState::default();
        (0..self.len()).map(move |row| state.hash_one(self.key(row)))
    }

    /// Whether both columns hold the same cells.
    pub fn same_as(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.len() == other.len()
            && (0..self.len()).all(|row| self.key(row) == other.key(row))
    }

    /// The cell as it stands in JSON: numbers and booleans as such, times in ISO 8601.
    pub fn json(&self, row: usize) -> Value {
        match &self.cells {
            _ if self.is_missing(row) => Value::Null,
            Cells::Integer(cells) => cells.value(row).into(),
            Cells::Float(cells) => number(cells.value(row)),
            Cells::Boolean(cells) => cells.value(row).into(),
            Cells::Text(cells) => cells.value(row).into(),
            Cells::Time(cells, _) => self.present(cells[row] as f64),
        }
    }

    /// A figure in this column's unit, such as a quantile, as it stands in JSON.
    pub fn present(&self, figure: f64) -> Value {
        let time = match self.kind {
            Kind::Date => date32_to_datetime(figure.floor() as i32).map(|time| time.date().to_string()),
            Kind::Timestamp => timestamp_us_to_datetime(figure.floor() as i64).map(|time| time.to_string()),
            _ => return number(figure),
        };
        time.map_or(Value::Null, Value::from)
    }
}

/// What tells one value of a column from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key<'a> {
    /// A text.
    Text(&'a str),
    /// The bits of a number.
    Bits(u64),
}

/// A JSON number; `"Infinity"` and `"-Infinity"` for what JSON has no number for; null for NaN.
pub fn number(x: f64) -> Value {
    if x.is_infinite() { if x > 0.0 { "Infinity" } else { "-Infinity" }.into() } else { x.into() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Date32Array, TimestampMicrosecondArray};
    use serde_json::json;

    use super::*;

    #[test]
    fn cells_are_presented_in_their_kind() {
        let date: ArrayRef = Arc::new(Date32Array::from(vec![Some(19_723), None]));
        let column = Column::new("day", &date).unwrap();
        assert_eq!((column.json(0), column.json(1)), (json!("2024-01-01"), json!(null)));
        let time: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![1_704_067_200_000_000]));
        assert_eq!(Column::new("at", &time).unwrap().json(0), json!("2024-01-01 00:00:00"));
        let large: ArrayRef = Arc::new(Int64Array::from(vec![i64::MAX]));
        assert_eq!(Column::new("id", &large).unwrap().json(0), json!(i64::MAX));
    }

    #[test]
    fn nan_is_missing_and_zero_has_no_sign() {
        let floats: ArrayRef = Arc::new(Float64Array::from(vec![f64::NAN, 0.0, -0.0]));
        let column = Column::new("x", &floats).unwrap();
        assert!(column.is_missing(0) && column.key(0).is_none());
        assert_eq!(column.key(1), column.key(2));
    }
}

//! One value of a request into a column.

use arrow_array::ArrayRef;
use arrow_schema::{Field, Schema};
use serde_json::{Value, value::RawValue};

use super::sparse;
use crate::{
    Failure,
    missing::{self, Missing},
    table::{Growing, parse_date, parse_timestamp},
};

/// A column of a request under construction.
pub struct Column {
    growing: Growing,
    /// Texts that stand for a missing value, where they are not the usual ones.
    missing: Option<Missing>,
}

/// An empty column for each of a model's, with room for `rows`.
pub fn new_columns(columns: &Schema, rows: usize) -> Result<Vec<Column>, Failure> {
    columns.fields().iter().map(|field| Column::new(field, rows)).collect()
}

impl Column {
    fn new(field: &Field, rows: usize) -> Result<Self, Failure> {
        Ok(Self { growing: Growing::new(field.data_type(), rows)?, missing: Missing::of(field) })
    }

    /// The column; what is left is empty.
    pub fn finish(&mut self) -> ArrayRef {
        self.growing.finish()
    }

    /// A field of CSV. The error says what was needed.
    pub fn push_field(&mut self, text: &str) -> Result<(), String> {
        // An empty field is a row of zeros there.
        if let Growing::Sparse(column) = &mut self.growing {
            return sparse::push_text(column, text);
        }
        let is_missing = match &self.missing {
            None => missing::is_missing(text.as_bytes()),
            Some(own) => own.has(text.as_bytes()),
        };
        match &mut self.growing {
            _ if is_missing => self.growing.push_null(),
            Growing::Text(_) => self.growing.push_text(text).map_err(|failure| failure.to_string())?,
            growing => push_value(growing, text)?,
        }
        Ok(())
    }

    /// A value of JSON as it stands there. The error says what was needed.
    pub fn push_json(&mut self, value: &RawValue) -> Result<(), String> {
        let raw = value.get();
        match (&mut self.growing, raw.as_bytes().first()) {
            (growing, Some(b'n')) => growing.push_null(),
            (Growing::Sparse(column), _) => {
                let row: Value = serde_json::from_str(raw).map_err(|error| error.to_string())?;
                sparse::push_json(column, &row)?;
            }
            (_, Some(b'{' | b'[')) => return Err(self.needed(raw)),
            // A string is what it says. Where no text is kept, it is read as in CSV.
            (growing, Some(b'"')) => {
                let text: String = serde_json::from_str(raw).map_err(|error| error.to_string())?;
                match growing {
                    Growing::Text(_) => growing.push_text(&text).map_err(|failure| failure.to_string())?,
                    _ => self.push_field(&text)?,
                }
            }
            (Growing::Text(_), _) => match &self.missing {
                Some(own) if own.has(raw.as_bytes()) => self.growing.push_null(),
                // Numbers as they are written: 1.0 is not 1.
                _ => self.growing.push_text(raw).map_err(|failure| failure.to_string())?,
            },
            (Growing::Date(_) | Growing::Time(_), _) => return Err(self.needed(raw)),
            (Growing::Bool(_), Some(b'0'..=b'9' | b'-')) => return Err(self.needed(raw)),
            (Growing::Int(_), Some(b't' | b'f')) => return Err(self.needed(raw)),
            _ => self.push_field(raw)?,
        }
        Ok(())
    }

    fn needed(&self, raw: &str) -> String {
        let what = match &self.growing {
            Growing::Int(_) => "a whole number",
            Growing::Float(_) => "a number",
            Growing::Bool(_) => "true or false",
            Growing::Text(_) => "a string",
            Growing::Date(_) | Growing::Time(_) => "a date or time as a string",
            Growing::Sparse(_) => "a sparse row",
        };
        format!("`{}` is not {what}", shown(raw))
    }
}

/// Whether a text stands for a missing value in a column of numbers, booleans or times: the usual ones in any case.
pub(super) fn is_missing(text: &str) -> bool {
    missing::is_missing(text.as_bytes())
        || ["na", "n/a", "nan", "null", "none"].iter().any(|token| text.eq_ignore_ascii_case(token))
}

/// A text into a column of numbers, booleans or times.
fn push_value(growing: &mut Growing, text: &str) -> Result<(), String> {
    // Most fields are ASCII, and looking for other spaces takes longer than reading the number.
    let text = if text.is_ascii() { text.trim_ascii() } else { text.trim() };
    if is_missing(text) {
        growing.push_null();
        return Ok(());
    }
    let needed = |what: &str| format!("`{}` is not {what}", shown(text));
    match growing {
        Growing::Int(column) => {
            let whole = || text.parse::<f64>().ok().and_then(whole);
            let number = text.parse::<i64>().ok().or_else(whole).ok_or_else(|| needed("a whole number"))?;
            column.append_value(number);
        }
        Growing::Float(column) => {
            let truth = || boolean(text).map(|truth| f64::from(u8::from(truth)));
            let number = text.parse::<f64>().ok().or_else(truth).ok_or_else(|| needed("a number"))?;
            column.append_value(number);
        }
        Growing::Bool(column) => {
            column.append_value(boolean(text).ok_or_else(|| needed("`true` or `false`"))?);
        }
        Growing::Date(column) => {
            let days = parse_date(text.as_bytes()).ok_or_else(|| needed("a date such as 2024-01-31"))?;
            column.append_value(days);
        }
        Growing::Time(column) => {
            let at_midnight = || Some((i64::from(parse_date(text.as_bytes())?) * 86_400_000_000, false));
            let (micros, _) = parse_timestamp(text.as_bytes())
                .or_else(at_midnight)
                .ok_or_else(|| needed("a time such as 2024-01-31T09:30:00Z"))?;
            column.append_value(micros);
        }
        Growing::Text(_) | Growing::Sparse(_) => {}
    }
    Ok(())
}

pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn whole(number: f64) -> Option<i64> {
    (number.trunc() == number && number.abs() < 2f64.powi(63)).then_some(number as i64)
}

/// Enough of a value to recognise it.
fn shown(text: &str) -> String {
    let short: String = text.chars().take(40).collect();
    if short.len() < text.len() { format!("{short}...") } else { short }
}

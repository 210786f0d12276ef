//! One value of a request into a column.

use serde_json::Value;

use super::sparse;
use crate::table::{Growing, parse_date, parse_timestamp};

/// Whether a text stands for a missing value in a column that does not hold text.
pub(super) fn is_missing(text: &str) -> bool {
    text.is_empty()
        || ["na", "n/a", "nan", "null", "none"].iter().any(|token| text.eq_ignore_ascii_case(token))
}

/// A field of CSV. The error says what was needed.
pub fn push_text(column: &mut Growing, text: &str) -> Result<(), String> {
    if let Growing::Text(_) = column {
        if text.is_empty() {
            column.push_null();
            return Ok(());
        }
        return column.push_text(text).map_err(|failure| failure.to_string());
    }
    if let Growing::Sparse(column) = column {
        return sparse::push_text(column, text);
    }
    // Most fields are ASCII, and looking for other spaces takes longer than reading the number.
    let text = if text.is_ascii() { text.trim_ascii() } else { text.trim() };
    if is_missing(text) {
        column.push_null();
        return Ok(());
    }
    let needed = |what: &str| format!("`{}` is not {what}", shown(text));
    match column {
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

/// A value of JSON. The error says what was needed.
pub fn push_json(column: &mut Growing, value: &Value) -> Result<(), String> {
    let needed = |what: &str| format!("`{}` is not {what}", shown(&value.to_string()));
    match (&mut *column, value) {
        (_, Value::Null) => column.push_null(),
        (Growing::Sparse(column), row) => sparse::push_json(column, row)?,
        (Growing::Int(column), Value::Number(number)) => {
            let whole = || number.as_f64().and_then(whole);
            column.append_value(number.as_i64().or_else(whole).ok_or_else(|| needed("a whole number"))?);
        }
        (Growing::Float(column), Value::Number(number)) => {
            column.append_value(number.as_f64().ok_or_else(|| needed("a number"))?);
        }
        (Growing::Float(column), Value::Bool(truth)) => column.append_value(f64::from(u8::from(*truth))),
        (Growing::Bool(column), Value::Bool(truth)) => column.append_value(*truth),
        (Growing::Text(_), Value::String(text)) => {
            column.push_text(text).map_err(|failure| failure.to_string())?
        }
        (Growing::Text(_), Value::Number(_) | Value::Bool(_)) => {
            column.push_text(&value.to_string()).map_err(|failure| failure.to_string())?;
        }
        (Growing::Date(_) | Growing::Time(_), Value::String(text)) => push_text(column, text)?,
        (Growing::Int(_), _) => return Err(needed("a whole number")),
        (Growing::Float(_), _) => return Err(needed("a number")),
        (Growing::Bool(_), _) => return Err(needed("true or false")),
        (Growing::Text(_), _) => return Err(needed("a string")),
        (Growing::Date(_) | Growing::Time(_), _) => return Err(needed("a date or time as a string")),
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

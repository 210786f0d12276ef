//! Answers.

use std::{fmt::Write as _, io::Write};

use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, cast::AsArray,
};
use arrow_schema::DataType;

use super::{Form, Format, Response, SUPPORTED, essence, matrix, sparse};
use crate::{
    Failure,
    failure::{internal, invalid_input},
    table::{format_date, format_timestamp, is_sparse, sparse_parts, to_ipc},
};

/// An answer in the first format of `accept` that there is, or in the request's own.
pub fn respond(rows: &RecordBatch, request: Form, accept: Option<&str>) -> Result<Response, Failure> {
    let accept = accept.unwrap_or_default().trim();
    let formats = accept.split(',').filter(|media_type| !essence(media_type).is_empty());
    let holds = |format: Format| format != Format::Matrix || matrix::can_hold(rows);
    let own = if holds(request.format) { request.format } else { Format::Arrow };
    let known = |media_type: &str| match essence(media_type).as_str() {
        "*/*" => Some(own),
        "text/*" => Some(Format::Csv),
        "application/*" => Some(Format::Json),
        _ => Format::of(media_type),
    };
    let format = match accept {
        "" => own,
        _ => formats.filter_map(known).find(|format| holds(*format)).ok_or_else(|| {
            invalid_input(format!("no answer can be given in `{accept}`; accept one of {SUPPORTED}"))
                .channel("accept")
        })?,
    };
    let mut body = Vec::new();
    match format {
        Format::Csv => write_csv(&mut body, rows, request.header)?,
        Format::JsonLines => write_json_lines(&mut body, rows)?,
        Format::Arrow => body = to_ipc(rows)?,
        Format::Matrix => body = matrix::write(rows),
        Format::Json => write_json(&mut body, rows)?,
    }
    let mut content_type = format.media_type().to_owned();
    if matches!(format, Format::Arrow | Format::Matrix) && !request.header {
        content_type.push_str("; header=absent");
    }
    Ok(Response { content_type, body })
}

/// Rows as CSV (RFC 4180, lines end in `\n`); a missing value is an empty field.
pub fn write_csv(out: &mut impl Write, rows: &RecordBatch, header: bool) -> Result<(), Failure> {
    let mut line = String::new();
    if header {
        let schema = rows.schema();
        for (place, field) in schema.fields().iter().enumerate() {
            if place > 0 {
                line.push(',');
            }
            push_field(&mut line, field.name());
        }
        end_line(out, &mut line)?;
    }
    let cells = cells(rows);
    for row in 0..rows.num_rows() {
        for (place, cell) in cells.iter().enumerate() {
            if place > 0 {
                line.push(',');
            }
            cell.push_csv(&mut line, row);
        }
        end_line(out, &mut line)?;
    }
    Ok(())
}

fn push_field(line: &mut String, field: &str) {
    if field.contains(['"', ',', '\n', '\r']) {
        line.push('"');
        line.push_str(&field.replace('"', "\"\""));
        line.push('"');
    } else {
        line.push_str(field);
    }
}

fn end_line(out: &mut impl Write, line: &mut String) -> Result<(), Failure> {
    // A line without a character would be passed over by readers: one empty field is written as a quoted one.
    line.push_str(if line.is_empty() { "\"\"\n" } else { "\n" });
    let written = out.write_all(line.as_bytes()).map_err(|error| Failure::from_io(error, internal));
    line.clear();
    written
}

/// Rows as JSON objects, one a line; a missing value is null.
pub fn write_json_lines(out: &mut impl Write, rows: &RecordBatch) -> Result<(), Failure> {
    let (keys, cells) = (keys(rows), cells(rows));
    let mut line = String::new();
    for row in 0..rows.num_rows() {
        push_object(&mut line, &keys, &cells, row);
        end_line(out, &mut line)?;
    }
    Ok(())
}

/// `{"predictions": [...]}`.
fn write_json(out: &mut impl Write, rows: &RecordBatch) -> Result<(), Failure> {
    let (keys, cells) = (keys(rows), cells(rows));
    let mut document = String::from("{\"predictions\":[");
    for row in 0..rows.num_rows() {
        if row > 0 {
            document.push(',');
        }
        push_object(&mut document, &keys, &cells, row);
    }
    document.push_str("]}");
    out.write_all(document.as_bytes()).map_err(|error| Failure::from_io(error, internal))
}

/// The columns' names as they stand before their values.
fn keys(rows: &RecordBatch) -> Vec<String> {
    let key = |name: &str| {
        let mut key = String::new();
        push_json_text(&mut key, name);
        key.push(':');
        key
    };
    rows.schema().fields().iter().map(|field| key(field.name())).collect()
}

fn push_object(out: &mut String, keys: &[String], cells: &[Cells<'_>], row: usize) {
    out.push('{');
    for (place, (key, cell)) in keys.iter().zip(cells).enumerate() {
        if place > 0 {
            out.push(',');
        }
        out.push_str(key);
        cell.push_json(out, row);
    }
    out.push('}');
}

/// With its quotes.
fn push_json_text(out: &mut String, text: &str) {
    if text.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\') {
        // Text always becomes JSON.
        out.push_str(&serde_json::to_string(text).unwrap_or_default());
    } else {
        out.push('"');
        out.push_str(text);
        out.push('"');
    }
}

/// A column to be written value by value.
struct Cells<'a> {
    column: &'a dyn Array,
    values: Values<'a>,
}

enum Values<'a> {
    Int(&'a Int64Array),
    Float(&'a Float64Array),
    Bool(&'a BooleanArray),
    Text(&'a StringArray),
    Date(&'a Date32Array),
    Time {
        micros: &'a TimestampMicrosecondArray,
        utc: bool,
    },
    Sparse(&'a ArrayRef),
    /// Of a type that no table of ours has.
    Other,
}

fn cells(rows: &RecordBatch) -> Vec<Cells<'_>> {
    rows.columns().iter().map(|column| Cells { column, values: Values::of(column) }).collect()
}

impl<'a> Values<'a> {
    fn of(column: &'a ArrayRef) -> Self {
        match column.data_type() {
            DataType::Int64 => Self::Int(column.as_primitive()),
            DataType::Float64 => Self::Float(column.as_primitive()),
            DataType::Boolean => Self::Bool(column.as_boolean()),
            DataType::Utf8 => Self::Text(column.as_string()),
            DataType::Date32 => Self::Date(column.as_primitive()),
            DataType::Timestamp(_, zone) => match column.as_primitive_opt() {
                Some(micros) => Self::Time { micros, utc: zone.is_some() },
                None => Self::Other,
            },
            kind if is_sparse(kind) => Self::Sparse(column),
            _ => Self::Other,
        }
    }
}

impl Cells<'_> {
    fn push_csv(&self, line: &mut String, row: usize) {
        if self.column.is_null(row) {
            return;
        }
        match &self.values {
            Values::Text(texts) => push_field(line, texts.value(row)),
            Values::Float(numbers) => push_number(line, numbers.value(row), ["inf", "-inf", ""]),
            _ => self.push_plain(line, row),
        }
    }

    fn push_json(&self, out: &mut String, row: usize) {
        if self.column.is_null(row) {
            out.push_str("null");
            return;
        }
        match &self.values {
            Values::Text(texts) => push_json_text(out, texts.value(row)),
            // JSON has no other numbers than finite ones.
            Values::Float(numbers) => push_number(out, numbers.value(row), ["null"; 3]),
            Values::Date(_) | Values::Time { .. } | Values::Sparse(_) | Values::Other => {
                out.push('"');
                self.push_plain(out, row);
                out.push('"');
            }
            Values::Int(_) | Values::Bool(_) => self.push_plain(out, row),
        }
    }

    /// What holds neither quotes nor commas.
    fn push_plain(&self, out: &mut String, row: usize) {
        // Writing to a string cannot fail.
        let _ = match &self.values {
            Values::Int(numbers) => write!(out, "{}", numbers.value(row)),
            Values::Bool(truths) => write!(out, "{}", truths.value(row)),
            Values::Date(days) => write!(out, "{}", format_date(days.value(row))),
            Values::Time { micros, utc } => write!(out, "{}", format_timestamp(micros.value(row), *utc)),
            Values::Sparse(column) => {
                let (offsets, indices, values) = sparse_parts(column);
                let range = offsets[row] as usize..offsets[row + 1] as usize;
                sparse::write(out, &indices[range.clone()], &values[range]);
                Ok(())
            }
            Values::Float(_) | Values::Text(_) | Values::Other => Ok(()),
        };
    }
}

/// In the shortest form that reads back as the same number; `others` for infinity, minus infinity and NaN.
fn push_number(out: &mut String, value: f64, others: [&str; 3]) {
    let [plus, minus, nan] = others;
    if value.is_finite() {
        out.push_str(zmij::Buffer::new().format_finite(value));
    } else {
        out.push_str(if value.is_nan() {
            nan
        } else if value > 0.0 {
            plus
        } else {
            minus
        });
    }
}

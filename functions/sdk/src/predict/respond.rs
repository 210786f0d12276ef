//! Answers.

use std::io::Write;

use arrow_array::{
    Array, ArrayRef, RecordBatch,
    cast::AsArray,
    types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType},
};
use arrow_schema::DataType;
use serde_json::{Map, Value};

use super::{Format, Parsed, Response, SUPPORTED, essence};
use crate::{
    Failure,
    failure::{internal, invalid_input},
    table::{format_date, format_timestamp, to_ipc},
};

/// An answer in the first format of `accept` that there is, or in the request's own.
pub fn respond(rows: &RecordBatch, request: &Parsed, accept: Option<&str>) -> Result<Response, Failure> {
    let accept = accept.unwrap_or_default().trim();
    let formats = accept.split(',').filter(|media_type| !essence(media_type).is_empty());
    let known = |media_type: &str| match essence(media_type).as_str() {
        "*/*" => Some(request.format),
        "text/*" => Some(Format::Csv),
        "application/*" => Some(Format::Json),
        _ => Format::of(media_type),
    };
    let format = match accept {
        "" => request.format,
        _ => formats.map(known).find_map(|format| format).ok_or_else(|| {
            invalid_input(format!("no answer can be given in `{accept}`; accept one of {SUPPORTED}"))
                .channel("accept")
        })?,
    };
    let mut body = Vec::new();
    match format {
        Format::Csv => write_csv(&mut body, rows, request.header)?,
        Format::JsonLines => write_json_lines(&mut body, rows)?,
        Format::Arrow => body = to_ipc(rows)?,
        Format::Json => {
            let predictions: Vec<Value> = (0..rows.num_rows()).map(|row| object(rows, row)).collect();
            serde_json::to_writer(&mut body, &serde_json::json!({ "predictions": predictions }))
                .map_err(|error| internal(error.to_string()))?;
        }
    }
    let mut content_type = format.media_type().to_owned();
    if format == Format::Arrow && !request.header {
        content_type.push_str("; header=absent");
    }
    Ok(Response { content_type, body })
}

/// Rows as CSV (RFC 4180, lines end in `\n`); a missing value is an empty field.
pub fn write_csv(out: &mut impl Write, rows: &RecordBatch, header: bool) -> Result<(), Failure> {
    let mut line = String::new();
    if header {
        let schema = rows.schema();
        let mut names = schema.fields().iter().map(|field| field.name().as_str());
        write_line(out, &mut line, &mut names)?;
    }
    for row in 0..rows.num_rows() {
        let fields: Vec<String> = rows.columns().iter().map(|column| text(column, row)).collect();
        write_line(out, &mut line, &mut fields.iter().map(String::as_str))?;
    }
    Ok(())
}

fn write_line(
    out: &mut impl Write,
    line: &mut String,
    fields: &mut dyn Iterator<Item = &str>,
) -> Result<(), Failure> {
    line.clear();
    for (index, field) in fields.enumerate() {
        if index > 0 {
            line.push(',');
        }
        if field.contains(['"', ',', '\n', '\r']) {
            line.push('"');
            line.push_str(&field.replace('"', "\"\""));
            line.push('"');
        } else {
            line.push_str(field);
        }
    }
    // A line without a character would be passed over by readers: one empty field is written as a quoted one.
    line.push_str(if line.is_empty() { "\"\"\n" } else { "\n" });
    out.write_all(line.as_bytes()).map_err(|error| Failure::from_io(error, internal))
}

/// Rows as JSON objects, one a line; a missing value is null.
pub fn write_json_lines(out: &mut impl Write, rows: &RecordBatch) -> Result<(), Failure> {
    for row in 0..rows.num_rows() {
        let mut line = object(rows, row).to_string();
        line.push('\n');
        out.write_all(line.as_bytes()).map_err(|error| Failure::from_io(error, internal))?;
    }
    Ok(())
}

fn object(rows: &RecordBatch, row: usize) -> Value {
    let schema = rows.schema();
    let fields = schema.fields().iter().zip(rows.columns());
    Value::Object(
        fields.map(|(field, column)| (field.name().clone(), value(column, row))).collect::<Map<_, _>>(),
    )
}

fn value(column: &ArrayRef, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Int64 => Value::from(column.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => Value::from(column.as_primitive::<Float64Type>().value(row)),
        DataType::Boolean => Value::from(column.as_boolean().value(row)),
        DataType::Utf8 => Value::from(column.as_string::<i32>().value(row)),
        _ => Value::from(text(column, row)),
    }
}

/// A value as CSV has it, unquoted. Numbers in the shortest form that reads back as the same number.
fn text(column: &ArrayRef, row: usize) -> String {
    if column.is_null(row) {
        return String::new();
    }
    match column.data_type() {
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float64 => number(column.as_primitive::<Float64Type>().value(row)),
        DataType::Boolean => column.as_boolean().value(row).to_string(),
        DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
        DataType::Date32 => format_date(column.as_primitive::<Date32Type>().value(row)),
        DataType::Timestamp(_, zone) => {
            format_timestamp(column.as_primitive::<TimestampMicrosecondType>().value(row), zone.is_some())
        }
        _ => String::new(),
    }
}

fn number(value: f64) -> String {
    if value.is_nan() {
        return String::new();
    }
    // `inf` and `-inf`, as pandas has them.
    if value.is_infinite() { value.to_string() } else { format!("{value:?}") }
}

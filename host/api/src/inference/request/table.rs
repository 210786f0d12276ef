//! Tensors as a table in CSV.

use std::borrow::Cow;

use bytes::Bytes;

use super::FORMS;
use crate::fault::{Fault, Kind};

/// A tensor's values, row by row, as CSV fields.
pub struct Fields<'a> {
    pub name: &'a str,
    pub rows: usize,
    pub columns: usize,
    pub values: Vec<Cow<'a, str>>,
}

/// Columns of one table have names of their own and as many rows.
pub fn check_columns(columns: &[Fields<'_>]) -> Result<(), Fault> {
    let first = &columns[0];
    for (index, column) in columns.iter().enumerate() {
        let fault = |message| Fault::new(Kind::BadRequest, message).parameter(column.name.to_owned());
        if column.columns != 1 {
            return Err(fault(format!(
                "tensor `{}` has {} columns, among other tensors; {FORMS}",
                column.name, column.columns
            )));
        }
        if column.rows != first.rows {
            return Err(fault(format!(
                "tensor `{}` has {} rows, but `{}` has {}",
                column.name, column.rows, first.name, first.rows
            )));
        }
        if columns[..index].iter().any(|other| other.name == column.name) {
            return Err(fault(format!("there are two tensors `{}`", column.name)));
        }
    }
    Ok(())
}

/// One column for each tensor, with their names.
pub fn with_header(columns: &[Fields<'_>]) -> Bytes {
    let size: usize = columns.iter().flat_map(|column| &column.values).map(|value| value.len() + 1).sum();
    let mut out =
        String::with_capacity(size + columns.iter().map(|column| column.name.len() + 3).sum::<usize>());
    for (index, column) in columns.iter().enumerate() {
        out.push_str(if index == 0 { "" } else { "," });
        quote(&mut out, column.name);
    }
    out.push('\n');
    for row in 0..columns[0].rows {
        write_row(&mut out, columns.iter().map(|column| &column.values[row]));
    }
    Bytes::from(out)
}

/// The rows of one tensor.
pub fn without_header(table: &Fields<'_>) -> Bytes {
    let size = table.values.iter().map(|value| value.len() + 1).sum();
    let mut out = String::with_capacity(size);
    for row in table.values.chunks(table.columns) {
        write_row(&mut out, row.iter());
    }
    Bytes::from(out)
}

fn write_row<'a>(out: &mut String, fields: impl Iterator<Item = &'a Cow<'a, str>>) {
    let start = out.len();
    for (index, field) in fields.enumerate() {
        out.push_str(if index == 0 { "" } else { "," });
        out.push_str(field);
    }
    // A line without a character would be passed over.
    out.push_str(if out.len() == start { "\"\"\n" } else { "\n" });
}

/// Text as a quoted field.
pub fn quote(out: &mut String, text: &str) {
    out.push('"');
    for piece in text.split_inclusive('"') {
        out.push_str(piece);
        if piece.ends_with('"') {
            out.push('"');
        }
    }
    out.push('"');
}

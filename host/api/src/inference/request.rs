//! Tensors in: one for each column, or one with rows and columns. They become CSV, with numbers as they were written.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::{
    backend::Datatype,
    fault::{Fault, Kind},
};

const FORMS: &str = "send one tensor of shape [rows] for each column, named after it, or a single tensor of shape [rows, columns]";

/// A request's document.
#[derive(Debug, Deserialize)]
pub struct Request<'a> {
    /// Comes back with the answer.
    #[serde(borrow, default)]
    pub id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    inputs: Vec<Tensor<'a>>,
    /// The tensors that are wanted; all if none is named.
    #[serde(borrow, default)]
    pub outputs: Vec<Wanted<'a>>,
    #[serde(default)]
    parameters: Value,
}

#[derive(Debug, Deserialize)]
struct Tensor<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    shape: Vec<u64>,
    #[serde(borrow)]
    datatype: Cow<'a, str>,
    #[serde(default)]
    parameters: Value,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

/// A tensor of the answer that is wanted.
#[derive(Debug, Deserialize)]
pub struct Wanted<'a> {
    /// Its name.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    #[serde(default)]
    parameters: Value,
}

/// What models take.
#[derive(Debug)]
pub struct Rows {
    pub content_type: &'static str,
    pub body: Bytes,
}

/// A tensor's values, row by row, as CSV fields.
struct Fields<'a> {
    name: &'a str,
    rows: usize,
    columns: usize,
    values: Vec<Cow<'a, str>>,
}

/// Reads the document.
pub fn parse(body: &[u8]) -> Result<Request<'_>, Fault> {
    let request: Request = serde_json::from_slice(body).map_err(|error| {
        let message = match error.is_data() {
            true => format!("the body is no inference request: {error}; {FORMS}"),
            // What is no JSON at all is of no form.
            false => format!("the body is not JSON: {error}; a missing value is null"),
        };
        Fault::new(Kind::BadRequest, message)
    })?;
    let binary = request.parameters.get("binary_data_output").is_some_and(|value| value == true)
        || request
            .outputs
            .iter()
            .any(|output| output.parameters.get("binary_data").is_some_and(|value| value == true));
    if binary {
        return Err(Fault::new(
            Kind::BadRequest,
            "answers are JSON: the binary extension is not supported; leave out `binary_data` and `binary_data_output`",
        )
        .parameter("binary_data"));
    }
    Ok(request)
}

impl Request<'_> {
    /// The rows as CSV: with a header if the tensors have columns' names.
    pub fn rows(&self) -> Result<Rows, Fault> {
        let tensors: Vec<Fields<'_>> = self.inputs.iter().map(Tensor::fields).collect::<Result<_, _>>()?;
        match tensors.as_slice() {
            [] => {
                Err(Fault::new(Kind::BadRequest, format!("there is no input; {FORMS}")).parameter("inputs"))
            }
            [table] if self.inputs[0].shape.len() == 2 => {
                Ok(Rows { content_type: "text/csv; header=absent", body: without_header(table) })
            }
            columns => {
                check_columns(columns)?;
                Ok(Rows { content_type: "text/csv; header=present", body: with_header(columns) })
            }
        }
    }
}

fn check_columns(columns: &[Fields<'_>]) -> Result<(), Fault> {
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

fn with_header(columns: &[Fields<'_>]) -> Bytes {
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

fn without_header(table: &Fields<'_>) -> Bytes {
    let size = table.values.iter().map(|value| value.len() + 1).sum();
    let mut out = String::with_capacity(size);
    if table.columns > 0 {
        for row in table.values.chunks(table.columns) {
            write_row(&mut out, row.iter());
        }
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

fn quote(out: &mut String, text: &str) {
    out.push('"');
    for piece in text.split_inclusive('"') {
        out.push_str(piece);
        if piece.ends_with('"') {
            out.push('"');
        }
    }
    out.push('"');
}

impl<'a> Tensor<'a> {
    fn fields(&'a self) -> Result<Fields<'a>, Fault> {
        let name = self.name.as_ref();
        let fault = |message: String| Fault::new(Kind::BadRequest, message).parameter(name.to_owned());
        if self.parameters.get("binary_data_size").is_some() {
            return Err(fault(format!("tensor `{name}` is binary; send its values as JSON in `data`")));
        }
        let (rows, columns) = match self.shape.as_slice() {
            [rows] => (*rows, 1),
            [rows, columns] => (*rows, *columns),
            shape => return Err(fault(format!("tensor `{name}` has the shape {shape:?}; {FORMS}"))),
        };
        let datatype = datatype(&self.datatype).ok_or_else(|| {
            fault(format!(
                "tensor `{name}` is of type `{}`; tables are made of FP64, FP32, INT64, INT32, BOOL and BYTES",
                self.datatype
            ))
        })?;
        let Some(data) = self.data else { return Err(fault(format!("tensor `{name}` has no `data`"))) };
        let values = match datatype {
            Datatype::Bytes => texts(data).map_err(fault)?,
            _ => numbers(data.get(), datatype)
                .map_err(|value| fault(format!("`{value}` in tensor `{name}` is no {}", self.datatype)))?,
        };
        let expected = rows.checked_mul(columns);
        if expected != Some(values.len() as u64) {
            let shape = &self.shape;
            return Err(fault(format!(
                "tensor `{name}` has the shape {shape:?}, but {} values",
                values.len()
            )));
        }
        // As many as there are values.
        Ok(Fields { name, rows: rows as usize, columns: columns as usize, values })
    }
}

fn datatype(name: &str) -> Option<Datatype> {
    Some(match name {
        "FP64" => Datatype::Fp64,
        "FP32" => Datatype::Fp32,
        "INT64" | "INT16" | "INT8" | "UINT32" | "UINT16" | "UINT8" => Datatype::Int64,
        "INT32" => Datatype::Int32,
        "BOOL" => Datatype::Bool,
        "BYTES" => Datatype::Bytes,
        _ => return None,
    })
}

/// The numbers of a list, nested or flat, just as they are written. That it is JSON is known already: brackets, commas and
/// spaces are all that can be between them.
fn numbers(data: &str, datatype: Datatype) -> Result<Vec<Cow<'_, str>>, &str> {
    let between = |letter: char| matches!(letter, '[' | ']' | ',') || letter.is_ascii_whitespace();
    data.split(between)
        .filter(|value| !value.is_empty())
        .map(|value| {
            let sound = match datatype {
                _ if value == "null" => return Ok(Cow::Borrowed("")),
                Datatype::Bool => value == "true" || value == "false",
                Datatype::Int32 | Datatype::Int64 => is_number(value) && !value.contains(['.', 'e', 'E']),
                _ => is_number(value),
            };
            if sound { Ok(Cow::Borrowed(value)) } else { Err(value) }
        })
        .collect()
}

fn is_number(value: &str) -> bool {
    value.starts_with(|letter: char| letter == '-' || letter.is_ascii_digit())
}

/// The texts of a list, nested or flat, quoted.
fn texts(data: &RawValue) -> Result<Vec<Cow<'static, str>>, String> {
    let document: Value = serde_json::from_str(data.get()).map_err(|error| error.to_string())?;
    let mut out = Vec::new();
    flatten(&document, &mut out)?;
    Ok(out)
}

fn flatten(value: &Value, out: &mut Vec<Cow<'static, str>>) -> Result<(), String> {
    match value {
        Value::Array(list) => list.iter().try_for_each(|value| flatten(value, out)),
        Value::Null => {
            out.push(Cow::Borrowed(""));
            Ok(())
        }
        Value::String(text) => {
            let mut quoted = String::with_capacity(text.len() + 2);
            quote(&mut quoted, text);
            out.push(Cow::Owned(quoted));
            Ok(())
        }
        other => Err(format!("`{other}` in a tensor of BYTES is no text")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(inputs: &str) -> Result<(String, &'static str), String> {
        let document = format!(r#"{{"inputs": {inputs}}}"#);
        let request = parse(document.as_bytes()).map_err(|fault| fault.message)?;
        let rows = request.rows().map_err(|fault| fault.message)?;
        Ok((String::from_utf8(rows.body.to_vec()).unwrap(), rows.content_type))
    }

    #[test]
    fn a_tensor_for_each_column_is_a_table_with_a_header() {
        let (body, content_type) =
            csv(r#"[{"name": "age", "shape": [2], "datatype": "INT64", "data": [31, null]},
                {"name": "plan, \"new\"", "shape": [2, 1], "datatype": "BYTES", "data": [["a"], ["b,\"c\""]]},
                {"name": "spent", "shape": [2], "datatype": "FP64", "data": [0.1, 12345678901234567890e-5]},
                {"name": "paid", "shape": [2], "datatype": "BOOL", "data": [true, false]}]"#)
            .unwrap();
        assert_eq!(content_type, "text/csv; header=present");
        assert_eq!(
            body,
            "\"age\",\"plan, \"\"new\"\"\",\"spent\",\"paid\"\n31,\"a\",0.1,true\n,\"b,\"\"c\"\"\",12345678901234567890e-5,false\n"
        );
    }

    #[test]
    fn a_table_in_one_tensor_goes_by_place() {
        for data in ["[1, 2, 3.5, -4e1]", "[[1, 2], [3.5, -4e1]]"] {
            let input = format!(r#"[{{"name": "x", "shape": [2, 2], "datatype": "FP32", "data": {data}}}]"#);
            let (body, content_type) = csv(&input).unwrap();
            assert_eq!((body.as_str(), content_type), ("1,2\n3.5,-4e1\n", "text/csv; header=absent"));
        }
        let missing = r#"[{"name": "x", "shape": [2, 1], "datatype": "FP64", "data": [null, 1]}]"#;
        assert_eq!(csv(missing).unwrap().0, "\"\"\n1\n");
    }

    #[test]
    fn misshapen_tensors_are_named() {
        for (input, expected) in [
            ("[]", "there is no input"),
            (
                r#"[{"name": "x", "shape": [3], "datatype": "FP64", "data": [1, 2]}]"#,
                "`x` has the shape [3], but 2 values",
            ),
            (
                r#"[{"name": "x", "shape": [1, 1, 1], "datatype": "FP64", "data": [1]}]"#,
                "`x` has the shape [1, 1, 1]",
            ),
            (r#"[{"name": "x", "shape": [-1], "datatype": "FP64", "data": [1]}]"#, "no inference request"),
            (
                r#"[{"name": "x", "shape": [18446744073709551615, 2], "datatype": "FP64", "data": [1]}]"#,
                "1 values",
            ),
            (r#"[{"name": "x", "shape": [1], "datatype": "FP16", "data": [1]}]"#, "type `FP16`"),
            (
                r#"[{"name": "x", "shape": [1], "datatype": "INT64", "data": [1.5]}]"#,
                "`1.5` in tensor `x` is no INT64",
            ),
            (r#"[{"name": "x", "shape": [1], "datatype": "FP64", "data": ["a"]}]"#, "no FP64"),
            (r#"[{"name": "x", "shape": [1], "datatype": "BYTES", "data": [1]}]"#, "no text"),
            (r#"[{"name": "x", "shape": [1], "datatype": "FP64"}]"#, "no `data`"),
            (
                r#"[{"name": "x", "shape": [1], "datatype": "FP64", "data": [1]}, {"name": "y", "shape": [2], "datatype": "FP64", "data": [1, 2]}]"#,
                "`y` has 2 rows, but `x` has 1",
            ),
            (
                r#"[{"name": "x", "shape": [1], "datatype": "FP64", "data": [1]}, {"name": "x", "shape": [1], "datatype": "FP64", "data": [1]}]"#,
                "two tensors `x`",
            ),
            (
                r#"[{"name": "x", "shape": [4], "datatype": "FP64", "parameters": {"binary_data_size": 32}}]"#,
                "binary",
            ),
        ] {
            let message = csv(input).unwrap_err();
            assert!(message.contains(expected), "{input}: {message}");
        }
    }
}

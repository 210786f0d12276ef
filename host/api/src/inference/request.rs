//! Tensors in: one for each column, or one with rows and columns. They become CSV, with numbers as they were written.

mod nested;

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::fault::{Fault, Kind};

const FORMS: &str = "send one tensor of shape [rows] for each column, named after it, or a single tensor of shape [rows, columns]";

/// A request's document.
#[derive(Debug, Deserialize)]
pub struct Request<'a> {
    /// Comes back with the answer.
    #[serde(borrow, default)]
    pub id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    inputs: Option<Vec<Tensor<'a>>>,
    /// The tensors that are wanted; all if none is named.
    #[serde(borrow, default)]
    outputs: Option<Vec<Wanted<'a>>>,
    #[serde(default)]
    parameters: Value,
}

#[derive(Debug, Deserialize)]
struct Tensor<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    shape: Vec<&'a RawValue>,
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
    /// How many.
    pub count: usize,
    /// How many columns, if they are not named.
    pub columns: Option<usize>,
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
            .wanted()
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

impl<'a> Request<'a> {
    /// The tensors that are wanted; all if none is named.
    pub fn wanted(&self) -> &[Wanted<'a>] {
        self.outputs.as_deref().unwrap_or_default()
    }

    /// The rows as CSV: with a header if the tensors have columns' names.
    pub fn rows(&self) -> Result<Rows, Fault> {
        let inputs = self.inputs.as_deref().unwrap_or_default();
        let tensors: Vec<Fields<'_>> = inputs.iter().map(Tensor::fields).collect::<Result<_, _>>()?;
        match tensors.as_slice() {
            [] => {
                Err(Fault::new(Kind::BadRequest, format!("there is no input; {FORMS}")).parameter("inputs"))
            }
            [table] if inputs[0].shape.len() == 2 => Ok(Rows {
                content_type: "text/csv; header=absent",
                body: without_header(table),
                count: table.rows,
                columns: Some(table.columns),
            }),
            columns => {
                check_columns(columns)?;
                Ok(Rows {
                    content_type: "text/csv; header=present",
                    body: with_header(columns),
                    count: columns[0].rows,
                    columns: None,
                })
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
        let shape = self.sizes().map_err(fault)?;
        let (rows, columns) = match shape.as_slice() {
            [rows] => (*rows, 1),
            [rows, columns] => (*rows, *columns),
            shape => return Err(fault(format!("tensor `{name}` has the shape {shape:?}; {FORMS}"))),
        };
        if columns == 0 {
            return Err(fault(format!(
                "tensor `{name}` has the shape {shape:?}: rows without columns; {FORMS}"
            )));
        }
        let datatype = Type::named(&self.datatype).ok_or_else(|| {
            fault(format!(
                "tensor `{name}` is of type `{}`; tables are made of FP64, FP32, FP16, INT64, INT32, INT16, INT8, UINT64, UINT32, \
                 UINT16, UINT8, BOOL and BYTES",
                self.datatype
            ))
        })?;
        let Some(data) = self.data else { return Err(fault(format!("tensor `{name}` has no `data`"))) };
        let values = nested::values(data.get(), &shape)
            .map_err(|what| fault(format!("tensor `{name}` has the shape {shape:?}, but {what}")))?;
        let fields = values.into_iter().map(|value| datatype.field(value));
        let values = fields
            .collect::<Result<_, _>>()
            .map_err(|wrong| fault(format!("{wrong} in tensor `{name}` is no {}", self.datatype)))?;
        // As many as there are values.
        Ok(Fields { name, rows: rows as usize, columns: columns as usize, values })
    }

    fn sizes(&self) -> Result<Vec<u64>, String> {
        let size = |text: &&RawValue| {
            text.get().parse().map_err(|_| {
                format!(
                    "tensor `{}` has a size of `{}` in its shape; sizes are whole numbers from 0",
                    self.name,
                    text.get()
                )
            })
        };
        self.shape.iter().map(size).collect()
    }
}

/// What the values of a tensor are.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Type {
    Bytes,
    Bool,
    /// Whole numbers from the first to the last.
    Whole(i128, i128),
    /// Numbers up to this size.
    Number(f64),
}

impl Type {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "FP64" => Self::Number(f64::MAX),
            "FP32" => Self::Number(f64::from(f32::MAX)),
            "FP16" => Self::Number(65_504.0),
            "INT64" => Self::Whole(i64::MIN.into(), i64::MAX.into()),
            "INT32" => Self::Whole(i32::MIN.into(), i32::MAX.into()),
            "INT16" => Self::Whole(i16::MIN.into(), i16::MAX.into()),
            "INT8" => Self::Whole(i8::MIN.into(), i8::MAX.into()),
            "UINT64" => Self::Whole(0, u64::MAX.into()),
            "UINT32" => Self::Whole(0, u32::MAX.into()),
            "UINT16" => Self::Whole(0, u16::MAX.into()),
            "UINT8" => Self::Whole(0, u8::MAX.into()),
            "BOOL" => Self::Bool,
            "BYTES" => Self::Bytes,
            _ => return None,
        })
    }

    /// A value as a field of CSV, numbers just as they are written; or the value, if it is of another type or too large.
    fn field(self, value: &str) -> Result<Cow<'_, str>, String> {
        let wrong = || Err(format!("`{value}`"));
        if value == "null" {
            return Ok(Cow::Borrowed(""));
        }
        let sound = match self {
            Self::Bytes => {
                let Ok(text) = serde_json::from_str::<Cow<'_, str>>(value) else { return wrong() };
                let mut quoted = String::with_capacity(text.len() + 2);
                quote(&mut quoted, &text);
                return Ok(Cow::Owned(quoted));
            }
            Self::Bool => value == "true" || value == "false",
            // Not even 0 is written with a fraction or an exponent.
            Self::Whole(first, last) => {
                value.parse::<i128>().is_ok_and(|number| (first..=last).contains(&number))
            }
            Self::Number(most) => {
                is_number(value)
                    && ((value.len() <= SHORT && most > 1e30 && !value.contains(['e', 'E']))
                        || value.parse::<f64>().is_ok_and(|number| number.abs() <= most))
            }
        };
        if sound { Ok(Cow::Borrowed(value)) } else { wrong() }
    }
}

/// So many digits are less than what single precision holds.
const SHORT: usize = 38;

fn is_number(value: &str) -> bool {
    value.starts_with(|letter: char| letter == '-' || letter.is_ascii_digit())
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
                "`x` has the shape [3], but there are 2 values",
            ),
            (
                r#"[{"name": "x", "shape": [1, 1, 1], "datatype": "FP64", "data": [1]}]"#,
                "`x` has the shape [1, 1, 1]",
            ),
            (r#"[{"name": "x", "shape": [-1], "datatype": "FP64", "data": [1]}]"#, "a size of `-1`"),
            (
                r#"[{"name": "x", "shape": [18446744073709551615, 2], "datatype": "FP64", "data": [1]}]"#,
                "1 values",
            ),
            (r#"[{"name": "x", "shape": [1], "datatype": "BF16", "data": [1]}]"#, "type `BF16`"),
            (
                r#"[{"name": "x", "shape": [1], "datatype": "INT64", "data": [1.5]}]"#,
                "`1.5` in tensor `x` is no INT64",
            ),
            (r#"[{"name": "x", "shape": [1], "datatype": "FP64", "data": ["a"]}]"#, "no FP64"),
            (r#"[{"name": "x", "shape": [1], "datatype": "BYTES", "data": [1]}]"#, "no BYTES"),
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

    fn shaped(datatype: &str, shape: &str, data: &str) -> Result<String, String> {
        let input =
            format!(r#"[{{"name": "x", "shape": {shape}, "datatype": "{datatype}", "data": {data}}}]"#);
        csv(&input).map(|(body, _)| body)
    }

    #[test]
    fn data_is_flat_or_nested_as_its_shape_says() {
        for (shape, data, expected) in [
            ("[2, 3]", "[1,2,3,4,5,6]", "1,2,3\n4,5,6\n"),
            ("[2, 3]", "[[1,2,3],[4,5,6]]", "1,2,3\n4,5,6\n"),
            ("[ 2,3 ]", " [ [ 1 , 2 , 3 ] , [ 4,5,6 ] ] ", "1,2,3\n4,5,6\n"),
            ("[2, 1]", "[[1],[2]]", "1\n2\n"),
            ("[2, 1]", "[1,2]", "1\n2\n"),
            ("[0, 3]", "[]", ""),
            ("[2]", "[1,null]", "\"x\"\n1\n\"\"\n"),
            ("[0]", "[]", "\"x\"\n"),
        ] {
            assert_eq!(shaped("FP64", shape, data).as_deref(), Ok(expected), "{shape} {data}");
        }
        for (shape, data, expected) in [
            ("[2,3]", "[[1,2],[3,4,5,6]]", "the shape [2, 3], but row 1 has 2 values"),
            ("[2,3]", "[[1,2,3],[4,5,6,7]]", "row 2 has 4 values"),
            ("[2,3]", "[[1,2],[3,4],[5,6]]", "row 1 has 2 values"),
            ("[2,3]", "[[1,2,3]]", "there are 1 rows"),
            ("[2,3]", "[[1,2,3],[4,5,6],[]]", "row 3 has 0 values"),
            ("[2,3]", "[[1,2,3],[4,5,6],[7,8,9]]", "there are 3 rows"),
            ("[2,3]", "[[[1,2,3],[4,5,6]]]", "nested deeper"),
            ("[2,3]", "[[[1],[2],[3]],[[4],[5],[6]]]", "nested deeper"),
            ("[1,3]", "[1,[2,[3]]]", "mixes values and lists"),
            ("[2,3]", "[[1,2,3],4,5,6]", "mixes values and lists"),
            ("[2,3]", "[1,2,3,4,5]", "there are 5 values"),
            ("[2,3]", "[1,2,3,4,5,6,7]", "there are 7 values"),
            ("[2,3]", "[]", "there are 0 values"),
            ("[0,3]", "[[]]", "row 1 has 0 values"),
            ("[0,3]", "[1]", "there are 1 values"),
            ("[2]", "[[1],[2]]", "nested deeper"),
            ("[2]", "[[1,2]]", "nested deeper"),
            ("[2]", "7", "is no list"),
            ("[2]", "\"12\"", "is no list"),
            ("[1]", "{\"a\": 1}", "is no list"),
            ("[1]", "[{\"a\": [1, 2]}]", "an object"),
            ("[2,0]", "[]", "rows without columns"),
            ("[2,0]", "[[],[]]", "rows without columns"),
            ("[0,0]", "[]", "rows without columns"),
            ("[]", "[1]", "the shape []"),
            ("[1,1,1]", "[1]", "the shape [1, 1, 1]"),
            ("[-1]", "[1]", "a size of `-1`"),
            ("[1, -3]", "[1]", "a size of `-3`"),
            ("[1.0]", "[1]", "a size of `1.0`"),
            ("[\"1\"]", "[1]", "a size of `\"1\"`"),
            ("[99999999999999999999]", "[1]", "a size of `99999999999999999999`"),
            ("[4294967296, 4294967296]", "[]", "there are 0 values"),
            ("[9223372036854775808, 2]", "[]", "there are 0 values"),
            ("[18446744073709551615, 18446744073709551615]", "[1]", "there are 1 values"),
            ("[1]", "null", "no `data`"),
        ] {
            let message = shaped("FP64", shape, data).unwrap_err();
            assert!(message.contains(expected), "{shape} {data}: {message}");
        }
    }

    #[test]
    fn texts_are_nested_as_their_shape_says_too() {
        assert_eq!(shaped("BYTES", "[1,2]", r#"[["a]",",[\"b"]]"#).unwrap(), "\"a]\",\",[\"\"b\"\n");
        assert_eq!(shaped("BYTES", "[2,1]", r#"["\u00e9\n", null]"#).unwrap(), "\"\u{e9}\n\"\n\"\"\n");
        assert_eq!(shaped("BYTES", "[1]", r#"["\\"]"#).unwrap(), "\"x\"\n\"\\\"\n");
        for (shape, data) in
            [("[2,2]", r#"[["a"],["b","c","d"]]"#), ("[1]", r#"[["a"]]"#), ("[1]", "[1]"), ("[1]", "[true]")]
        {
            assert!(shaped("BYTES", shape, data).is_err(), "{shape} {data}");
        }
    }

    #[test]
    fn each_type_takes_its_values_and_no_others() {
        let all = ["1", "-1", "0.5", "1e3", "true", "\"a\"", "300", "70000", "5000000000", "1e39", "1e400"];
        for (datatype, taken) in [
            ("FP64", &["1", "-1", "0.5", "1e3", "300", "70000", "5000000000", "1e39"][..]),
            ("FP32", &["1", "-1", "0.5", "1e3", "300", "70000", "5000000000"]),
            ("FP16", &["1", "-1", "0.5", "1e3", "300"]),
            ("INT64", &["1", "-1", "300", "70000", "5000000000"]),
            ("INT32", &["1", "-1", "300", "70000"]),
            ("INT16", &["1", "-1", "300"]),
            ("INT8", &["1", "-1"]),
            ("UINT64", &["1", "300", "70000", "5000000000"]),
            ("UINT32", &["1", "300", "70000"]),
            ("UINT16", &["1", "300"]),
            ("UINT8", &["1"]),
            ("BOOL", &["true"]),
            ("BYTES", &["\"a\""]),
        ] {
            for value in all {
                let outcome = shaped(datatype, "[1, 1]", &format!("[{value}]"));
                assert_eq!(outcome.is_ok(), taken.contains(&value), "{datatype} {value}: {outcome:?}");
            }
            assert_eq!(shaped(datatype, "[1, 1]", "[null]").unwrap(), "\"\"\n", "{datatype}");
        }
        let (most, more) = ("[18446744073709551615]", "[18446744073709551616]");
        assert_eq!(shaped("UINT64", "[1, 1]", most).unwrap(), "18446744073709551615\n");
        for (datatype, data) in
            [("UINT64", more), ("INT64", most), ("BF16", "[1]"), ("fp64", "[1]"), ("", "[1]")]
        {
            assert!(shaped(datatype, "[1, 1]", data).is_err(), "{datatype} {data}");
        }
    }

    #[test]
    fn null_is_nothing_said_and_nan_is_no_json() {
        let tensor = r#"[{"name": "x", "shape": [1], "datatype": "FP64", "data": [1]}]"#;
        let document = format!(r#"{{"id": null, "inputs": {tensor}, "outputs": null, "parameters": null}}"#);
        let request = parse(document.as_bytes()).unwrap();
        assert!(request.wanted().is_empty() && request.id.is_none() && request.rows().is_ok());
        let nothing = parse(br#"{"inputs": null}"#).unwrap().rows().unwrap_err();
        assert!(nothing.message.contains("there is no input"), "{}", nothing.message);
        for value in ["NaN", "Infinity", "-Infinity"] {
            for data in [format!("[{value}]"), format!("[1, {value}, 2]"), format!("[[0.5,\n{value}]]")] {
                let message = shaped("FP64", "[1]", &data).unwrap_err();
                assert!(message.contains("a missing value is null"), "{data}: {message}");
            }
        }
    }

    proptest::proptest! {
        /// What is nested as its shape says is read as what is flat; ragged, it is refused.
        #[test]
        fn nested_is_flat(rows in 0..6_usize, columns in 1..6_usize, ragged: bool, place: usize) {
            let mut table: Vec<Vec<String>> =
                (0..rows).map(|row| (0..columns).map(|column| format!("{row}.{column}")).collect()).collect();
            let flat = shaped("FP64", &format!("[{rows}, {columns}]"), &format!("[{}]", table.concat().join(",")));
            if ragged && rows > 1 {
                let moved = table[place % rows].pop().unwrap();
                table[(place + 1) % rows].push(moved);
            }
            let nested: Vec<String> = table.iter().map(|row| format!("[{}]", row.join(","))).collect();
            let nested = shaped("FP64", &format!("[{rows}, {columns}]"), &format!("[{}]", nested.join(",")));
            proptest::prop_assert_eq!(nested.is_err(), ragged && rows > 1);
            if nested.is_ok() {
                proptest::prop_assert_eq!(nested, flat);
            }
        }
    }
}

//! Shapes of JSON, and what is said of others.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef};

use super::{read, read_lines};
use crate::{
    table::{schema_of, sparse_type},
    testing::rows,
};

fn columns() -> SchemaRef {
    schema_of([("x1", DataType::Float64), ("x2", DataType::Float64), ("plan", DataType::Utf8)])
}

fn expected() -> RecordBatch {
    rows("x1,x2,plan\n0.5,3.5,a\n1.5,,b\n").with_schema(columns()).unwrap()
}

fn refusal(body: &str) -> String {
    read(body.as_bytes(), &columns()).unwrap_err().to_string()
}

#[test]
fn clients_send_tables_in_many_shapes() {
    for body in [
        // TensorFlow Serving.
        r#"{"instances": [[0.5, 3.5, "a"], [1.5, null, "b"]]}"#,
        r#"{"signature_name": "serving_default", "instances": [{"x1": 0.5, "x2": 3.5, "plan": "a"}, {"plan": "b", "x2": null, "x1": 1.5}]}"#,
        r#"{"inputs": [[0.5, 3.5, "a"], [1.5, null, "b"]]}"#,
        r#"{"inputs": {"x1": [0.5, 1.5], "plan": ["a", "b"], "x2": [3.5, null]}}"#,
        r#"{"inputs": {"x1": [[0.5], [1.5]], "plan": [["a"], ["b"]], "x2": [[3.5], [null]]}}"#,
        // MLflow.
        r#"{"dataframe_split": {"index": [0, 1], "columns": ["plan", "x1", "x2"], "data": [["a", 0.5, 3.5], ["b", 1.5, null]]}, "params": {}}"#,
        r#"{"dataframe_records": [{"x1": 0.5, "x2": 3.5, "plan": "a"}, {"x1": 1.5, "x2": null, "plan": "b"}]}"#,
        r#"{"inputs": [{"x1": 0.5, "x2": 3.5, "plan": "a"}, {"x1": 1.5, "x2": null, "plan": "b"}]}"#,
        // SageMaker.
        r#"{"instances": [{"features": [0.5, 3.5, "a"]}, {"features": [1.5, null, "b"]}]}"#,
        r#"{"instances": [{"data": {"features": {"values": [0.5, 3.5, "a"]}}}, {"data": {"features": {"values": [1.5, null, "b"]}}}]}"#,
        // pandas: records, split, columns, index, values, table, list.
        r#"[{"x1": 0.5, "x2": 3.5, "plan": "a"}, {"x1": 1.5, "x2": null, "plan": "b"}]"#,
        r#"{"columns": ["x1", "x2", "plan"], "index": [0, 1], "data": [[0.5, 3.5, "a"], [1.5, null, "b"]]}"#,
        r#"{"x1": {"0": 0.5, "1": 1.5}, "x2": {"1": null, "0": 3.5}, "plan": {"0": "a", "1": "b"}}"#,
        r#"{"0": {"x1": 0.5, "x2": 3.5, "plan": "a"}, "1": {"x1": 1.5, "x2": null, "plan": "b"}}"#,
        r#"[[0.5, 3.5, "a"], [1.5, null, "b"]]"#,
        r#"{"schema": {"fields": []}, "data": [{"index": 0, "x1": 0.5, "x2": 3.5, "plan": "a"}, {"index": 1, "x1": 1.5, "x2": null, "plan": "b"}]}"#,
        r#"{"x1": [0.5, 1.5], "x2": [3.5, null], "plan": ["a", "b"]}"#,
        // Python's numbers, and numbers in strings, as in CSV.
        r#"{"instances": [[0.5, 3.5, "a"], [1.5, NaN, "b"]]}"#,
        r#"[["0.5", " 3.5", "a"], ["1.5", "", "b"]]"#,
        r#"{"data": [[0.5, 3.5, "a"], [1.5, "NA", "b"]]}"#,
    ] {
        let read = read(body.as_bytes(), &columns()).unwrap_or_else(|failure| panic!("{body}: {failure}"));
        assert_eq!(read, expected(), "{body}");
    }
}

#[test]
fn one_row_and_lines() {
    let one = expected().slice(0, 1);
    for body in [
        r#"{"x1": 0.5, "x2": 3.5, "plan": "a"}"#,
        r#"{"features": [0.5, 3.5, "a"]}"#,
        r#"[0.5, 3.5, "a"]"#,
        r#"{"data": {"features": {"values": [0.5, 3.5, "a"]}}}"#,
        r#"{"inputs": {"x1": 0.5, "x2": 3.5, "plan": "a"}}"#,
        r#"{"inputs": {"x1": [0.5], "x2": [3.5], "plan": ["a"]}}"#,
        r#"{"data": [[0.5, 3.5, "a"]]}"#,
    ] {
        assert_eq!(read(body.as_bytes(), &columns()).unwrap(), one, "{body}");
    }
    let lines = "{\"features\": [0.5, 3.5, \"a\"]}\n\n{\"x1\": 1.5, \"x2\": NaN, \"plan\": \"b\"}\r\n";
    assert_eq!(read_lines(lines.as_bytes(), &columns()).unwrap(), expected());
    let lines = "{\"data\": {\"features\": {\"values\": [0.5, 3.5, \"a\"]}}}\n[1.5, null, \"b\"]";
    assert_eq!(read_lines(lines.as_bytes(), &columns()).unwrap(), expected());
    let alone = schema_of([("x", DataType::Float64)]);
    for body in
        ["[1, 2.5]", r#"{"instances": [1, 2.5]}"#, r#"{"inputs": [[1], [2.5]]}"#, r#"{"x": [1, 2.5]}"#]
    {
        let read = read(body.as_bytes(), &alone).unwrap();
        assert_eq!(read, rows("x\n1.0\n2.5\n").with_schema(Arc::clone(&alone)).unwrap(), "{body}");
    }
}

#[test]
fn a_models_own_columns_come_before_shapes() {
    let own =
        schema_of([("data", DataType::Float64), ("inputs", DataType::Float64), ("features", DataType::Utf8)]);
    let body = r#"[{"data": 1, "inputs": 2.5, "features": "a"}]"#;
    let expected = rows("data,inputs,features\n1.0,2.5,a\n").with_schema(Arc::clone(&own)).unwrap();
    assert_eq!(read(body.as_bytes(), &own).unwrap(), expected);
    assert_eq!(read(&body.as_bytes()[1..body.len() - 1], &own).unwrap(), expected);
    assert_eq!(read(br#"{"data": [1], "inputs": [2.5], "features": ["a"]}"#, &own).unwrap(), expected);
    let named = schema_of([("instances", DataType::Float64)]);
    let one = rows("instances\n3.5\n");
    assert_eq!(read(br#"{"instances": 3.5}"#, &named).unwrap(), one);
    assert_eq!(read(br#"{"instances": [{"instances": 3.5}]}"#, &named).unwrap(), one);
    let blank = schema_of([("fixed acidity ", DataType::Float64)]);
    for body in [
        r#"{"fixed acidity ": 1.5}"#,
        r#"[{"fixed acidity": 1.5}]"#,
        r#"{"columns": [" fixed acidity"], "data": [[1.5]]}"#,
    ] {
        assert_eq!(read(body.as_bytes(), &blank).unwrap().num_rows(), 1, "{body}");
    }
}

#[test]
fn sparse_rows_are_objects_and_lists_themselves() {
    let sparse = schema_of([("features", sparse_type())]);
    for body in [
        r#"{"instances": [{"data": {"features": {"keys": [0, 7], "values": [1, 2.5], "shape": [9]}}}]}"#,
        r#"{"instances": [{"features": {"keys": [0, 7], "values": [1, 2.5]}}]}"#,
        r#"{"data": {"features": {"keys": [0, 7], "values": [1, 2.5]}}}"#,
        r#"{"features": [{"index": 0, "value": 1}, {"index": 7, "value": 2.5}]}"#,
        r#"{"features": "0:1 7:2.5"}"#,
    ] {
        let read = read(body.as_bytes(), &sparse);
        assert_eq!(read.is_ok_and(|rows| rows.num_rows() == 1), !body.contains("0:1 7"), "{body}");
    }
    let refusal = refusal(r#"{"instances": [{"data": {"features": {"keys": [0], "values": [1]}}}]}"#);
    assert!(refusal.contains("takes no sparse rows"), "{refusal}");
}

#[test]
fn other_shapes_are_told_which_there_are() {
    for (body, expected) in [
        (r#"{"predict": [[0.5, 3, 2]]}"#, "{\"instances\": [row, ...]}"),
        (r#"{"predict": [[0.5, 3, 2]]}"#, "lacks 3 columns: `x1`, `x2`, `plan`"),
        ("{}", "{\"instances\": [row, ...]}"),
        (r#"{"instances": [], "inputs": []}"#, "under `instances` and under `inputs`"),
        (r#"{"instances": {"x1": 1}}"#, "`instances` must be a list of rows"),
        (r#"{"inputs": 3}"#, "`inputs` must be a list of rows or an object of columns"),
        (
            r#"{"inputs": [{"name": "x1", "shape": [1], "datatype": "FP64", "data": [1]}]}"#,
            "/v2/models/NAME/infer",
        ),
        (
            r#"{"inputs": {"x1": [1, 2], "x2": [1], "plan": ["a", "b"]}}"#,
            "column `x2`: the column has 1 values, but `x1` has 2",
        ),
        (r#"{"x1": {"0": 1}, "x2": {"1": 1}, "plan": {"0": "a"}}"#, "column `x2`: the column has other rows"),
        (r#"{"inputs": {"x1": [1], "x2": ["b"], "plan": ["a"]}}"#, "row 1, column `x2`: `b` is not a number"),
        (r#"{"dataframe_split": {"columns": ["x1"], "data": 3}}"#, "`dataframe_split` needs `columns`"),
        (
            r#"{"dataframe_split": {"columns": ["x1", "x2", "plan"], "data": [[1, 2]]}}"#,
            "row 1: the row has 2 values, but `columns` names 3",
        ),
        (
            r#"[{"x2": 3, "x3": 2, "plan": "a"}]"#,
            "row 1, column `x1`: the table has no column `x1`; did you mean `x3`?",
        ),
        (r#"[{"x2": 3}]"#, "lacks 2 columns: `x1`, `plan`"),
        (r#"[{"x1": 1, "x2": 3, "plan": "a", "x1": 2}]"#, "two columns `x1`"),
        (r#"[1, 2]"#, "row 1: a row must be an object or a list, not a single value"),
        (r#"[null]"#, "not null"),
        (r#"[[1, 2]]"#, "row 1: the row has 2 values, but the model takes 3: `x1`, `x2`, `plan`"),
        (r#"[[1, {}, "a"]]"#, "column `x2`: `{}` is not a number"),
        (r#"[["one", 2, "a"]]"#, "column `x1`: `one` is not a number"),
        (r#"[["\ud800", 2, "a"]]"#, "row 1, column `x1`"),
        (r#"[[nan, 2, "a"]]"#, "`nan` at line 1 column 3; write null for a missing value"),
    ] {
        let refusal = refusal(body);
        assert!(refusal.contains(expected), "{body}\n{refusal}\n{expected}");
    }
}

#[test]
fn a_string_is_what_it_says_and_numbers_keep_their_digits() {
    let text = schema_of([("t", DataType::Utf8)]);
    let body = r#"[["NA"], [""], [null], [1.0], [1e3], [12345678901234567890123], [true]]"#;
    let read = read(body.as_bytes(), &text).unwrap();
    let texts: Vec<Option<&str>> =
        arrow_array::cast::AsArray::as_string::<i32>(read.column(0)).iter().collect();
    let expected =
        [Some("NA"), Some(""), None, Some("1.0"), Some("1e3"), Some("12345678901234567890123"), Some("true")];
    assert_eq!(texts, expected);
}

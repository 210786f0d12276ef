//! The same answers as DuckDB's, to a few hundred expressions and queries. `reference/generate.py` made them.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
    cast::AsArray,
    types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType},
};
use arrow_schema::{DataType, Field, Schema};
use millstream_query::{Expression, Kind, Query};
use serde_json::Value;

/// Mathematics and the order of additions may differ in the last digits.
const TOLERANCE: f64 = 1e-12;

fn reference() -> Value {
    serde_json::from_str(include_str!("reference/reference.json")).unwrap()
}

fn double(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => Some(text.parse().unwrap()),
        value => value.as_f64(),
    }
}

fn table(reference: &Value, name: &str) -> RecordBatch {
    let table = &reference["tables"][name];
    let (mut fields, mut arrays) = (Vec::new(), Vec::<ArrayRef>::new());
    for (i, name) in table["names"].as_array().unwrap().iter().enumerate() {
        let values = table["columns"][i].as_array().unwrap();
        let array: ArrayRef = match table["kinds"][i].as_str().unwrap() {
            "BIGINT" => Arc::new(values.iter().map(Value::as_i64).collect::<Int64Array>()),
            "DOUBLE" => Arc::new(values.iter().map(double).collect::<Float64Array>()),
            "VARCHAR" => Arc::new(values.iter().map(Value::as_str).collect::<StringArray>()),
            "BOOLEAN" => Arc::new(values.iter().map(Value::as_bool).collect::<BooleanArray>()),
            "DATE" => Arc::new(values.iter().map(|v| v.as_i64().map(|v| v as i32)).collect::<Date32Array>()),
            "TIMESTAMP" => Arc::new(values.iter().map(Value::as_i64).collect::<TimestampMicrosecondArray>()),
            other => panic!("{other}"),
        };
        fields.push(Field::new(name.as_str().unwrap(), array.data_type().clone(), true));
        arrays.push(array);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

fn kind(data_type: &DataType) -> String {
    Kind::of(data_type).to_string()
}

/// A value as JSON has it.
fn cell(array: &ArrayRef, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::Date32 => array.as_primitive::<Date32Type>().value(row).into(),
        DataType::Timestamp(..) => array.as_primitive::<TimestampMicrosecondType>().value(row).into(),
        DataType::Float64 => {
            let value = array.as_primitive::<Float64Type>().value(row);
            if value.is_finite() { value.into() } else { value.to_string().to_lowercase().into() }
        }
        other => panic!("{other}"),
    }
}

fn near(ours: &Value, theirs: &Value) -> bool {
    if ours == theirs {
        return true;
    }
    match (ours.as_f64(), theirs.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()).max(1.0),
        _ => false,
    }
}

fn key(row: &[Value]) -> String {
    // Numbers that differ in their last digits alone have one place.
    let round = |value: &Value| match value.as_f64() {
        Some(number) => format!("{:.9e}", number + 0.0),
        None => value.to_string(),
    };
    row.iter().map(round).collect::<Vec<_>>().join("\u{1}")
}

/// What is wrong with an answer, if something is.
fn compare(arrays: &[ArrayRef], rows: usize, case: &Value, ordered: bool) -> Option<String> {
    let theirs = case["columns"].as_array().unwrap();
    if theirs.len() != arrays.len() {
        return Some(format!("{} columns, not {}", arrays.len(), theirs.len()));
    }
    for (array, expected) in arrays.iter().zip(case["kinds"].as_array().unwrap()) {
        let (own, expected) = (kind(array.data_type()), expected.as_str().unwrap());
        if own != expected {
            return Some(format!("{own}, not {expected}"));
        }
    }
    let their_rows = theirs.first().map_or(0, |column| column.as_array().unwrap().len());
    let mut ours: Vec<Vec<_>> =
        (0..rows).map(|row| arrays.iter().map(|array| cell(array, row)).collect()).collect();
    let mut expected: Vec<Vec<_>> =
        (0..their_rows).map(|row| theirs.iter().map(|column| column[row].clone()).collect()).collect();
    if !ordered {
        ours.sort_by_key(|row| key(row));
        expected.sort_by_key(|row| key(row));
    }
    if ours.len() != expected.len() {
        return Some(format!("{} rows, not {}", ours.len(), expected.len()));
    }
    let differ = |(a, b): &(&Vec<Value>, &Vec<Value>)| !a.iter().zip(*b).all(|(a, b)| near(a, b));
    let found = ours.iter().zip(&expected).find(differ);
    found.map(|(a, b)| format!("{}, not {}", Value::from(a.clone()), Value::from(b.clone())))
}

fn report(wrong: &[String], all: usize) {
    assert!(wrong.is_empty(), "{} of {all} differ from DuckDB's answers:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn expressions_answer_as_duckdb_does() {
    let reference = reference();
    let t = table(&reference, "t");
    let cases = reference["expressions"].as_array().unwrap();
    assert!(cases.len() > 500);
    let mut wrong = Vec::new();
    for case in cases {
        let text = case["text"].as_str().unwrap();
        let ours = Expression::parse(text).and_then(|e| e.bind(&t.schema())).and_then(|bound| bound.eval(&t));
        let problem = match (ours, case.get("error")) {
            (Ok(array), None) => compare(std::slice::from_ref(&array), array.len(), case, true),
            (Ok(_), Some(error)) => Some(format!("an answer where DuckDB says {error}")),
            (Err(_), Some(_)) => None,
            (Err(error), None) => Some(error.to_string()),
        };
        wrong.extend(problem.map(|problem| format!("{text}: {problem}")));
    }
    report(&wrong, cases.len());
}

#[test]
fn queries_answer_as_duckdb_does() {
    let reference = reference();
    let (t, u) = (table(&reference, "t"), table(&reference, "u"));
    let cases = reference["queries"].as_array().unwrap();
    assert!(cases.len() > 300);
    let mut wrong = Vec::new();
    for case in cases {
        let text = case["text"].as_str().unwrap();
        let ours = Query::parse(text)
            .and_then(|query| query.bind(&[("t", &t.schema()), ("u", &u.schema())]))
            .and_then(|bound| bound.run(&[("t", &t), ("u", &u)]));
        let problem = match (ours, case.get("error")) {
            (Ok(batch), None) => {
                compare(batch.columns(), batch.num_rows(), case, case["ordered"].as_bool().unwrap())
            }
            (Ok(_), Some(error)) => Some(format!("an answer where DuckDB says {error}")),
            (Err(_), Some(_)) => None,
            (Err(error), None) => Some(error.to_string()),
        };
        wrong.extend(problem.map(|problem| format!("{text}: {problem}")));
    }
    report(&wrong, cases.len());
}

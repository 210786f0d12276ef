//! What comes out is what scikit-learn and category_encoders make of the same tables: see reference/make.py.

use fn_features::{Features, Fitted};
use millstream_sdk::{
    arrow_array::{Array, RecordBatch, cast::AsArray, types::Float64Type},
    arrow_schema::DataType,
    table::cast,
    testing::{Host, rows},
};
use serde::Deserialize;
use serde_json::Value;

const TRAIN: &str = include_str!("reference/train.csv");
const TEST: &str = include_str!("reference/test.csv");

#[derive(Deserialize)]
struct Case {
    name: String,
    with: Value,
    columns: Vec<String>,
    train: Vec<Vec<Option<f64>>>,
    test: Vec<Vec<Option<f64>>>,
    tolerance: f64,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("reference/transforms.json")).unwrap()
}

/// What differs, if anything does.
fn difference(
    table: &RecordBatch,
    names: &[String],
    expected: &[Vec<Option<f64>>],
    tolerance: f64,
) -> Option<String> {
    for (name, expected) in names.iter().zip(expected) {
        let Some(column) = table.column_by_name(name) else {
            return Some(format!(
                "no column `{name}` in {:?}",
                table.schema().fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>()
            ));
        };
        let column = cast(column, &DataType::Float64).unwrap();
        for (row, (value, expected)) in column.as_primitive::<Float64Type>().iter().zip(expected).enumerate()
        {
            let alike = match (value, expected) {
                (Some(value), Some(expected)) => {
                    (value - expected).abs() <= tolerance * expected.abs().max(1.0)
                }
                (None, None) => true,
                _ => false,
            };
            if !alike {
                return Some(format!("`{name}`, row {}: {value:?}, not {expected:?}", row + 1));
            }
        }
        assert!(!expected.is_empty() && column.len() >= expected.len());
    }
    None
}

#[test]
fn transforms_do_as_scikit_learn_does() {
    let mut wrong = Vec::new();
    let cases = cases();
    assert!(cases.len() > 70, "{}", cases.len());
    for case in &cases {
        let host = Host::new().csv("table", TRAIN);
        if let Err(failure) = host.run::<Features>(&case.with.to_string()) {
            wrong.push(format!("{}: {failure}", case.name));
            continue;
        }
        let train = host.table("table");
        let test = host.load::<Fitted>("model").unwrap().predict_batch(&rows(TEST)).unwrap();
        if test.num_columns() != case.columns.len() {
            wrong.push(format!("{}: {} columns, not {}", case.name, test.num_columns(), case.columns.len()));
        }
        for (set, table, expected) in [("train", &train, &case.train), ("test", &test, &case.test)] {
            if let Some(difference) = difference(table, &case.columns, expected, case.tolerance) {
                wrong.push(format!("{}, {set}: {difference}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

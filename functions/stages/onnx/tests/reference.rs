//! Models that scikit-learn fitted and skl2onnx exported: imported, predicted from, and held against what onnxruntime and
//! scikit-learn say of the same rows.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::DataType;
use fn_onnx::{Import, Imported};
use millstream_sdk::Failure;
use millstream_sdk::table::batch_of;
use millstream_sdk::testing::Host;
use proptest::prelude::*;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(path(&format!("{name}.onnx"))).unwrap()
}

fn expected() -> serde_json::Map<String, Value> {
    serde_json::from_slice(&std::fs::read(path("expected.json")).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap_or(f64::NAN)).collect()
}

/// The rows that the references are of.
fn rows(expected: &Value) -> RecordBatch {
    let column = |values: &Value| -> ArrayRef {
        let values = values.as_array().unwrap();
        if values.iter().any(Value::is_string) {
            return Arc::new(values.iter().map(Value::as_str).collect::<StringArray>());
        }
        if values.iter().all(Value::is_i64) {
            return Arc::new(values.iter().map(Value::as_i64).collect::<Int64Array>());
        }
        Arc::new(values.iter().map(Value::as_f64).collect::<Float64Array>())
    };
    let columns = expected["columns"].as_object().unwrap();
    batch_of(columns.iter().map(|(name, values)| (name.as_str(), column(values)))).unwrap()
}

fn import(name: &str) -> Result<Host, Failure> {
    let host = Host::new().file("model", &format!("{name}.onnx"), bytes(name));
    host.run::<Import>(r#"{"target": "y"}"#)?;
    Ok(host)
}

fn predict(name: &str, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
    import(name)?.load::<Imported>("model")?.predict_batch(rows)
}

fn text(column: &ArrayRef, row: usize) -> String {
    match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).to_owned(),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        other => panic!("a label of type {other}"),
    }
}

const TOLERANCE: f64 = 1e-6;

/// How far off, where large numbers may be further off.
fn distance(a: f64, b: f64) -> f64 {
    if a.is_nan() && b.is_nan() { 0.0 } else { (a - b).abs() / b.abs().max(1.0) }
}

/// The columns of numbers, row after row.
fn values(answer: &RecordBatch) -> Vec<f64> {
    let floats = answer.columns().iter().filter(|column| *column.data_type() == DataType::Float64);
    let floats: Vec<&[f64]> = floats.map(|column| &**column.as_primitive::<Float64Type>().values()).collect();
    (0..answer.num_rows()).flat_map(|row| floats.iter().map(move |column| column[row])).collect()
}

#[test]
fn models_predict_what_they_did() {
    let expected = expected();
    assert!(expected.len() > 55, "{}", expected.len());
    let (mut faults, mut exact) = (Vec::new(), 0);
    for (name, theirs) in &expected {
        let rows = rows(theirs);
        let answer = match predict(name, &rows) {
            Ok(answer) => answer,
            Err(failure) => {
                faults.push(format!("{name}: {failure}"));
                continue;
            }
        };
        if let Some(labels) = theirs["labels"].as_array() {
            for (row, label) in labels.iter().enumerate() {
                let label = label.as_str().map_or_else(|| label.to_string(), str::to_owned);
                let ours = text(answer.column(0), row);
                if ours != label {
                    faults.push(format!("{name}, row {row}: {ours}, theirs {label}"));
                }
            }
        }
        let ours = values(&answer);
        let original = numbers(&theirs["original"]);
        let theirs = numbers(&theirs["values"]);
        if ours.len() != theirs.len() {
            faults.push(format!("{name}: {} values, theirs {}", ours.len(), theirs.len()));
            continue;
        }
        let off = |values: &[f64], from: &[f64]| {
            let pairs = values.iter().zip(from).map(|(a, b)| distance(*a, *b));
            if values.len() == from.len() { pairs.fold(0.0, f64::max) } else { f64::INFINITY }
        };
        // What a file of single precision loses, nobody brings back: there, ours is as near as onnxruntime at least.
        let (runtime, own) = (off(&ours, &theirs), off(&ours, &original));
        let near = runtime <= TOLERANCE || own <= TOLERANCE || own <= off(&theirs, &original);
        if !near {
            faults.push(format!("{name}: off by {runtime:e} from onnxruntime, by {own:e} from scikit-learn"));
        }
        exact += usize::from(own <= TOLERANCE);
    }
    assert!(exact >= expected.len() - 5, "{exact} of {} are as near to scikit-learn", expected.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn categories_that_a_model_does_not_know_are_noted_by_column() {
    let host = import("ordinal").unwrap();
    let model = host.load::<Imported>("model").unwrap();
    model.predict_batch(&rows(&expected()["ordinal"])).unwrap();
    assert_eq!(model.take_unseen(), [], "it knows what it was made with");
    let texts = |values: [&str; 3]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
    let asked = batch_of([
        ("age", Arc::new(Float64Array::from(vec![30.0, 40.0, 50.0])) as ArrayRef),
        ("plan", texts(["Pro ", "plus", "gold"])),
        ("region", texts(["north", "east", "south"])),
        ("calls", Arc::new(Int64Array::from(vec![1, 2, 300]))),
    ]);
    model.predict_batch(&asked.unwrap()).unwrap();
    let found = model.take_unseen();
    let shown: Vec<_> =
        found.iter().map(|one| (one.column.as_str(), one.rows, one.near.as_deref())).collect();
    assert_eq!(shown, [("plan", 2, Some("pro")), ("region", 1, None)], "{found:?}");
}

/// What the model says of itself and the names of its answer's columns.
fn face(name: &str) -> (Value, Vec<String>) {
    let model = import(name).unwrap().load::<Imported>("model").unwrap();
    let answer = model.predict_batch(&rows(&expected()[name]).slice(0, 0)).unwrap();
    let columns = answer.schema().fields().iter().map(|field| field.name().clone()).collect();
    (serde_json::from_str(&model.describe()).unwrap(), columns)
}

#[test]
fn answers_are_named_by_what_the_model_does() {
    let cases = [
        (
            "logistic",
            "multiclass",
            "prediction probability_setosa probability_versicolor probability_virginica",
        ),
        ("logistic_ovr_no_map", "multiclass", "prediction probability_0 probability_1 probability_2"),
        ("sgd_hinge", "multiclass", "prediction score_setosa score_versicolor score_virginica"),
        ("forest_two", "binary", "prediction probability_no probability_yes"),
        ("mlp_two", "binary", "prediction probability_no probability_yes"),
        ("line", "regression", "prediction"),
        ("line_targets", "transform", "variable_0 variable_1"),
        ("k_means", "clustering", "prediction distance_0 distance_1 distance_2"),
        ("mixture", "clustering", "prediction probability_0 probability_1"),
        ("isolation_forest", "anomaly-detection", "prediction score"),
        ("pca", "transform", "variable_0 variable_1"),
        ("mixed", "binary", "prediction probability_left probability_stayed"),
    ];
    for (name, task, columns) in cases {
        let (description, named) = face(name);
        assert_eq!(description["task"], task, "{name}: {description}");
        assert_eq!(named.join(" "), columns, "{name}");
    }
    assert_eq!(face("mixed").0["features"], serde_json::json!(["age", "plan", "region", "calls"]));
    assert_eq!(face("line").0["features"][9], "f9");
}

#[test]
fn the_user_names_what_the_file_does_not() {
    let host = Host::new().file("model", "m.onnx", bytes("forest"));
    host.run::<Import>(r#"{"target": "kind", "features": ["a", "b", "c", "d"], "classes": ["x", "y", "z"]}"#)
        .unwrap();
    let model = host.load::<Imported>("model").unwrap();
    let description: Value = serde_json::from_str(&model.describe()).unwrap();
    assert_eq!(description["classes"], serde_json::json!(["x", "y", "z"]));
    assert_eq!(description["target"], "kind");
    let answer = model.predict_batch(&millstream_sdk::testing::rows("d,c,b,a\n0.2,1.4,3.5,5.1\n")).unwrap();
    assert_eq!(text(answer.column(0), 0), "x");
    assert_eq!(answer.schema().field(3).name(), "probability_z");

    let refused = |params: &str| host.run::<Import>(params).unwrap_err().to_string();
    assert!(refused(r#"{"features": ["a"]}"#).contains("4 columns"));
    assert!(refused(r#"{"classes": ["a", "b"]}"#).contains("3 classes"));
    let line = Host::new().file("model", "m.onnx", bytes("line"));
    assert!(line.run::<Import>(r#"{"classes": ["a"]}"#).unwrap_err().to_string().contains("no classes"));
}

#[test]
fn missing_text_and_unknown_categories_are_refused() {
    let host = import("mixed").unwrap();
    let model = host.load::<Imported>("model").unwrap();
    let ask = |text: &str| model.predict_batch(&millstream_sdk::testing::rows(text));
    assert!(
        ask("age,plan,region,calls\n,pro,north,3\n").is_ok(),
        "a missing number is the model's own business"
    );
    let missing = ask("age,plan,region,calls\n30,pro,north,3\n30,,north,3\n").unwrap_err().to_string();
    assert!(missing.contains("row 2, column `plan`"), "{missing}");
    let unknown = ask("age,plan,region,calls\n30,gold,north,3\n").unwrap_err().to_string();
    assert!(unknown.contains("does not know the category \"gold\""), "{unknown}");
}

#[test]
fn operators_that_are_not_here_are_named() {
    let mut file = bytes("line");
    // As long a name, as names have their length in front.
    let places = (0..file.len() - 15).filter(|&at| file[at..].starts_with(b"LinearRegressor"));
    for place in places.collect::<Vec<_>>() {
        file[place..place + 15].copy_from_slice(b"QuantumAnnealer");
    }
    let host = Host::new().file("model", "m.onnx", file);
    let refusal = host.run::<Import>("{}").unwrap_err().to_string();
    assert!(
        refusal.contains("QuantumAnnealer (ai.onnx.ml)") && refusal.contains("export it without"),
        "{refusal}"
    );
}

/// A damaged file is refused as bad input, or what it holds answers every row or refuses it.
fn sound(file: Vec<u8>, rows: &RecordBatch) -> Result<(), TestCaseError> {
    let host = Host::new().file("model", "m.onnx", file);
    match host.run::<Import>("{}") {
        Err(failure) => prop_assert!(
            matches!(failure, Failure::InvalidInput(_) | Failure::InvalidParameter(_)),
            "{failure}"
        ),
        Ok(_) => {
            let model = host.load::<Imported>("model").unwrap();
            if let Ok(answer) = model.predict_batch(rows) {
                prop_assert_eq!(answer.num_rows(), rows.num_rows());
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_are_refused_or_predict(
        name in prop::sample::select(vec![
            "logistic", "forest_two", "boosting", "svc_probability", "neighbours", "mixed", "ordinal", "ada_number",
            "quantiles", "process", "qda", "line",
        ]),
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        step: bool,
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let mut file = bytes(name);
        for (place, byte) in places {
            let place = place.index(file.len());
            // Small steps keep more of the structure than any byte does.
            file[place] = if step { file[place].wrapping_add(byte % 3).wrapping_sub(1) } else { byte };
        }
        if let Some(cut) = cut {
            file.truncate(cut.index(file.len()));
        }
        sound(file, &rows(&expected()[name]))?;
    }

    #[test]
    fn any_bytes_are_refused_or_predict(file in prop::collection::vec(any::<u8>(), 1..200)) {
        sound(file, &rows(&expected()["line"]))?;
    }
}

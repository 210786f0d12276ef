//! Parameters out of range.

use super::*;

/// Values of a parameter outside of what its schema allows.
fn out_of_range(schema: &Value) -> Vec<Value> {
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().find(|kind| *kind != "null").cloned().unwrap_or_default(),
        kind => kind.clone(),
    };
    if kind != "integer" && kind != "number" {
        return Vec::new();
    }
    let bound = |key: &str| schema[key].as_f64();
    let below = bound("minimum").map(|least| least - 1.0).or(bound("exclusiveMinimum"));
    let above = bound("maximum").map(|most| most + 1.0).or(bound("exclusiveMaximum"));
    let number = |value: f64| if kind == "integer" { json!(value as i64) } else { json!(value) };
    let numbers = below.into_iter().chain(above).map(number);
    numbers.chain([json!("many"), json!([1])]).collect()
}

#[test]
fn every_algorithm_refuses_parameters_out_of_range_by_name() {
    let mut wrong = Vec::new();
    for algorithm in &all() {
        let table = sound(algorithm, ROWS).batch();
        for (name, schema) in algorithm.parameters["properties"].as_object().unwrap() {
            for value in out_of_range(schema) {
                let outcome = catch_unwind(AssertUnwindSafe(|| {
                    algorithm.train(&table, &json!({ name: value })).map(|_| ())
                }));
                let fits = match &outcome {
                    Ok(Err(Failure::InvalidParameter(parameter))) => parameter.name == *name,
                    _ => false,
                };
                if !fits {
                    wrong.push(format!(
                        "{} ({:?}): {name}: {value}: {outcome:?}",
                        algorithm.name, algorithm.learns
                    ));
                }
            }
        }
    }
    assert_none(wrong);
}

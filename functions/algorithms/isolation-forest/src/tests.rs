use super::*;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use millstream_sdk::testing::{Host, rows};

/// A grid of 300 rows near 0, and one far off.
fn table() -> String {
    let row = |i: u32| format!("{},{}\n", f64::from(i * 37 % 101) / 100.0, f64::from(i * 53 % 97) / 100.0);
    "a,b\n".to_owned() + &(0..300).map(row).collect::<String>() + "9,-7\n"
}

#[test]
fn finds_what_lies_far_off() {
    let host = Host::new().csv("train", &table()).seed(1);
    let summary = host.run::<Train>(r#"{"n_estimators": 50}"#).unwrap();
    let figure = |name: &str| summary.metrics.iter().find(|(n, _)| n == name).unwrap().1;
    assert_eq!(figure("threshold"), -0.5);
    assert!(figure("train:anomalies") > 0.0 && figure("train:score_samples") < -0.3);
    assert_eq!(host.progress().last(), Some(&(50, Some(50))));

    let model = host.load::<Anomalies>("model").unwrap();
    assert!(model.describe().contains(r#""task":"anomaly-detection""#));
    let answer = model.predict_batch(&rows("b,a\n0.5,0.5\n-7,9\n")).unwrap();
    let names: Vec<_> = answer.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["prediction", "score_samples", "decision_function"]);
    assert_eq!(answer.column(0).as_primitive::<Int64Type>().values(), &[1, -1]);
    let of = |column: usize| answer.column(column).as_primitive::<Float64Type>().values().to_vec();
    assert!(of(1)[1] < -0.7 && of(2)[1] == of(1)[1] + 0.5);
    assert_eq!(model.predict_batch(&rows("a,b\n").slice(0, 0)).unwrap().num_rows(), 0);
}

#[test]
fn contamination_and_the_seed_decide() {
    let host = Host::new().csv("train", &table());
    let summary = host.run::<Train>(r#"{"contamination": 0.1, "max_samples": 0.5, "seed": 3}"#).unwrap();
    let anomalies = summary.metrics.iter().find(|(name, _)| name == "train:anomalies").unwrap().1;
    assert!((anomalies - 0.1).abs() < 0.005, "{anomalies}");
    assert!(
        summary.message.contains("151 of 301") || summary.message.contains("150 of 301"),
        "{}",
        summary.message
    );
    let model = |seed: u32| {
        host.run::<Train>(&format!(r#"{{"seed": {seed}, "n_estimators": 3, "max_samples": 16}}"#)).unwrap();
        host.output("model")
    };
    assert_eq!(model(1), model(1));
    assert_ne!(model(1), model(2));
}

#[test]
fn bad_input_is_named() {
    let run = |params: &str| Host::new().csv("train", &table()).run::<Train>(params).unwrap_err().to_string();
    for (params, name) in [
        (r#"{"n_estimators": 0}"#, "n_estimators"),
        (r#"{"contamination": 0.7}"#, "contamination"),
        (r#"{"contamination": "some"}"#, "contamination"),
        (r#"{"max_samples": 0}"#, "max_samples"),
        (r#"{"max_features": 1.5}"#, "max_features"),
        (r#"{"trees": 5}"#, "trees"),
    ] {
        let text = run(params);
        assert!(text.starts_with(&format!("parameter `{name}`")), "{text}");
    }
}

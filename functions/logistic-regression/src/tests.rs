use super::*;
use arrow_array::{Array as _, cast::AsArray, types::Float64Type};
use millstream_sdk::testing::{Host, rows};

/// `label` follows `x`, with one row on the wrong side; `noise` says nothing.
fn table(label: impl Fn(u32) -> String) -> String {
    let row = |i: u32| format!("{},{},{}\n", i, i * 7 % 5, label(if i == 14 { 16 } else { i }));
    "x,noise,label\n".to_owned() + &(0..30).map(row).collect::<String>()
}

#[test]
fn two_classes_of_any_type() {
    for (no, yes) in [("no", "yes"), ("0", "1"), ("false", "true"), ("-3", "12")] {
        let csv = table(|i| if i < 15 { no.to_owned() } else { yes.to_owned() });
        let host = Host::new().csv("train", &csv).csv("validation", &csv);
        let summary = host.run::<Train>(r#"{"target": "label"}"#).unwrap();
        let figure = |name: &str| summary.metrics.iter().find(|(n, _)| n == name).unwrap().1;
        assert!(figure("train:auc") > 0.99);
        assert_eq!(figure("train:logloss"), figure("validation:logloss"));
        let model = host.load::<Classifier>("model").unwrap();
        let answer = model.predict_batch(&rows("x,noise\n0,1\n29,1\n")).unwrap();
        let names: Vec<_> = answer.schema().fields().iter().map(|f| f.name().clone()).collect();
        assert_eq!(
            names,
            ["prediction".to_owned(), format!("probability_{no}"), format!("probability_{yes}")]
        );
        assert_eq!(answer.column(0).data_type(), rows(&csv).column(2).data_type());
        let positive = answer.column(2).as_primitive::<Float64Type>().values();
        assert!(positive[0] < 0.1 && positive[1] > 0.9);
        assert_eq!(host.json("importance")["features"][0]["name"], "x");
    }
}

#[test]
fn three_classes() {
    let csv = table(|i| ["a", "b", "c"][(i / 10).min(2) as usize].to_owned());
    let host = Host::new().csv("train", &csv);
    let summary = host.run::<Train>(r#"{"target": "label", "class_weight": "balanced", "C": 10}"#).unwrap();
    assert!(summary.metrics.iter().any(|(name, value)| name == "train:accuracy" && *value > 0.9));
    let model = host.load::<Classifier>("model").unwrap();
    assert!(model.describe().contains(r#""task":"multiclass","target":"label","classes":["a","b","c"]"#));
    let answer = model.predict_batch(&rows("x,noise\n15,2\n")).unwrap();
    assert_eq!(answer.column(0).as_string::<i32>().value(0), "b");
    let sum: f64 = (1..4).map(|j| answer.column(j).as_primitive::<Float64Type>().value(0)).sum();
    assert!((sum - 1.0).abs() < 1e-12);
}

#[test]
fn bad_input_is_named() {
    let run =
        |csv: &str, params: &str| Host::new().csv("train", csv).run::<Train>(params).unwrap_err().to_string();
    let one = run("x,y\n1,a\n2,a\n", r#"{"target": "y"}"#);
    assert!(one.contains("input `train`, column `y`") && one.contains("same class"), "{one}");
    assert!(run("x,y\n1,a\n2,b\n", r#"{"target": "y", "C": 0}"#).contains("parameter `C`"));
    assert!(run("x,y\n1,a\n2,b\n", r#"{"target": "y", "penalty": "l3"}"#).contains("parameter `penalty`"));
    let host = Host::new().csv("train", "x,y\n1,a\n2,b\n").csv("validation", "x,y\n1,c\n");
    let unseen = host.run::<Train>(r#"{"target": "y"}"#).unwrap_err().to_string();
    assert!(unseen.contains("input `validation`, row 1, column `y`"), "{unseen}");
}

#[test]
fn a_fit_that_does_not_converge_says_so() {
    let csv = table(|i| if i < 15 { "no".to_owned() } else { "yes".to_owned() });
    let host = Host::new().csv("train", &csv);
    let summary = host.run::<Train>(r#"{"target": "label", "max_iter": 1, "tol": 1e-9}"#).unwrap();
    assert!(summary.message.contains("did not converge") && host.logs()[0].1.contains("max_iter"));
}

#[test]
fn penalties_and_class_weights() {
    let csv = table(|i| if i < 15 { "no".to_owned() } else { "yes".to_owned() });
    let host = Host::new().csv("train", &csv);
    let noise = |params: &str| {
        host.run::<Train>(&format!(r#"{{"target": "label", {params}}}"#)).unwrap();
        host.json("importance")["features"][1]["coefficients"][0].as_f64().unwrap()
    };
    assert_eq!(noise(r#""penalty": "l1", "C": 0.1"#), 0.0);
    assert_ne!(noise(r#""penalty": "l2", "C": 0.1"#), 0.0);
    noise(r#""penalty": "elasticnet", "l1_ratio": 0.5"#);
    let mean = |params: &str| {
        host.run::<Train>(&format!(r#"{{"target": "label", "C": 0.01, {params}}}"#)).unwrap();
        let model = host.load::<Classifier>("model").unwrap();
        let answer = model.predict_batch(&rows("x,noise\n14,1\n")).unwrap();
        answer.column(2).as_primitive::<Float64Type>().values()[0]
    };
    assert!(mean(r#""class_weight": {"yes": 5}"#) > mean(r#""class_weight": "balanced""#) + 0.1);
    let failure = |params: &str| {
        host.run::<Train>(&format!(r#"{{"target": "label", {params}}}"#)).unwrap_err().to_string()
    };
    let ratio = failure(r#""penalty": "elasticnet""#);
    assert!(ratio.contains("parameter `l1_ratio`"), "{ratio}");
    let class = failure(r#""class_weight": {"yess": 5}"#);
    assert!(class.contains("parameter `class_weight`") && class.contains("did you mean `yes`?"), "{class}");
    assert!(failure(r#""class_weight": {"yes": -5}"#).contains("parameter `class_weight`"));
    assert!(failure(r#""class_weight": "even""#).contains("parameter `class_weight`"));
}

use super::*;
use arrow_array::{Array as _, cast::AsArray, types::Float64Type};
use millstream_sdk::serde_json::Value;
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

#[test]
fn standardized_columns_answer_in_their_own_units() {
    let fit = |factor: u32, offset: u32, more: &str| -> (Vec<f64>, Value) {
        let row = |i: u32| {
            let label = ["a", "b", "c"][(i * 7 % 30 / 10) as usize];
            format!("{},7,{},{label}\n", i * factor + offset, i * 7 % 31)
        };
        let csv = "x,constant,z,label\n".to_owned() + &(0..60).map(row).collect::<String>();
        let host = Host::new().csv("train", &csv);
        host.run::<Train>(&format!(r#"{{"target": "label", "C": 0.1, "tol": 1e-8{more}}}"#)).unwrap();
        let model = host.load::<Classifier>("model").unwrap();
        let answer = model.predict_batch(&rows(&csv)).unwrap();
        (answer.column(2).as_primitive::<Float64Type>().values().to_vec(), host.json("importance"))
    };
    let (plain, report) = fit(1, 0, r#", "standardize": true"#);
    let (scaled, _) = fit(5000, 300, r#", "standardize": true"#);
    assert!(plain.iter().zip(&scaled).all(|(a, b)| (a - b).abs() < 1e-7), "{plain:?} {scaled:?}");
    let feature = |j: usize, what: &str, k: usize| report["features"][j][what][k].as_f64().unwrap();
    assert_eq!(report["method"], "standardized coefficient");
    assert!(feature(0, "standardized", 0).abs() > feature(0, "coefficients", 0).abs());
    assert_eq!(report["features"][2]["name"], "constant");
    assert_eq!(feature(2, "coefficients", 1), 0.0);
    let (_, report) = fit(1, 0, "");
    assert!(report["method"] == "coefficient" && report["features"][0].get("standardized").is_none());
}

/// Half of the rows of "b" lie among those of "a", so that no probability should be sure.
fn doubtful(rows: std::ops::Range<u32>, classes: &[&str]) -> String {
    let row = |i: u32| {
        let class = (i * 7 + i / 3) % classes.len() as u32;
        let x = 10 * class + i * 13 % 17;
        format!("{x},{},{}\n", i % 5, classes[class as usize])
    };
    "x,noise,label\n".to_owned() + &rows.map(row).collect::<String>()
}

#[test]
fn probabilities_are_calibrated_on_the_validation_rows() {
    for classes in [&["a", "b"][..], &["a", "b", "c"][..]] {
        let (train, validation) = (doubtful(0..90, classes), doubtful(90..300, classes));
        let host = Host::new().csv("train", &train).csv("validation", &validation);
        let mut figures = Vec::new();
        for method in ["none", "sigmoid", "isotonic"] {
            let params = format!(r#"{{"target": "label", "C": 1e-4, "calibration": "{method}"}}"#);
            let summary = host.run::<Train>(&params).unwrap();
            let model = host.load::<Classifier>("model").unwrap();
            let answer = model.predict_batch(&rows(&validation)).unwrap();
            let proba = |k: usize, i: usize| answer.column(1 + k).as_primitive::<Float64Type>().value(i);
            // What is said of a class is what comes true of it.
            for (k, class) in classes.iter().enumerate() {
                let said: f64 = (0..210).map(|i| proba(k, i)).sum();
                let truth = validation.lines().filter(|line| line.ends_with(class)).count() as f64;
                // But for what bringing three of them to a sum of 1 costs.
                let within = if method == "none" { 60.0 } else { 5.0 * classes.len() as f64 };
                assert!((said - truth).abs() < within, "{method} {class}: {said} {truth}");
            }
            for i in 0..210 {
                let sum: f64 = (0..classes.len()).map(|k| proba(k, i)).sum();
                assert!((sum - 1.0).abs() < 1e-12);
            }
            let name = if classes.len() == 2 { "validation:logloss" } else { "validation:mlogloss" };
            figures.push(summary.metrics.iter().find(|(n, _)| n == name).unwrap().1);
        }
        // The penalty made probabilities shy.
        assert!(figures[1] < 0.9 * figures[0] && figures[2] < figures[1], "{figures:?}");
    }
}

#[test]
fn calibration_needs_rows_of_every_class() {
    let host = Host::new().csv("train", &doubtful(0..60, &["a", "b", "c"]));
    let run = |host: &Host| {
        host.run::<Train>(r#"{"target": "label", "calibration": "isotonic"}"#).unwrap_err().to_string()
    };
    let alone = run(&host);
    assert!(alone.contains("parameter `calibration`") && alone.contains("`validation`"), "{alone}");
    let few = run(&host.csv("validation", "x,noise,label\n1,1,a\n2,2,c\n"));
    assert!(few.contains("input `validation`, column `label`") && few.contains("class `b`"), "{few}");
}

#[test]
fn a_state_without_a_word_of_calibration_is_read() {
    let host = Host::new().csv("train", &doubtful(0..60, &["a", "b"]));
    host.run::<Train>(r#"{"target": "label"}"#).unwrap();
    let bytes = host.output("model");
    let state = State::open(&bytes, NAME, 2).unwrap();
    let fitted: Fitted<Calibrated> = state.decode().unwrap();
    let earlier = Fitted { target: fitted.target, classes: fitted.classes, kernel: (*fitted.kernel).clone() };
    let bytes = millstream_sdk::state::seal(NAME, 1, &state.columns(), &earlier).unwrap();
    let model = millstream_sdk::model::Loaded::<Classifier>::load(&bytes).unwrap();
    let asked = rows("x,noise\n3,1\n");
    let own = host.load::<Classifier>("model").unwrap().predict_batch(&asked).unwrap();
    assert_eq!(model.predict_batch(&asked).unwrap(), own);
}

#[test]
fn the_loss_falls_step_by_step() {
    for (classes, params) in [
        (&["a", "b"][..], ""),
        (&["a", "b", "c"][..], ""),
        (&["a", "b", "c"][..], r#", "penalty": "l1", "C": 0.5"#),
    ] {
        let host = Host::new().csv("train", &doubtful(0..200, classes));
        let summary = host.run::<Train>(&format!(r#"{{"target": "label"{params}}}"#)).unwrap();
        let curve: Vec<f64> = host.metrics().into_iter().map(|(_, value, _)| value).collect();
        let figure = |name: &str| summary.metrics.iter().find(|(n, _)| n == name).unwrap().1;
        assert_eq!(curve.len() as f64, figure("iterations"));
        assert!(curve.len() > 1 && curve.is_sorted_by(|a, b| *a >= b - 1e-12), "{curve:?}");
        let name = if classes.len() == 2 { "train:logloss" } else { "train:mlogloss" };
        let last = curve.last().unwrap();
        assert!(*last == figure("train:loss") && *last > figure(name) && *last < figure(name) + 0.1);
    }
}

use super::*;
use arrow_array::{cast::AsArray, types::Float64Type};
use millstream_sdk::testing::{Host, rows};

/// `inside` a ring or not: no line tells them apart.
fn ring() -> String {
    let row = |i: i32| {
        let (x, y) = (f64::from(i % 13) - 6.0, f64::from(i * 7 % 11) - 5.0);
        format!("{x},{y},{},{}\n", if x * x + y * y < 16.0 { "in" } else { "out" }, x * x)
    };
    "x,y,side,height\n".to_owned() + &(0..143).map(row).collect::<String>()
}

#[test]
fn classes_that_no_line_tells_apart() {
    let host = Host::new().csv("train", &ring()).csv("validation", &ring());
    let params = r#"{"target": "side", "features": ["x", "y"], "C": 10}"#;
    let summary = host.run::<Train>(params).unwrap();
    let figure = |name: &str| summary.metrics.iter().find(|(n, _)| n == name).unwrap().1;
    assert!(figure("train:accuracy") > 0.97 && figure("validation:logloss") < 0.15, "{summary:?}");
    let model = host.load::<Border>("model").unwrap();
    let answer = model.predict_batch(&rows("x,y\n0,0\n6,5\n")).unwrap();
    let names: Vec<_> = answer.schema().fields().iter().map(|f| f.name().clone()).collect();
    assert_eq!(names, ["prediction", "probability_in", "probability_out"]);
    assert_eq!(
        [answer.column(0).as_string::<i32>().value(0), answer.column(0).as_string::<i32>().value(1)],
        ["in", "out"]
    );
    let once = |_| {
        host.run::<Train>(params).unwrap();
        host.output("model")
    };
    assert_eq!(once(0), once(1));

    let bare =
        r#"{"target": "side", "features": ["x", "y"], "probability": false, "class_weight": {"in": 2}}"#;
    let summary = host.run::<Train>(bare).unwrap();
    assert!(summary.metrics.iter().any(|(name, value)| name == "validation:accuracy" && *value > 0.9));
    let model = host.load::<Border>("model").unwrap();
    let answer = model.predict_batch(&rows("x,y\n0,0\n")).unwrap();
    assert_eq!((answer.num_columns(), answer.column(0).as_string::<i32>().value(0)), (1, "in"));
    assert_eq!(model.predict_batch(&rows("x,y\n0,0\n").slice(0, 0)).unwrap().num_rows(), 0);
}

#[test]
fn numbers() {
    let host = Host::new().csv("train", &ring());
    let params = r#"{"target": "height", "features": ["x", "y"], "task": "regression", "C": 100, "kernel": "poly", "degree": 2, "coef0": 1}"#;
    let summary = host.run::<Train>(params).unwrap();
    assert!(summary.metrics.iter().any(|(name, value)| name == "train:r2" && *value > 0.99), "{summary:?}");
    let model = host.load::<Border>("model").unwrap();
    let answer = model.predict_batch(&rows("x,y\n3,0\n")).unwrap();
    assert!((answer.column(0).as_primitive::<Float64Type>().value(0) - 9.0).abs() < 0.5);
}

#[test]
fn bad_input_is_named() {
    let run = |params: &str| Host::new().csv("train", &ring()).run::<Train>(params).unwrap_err().to_string();
    assert!(run(r#"{"target": "side", "C": 0}"#).contains("parameter `C`"));
    let gamma = run(r#"{"target": "side", "gamma": "skale"}"#);
    assert!(gamma.contains("parameter `gamma`") && gamma.contains("`scale`, `auto`"), "{gamma}");
    assert!(run(r#"{"target": "side", "gamma": 0}"#).contains("parameter `gamma`"));
    assert!(run(r#"{"target": "side", "kernel": "cosine"}"#).contains("parameter `kernel`"));
    assert!(run(r#"{"target": "side", "max_iter": 0}"#).contains("parameter `max_iter`"));
    assert!(run(r#"{"target": "side", "max_iter": -2}"#).contains("parameter `max_iter`"));
    let text = run(r#"{"target": "height"}"#);
    assert!(text.contains("column `side`"), "{text}");
}

#[test]
fn a_linear_kernel_says_what_counts() {
    let row = |i: i32| {
        let (x, noise) = (i * 7 % 31, i * 11 % 5);
        format!("{noise},{x},{},{}\n", ["a", "b", "c"][(x / 11) as usize], 3 * x + 2)
    };
    let csv = "noise,x,label,y\n".to_owned() + &(0..90).map(row).collect::<String>();
    let run = |params: &str| {
        let host = Host::new().csv("train", &csv);
        host.run::<Train>(&format!(r#"{{"features": ["noise", "x"], "max_iter": -1, {params}}}"#)).unwrap();
        host.wrote("importance").then(|| host.json("importance"))
    };
    let classes = run(r#""target": "label", "kernel": "linear""#).unwrap();
    assert_eq!(classes["features"][0]["name"], "x");
    let pairs: Vec<_> =
        (0..3).map(|k| (&classes["pairs"][k]["positive"], &classes["pairs"][k]["negative"])).collect();
    assert!(pairs[0] == (&"a".into(), &"b".into()) && pairs[2] == (&"b".into(), &"c".into()), "{classes}");
    assert!((0..3).all(|k| classes["features"][0]["coefficients"][k].as_f64().unwrap() < -0.1));
    let line = run(r#""target": "y", "kernel": "linear", "C": 100, "epsilon": 0"#).unwrap();
    assert!((line["features"][0]["coefficients"][0].as_f64().unwrap() - 3.0).abs() < 0.01, "{line}");
    assert!((line["intercepts"][0].as_f64().unwrap() - 2.0).abs() < 0.1 && line.get("pairs").is_none());
    assert!(run(r#""target": "label""#).is_none());
    assert!(run(r#""target": "label", "kernel": "sigmoid", "gamma": 0.01, "coef0": -1"#).is_none());
}

#[test]
fn of_two_classes_coefficients_speak_for_the_second() {
    let csv = "x,label\n".to_owned() + &(0..20).map(|i| format!("{i},{}\n", i / 10)).collect::<String>();
    let host = Host::new().csv("train", &csv);
    host.run::<Train>(r#"{"target": "label", "kernel": "linear"}"#).unwrap();
    let report = host.json("importance");
    assert_eq!(report["pairs"][0]["positive"], "1");
    let weight = report["features"][0]["coefficients"][0].as_f64().unwrap();
    let border = -report["intercepts"][0].as_f64().unwrap() / weight;
    assert!(weight > 0.0 && (border - 9.5).abs() < 0.1, "{report}");
}

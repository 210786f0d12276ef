use super::*;
use arrow_array::{cast::AsArray, types::Float64Type};
use millstream_sdk::testing::{Host, rows};

const TRAIN: &str = "x,z,y,w\n1,0,5,1\n2,1,8,1\n3,0,9,1\n4,1,12,1\n5,0,13,1\n";

#[test]
fn learns_the_line_and_answers_by_it() {
    let host = Host::new().csv("train", TRAIN).csv("validation", "x,z,y,w\n10,1,24,1\n");
    let summary = host.run::<Train>(r#"{"target": "y", "weight": "w", "alpha": 1e-9}"#).unwrap();
    let figure = |name: &str| summary.metrics.iter().find(|(n, _)| n == name).unwrap().1;
    assert!(figure("train:r2") > 1.0 - 1e-3 && figure("validation:rmse") < 0.1, "{summary:?}");
    let importance = host.json("importance");
    assert!((importance["intercept"].as_f64().unwrap() - 3.0).abs() < 0.2, "{importance}");
    assert_eq!(importance["features"][0]["name"], "x");
    let model = host.load::<Line>("model").unwrap();
    assert_eq!(model.describe(), r#"{"task":"regression","target":"y","features":["x","z"]}"#);
    let answer = model.predict_batch(&rows("z,x\n1,7\n0,0\n")).unwrap();
    let values = answer.column(0).as_primitive::<Float64Type>().values();
    assert!((values[0] - 18.0).abs() < 0.2 && (values[1] - 3.0).abs() < 0.2);
    let once = |_| {
        host.run::<Train>(r#"{"target": "y"}"#).unwrap();
        host.output("model")
    };
    assert_eq!(once(0), once(1));
}

#[test]
fn bad_input_is_named() {
    let run =
        |csv: &str, params: &str| Host::new().csv("train", csv).run::<Train>(params).unwrap_err().to_string();
    let missing = run("x,y\n1,1\n,2\n", r#"{"target": "y"}"#);
    assert!(missing.contains("input `train`, row 2, column `x`"), "{missing}");
    let negative = run("x,y\n1,1\n", r#"{"target": "y", "alpha": -1}"#);
    assert!(negative.contains("parameter `alpha`") && negative.contains(">= 0"), "{negative}");
    assert!(run("x,y\n", r#"{"target": "y"}"#).contains("no rows"));
}

#[test]
fn useless_features_are_left_out() {
    let csv: String =
        (0..40).map(|i| format!("{},{},{}\n", i % 7, i * 11 % 5, 3 * (i % 7) + i % 2)).collect();
    let host = Host::new().csv("train", &format!("x,noise,y\n{csv}"));
    let summary = host.run::<Train>(r#"{"target": "y", "alpha": 0.5}"#).unwrap();
    assert!(summary.metrics.contains(&("nonzero".to_owned(), 1.0)), "{summary:?}");
    assert_eq!(host.json("importance")["features"][1]["coefficient"], 0.0);
}

#[test]
fn a_penalty_is_chosen_by_the_validation_rows() {
    let csv = |from: i32| -> String {
        let rows =
            (from..from + 60).map(|i| format!("{},{},{}\n", i % 7, i * 11 % 5, 3 * (i % 7) + i * i % 5));
        "x,noise,y\n".to_owned() + &rows.collect::<String>()
    };
    let host = Host::new().csv("train", &csv(0)).csv("validation", &csv(61));
    let summary = host.run::<Train>(r#"{"target": "y", "n_alphas": 20}"#).unwrap();
    let figure = |name: &str| summary.metrics.iter().find(|(n, _)| n == name).unwrap().1;
    let curve: Vec<f64> =
        host.metrics().into_iter().filter(|(n, _, _)| n == "validation:rmse").map(|(_, v, _)| v).collect();
    assert_eq!(curve.len(), 20);
    assert_eq!(figure("validation:rmse"), curve.iter().copied().fold(f64::INFINITY, f64::min));
    assert!(curve[0] > figure("validation:rmse"));
    let listed = host.run::<Train>(r#"{"target": "y", "alphas": [0.01, 5]}"#).unwrap();
    assert!(listed.metrics.contains(&("alpha".to_owned(), 0.01)), "{listed:?}");

    let alone = Host::new().csv("train", &csv(0));
    let failure = alone.run::<Train>(r#"{"target": "y", "n_alphas": 20}"#).unwrap_err().to_string();
    assert!(failure.contains("parameter `n_alphas`") && failure.contains("`validation`"), "{failure}");
    let failure = host.run::<Train>(r#"{"target": "y", "alphas": [-1]}"#).unwrap_err().to_string();
    assert!(failure.contains("parameter `alphas`"), "{failure}");
}

#[test]
fn a_fit_that_does_not_converge_says_so() {
    let host = Host::new().csv("train", "x,z,y\n1,0,5\n2,1,8\n3,0,9\n4,3,12\n");
    let summary =
        host.run::<Train>(r#"{"target": "y", "alpha": 0.001, "max_iter": 1, "tol": 1e-9}"#).unwrap();
    assert!(summary.message.contains("did not converge") && host.logs()[0].1.contains("max_iter"));
}

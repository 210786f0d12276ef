use super::*;
use arrow_array::{cast::AsArray, types::Float64Type};
use millstream_sdk::testing::{Host, rows};

const TRAIN: &str = "x,z,y,w\n1,0,5,1\n2,1,8,1\n3,0,9,1\n4,1,12,1\n5,0,13,1\n";

#[test]
fn learns_the_line_and_answers_by_it() {
    let host = Host::new().csv("train", TRAIN).csv("validation", "x,z,y,w\n10,1,24,1\n");
    let summary = host.run::<Train>(r#"{"target": "y", "weight": "w"}"#).unwrap();
    let figure = |name: &str| summary.metrics.iter().find(|(n, _)| n == name).unwrap().1;
    assert!(figure("train:r2") > 1.0 - 1e-12 && figure("validation:rmse") < 1e-9);
    let importance = host.json("importance");
    assert!((importance["intercept"].as_f64().unwrap() - 3.0).abs() < 1e-9, "{importance}");
    assert_eq!(importance["features"][0]["name"], "x");

    let model = host.load::<Line>("model").unwrap();
    assert_eq!(model.describe(), r#"{"task":"regression","target":"y","features":["x","z"]}"#);
    let answer = model.predict_batch(&rows("extra,z,x\na,1,7\nb,0,0\n")).unwrap();
    let values = answer.column(0).as_primitive::<Float64Type>().values();
    assert!((values[0] - 18.0).abs() < 1e-9 && (values[1] - 3.0).abs() < 1e-9);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let host = Host::new().csv("train", TRAIN);
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
    let text = run("x,y\na,1\nb,2\n", r#"{"target": "y"}"#);
    assert!(text.contains("column `x`") && text.contains("`features` step"), "{text}");
    let missing = run("x,y\n1,1\n,2\n", r#"{"target": "y"}"#);
    assert!(missing.contains("input `train`, row 2, column `x`"), "{missing}");
    let target = run("x,y\n1,1\n2,\n", r#"{"target": "y"}"#);
    assert!(target.contains("row 2, column `y`"), "{target}");
    let typo = run("x,price\n1,1\n", r#"{"target": "prise"}"#);
    assert!(typo.contains("did you mean `price`?"), "{typo}");
    assert!(run("x,y\n1,1\n", r#"{"target": "y", "fit-intercept": true}"#).contains("`fit_intercept`?"));
    assert!(run("x,y\n", r#"{"target": "y"}"#).contains("no rows"));
}

#[test]
fn a_missing_value_to_predict_is_named() {
    let host = Host::new().csv("train", TRAIN);
    host.run::<Train>(r#"{"target": "y", "features": ["x"]}"#).unwrap();
    let model = host.load::<Line>("model").unwrap();
    let failure = model.predict_batch(&rows("x\n1\n\n\"\"\n")).unwrap_err().to_string();
    assert!(failure.contains("column `x`"), "{failure}");
    assert_eq!(model.predict_batch(&rows("x\n1\n").slice(0, 0)).unwrap().num_rows(), 0);
}

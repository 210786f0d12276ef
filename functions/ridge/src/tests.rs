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
fn the_penalty_shrinks() {
    let host = Host::new().csv("train", TRAIN);
    let slope = |alpha: f64| {
        host.run::<Train>(&format!(r#"{{"target": "y", "alpha": {alpha}}}"#)).unwrap();
        host.json("importance")["features"][0]["coefficient"].as_f64().unwrap()
    };
    assert!(slope(100.0) < slope(1.0) && slope(1.0) < slope(0.0));
}

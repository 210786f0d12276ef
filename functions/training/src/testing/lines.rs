//! What every function that fits a line holds to.

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use millstream_sdk::testing::{Host, rows};
use millstream_sdk::{Job, Model};

const TRAIN: &str = "x,z,y,w\n1,0,5,1\n2,1,8,1\n3,0,9,1\n4,1,12,1\n5,0,13,1\n";

/// Learns `y = 2 x + z + 3` from few rows with next to no penalty, everything `within` so much;
/// `params` are those beside target and weight.
pub fn learns_and_answers<J: Job, M: Model>(params: &str, within: f64) {
    let host = Host::new().csv("train", TRAIN).csv("validation", "x,z,y,w\n10,1,24,1\n");
    let summary = host.run::<J>(&format!(r#"{{"target": "y", "weight": "w"{params}}}"#)).unwrap();
    let figure = |name: &str| summary.metrics.iter().find(|(n, _)| n == name).unwrap().1;
    assert!(figure("train:r2") > 1.0 - within && figure("validation:rmse") < within, "{summary:?}");
    let importance = host.json("importance");
    assert!((importance["intercept"].as_f64().unwrap() - 3.0).abs() < within, "{importance}");
    assert_eq!(importance["features"][0]["name"], "x");
    let model = host.load::<M>("model").unwrap();
    assert!(model.describe().starts_with(r#"{"task":"regression","target":"y","features":["x","z"]"#));
    let answer = model.predict_batch(&rows("z,x\n1,7\n0,0\n")).unwrap();
    let values = answer.column(0).as_primitive::<Float64Type>().values();
    assert!((values[0] - 18.0).abs() < within && (values[1] - 3.0).abs() < within);
    let once = |_| {
        host.run::<J>(r#"{"target": "y"}"#).unwrap();
        host.output("model")
    };
    assert_eq!(once(0), once(1));
}

/// Tables that no line goes through are refused by row and column.
pub fn names_bad_input<J: Job>() {
    let run =
        |csv: &str, params: &str| Host::new().csv("train", csv).run::<J>(params).unwrap_err().to_string();
    let missing = run("x,y\n1,1\n,2\n", r#"{"target": "y"}"#);
    assert!(missing.contains("input `train`, row 2, column `x`"), "{missing}");
    assert!(run("x,y\n", r#"{"target": "y"}"#).contains("no rows"));
}

/// A penalty below 0 is refused.
pub fn names_bad_penalty<J: Job>() {
    let host = Host::new().csv("train", "x,y\n1,1\n");
    let negative = host.run::<J>(r#"{"target": "y", "alpha": -1}"#).unwrap_err().to_string();
    assert!(negative.contains("parameter `alpha`") && negative.contains(">= 0"), "{negative}");
}

/// A penalty on absolute coefficients gives a column of noise exactly 0.
pub fn leaves_out_useless_features<J: Job>() {
    let csv: String =
        (0..40).map(|i| format!("{},{},{}\n", i % 7, i * 11 % 5, 3 * (i % 7) + i % 2)).collect();
    let host = Host::new().csv("train", &format!("x,noise,y\n{csv}"));
    let summary = host.run::<J>(r#"{"target": "y", "alpha": 0.5}"#).unwrap();
    assert!(summary.metrics.contains(&("nonzero".to_owned(), 1.0)), "{summary:?}");
    assert_eq!(host.json("importance")["features"][1]["coefficient"], 0.0);
}

/// Of several penalties the one is taken that does best on the validation rows.
pub fn chooses_a_penalty<J: Job>() {
    let csv = |from: i32| -> String {
        let rows =
            (from..from + 60).map(|i| format!("{},{},{}\n", i % 7, i * 11 % 5, 3 * (i % 7) + i * i % 5));
        "x,noise,y\n".to_owned() + &rows.collect::<String>()
    };
    let host = Host::new().csv("train", &csv(0)).csv("validation", &csv(61));
    let summary = host.run::<J>(r#"{"target": "y", "n_alphas": 20}"#).unwrap();
    let figure = |name: &str| summary.metrics.iter().find(|(n, _)| n == name).unwrap().1;
    let curve: Vec<f64> =
        host.metrics().into_iter().filter(|(n, _, _)| n == "validation:rmse").map(|(_, v, _)| v).collect();
    assert_eq!(curve.len(), 20);
    assert_eq!(figure("validation:rmse"), curve.iter().copied().fold(f64::INFINITY, f64::min));
    assert!(curve[0] > figure("validation:rmse"));
    let listed = host.run::<J>(r#"{"target": "y", "alphas": [0.01, 5]}"#).unwrap();
    assert!(listed.metrics.contains(&("alpha".to_owned(), 0.01)), "{listed:?}");

    let alone = Host::new().csv("train", &csv(0));
    let failure = alone.run::<J>(r#"{"target": "y", "n_alphas": 20}"#).unwrap_err().to_string();
    assert!(failure.contains("parameter `n_alphas`") && failure.contains("`validation`"), "{failure}");
    let failure = host.run::<J>(r#"{"target": "y", "alphas": [-1]}"#).unwrap_err().to_string();
    assert!(failure.contains("parameter `alphas`"), "{failure}");
}

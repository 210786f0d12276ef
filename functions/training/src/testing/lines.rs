//! What every function that fits a line holds to.

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use millstream_sdk::testing::{Host, rows};
use millstream_sdk::{Job, Model};
use serde_json::Value;

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

/// Standardised or not, the model takes the columns as they are. With the penalty in `params`, columns of 1,000 times the
/// values and another mean change no prediction then, and do otherwise.
pub fn standardizes<J: Job, M: Model>(params: &str) {
    let csv = |factor: i32, offset: i32| -> String {
        let row = |i: i32| {
            format!("{},7,{},{}\n", i * i % 11 * factor + offset, i * 7 % 5, 3 * (i * i % 11) - i % 3)
        };
        "x,constant,z,y\n".to_owned() + &(0..40).map(row).collect::<String>()
    };
    let answers = |factor: i32, offset: i32, more: &str| -> (Vec<f64>, Value) {
        let csv = csv(factor, offset);
        let host = Host::new().csv("train", &csv);
        host.run::<J>(&format!(r#"{{"target": "y", "features": ["x", "constant", "z"]{params}{more}}}"#))
            .unwrap();
        let answer = host.load::<M>("model").unwrap().predict_batch(&rows(&csv)).unwrap();
        let answer = answer.column(0).as_primitive::<Float64Type>().values().to_vec();
        (answer, host.json("importance"))
    };
    let (plain, report) = answers(1, 0, r#", "standardize": true"#);
    let (scaled, _) = answers(1000, -300, r#", "standardize": true"#);
    assert!(plain.iter().zip(&scaled).all(|(a, b)| (a - b).abs() < 1e-6), "{plain:?} {scaled:?}");
    let first = &report["features"][0];
    assert!(report["method"] == "standardized coefficient" && first["name"] == "x", "{report}");
    let deviation = first["standardized"].as_f64().unwrap() / first["coefficient"].as_f64().unwrap();
    let x: Vec<f64> = (0..40).map(|i| f64::from(i * i % 11)).collect();
    let mean = x.iter().sum::<f64>() / 40.0;
    let variance = x.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 40.0;
    assert!((deviation - variance.sqrt()).abs() < 1e-9, "{report}");
    assert_eq!(report["features"][2]["coefficient"], 0.0);
    let (_, report) = answers(1, 0, "");
    assert!(report["method"] == "coefficient" && report["features"][0].get("standardized").is_none());
    let bad = Host::new().csv("train", "x,y\n1,1\n,2\n");
    let failure = bad.run::<J>(r#"{"target": "y", "standardize": true}"#).unwrap_err().to_string();
    assert!(failure.contains("input `train`, row 2, column `x`"), "{failure}");
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
    assert!(failure.contains("`cv`"), "{failure}");
    let failure = host.run::<J>(r#"{"target": "y", "alphas": [-1]}"#).unwrap_err().to_string();
    assert!(failure.contains("parameter `alphas`"), "{failure}");
}

/// Folds choose the penalty that they choose in scikit-learn, and the report says how: `expected` is an entry of what
/// `learners/tests/reference/make_paths.py` wrote, for these parameters and the small table of `reference`.
pub fn chooses_by_folds<J: Job>(params: &str, expected: &Value, reference: &str) {
    let reference: Value = serde_json::from_str(reference).unwrap();
    let numbers = |value: &Value| -> Vec<f64> {
        value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
    };
    let data = &reference["data"];
    let (x, y, w) = (numbers(&data["x"]), numbers(&data["number"]), numbers(&data["weights"]));
    let row = |((x, y), w): ((&[f64], &f64), &f64)| format!("{},{},{},{},{y},{w}\n", x[0], x[1], x[2], x[3]);
    let csv: String = x.chunks(4).zip(&y).zip(&w).map(row).collect();
    let host = Host::new().csv("train", &format!("a,b,c,d,y,w\n{csv}"));
    let tight = r#""eps": 0.01, "tol": 1e-12, "max_iter": 100000, "features": ["a", "b", "c", "d"]"#;
    let summary = host.run::<J>(&format!(r#"{{"target": "y", {tight}, {params}}}"#)).unwrap();
    let figure = |name: &str| summary.metrics.iter().find(|(n, _)| n == name).unwrap().1;
    let near = |own: f64, theirs: f64| {
        assert!((own - theirs).abs() < 1e-5 * theirs.abs().max(1.0), "{params}: {own} {theirs}");
    };
    near(figure("alpha"), expected["alpha"].as_f64().unwrap());
    let path = host.json("path");
    let alphas = numbers(&path["alphas"]);
    for (own, theirs) in alphas.iter().zip(numbers(&expected["alphas"])) {
        near(*own, theirs);
    }
    let mse = numbers(&expected["mse"]);
    let curve: Vec<f64> =
        host.metrics().into_iter().filter(|(name, _, _)| name == "cv:rmse").map(|(_, v, _)| v).collect();
    assert_eq!((curve.len(), &curve), (mse.len(), &numbers(&path["rmse"]["cv"])));
    for (own, theirs) in curve.iter().zip(&mse) {
        near(own * own, *theirs);
    }
    near(figure("cv:rmse").powi(2), mse.iter().copied().fold(f64::INFINITY, f64::min));
    let place = alphas.iter().position(|&alpha| alpha == figure("alpha")).unwrap();
    let own = numbers(&path["coefficients"][place]);
    for (own, theirs) in own.iter().zip(numbers(&expected["coefficients"])) {
        near(*own, theirs);
    }
    near(path["intercepts"][place].as_f64().unwrap(), expected["intercept"].as_f64().unwrap());
    for feature in host.json("importance")["features"].as_array().unwrap() {
        let name = feature["name"].as_str().unwrap();
        let j = ["a", "b", "c", "d"].iter().position(|other| *other == name).unwrap();
        assert_eq!(feature["coefficient"].as_f64().unwrap(), own[j]);
    }
    if let Some(path_there) = expected.get("path") {
        for (own, theirs) in
            path["coefficients"].as_array().unwrap().iter().zip(path_there.as_array().unwrap())
        {
            numbers(own).iter().zip(numbers(theirs)).for_each(|(own, theirs)| near(*own, theirs));
        }
    }
    assert!(numbers(&path["dual_gaps"]).iter().all(|gap| gap.abs() < 1e-6));
    assert_eq!(path["alpha"].as_f64().unwrap(), figure("alpha"));

    let refused = host.run::<J>(r#"{"target": "y", "cv": 61}"#).unwrap_err().to_string();
    assert!(refused.contains("parameter `cv`") && refused.contains("2 to 60"), "{refused}");
    assert!(host.run::<J>(r#"{"target": "y", "cv": 1}"#).unwrap_err().to_string().contains("parameter `cv`"));
    host.run::<J>(r#"{"target": "y", "alpha": 0.1}"#).unwrap();
    assert!(host.run::<J>(r#"{"target": "y", "cv": 3}"#).is_ok());
    assert_eq!(host.json("path")["alphas"].as_array().unwrap().len(), 100);
}

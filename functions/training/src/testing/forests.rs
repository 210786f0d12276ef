//! What every function that grows a forest holds to.

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use millstream_sdk::testing::{Host, rows};
use millstream_sdk::{Job, Model};

/// `label` says whether `x` and `y` are inside a square; `noise` says nothing.
pub fn table(label: impl Fn(bool) -> String) -> String {
    let row = |i: u32| {
        let (x, y) = (i * 37 % 101, i * 53 % 97);
        let inside = (20..70).contains(&x) && (30..80).contains(&y);
        format!("{x},{y},{},{}\n", i * 7 % 13, label(inside))
    };
    "x,y,noise,label\n".to_owned() + &(0..300).map(row).collect::<String>()
}

/// Tells classes apart that no line parts, with an out-of-bag score of `least` or more.
pub fn parts_classes<J: Job, M: Model>(least: f64) {
    let csv = table(|inside| inside.to_string());
    let host = Host::new().csv("train", &csv).csv("validation", &csv).seed(5);
    let summary = host
        .run::<J>(r#"{"target": "label", "n_estimators": 20, "oob_score": true, "bootstrap": true}"#)
        .unwrap();
    let figure = |name: &str| summary.metrics.iter().find(|(n, _)| n == name).unwrap().1;
    assert!(figure("oob:score") > least && figure("train:accuracy") > 0.95);
    assert_eq!(figure("train:auc"), figure("validation:auc"));
    assert_eq!(host.progress().last(), Some(&(20, Some(20))));
    let curve = host.metrics();
    assert_eq!(curve.iter().map(|(_, _, trees)| *trees).collect::<Vec<_>>(), [1, 2, 4, 8, 16, 20]);
    assert!(curve.iter().all(|(name, _, _)| name == "validation:logloss") && curve[5].1 < curve[0].1);
    assert_eq!(curve[5].1, figure("validation:logloss"));
    assert_eq!(host.json("importance")["features"][2]["name"], "noise");

    let model = host.load::<M>("model").unwrap();
    assert!(model.describe().contains(r#""task":"binary","target":"label","classes":[false,true]"#));
    let answer = model.predict_batch(&rows("noise,y,x\n1,50,45\n1,5,5\n")).unwrap();
    let inside = answer.column(2).as_primitive::<Float64Type>().values();
    assert!(inside[0] > 0.8 && inside[1] < 0.2, "{inside:?}");
    assert!(answer.column(0).as_boolean().value(0));
}

/// Predicts numbers, and chooses between them and classes.
pub fn predicts_numbers<J: Job, M: Model>() {
    let csv = table(|inside| if inside { "7.5" } else { "-1" }.to_owned());
    let host = Host::new().csv("train", &csv);
    let summary = host.run::<J>(r#"{"target": "label", "n_estimators": 10}"#).unwrap();
    assert!(summary.metrics.iter().any(|(name, value)| name == "train:r2" && *value > 0.9));
    let model = host.load::<M>("model").unwrap();
    assert_eq!(model.predict_batch(&rows("x,y,noise\n45,50,1\n")).unwrap().num_columns(), 1);

    // Few whole numbers are classes, unless the user says otherwise.
    let host = Host::new().csv("train", &table(|inside| u8::from(inside).to_string()));
    let task = |params: &str| {
        host.run::<J>(params).unwrap();
        host.load::<M>("model").unwrap().describe()
    };
    assert!(task(r#"{"target": "label", "n_estimators": 1}"#).contains("binary"));
    assert!(task(r#"{"target": "label", "n_estimators": 1, "task": "regression"}"#).contains("regression"));
}

/// The same seed gives the same bytes, another one others.
pub fn goes_by_the_seed<J: Job>() {
    let host = Host::new().csv("train", &table(|inside| inside.to_string()));
    let model = |seed: u32| {
        host.run::<J>(&format!(r#"{{"target": "label", "n_estimators": 3, "seed": {seed}}}"#)).unwrap();
        host.output("model")
    };
    assert_eq!(model(1), model(1));
    assert_ne!(model(1), model(2));
}

/// Parameters out of range are named; sound ones are taken.
pub fn names_bad_parameters<J: Job>() {
    let csv = table(|inside| inside.to_string());
    let run = |params: &str| Host::new().csv("train", &csv).run::<J>(params).unwrap_err().to_string();
    for (params, name) in [
        (r#"{"target": "label", "n_estimators": 0}"#, "n_estimators"),
        (r#"{"target": "label", "max_features": "half"}"#, "max_features"),
        (r#"{"target": "label", "max_features": 1.5}"#, "max_features"),
        (r#"{"target": "label", "oob_score": true, "bootstrap": false}"#, "oob_score"),
        (r#"{"target": "label", "task": "regression", "min_samples_leaf": 0}"#, "min_samples_leaf"),
        (r#"{"target": "label", "criterion": "absolute_error"}"#, "criterion"),
        (r#"{"target": "label", "max_samples": 999, "bootstrap": true}"#, "max_samples"),
        (r#"{"target": "label", "class_weight": "heavy"}"#, "class_weight"),
        (r#"{"target": "label", "class_weight": {"maybe": 1}}"#, "class_weight"),
    ] {
        let text = run(params);
        assert!(text.starts_with(&format!("parameter `{name}`")), "{text}");
    }
    for more in [
        r#""class_weight": "balanced_subsample", "bootstrap": true"#,
        r#""class_weight": {"true": 3}"#,
        r#""max_samples": 0.5, "bootstrap": true"#,
        r#""max_leaf_nodes": 5, "criterion": "entropy", "ccp_alpha": 0.01"#,
    ] {
        let params = format!(r#"{{"target": "label", "n_estimators": 2, {more}}}"#);
        assert!(Host::new().csv("train", &csv).run::<J>(&params).is_ok(), "{more}");
    }
    for features in [r#""sqrt""#, "2", "0.5", "null"] {
        let params = format!(r#"{{"target": "label", "n_estimators": 1, "max_features": {features}}}"#);
        assert!(Host::new().csv("train", &csv).run::<J>(&params).is_ok(), "{features}");
    }
}

use super::*;
use arrow_array::{cast::AsArray, types::Float64Type};
use millstream_sdk::testing::{Host, rows};

/// A person likes a thing if their numbers are both even or both odd: only the pair says it.
fn opinions(from: usize) -> String {
    let mut csv = "p0,p1,p2,p3,t0,t1,t2,score,liked\n".to_owned();
    for i in from..from + 240 {
        let (person, thing) = (i % 4, i / 4 % 3);
        let hot = |count: usize, place: usize| (0..count).map(move |k| if k == place { "1," } else { "0," });
        csv.extend(hot(4, person).chain(hot(3, thing)));
        let alike = person % 2 == thing % 2;
        csv += &format!("{},{}\n", if alike { 5 } else { 1 }, if alike { "yes" } else { "no" });
    }
    csv
}

#[test]
fn what_only_pairs_say() {
    let host =
        Host::new().csv("train", &opinions(0)).csv("train", &opinions(240)).csv("validation", &opinions(7));
    let features = r#""features": ["p0", "p1", "p2", "p3", "t0", "t1", "t2"], "feature_dim": 7, "epochs": 60, "factors_lr": 0.05"#;
    let summary = host
        .run::<Train>(&format!(r#"{{"target": "score", "predictor_type": "regressor", {features}}}"#))
        .unwrap();
    let figure = |summary: &Summary, name: &str| summary.metrics.iter().find(|(n, _)| n == name).unwrap().1;
    assert!(figure(&summary, "validation:r2") > 0.95, "{summary:?}");
    let model = host.load::<Learnt>("model").unwrap();
    let answer = model.predict_batch(&rows("p0,p1,p2,p3,t0,t1,t2\n1,0,0,0,1,0,0\n1,0,0,0,0,1,0\n")).unwrap();
    let values = answer.column(0).as_primitive::<Float64Type>().values();
    assert!((values[0] - 5.0).abs() < 0.6 && (values[1] - 1.0).abs() < 0.6, "{values:?}");
    assert_eq!(host.json("importance")["features"].as_array().unwrap().len(), 7);

    let params = format!(r#"{{"target": "liked", "predictor_type": "binary_classifier", {features}}}"#);
    let summary = host.run::<Train>(&params).unwrap();
    assert!(figure(&summary, "validation:accuracy") > 0.99, "{summary:?}");
    let once = |_| {
        host.run::<Train>(&params).unwrap();
        host.output("model")
    };
    assert_eq!(once(0), once(1));
}

#[test]
fn bad_input_is_named() {
    let run =
        |params: &str| Host::new().csv("train", &opinions(0)).run::<Train>(params).unwrap_err().to_string();
    let classes = run(r#"{"target": "liked", "predictor_type": "multiclass_classifier"}"#);
    assert!(
        classes.contains("parameter `predictor_type`") && classes.contains("binary_classifier"),
        "{classes}"
    );
    let text = run(r#"{"target": "score", "predictor_type": "regressor"}"#);
    assert!(text.contains("column `liked`"), "{text}");
    let width =
        run(r#"{"target": "score", "predictor_type": "regressor", "features": ["p0"], "feature_dim": 3}"#);
    assert!(width.contains("parameter `feature_dim`"), "{width}");
    assert!(
        run(r#"{"target": "score", "predictor_type": "regressor", "num_factors": 0}"#)
            .contains("num_factors")
    );
}

use super::*;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{ArrayRef, Float64Array, RecordBatch, cast::AsArray};
use millstream_sdk::predict::Request;
use millstream_sdk::table::{SparseBuilder, batch_of};
use millstream_sdk::testing::{Host, rows};
use std::sync::Arc;

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

/// [`opinions`] as a LibSVM file would bring them: what is 1 in a column of sparse rows, by place.
fn sparse_opinions(from: usize) -> RecordBatch {
    let table = rows(&opinions(from));
    let mut features = SparseBuilder::with_capacity(0);
    for row in 0..table.num_rows() {
        for (place, column) in table.columns()[..7].iter().enumerate() {
            if column.as_primitive::<Int64Type>().value(row) == 1 {
                features.push(place as u32, 1.0);
            }
        }
        features.end_row().unwrap();
    }
    let own = |place: usize| table.column(place).clone();
    batch_of([("features", features.finish()), ("score", own(7)), ("liked", own(8))]).unwrap()
}

#[test]
fn sparse_rows_give_the_model_of_columns() {
    let dense = Host::new().csv("train", &opinions(0)).csv("validation", &opinions(240));
    let sparse = Host::new().rows("train", &sparse_opinions(0)).rows("validation", &sparse_opinions(240));
    for (target, kind) in [("score", "regressor"), ("liked", "binary_classifier")] {
        let params = |features: &str| {
            format!(
                r#"{{"target": "{target}", "predictor_type": "{kind}", "epochs": 9, "factors_lr": 0.05, "features": [{features}]}}"#
            )
        };
        let columns = r#""p0", "p1", "p2", "p3", "t0", "t1", "t2""#;
        let expected = dense.run::<Train>(&params(columns)).unwrap();
        let summary = sparse.run::<Train>(&params(r#""features""#)).unwrap();
        assert_eq!(summary.metrics, expected.metrics);
        let (ours, theirs) =
            (sparse.load::<Learnt>("model").unwrap(), dense.load::<Learnt>("model").unwrap());
        let answer = ours.predict_batch(&sparse_opinions(7)).unwrap();
        assert_eq!(answer, theirs.predict_batch(&rows(&opinions(7))).unwrap());
        assert!(ours.describe().contains(r#""inputs":[{"name":"features","type":"sparse rows"}]"#));
        assert_eq!(sparse.json("importance")["features"].as_array().unwrap().len(), 7);
        let name = sparse.json("importance")["features"][0]["name"].as_str().unwrap().to_owned();
        assert!(name.starts_with("features["), "{name}");
        let once = sparse.output("model");
        sparse.run::<Train>(&params(r#""features""#)).unwrap();
        assert_eq!(once, sparse.output("model"));
        assert!(ours.predict_batch(&sparse_opinions(0).slice(0, 0)).unwrap().num_rows() == 0);
    }
}

#[test]
fn sparse_rows_beside_columns_and_in_requests() {
    let table = sparse_opinions(0);
    let ones: ArrayRef = Arc::new(Float64Array::from(vec![1.0; table.num_rows()]));
    let own = |place: usize| table.column(place).clone();
    let mixed = batch_of([("score", own(1)), ("features", own(0)), ("one", ones)]).unwrap();
    let host = Host::new().rows("train", &mixed);
    let params = r#"{"target": "score", "predictor_type": "regressor", "epochs": 60, "factors_lr": 0.05}"#;
    host.run::<Train>(params).unwrap();
    let model = host.load::<Learnt>("model").unwrap();
    let ask = |body: &str| {
        let (content_type, accept) = ("application/json".into(), Some("text/csv".into()));
        let request = Request { content_type, accept, body: body.into() };
        let response = model.predict(&request).map_err(|failure| failure.to_string())?;
        let text = String::from_utf8(response.body).unwrap();
        Ok::<Vec<f64>, String>(text.lines().skip(1).map(|line| line.parse().unwrap()).collect())
    };
    let body = r#"[{"features": {"keys": [4, 0], "shape": [7], "values": [1, 1]}, "one": 1},
        {"data": {"features": [{"index": 0, "value": 1}, {"index": 5, "value": 1}, {"index": 4000000000, "value": 9}], "one": 1}}]"#;
    let answers = ask(body).unwrap();
    assert!((answers[0] - 5.0).abs() < 0.8 && (answers[1] - 1.0).abs() < 0.8, "{answers:?}");
    let missing = ask(r#"[{"features": [], "one": null}]"#).unwrap_err();
    assert!(missing.contains("row 1, column `one`"), "{missing}");
    let names: Vec<_> =
        host.json("importance")["features"].as_array().unwrap().iter().map(|f| f["name"].clone()).collect();
    assert!(names.iter().any(|name| name == "one") && names.iter().any(|name| name == "features[3]"));
}

#[test]
fn few_rows_of_enormous_indices() {
    let mut features = SparseBuilder::with_capacity(0);
    for row in 0..40u32 {
        features.push(row % 5, 1.0);
        features.push(3_000_000_000 + row % 7 * 1_000_000, 2.0);
        features.end_row().unwrap();
    }
    let y: ArrayRef = Arc::new((0..40).map(f64::from).collect::<Float64Array>());
    let host = Host::new().rows("train", &batch_of([("x", features.finish()), ("y", y)]).unwrap());
    host.run::<Train>(r#"{"target": "y", "predictor_type": "regressor"}"#).unwrap();
    assert!(host.output("model").len() < 12 * 9 * 8 + 400);
    let few = host.run::<Train>(r#"{"target": "y", "predictor_type": "regressor", "feature_dim": 7}"#);
    let few = few.unwrap_err().to_string();
    assert!(few.contains("parameter `feature_dim`") && few.contains("at least 3006000001"), "{few}");
    let enough = r#"{"target": "y", "predictor_type": "regressor", "feature_dim": 4294967295}"#;
    host.run::<Train>(enough).unwrap();
}

#[test]
fn unsound_sparse_rows_are_named() {
    let table = |row: &[(u32, f64)]| {
        let mut features = SparseBuilder::with_capacity(0);
        for pairs in [&[(1, 1.0)], row] {
            pairs.iter().for_each(|(index, value)| features.push(*index, *value));
            features.end_row().unwrap();
        }
        let y: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0]));
        batch_of([("x", features.finish()), ("y", y)]).unwrap()
    };
    let run = |row: &[(u32, f64)]| {
        let host = Host::new().rows("train", &table(&[])).rows("train", &table(row));
        host.run::<Train>(r#"{"target": "y", "predictor_type": "regressor"}"#)
    };
    for (row, expected) in [
        (vec![(3, f64::NAN)], "the value of index 3 is NaN"),
        (vec![(3, 1.0), (3, 1.0)], "index 3 comes twice"),
        (vec![(3, 1.0), (2, 1.0)], "index 2 comes after 3"),
    ] {
        let refusal = run(&row).unwrap_err().to_string();
        assert!(
            refusal.starts_with("input `train`, row 4, column `x`: ") && refusal.contains(expected),
            "{refusal}"
        );
    }
    assert!(run(&[(3, 1.0)]).is_ok());
    let mut empty = SparseBuilder::with_capacity(0);
    (0..2).for_each(|_| empty.end_row().unwrap());
    let y: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.0]));
    let host = Host::new().rows("train", &batch_of([("x", empty.finish()), ("y", y)]).unwrap());
    let zeros =
        host.run::<Train>(r#"{"target": "y", "predictor_type": "regressor"}"#).unwrap_err().to_string();
    assert!(zeros.contains("no row has a value that is not 0 in `x`"), "{zeros}");
}

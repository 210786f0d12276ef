use super::*;

mod categories;
mod copied;
mod presets;
mod training;

use arrow_array::{Array as _, cast::AsArray, types::Float64Type};
use millstream_sdk::testing::{Host, rows};

/// `label` tells whether a point lies inside a square, and is missing a coordinate here and there.
fn table(rows: std::ops::Range<u32>, label: impl Fn(bool) -> String) -> String {
    let row = |i: u32| {
        let scattered = |k: u32| i.wrapping_mul(k).wrapping_add(k).wrapping_mul(2_654_435_761) >> 8;
        let (x, y) = (scattered(7_919) % 101, scattered(104_729) % 97);
        let inside = (20..70).contains(&x) && (30..80).contains(&y);
        let x = if i.is_multiple_of(11) { String::new() } else { x.to_string() };
        format!("{x},{y},{},{}\n", i * 7 % 13, label(inside))
    };
    "x,y,noise,label\n".to_owned() + &rows.map(row).collect::<String>()
}

fn yes_no(inside: bool) -> String {
    if inside { "yes" } else { "no" }.to_owned()
}

#[test]
fn two_classes_with_missing_values_and_a_learning_curve() {
    let host = Host::new().csv("train", &table(0..400, yes_no)).csv("validation", &table(400..600, yes_no));
    let params = r#"{"target": "label", "num_round": 300, "eta": 0.3, "eval_metric": ["auc", "error", "logloss"],
                     "early_stopping_rounds": 5}"#;
    let summary = host.run::<Train>(params).unwrap();
    let figure = |name: &str| summary.metrics.iter().find(|(n, _)| n == name).unwrap().1;
    assert!(figure("validation:auc") > 0.95 && figure("train:auc") > 0.99, "{summary:?}");

    // The model ends with the best round of the last metric, and the curve goes on for the rounds of patience.
    let curve: Vec<f64> = host
        .metrics()
        .iter()
        .filter(|(name, ..)| name == "validation:logloss")
        .map(|(_, value, _)| *value)
        .collect();
    let best = figure("best_iteration") as usize;
    assert_eq!(figure("rounds") as usize, best + 1);
    assert_eq!(curve.len(), best + 6);
    assert!(curve.iter().all(|value| *value >= curve[best]));
    assert!((figure("validation:logloss") - curve[best]).abs() < 1e-12);
    assert_eq!(host.progress().len(), curve.len());

    let importance = host.json("importance");
    assert_eq!(importance["features"][2]["name"], "noise", "{importance}");

    let model = host.load::<Ensemble>("model").unwrap();
    assert!(model.describe().contains(r#""task":"binary","target":"label","classes":["no","yes"]"#));
    let answer = model.predict_batch(&rows("noise,y,x\n1,50,45\n1,5,5\n1,5,\n")).unwrap();
    let yes = answer.column(2).as_primitive::<Float64Type>().values();
    assert!(yes[0] > 0.8 && yes[1] < 0.2 && yes[2] < 0.2, "{yes:?}");
}

#[test]
fn several_classes_and_numbers() {
    let of_three = |inside: bool| if inside { "2" } else { "0" }.to_owned();
    let csv = table(0..200, of_three) + "1000,1000,1,1\n1001,1000,2,1\n1002,1001,3,1\n";
    let host = Host::new().csv("train", &csv);
    let summary = host.run::<Train>(r#"{"target": "label", "num_round": 20, "subsample": 0.9}"#).unwrap();
    assert!(summary.message.contains("3 classes"), "{}", summary.message);
    let model = host.load::<Ensemble>("model").unwrap();
    let answer = model.predict_batch(&rows("x,y,noise\n1000,1000,1\n")).unwrap();
    assert_eq!(answer.num_columns(), 4);
    assert_eq!(answer.column(0).data_type(), rows(&csv).column(3).data_type());

    let host = Host::new().csv("train", &csv);
    let params =
        r#"{"target": "label", "num_round": 20, "objective": "reg:squarederror", "colsample_bytree": 0.7}"#;
    let summary = host.run::<Train>(params).unwrap();
    assert!(summary.metrics.iter().any(|(name, value)| name == "train:r2" && *value > 0.8), "{summary:?}");
    assert!(host.metrics().iter().all(|(name, ..)| name == "train:rmse"));
}

#[test]
fn the_seed_decides_the_bytes() {
    let host = Host::new().csv("train", &table(0..200, yes_no));
    let model = |seed: u32| {
        let params = format!(r#"{{"target": "label", "num_round": 5, "subsample": 0.5, "seed": {seed}}}"#);
        host.run::<Train>(&params).unwrap();
        host.output("model")
    };
    assert_eq!(model(1), model(1));
    assert_ne!(model(1), model(2));
}

#[test]
fn bad_input_is_named() {
    let csv = table(0..100, yes_no);
    let run = |params: &str| Host::new().csv("train", &csv).run::<Train>(params).unwrap_err().to_string();
    for (params, name) in [
        (r#"{"target": "label", "eta": 0}"#, "eta"),
        (r#"{"target": "label", "max_depth": 65}"#, "max_depth"),
        (r#"{"target": "label", "eval_metric": ["mlogloss"]}"#, "eval_metric"),
        (r#"{"target": "label", "eval_metric": ["map"]}"#, "eval_metric"),
        (r#"{"target": "label", "eval_metric": ["auk"]}"#, "eval_metric[0]"),
        (r#"{"target": "label", "eval_metric": "auk"}"#, "eval_metric"),
        (r#"{"target": "label", "early_stopping_rounds": 3}"#, "early_stopping_rounds"),
        (r#"{"target": "label", "objective": "multi:softprob", "base_score": 0.5}"#, "base_score"),
    ] {
        let text = run(params);
        assert!(text.starts_with(&format!("parameter `{name}`")), "{text}");
    }
    let numbers = run(r#"{"target": "label", "objective": "reg:squarederror"}"#);
    assert!(numbers.contains("column `label`"), "{numbers}");
    let host = Host::new().csv("train", &csv).csv("validation", "x,y,noise,label\n1,2,3,yes\n");
    let one_class =
        host.run::<Train>(r#"{"target": "label", "eval_metric": ["auc"]}"#).unwrap_err().to_string();
    assert!(one_class.contains("input `validation`"), "{one_class}");
}

#[test]
fn contributions_add_up_to_the_margin() {
    let host = Host::new().csv("train", &table(0..300, yes_no));
    let params = r#"{"target": "label", "num_round": 10, "pred_contribs": true, "export_xgboost": true}"#;
    host.run::<Train>(params).unwrap();
    let model = host.load::<Ensemble>("model").unwrap();
    let answer = model.predict_batch(&rows("noise,y,x\n1,50,45\n1,5,\n")).unwrap();
    let names: Vec<String> = answer.schema().fields().iter().map(|field| field.name().clone()).collect();
    let expected = ["contribution_x", "contribution_y", "contribution_noise", "bias"];
    assert_eq!(names[3..], expected);
    for row in 0..2 {
        let value = |column: usize| answer.column(column).as_primitive::<Float64Type>().value(row);
        let margin = (value(2) / value(1)).ln();
        assert!(((3..7).map(value).sum::<f64>() - margin).abs() < 1e-6);
    }
    assert_eq!(model.predict_batch(&answer_of_none()).unwrap().num_columns(), 7);
    let exported = String::from_utf8(host.output("xgboost")).unwrap();
    assert!(GradientBoosting::from_xgboost_json(&exported).is_ok());
}

fn answer_of_none() -> RecordBatch {
    rows("noise,y,x\n1,1,1\n").slice(0, 0)
}

#[test]
fn several_classes_have_contributions_each() {
    let of_three = |inside: bool| if inside { "2" } else { "0" }.to_owned();
    let csv = table(0..200, of_three) + "1000,1000,1,1\n1001,1000,2,1\n1002,1001,3,1\n";
    let host = Host::new().csv("train", &csv);
    host.run::<Train>(r#"{"target": "label", "num_round": 3, "pred_contribs": true}"#).unwrap();
    let answer = host.load::<Ensemble>("model").unwrap().predict_batch(&rows("x,y,noise\n1000,1000,1\n"));
    let schema = answer.unwrap().schema();
    assert_eq!(schema.fields().len(), 4 + 3 * 4);
    assert_eq!(schema.field(4).name(), "contribution_0_x");
    assert_eq!(schema.field(15).name(), "bias_2");
}

#[test]
fn rankings_categories_and_constraints() {
    let row = |i: u32| {
        let x = i.wrapping_mul(2_654_435_761) >> 20;
        let kind = x % 7;
        format!("{},{x},{kind},{}\n", i / 10, (x / 1024) + u32::from(kind == 3))
    };
    let csv = "query,x,kind,grade\n".to_owned() + &(0..600).map(row).collect::<String>();
    let host = Host::new().csv("train", &csv).csv("validation", &csv);
    let params = r#"{"target": "grade", "objective": "rank:ndcg", "group": "query", "num_round": 20,
                     "categorical_features": ["kind"], "monotone_constraints": {"x": 1}}"#;
    let summary = host.run::<Train>(params).unwrap();
    let figure = |name: &str| summary.metrics.iter().find(|(n, _)| n == name).map(|(_, value)| *value);
    assert!(figure("train:ndcg").unwrap() > 0.98 && figure("train:rmse").is_none(), "{summary:?}");
    assert_eq!(figure("train:ndcg"), figure("validation:ndcg"));
    let model = host.load::<Ensemble>("model").unwrap();
    assert!(model.describe().contains(r#""features":["x","kind"]"#), "{}", model.describe());
    let answer = model.predict_batch(&rows("x,kind\n100,1\n2000,1\n3500,1\n3500,3\n")).unwrap();
    let scores = answer.column(0).as_primitive::<Float64Type>().values();
    assert!(scores.is_sorted() && scores[0] < scores[3], "{scores:?}");

    let refused = |params: &str| host.run::<Train>(params).unwrap_err().to_string();
    let text = refused(r#"{"target": "grade", "objective": "rank:ndcg"}"#);
    assert!(text.starts_with("parameter `group`"), "{text}");
    let text = refused(r#"{"target": "grade", "group": "query"}"#);
    assert!(text.starts_with("parameter `group`"), "{text}");
    let text = refused(r#"{"target": "grade", "categorical_features": ["sort"]}"#);
    assert!(text.starts_with("parameter `categorical_features`") && text.contains("kind"), "{text}");
    let text = refused(r#"{"target": "grade", "monotone_constraints": {"x": 2}}"#);
    assert!(text.starts_with("parameter `monotone_constraints"), "{text}");
    let text = refused(r#"{"target": "grade", "objective": "reg:gamma"}"#);
    assert!(text.contains("above 0"), "{text}");
}

#[test]
fn every_objective_of_numbers_learns() {
    let row = |i: u32| {
        let x = i.wrapping_mul(2_654_435_761) >> 22;
        format!("{x},{}\n", 1 + x / 100 + i % 3)
    };
    let csv = "x,y\n".to_owned() + &(0..500).map(row).collect::<String>();
    for objective in [
        "reg:absoluteerror",
        "reg:pseudohubererror",
        "reg:quantileerror",
        "count:poisson",
        "reg:gamma",
        "reg:tweedie",
    ] {
        let host = Host::new().csv("train", &csv);
        let params = format!(r#"{{"target": "y", "objective": "{objective}", "num_round": 40}}"#);
        let summary = host.run::<Train>(&params).unwrap();
        let r2 = summary.metrics.iter().find(|(name, _)| name == "train:r2").unwrap().1;
        assert!(r2 > 0.85, "{objective}: {summary:?}");
        let curve: Vec<f64> = host.metrics().iter().map(|(_, value, _)| *value).collect();
        assert!(curve[39] < curve[0], "{objective}: {curve:?}");
    }
}

/// A model of columns `age`, `plan` (text), `zip` (numbers as categories) and `calls`, as XGBoost or LightGBM saved it.
fn brought(name: &str, params: &str) -> Host {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/reference/import").join(name);
    let host = Host::new().file("model", name, std::fs::read(path).unwrap());
    host.run::<Train>(params).unwrap();
    host
}

#[test]
fn categories_that_were_not_there_count_as_they_did() {
    let rows = rows("age,plan,zip,calls\n30,,1010,3\n30,gold,1010,3\n");
    let xgboost = brought("binary.json", "{}").load::<Ensemble>("model").unwrap();
    assert!(xgboost.predict_batch(&rows.slice(0, 1)).is_ok(), "a missing category is no unknown one");
    let refusal = xgboost.predict_batch(&rows).unwrap_err().to_string();
    assert!(
        refusal.contains("row 2, column `plan`: the model has not seen the category \"gold\""),
        "{refusal}"
    );
    let lightgbm = brought("binary.txt", "{}").load::<Ensemble>("model").unwrap();
    let answer = lightgbm.predict_batch(&rows).unwrap();
    let second = answer.column(2).as_primitive::<Float64Type>();
    assert_eq!(second.value(0), second.value(1), "to LightGBM both are missing");
}

#[test]
fn a_model_that_was_brought_is_described_and_explained() {
    let params =
        r#"{"target": "left", "classes": ["no", "yes"], "pred_contribs": true, "export_xgboost": true}"#;
    let host = brought("binary.ubj", params);
    assert_eq!(host.json("importance")["features"].as_array().unwrap().len(), 4);
    assert!(GradientBoosting::from_xgboost_json(&String::from_utf8(host.output("xgboost")).unwrap()).is_ok());
    let model = host.load::<Ensemble>("model").unwrap();
    let description = model.describe();
    assert!(description.contains(r#""target":"left","classes":["no","yes"]"#), "{description}");
    let answer = model.predict_batch(&rows("age,plan,zip,calls\n30,pro,1010,3\n")).unwrap();
    let names: Vec<String> = answer.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names[1..4], ["probability_no", "probability_yes", "contribution_age"]);
    let value = |column: usize| answer.column(column).as_primitive::<Float64Type>().value(0);
    let margin = (value(2) / value(1)).ln();
    assert!(((3..8).map(value).sum::<f64>() - margin).abs() < 1e-6);

    let refused = |params: &str, name: &str, bytes: &[u8]| {
        Host::new().file("model", name, bytes).run::<Train>(params).unwrap_err().to_string()
    };
    assert!(refused("{}", "m.json", b"<html>").contains("begins neither"));
    let two = Host::new().file("model", "a", *b"tree").file("model", "b", *b"tree").run::<Train>("{}");
    assert!(two.unwrap_err().to_string().contains("one file"));
}

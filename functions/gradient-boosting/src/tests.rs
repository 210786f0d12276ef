use super::*;
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
        (r#"{"target": "label", "eval_metric": ["rmse"]}"#, "eval_metric"),
        (r#"{"target": "label", "eval_metric": ["aucpr"]}"#, "eval_metric[0]"),
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

use super::*;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use millstream_sdk::table::{SparseBuilder, batch_of};
use millstream_sdk::testing::{Host, rows};

fn table(from: u32, label: impl Fn(u32) -> String) -> String {
    let row = |i: u32| format!("{},{},{},{}\n", 1000 + i % 50, i * 7 % 5, label(i), i % 3);
    "x,noise,y,w\n".to_owned() + &(from..from + 400).map(row).collect::<String>()
}

/// The same rows in three parts: three batches at least.
fn in_parts(csv: impl Fn(u32) -> String) -> Host {
    Host::new()
        .csv("train", &csv(0))
        .csv("train", &csv(400))
        .csv("train", &csv(800))
        .csv("validation", &csv(50))
}

#[test]
fn numbers_from_several_batches() {
    let host = in_parts(|from| table(from, |i| (3 * (i % 50) + 7).to_string()));
    let params = r#"{"target": "y", "predictor_type": "regressor", "weight": "w", "epochs": 40}"#;
    let summary = host.run::<Train>(params).unwrap();
    let figure = |name: &str| summary.metrics.iter().find(|(n, _)| n == name).unwrap().1;
    assert!(figure("validation:r2") > 0.999 && figure("train:r2") > 0.999, "{summary:?}");
    let curve: Vec<_> =
        host.metrics().into_iter().filter(|(name, ..)| name == "validation:objective_loss").collect();
    assert!(curve.len() > 3 && curve.last().unwrap().1 < curve[0].1);
    assert_eq!(host.json("importance")["features"][0]["name"], "x");
    let model = host.load::<Learnt>("model").unwrap();
    let answer = model.predict_batch(&rows("x,noise\n1010,1\n")).unwrap();
    let value = answer.column(0).as_primitive::<Float64Type>().value(0);
    assert!((value - 37.0).abs() < 1.0, "{value}");
    let once = |_| {
        host.run::<Train>(params).unwrap();
        host.output("model")
    };
    assert_eq!(once(0), once(1));
}

#[test]
fn classes_that_come_up_in_some_batches_only() {
    let name = |i: u32| ["low", "middle", "high"][((i % 50) / 17) as usize].to_owned();
    let only_low = "x,noise,y,w\n1001,1,low,1\n1002,0,low,1\n";
    let csv = table(0, name);
    let host = Host::new().csv("train", only_low).csv("train", &csv).csv("train", only_low);
    let params = r#"{"target": "y", "predictor_type": "multiclass_classifier", "features": ["x", "noise"], "epochs": 60, "learning_rate": 0.1}"#;
    let summary = host.run::<Train>(params).unwrap();
    assert!(
        summary.metrics.iter().any(|(name, value)| name == "train:accuracy" && *value > 0.9),
        "{summary:?}"
    );
    let model = host.load::<Learnt>("model").unwrap();
    assert!(model.describe().contains(r#""classes":["high","low","middle"]"#));
    let answer = model.predict_batch(&rows("x,noise\n1000,2\n1049,2\n")).unwrap();
    assert_eq!(answer.column(0).as_string::<i32>().value(0), "low");
    assert_eq!(answer.column(0).as_string::<i32>().value(1), "high");
    assert_eq!(host.json("importance")["classes"].as_array().unwrap().len(), 3);
}

#[test]
fn two_classes_and_early_stopping() {
    let host = in_parts(|from| table(from, |i| if i % 50 < 25 { "no".into() } else { "yes".into() }));
    let params = r#"{"target": "y", "predictor_type": "binary_classifier", "features": ["x"], "epochs": 500,
        "early_stopping_tolerance": 0.05, "positive_example_weight_mult": "balanced"}"#;
    let summary = host.run::<Train>(params).unwrap();
    let figure = |name: &str| summary.metrics.iter().find(|(n, _)| n == name).unwrap().1;
    assert!(figure("validation:auc") > 0.99 && figure("epochs") < 500.0, "{summary:?}");
}

#[test]
fn every_loss_tells_two_classes_apart() {
    let csv = table(0, |i| if i % 50 < 25 { "no".into() } else { "yes".into() });
    for loss in [
        "auto",
        "logistic",
        "hinge_loss",
        "squared_loss",
        "absolute_loss",
        "huber_loss",
        "quantile_loss",
        "eps_insensitive_squared_loss",
        "eps_insensitive_absolute_loss",
    ] {
        let host = Host::new().csv("train", &csv);
        let params = format!(
            r#"{{"target": "y", "predictor_type": "binary_classifier", "features": ["x"], "epochs": 40, "loss": "{loss}"}}"#
        );
        let summary = host.run::<Train>(&params).unwrap();
        let accuracy = summary.metrics.iter().find(|(name, _)| name == "train:accuracy").unwrap().1;
        assert!(accuracy > 0.95, "{loss}: {accuracy}");
    }
    let run = |params: &str| Host::new().csv("train", &csv).run::<Train>(params).unwrap_err().to_string();
    let refused = run(r#"{"target": "y", "predictor_type": "binary_classifier", "loss": "softmax_loss"}"#);
    assert!(refused.contains("parameter `loss`") && refused.contains("hinge_loss"), "{refused}");
    let refused =
        run(r#"{"target": "x", "features": ["noise"], "predictor_type": "regressor", "loss": "hinge_loss"}"#);
    assert!(refused.contains("parameter `loss`"), "{refused}");
}

#[test]
fn bad_input_is_named() {
    let run = |csv: &str, params: &str| {
        let good = "x,y\n1,1\n2,2\n";
        let host = Host::new().csv("train", good).csv("train", csv);
        host.run::<Train>(params).unwrap_err().to_string()
    };
    let regressor = r#"{"target": "y", "predictor_type": "regressor"}"#;
    let missing = run("x,y\n3,1\n,2\n", regressor);
    assert!(missing.contains("input `train`, row 4, column `x`"), "{missing}");
    let target = run("x,y\n3,1\n4,\n", regressor);
    assert!(target.contains("row 4, column `y`"), "{target}");
    let three = run("x,y\n3,1\n4,5\n", r#"{"target": "y", "predictor_type": "binary_classifier"}"#);
    assert!(three.contains("column `y`") && three.contains("has 3"), "{three}");
    let loss = run("x,y\n3,1\n", r#"{"target": "y", "predictor_type": "regressor", "loss": "logistic"}"#);
    assert!(loss.contains("parameter `loss`") && loss.contains("huber_loss"), "{loss}");
    assert!(run("x,y\n3,1\n", r#"{"target": "z", "predictor_type": "regressor"}"#).contains("no column `z`"));
    assert!(run("x,y\n3,1\n", r#"{"target": "y"}"#).contains("parameter `predictor_type`"));
    let classifier = r#"{"target": "y", "predictor_type": "binary_classifier"}"#;
    let host = Host::new().csv("train", "x,y\n1,0.0\n2,1.0\n").csv("train", "x,y\n1,0.0\n2,0.5\n");
    let fraction = host.run::<Train>(classifier).unwrap_err().to_string();
    assert!(fraction.contains("row 4, column `y`: 0.5 is no class"), "{fraction}");
    let names = (0..1_500).map(|row| format!("{row},c{row}\n")).collect::<String>();
    let names = Host::new().csv("train", &format!("x,y\n{names}"));
    let names = names.run::<Train>(r#"{"target": "y", "predictor_type": "multiclass_classifier"}"#);
    assert!(names.unwrap_err().to_string().contains("column `y`: the column has 1500 distinct values"));
    let weights = Host::new().csv("train", "x,y,w\n1,1,1\n2,2,-1\n");
    let weights = weights.run::<Train>(r#"{"target": "y", "weight": "w", "predictor_type": "regressor"}"#);
    assert!(weights.unwrap_err().to_string().contains("row 2, column `w`"));
    let empty = Host::new().csv("train", "x,y\n").run::<Train>(regressor).unwrap_err().to_string();
    assert!(empty.contains("no rows"), "{empty}");
    let constant = Host::new().csv("train", "x,y\n1,a\n2,a\n");
    let constant = constant.run::<Train>(r#"{"target": "y", "predictor_type": "binary_classifier"}"#);
    assert!(constant.unwrap_err().to_string().contains("same class"));
}

#[test]
fn sparse_rows_give_the_model_of_columns() {
    let text = |from: u32| {
        let row = |i: u32| {
            let cell = |j: u32| if i % 3 == j { i % 5 + 1 } else { 0 };
            let y = 2 * cell(0) + cell(1);
            format!(
                "{},{},{},{},{}\n",
                cell(0),
                cell(1),
                cell(2),
                y,
                ["no", "yes", "perhaps"][(y as usize).min(2)]
            )
        };
        "a,b,c,y,class\n".to_owned() + &(from..from + 300).map(row).collect::<String>()
    };
    let sparse = |from: u32| {
        let table = rows(&text(from));
        let mut features = SparseBuilder::with_capacity(0);
        for row in 0..table.num_rows() {
            let cell = |j: usize| table.column(j).as_primitive::<Int64Type>().value(row) as f64;
            (0..3).for_each(|j| features.push(10 * j as u32, cell(j)));
            features.end_row().unwrap();
        }
        batch_of([
            ("x", features.finish()),
            ("y", table.column(3).clone()),
            ("class", table.column(4).clone()),
        ])
        .unwrap()
    };
    let dense = Host::new().csv("train", &text(0)).csv("train", &text(7)).csv("validation", &text(1));
    let by_rows =
        Host::new().rows("train", &sparse(0)).rows("train", &sparse(7)).rows("validation", &sparse(1));
    for (target, kind) in [("y", "regressor"), ("class", "multiclass_classifier")] {
        let params = |features: &str| {
            format!(
                r#"{{"target": "{target}", "predictor_type": "{kind}", "epochs": 10, "features": [{features}]}}"#
            )
        };
        dense.run::<Train>(&params(r#""a", "b", "c""#)).unwrap();
        by_rows.run::<Train>(&params(r#""x""#)).unwrap();
        let (ours, theirs) =
            (by_rows.load::<Learnt>("model").unwrap(), dense.load::<Learnt>("model").unwrap());
        let (ours, theirs) =
            (ours.predict_batch(&sparse(0)).unwrap(), theirs.predict_batch(&rows(&text(0))).unwrap());
        assert_eq!(ours.num_columns(), theirs.num_columns());
        for (ours, theirs) in ours.columns().iter().zip(theirs.columns()) {
            match ours.as_primitive_opt::<Float64Type>() {
                Some(ours) => {
                    let theirs = theirs.as_primitive::<Float64Type>().values();
                    assert!(ours.values().iter().zip(theirs).all(|(a, b)| (a - b).abs() < 1e-8));
                }
                None => assert_eq!(ours, theirs),
            }
        }
        let report = by_rows.json("importance");
        let names: Vec<_> =
            report["features"].as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap()).collect();
        assert!(names.len() == 3 && names.contains(&"x[10]"), "{names:?}");
    }
}

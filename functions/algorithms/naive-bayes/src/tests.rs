use super::*;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use millstream_sdk::testing::{Host, rows};

/// `x` follows the label, `noise` does not.
fn table() -> String {
    let row = |i: u32| format!("{},{},{}\n", i % 3 * 2 + i % 2, i * 7 % 5, ["a", "b", "c"][(i % 3) as usize]);
    "x,noise,label\n".to_owned() + &(0..60).map(row).collect::<String>()
}

#[test]
fn every_kind_learns_and_answers() {
    for (kind, least) in [("gaussian", 0.9), ("categorical", 0.9), ("multinomial", 0.3), ("bernoulli", 0.3)] {
        let host = Host::new().csv("train", &table()).csv("validation", &table());
        let summary = host.run::<Train>(&format!(r#"{{"target": "label", "kind": "{kind}"}}"#)).unwrap();
        let figure = |name: &str| summary.metrics.iter().find(|(n, _)| n == name).unwrap().1;
        assert!(figure("train:accuracy") >= least, "{kind}: {}", figure("train:accuracy"));
        assert_eq!(figure("train:mlogloss"), figure("validation:mlogloss"));
        assert_eq!(host.json("importance")["features"][0]["name"], "x", "{kind}");
        let model = host.load::<Classifier>("model").unwrap();
        let answer = model.predict_batch(&rows("x,noise\n0,1\n5,1\n")).unwrap();
        let names: Vec<_> = answer.schema().fields().iter().map(|f| f.name().clone()).collect();
        assert_eq!(names, ["prediction", "probability_a", "probability_b", "probability_c"]);
        let sum: f64 = (1..4).map(|j| answer.column(j).as_primitive::<Float64Type>().value(0)).sum();
        assert!((sum - 1.0).abs() < 1e-12);
    }
}

#[test]
fn bad_input_is_named() {
    let run =
        |csv: &str, params: &str| Host::new().csv("train", csv).run::<Train>(params).unwrap_err().to_string();
    let negative = run("x,y\n1,a\n-1,b\n", r#"{"target": "y", "kind": "multinomial"}"#);
    assert!(negative.contains("input `train`, row 2, column `x`"), "{negative}");
    // Categories that are names take a probability for each number below.
    let names = |code: u32| (0..64).map(|class| format!("{code},{code},c{class}\n")).collect::<String>();
    let categorical = r#"{"target": "y", "kind": "categorical"}"#;
    let many = run(&("a,b,y\n".to_owned() + &names(1_048_575)), categorical);
    assert!(many.contains("column `a`") && many.contains("`ordinal`"), "{many}");
    let first = "a,b,y\n".to_owned() + &names(300_000);
    assert!(run(&first, categorical).contains("column `b`"), "both together");
    assert!(run(&table(), r#"{"target": "label", "alpha": -1}"#).contains("parameter `alpha`"));
    assert!(run(&table(), r#"{"target": "label", "kind": "poisson"}"#).contains("parameter `kind`"));
    assert!(run(&table(), r#"{"target": "label", "priors": [0.5, 0.5]}"#).contains("parameter `priors`"));
}

#[test]
fn constant_columns_are_met_with_advice_that_helps() {
    let run =
        |csv: &str, params: &str| Host::new().csv("train", csv).run::<Train>(params).unwrap_err().to_string();
    let all = run("x,y,label\n1,2,a\n1,2,b\n1,2,a\n", r#"{"target": "label"}"#);
    assert!(all.contains("every feature is constant") && !all.contains("var_smoothing"), "{all}");
    let within = run("x,label\n5,b\n1,a\n1,a\n7,b\n", r#"{"target": "label", "var_smoothing": 0}"#);
    assert!(within.contains("row 2, column `x`") && within.contains("raise var_smoothing"), "{within}");
    let large = run("x,label\n1e200,a\n-1e200,a\n1,b\n2,b\n", r#"{"target": "label"}"#);
    assert!(large.contains("too large"), "{large}");
}

#[test]
fn weights_and_priors_of_classes() {
    let csv = "x,label\n".to_owned()
        + &(0..40).map(|i| format!("{},{}\n", i % 7 + i / 30 * 3, i / 30)).collect::<String>();
    let host = Host::new().csv("train", &csv);
    let second = |params: &str| {
        host.run::<Train>(&format!(r#"{{"target": "label"{params}}}"#)).unwrap();
        let answer = host.load::<Classifier>("model").unwrap().predict_batch(&rows("x\n6\n")).unwrap();
        answer.column(2).as_primitive::<Float64Type>().value(0)
    };
    let plain = second("");
    let heavy = second(r#", "class_weight": {"1": 3}"#);
    assert!(heavy > plain + 0.05);
    // Three times ten rows beside thirty are balanced.
    assert!((second(r#", "class_weight": "balanced""#) - heavy).abs() < 1e-12);
    let given = second(r#", "class_prior": [0.2, 0.8]"#);
    assert!(given > heavy && given == second(r#", "priors": [0.2, 0.8]"#));
    let refused = |params: &str| {
        host.run::<Train>(&format!(r#"{{"target": "label"{params}}}"#)).unwrap_err().to_string()
    };
    let both = refused(r#", "priors": [0.5, 0.5], "class_prior": [0.2, 0.8]"#);
    assert!(both.contains("parameter `class_prior`"), "{both}");
    assert!(refused(r#", "class_weight": {"2": 1}"#).contains("there is no class `2`"));
    assert!(refused(r#", "class_weight": "even""#).contains("parameter `class_weight`"));
}

#[test]
fn categories_between_those_of_training_are_noted() {
    let host = Host::new().csv("train", "x,y\n0,a\n3,b\n0,a\n3,b\n");
    host.run::<Train>(r#"{"target": "y", "kind": "categorical"}"#).unwrap();
    let model = host.load::<Classifier>("model").unwrap();
    model.predict_batch(&rows("x\n0\n2\n3\n")).unwrap();
    let found = model.take_unseen();
    assert_eq!((found.len(), found[0].rows, found[0].example.as_deref()), (1, 1, Some("2")), "{found:?}");
    assert_eq!(found[0].novelty, millstream_sdk::unseen::Novelty::Category);
}

use super::*;
use arrow_array::{cast::AsArray, types::Float64Type};
use millstream_sdk::testing::{Host, rows};
use millstream_training::testing::forests::table;

fn text(host: &Host, output: &str) -> String {
    String::from_utf8(host.output(output)).unwrap()
}

#[test]
fn classes_with_rules_and_a_graph() {
    let csv = table(|inside| if inside { "in" } else { "out" }.to_owned());
    let host = Host::new().csv("train", &csv).csv("validation", &csv);
    let summary = host.run::<Train>(r#"{"target": "label"}"#).unwrap();
    let figure = |name: &str| summary.metrics.iter().find(|(n, _)| n == name).unwrap().1;
    assert_eq!((figure("leaves"), figure("depth"), figure("train:accuracy")), (5.0, 4.0, 1.0));
    assert_eq!(figure("train:auc"), figure("validation:auc"));
    assert_eq!(host.json("importance")["features"][2]["name"], "noise");
    let rules = text(&host, "text");
    assert!(rules.starts_with("|--- ") && rules.contains("class: in\n"), "{rules}");
    let graph = text(&host, "graph");
    assert!(graph.starts_with("digraph Tree {\n") && graph.contains("samples = 300"), "{graph}");
    assert!(graph.contains("gini = ") && graph.contains("class = out"), "{graph}");

    let model = host.load::<Tree>("model").unwrap();
    assert!(model.describe().contains(r#""task":"binary","target":"label","classes":["in","out"]"#));
    let answer = model.predict_batch(&rows("noise,y,x\n1,50,45\n1,5,5\n")).unwrap();
    assert_eq!(answer.column(1).as_primitive::<Float64Type>().values(), &[1.0, 0.0]);
    assert_eq!(answer.column(0).as_string::<i32>().value(0), "in");
}

#[test]
fn numbers_and_medians() {
    let csv = table(|inside| if inside { "7.5" } else { "-1" }.to_owned());
    for criterion in ["squared_error", "absolute_error"] {
        let host = Host::new().csv("train", &csv);
        let params = format!(r#"{{"target": "label", "criterion": "{criterion}", "export_max_depth": 1}}"#);
        let summary = host.run::<Train>(&params).unwrap();
        assert!(
            summary.metrics.iter().any(|(name, value)| name == "train:r2" && *value > 0.999),
            "{summary:?}"
        );
        assert!(text(&host, "text").contains("truncated branch"));
        let model = host.load::<Tree>("model").unwrap();
        let answer = model.predict_batch(&rows("x,y,noise\n45,50,1\n")).unwrap();
        assert!((answer.column(0).as_primitive::<Float64Type>().value(0) - 7.5).abs() < 1e-9);
    }
}

#[test]
fn bad_input_is_named() {
    let csv = table(|inside| inside.to_string());
    for (params, name) in [
        (r#"{"target": "label", "max_depth": 0}"#, "max_depth"),
        (r#"{"target": "label", "criterion": "squared_error"}"#, "criterion"),
        (r#"{"target": "label", "criterion": "variance"}"#, "criterion"),
        (r#"{"target": "label", "class_weight": "balanced_subsample"}"#, "class_weight"),
        (r#"{"target": "label", "class_weight": {"maybe": 1}}"#, "class_weight"),
        (r#"{"target": "label", "max_leaf_nodes": 1}"#, "max_leaf_nodes"),
        (r#"{"target": "noise", "task": "regression", "class_weight": "balanced"}"#, "class_weight"),
    ] {
        let failure = Host::new().csv("train", &csv).run::<Train>(params).unwrap_err().to_string();
        assert!(failure.starts_with(&format!("parameter `{name}`")), "{failure}");
    }
    let host = Host::new().csv("train", &csv);
    assert!(host.run::<Train>(r#"{"target": "label", "class_weight": {"true": 9, "false": 1}}"#).is_ok());
    let host = Host::new().csv("train", "a,label\n1,x\n2,y\n");
    host.run::<Train>(r#"{"target": "label"}"#).unwrap();
    let model = host.load::<Tree>("model").unwrap();
    let refused = model.predict_batch(&rows("a,b\n1,0\n,0\n")).unwrap_err().to_string();
    assert!(refused.contains("row 2, column `a`") && refused.contains("never was in training"), "{refused}");
}

#[test]
fn missing_values_are_taken_and_shown() {
    let host = Host::new().csv("train", "a,label\n1,x\n2,x\n3,x\n,y\n,y\n8,x\n");
    host.run::<Train>(r#"{"target": "label"}"#).unwrap();
    let text = String::from_utf8(host.output("text")).unwrap();
    assert_eq!(text, "|--- a <= 8.00\n|   |--- class: x\n|--- a >  8.00 or missing\n|   |--- class: y\n");
    let model = host.load::<Tree>("model").unwrap();
    let answer = model.predict_batch(&rows("a,b\n7,0\n,0\n")).unwrap();
    let predicted: Vec<_> = answer.column(0).as_string::<i32>().iter().flatten().collect();
    assert_eq!(predicted, ["x", "y"]);
}

//! Single trees and isolation forests against scikit-learn's.

mod common;

use common::close;
use millstream_learners::decision_tree::{self, ClassWeight, DecisionTree, Export, Names};
use millstream_learners::{Check, Columns, Matrix, isolation_forest};
use serde_json::Value;

fn trees() -> Value {
    serde_json::from_str(include_str!("reference/trees.json")).expect("the reference is JSON")
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn labels(value: &Value) -> Vec<u32> {
    numbers(value).iter().map(|v| *v as u32).collect()
}

fn parameters(options: &Value) -> decision_tree::Params {
    let mut options = options.as_object().unwrap().clone();
    let weight = options.remove("class_weight");
    let params: decision_tree::Params = serde_json::from_value(Value::Object(options)).unwrap();
    let class_weight = match weight {
        Some(_) => ClassWeight::Balanced,
        None => ClassWeight::None,
    };
    decision_tree::Params { class_weight, ..params }
}

/// The same leaves, predictions, importances and exports as scikit-learn's, wherever splits do not tie.
#[test]
fn decision_trees_are_theirs() {
    let reference = trees();
    let x = Matrix::from_rows(&numbers(&reference["x"]), 4).unwrap();
    let x = x.columns();
    let (train, test): (Vec<_>, Vec<_>) = x.iter().map(|column| column.split_at(80)).unzip();
    let (train, test) = (Columns::new(train).unwrap(), Columns::new(test).unwrap());
    let weights = numbers(&reference["weights"]);
    let features = ["a", "b", "c", "d"].map(str::to_owned);
    let cases = reference["trees"].as_array().unwrap();
    assert!(cases.len() >= 15);
    for case in cases {
        let name = format!("{} {} {}", case["target"], case["weighted"], case["options"]);
        let params = parameters(&case["options"]).check().unwrap();
        let weights = case["weighted"].as_bool().unwrap().then_some(weights.as_slice());
        let target = case["target"].as_str().unwrap();
        let (model, export): (DecisionTree, Export) = match target {
            "number" => params.fit_numbers(&train, &numbers(&reference[target]), weights).unwrap(),
            _ => params.fit_classes(&train, &labels(&reference[target]), weights).unwrap(),
        };
        assert_eq!(model.leaves() as u64, case["leaves"], "{name}");
        let predicted = match target {
            "number" => model.predict_numbers(&test),
            _ => model.predict_proba(&test),
        };
        let expected = numbers(&case["predicted"]);
        assert_eq!(predicted.as_ref().unwrap().len(), expected.len());
        predicted.unwrap().iter().zip(expected).for_each(|(ours, theirs)| close(*ours, theirs, 1e-9, &name));
        let expected = numbers(&case["importances"]);
        // Impurities of fractional weights are summed in another order.
        model.importances().iter().zip(expected).for_each(|(ours, theirs)| close(*ours, theirs, 1e-6, &name));

        let by_number = ["0", "1", "2"].map(str::to_owned);
        let by_letter = ["x", "y", "z"].map(str::to_owned);
        let text = export.text(Names { features: &features, classes: &by_number }, 10);
        assert_eq!(text, case["text"].as_str().unwrap(), "{name}");
        // Nodes that came best first have other numbers.
        if case["options"]["max_leaf_nodes"].is_null() {
            let dot = export.dot(Names { features: &features, classes: &by_letter }, 99);
            // Where sums are not exact, theirs show it: `-0.0`, `6.0` rows.
            let plain =
                |dot: &str| dot.replace("= -0.0\\n", "= 0.0\\n").replace(".0,", ",").replace(".0]", "]");
            assert_eq!(plain(dot.trim_end()), plain(case["dot"].as_str().unwrap().trim_end()), "{name}");
        }
    }
}

/// With many trees the draws do not matter.
/// Where missing values go, and what they tell.
#[test]
fn trees_of_missing_values_are_theirs() {
    let reference: Value = serde_json::from_str(include_str!("reference/trees_missing.json")).unwrap();
    let values = reference["x"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap_or(f64::NAN));
    let x = Matrix::from_rows(&values.collect::<Vec<_>>(), 4).unwrap();
    let rows = reference["train"].as_u64().unwrap() as usize;
    let x = x.columns();
    let (train, test): (Vec<_>, Vec<_>) = x.iter().map(|column| column.split_at(rows)).unzip();
    let (train, test) = (Columns::new(train).unwrap(), Columns::new(test).unwrap());
    for case in reference["cases"].as_array().unwrap() {
        let name = format!("{} {}", case["target"], case["options"]);
        let params = parameters(&case["options"]).check().unwrap();
        let target = case["target"].as_str().unwrap();
        let (model, export) = match target {
            "number" => params.fit_numbers(&train, &numbers(&reference[target])[..rows], None).unwrap(),
            _ => params.fit_classes(&train, &labels(&reference[target])[..rows], None).unwrap(),
        };
        assert_eq!(model.leaves() as u64, case["leaves"], "{name}");
        let back: DecisionTree =
            serde_json::from_str(&serde_json::to_string(&model).unwrap()).expect("the state is sound");
        let predicted = match target {
            "number" => back.predict_numbers(&test),
            _ => back.predict_proba(&test),
        };
        let expected = numbers(&case["predicted"]);
        assert_eq!(predicted.as_ref().unwrap().len(), expected.len());
        predicted.unwrap().iter().zip(expected).for_each(|(ours, theirs)| close(*ours, theirs, 1e-9, &name));
        let expected = numbers(&case["importances"]);
        model.importances().iter().zip(expected).for_each(|(ours, theirs)| close(*ours, theirs, 1e-6, &name));
        assert!(export.text(Names { features: &[], classes: &[] }, 10).contains("missing"), "{name}");
    }
}

#[test]
fn isolation_scores_are_theirs() {
    let reference = trees();
    let mut values = numbers(&reference["x"]);
    values.extend([6.0, -6.0, 0.0, 0.0, 0.0, 0.0, 0.0, 9.0]);
    let x = Matrix::from_rows(&values, 4).unwrap();
    let expected = &reference["isolation"];
    let check = |params: isolation_forest::Params, theirs: &Value| {
        let forest = params.check().unwrap().fit(&x.columns(), None, &mut |_| {}).unwrap();
        let scores = forest.score_samples(&x.columns()).unwrap();
        let theirs = numbers(theirs);
        assert_eq!(scores.len(), theirs.len());
        scores.iter().zip(theirs).for_each(|(ours, theirs)| close(*ours, theirs, 0.02, "score"));
        forest.offset()
    };
    let many = isolation_forest::Params { n_estimators: 2000, ..Default::default() };
    assert_eq!(check(many.clone(), &expected["scores"]), -0.5);
    let max_samples = Some(isolation_forest::MaxSamples::Count(32));
    let few = isolation_forest::Params { max_samples, contamination: Some(0.1), ..many };
    close(check(few, &expected["few"]), expected["offset"].as_f64().unwrap(), 0.02, "threshold");
}

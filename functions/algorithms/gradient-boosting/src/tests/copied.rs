//! What is copied from a configuration of XGBoost runs as it is, or is refused by name.

use super::*;

fn refused(params: &str) -> String {
    Host::new().csv("train", &table(0..100, yes_no)).run::<Train>(params).unwrap_err().to_string()
}

/// The model that the parameters train.
fn model(params: &str) -> Vec<u8> {
    let host = Host::new().csv("train", &table(0..300, yes_no));
    host.run::<Train>(params).unwrap();
    host.output("model")
}

#[test]
fn names_of_the_interface_to_scikit_learn_are_the_same_parameters() {
    let own = model(
        r#"{"target": "label", "num_round": 7, "eta": 0.2, "lambda": 2, "alpha": 0.1, "gamma": 0.5, "seed": 3,
            "subsample": 0.7, "max_bin": 255}"#,
    );
    let copied = r#"{"target": "label", "n_estimators": 7, "learning_rate": 0.2, "reg_lambda": 2, "reg_alpha": 0.1,
        "min_split_loss": 0.5, "random_state": 3, "subsample": 0.7, "max_bin": 256, "booster": "gbtree",
        "tree_method": "hist"}"#;
    assert_eq!(own, model(copied));
    let rounds =
        copied.replace("n_estimators", "num_boost_round").replace("256", "1024").replace("hist", "auto");
    assert_eq!(own, model(&rounds));

    for (one, other) in [
        ("num_round", "n_estimators"),
        ("n_estimators", "num_boost_round"),
        ("eta", "learning_rate"),
        ("lambda", "reg_lambda"),
        ("alpha", "reg_alpha"),
        ("gamma", "min_split_loss"),
        ("seed", "random_state"),
    ] {
        let text = refused(&format!(r#"{{"target": "label", "{one}": 1, "{other}": 1}}"#));
        assert!(text.starts_with(&format!("parameter `{other}`")) && text.contains(one), "{text}");
    }
}

#[test]
fn what_is_not_there_is_refused_by_name() {
    for (params, name, words) in [
        (r#"{"target": "label", "booster": "gblinear"}"#, "booster", "gbtree"),
        (r#"{"target": "label", "tree_method": "exact"}"#, "tree_method", "hist"),
        (r#"{"target": "label", "max_bin": 1}"#, "max_bin", ">= 2"),
        (r#"{"target": "label", "learning_rate": 2}"#, "learning_rate", "<= 1"),
        (r#"{"target": "label", "num_class": 3}"#, "num_class", "2 classes"),
        (r#"{"target": "label", "export_xgboost": "xml"}"#, "export_xgboost", "ubj"),
        (r#"{"target": "label", "eval_metric": "auk"}"#, "eval_metric", "did you mean `auc`?"),
        (r#"{"target": "label", "eval_metric": ["auc", "error@x"]}"#, "eval_metric[1]", "behind the @"),
        (r#"{"target": "label", "n_estimator": 3}"#, "n_estimator", "`n_estimators`?"),
    ] {
        let text = refused(params);
        assert!(text.starts_with(&format!("parameter `{name}`")) && text.contains(words), "{text}");
    }
}

/// The schema is what workflows are checked by before they run.
#[test]
fn the_schema_knows_all_names() {
    let schema = Train::manifest().parameters;
    let property = |name: &str| schema["properties"][name].clone();
    assert_eq!(property("learning_rate")["exclusiveMinimum"], 0);
    assert!(property("n_estimators")["description"].as_str().unwrap().contains("`num_round`"));
    // A default would be filled in beside the other name.
    for name in ["eta", "num_round", "lambda", "alpha", "gamma", "seed"] {
        assert!(property(name)["default"].is_null(), "{name}");
    }
    let export = schema.pointer("/$defs/Export/enum").unwrap();
    assert_eq!(export.as_array().unwrap().len(), 4);
}

#[test]
fn one_metric_needs_no_list() {
    let host = Host::new().csv("train", &table(0..200, yes_no));
    let names = |metric: &str| {
        let params = format!(r#"{{"target": "label", "num_round": 2, "eval_metric": {metric}}}"#);
        host.run::<Train>(&params).unwrap();
        host.metrics().iter().map(|(name, ..)| name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(r#""auc""#), ["train:auc"; 2]);
    let several = names(r#"["aucpr", "error@0.7", "rmse", "mae"]"#);
    assert_eq!(several[..4], ["train:aucpr", "train:error@0.7", "train:rmse", "train:mae"]);
}

#[test]
fn metrics_of_several_classes_and_of_numbers() {
    let of_three = |inside: bool| if inside { "2" } else { "0" }.to_owned();
    let csv = table(0..200, of_three) + "1000,1000,1,1\n1001,1000,2,1\n1002,1001,3,1\n";
    let host = Host::new().csv("train", &csv);
    let last = |params: &str, name: &str| {
        host.run::<Train>(params).unwrap();
        host.metrics().iter().rfind(|(own, ..)| own == name).unwrap().1
    };
    let several = r#"{"target": "label", "objective": "multi:softmax", "num_class": 3, "num_round": 20,
                      "eval_metric": ["auc", "aucpr", "merror"]}"#;
    assert!(last(several, "train:auc") > 0.97 && last(several, "train:aucpr") > 0.9);
    let model = host.load::<Ensemble>("model").unwrap();
    let answer = model.predict_batch(&rows("x,y,noise\n1000,1000,1\n")).unwrap();
    assert_eq!(
        answer.column(0).as_primitive::<arrow_array::types::Int64Type>().value(0),
        1,
        "it predicts the class"
    );

    let numbers = r#"{"target": "label", "objective": "reg:squarederror", "num_round": 20,
                      "eval_metric": ["rmsle", "mphe"]}"#;
    assert!(last(numbers, "train:rmsle") < 0.2 && last(numbers, "train:mphe") < 0.1);
    let text = host.run::<Train>(&numbers.replace("rmsle", "mape")).unwrap_err().to_string();
    assert!(text.contains("mape divides by it"), "{text}");
}

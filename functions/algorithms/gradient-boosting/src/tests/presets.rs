//! Parameters that are not given.

use super::*;

/// The model and what the log says of its parameters.
fn trained(rows: u32, params: &str) -> (Vec<u8>, String, String) {
    let csv = table(0..rows, yes_no);
    let host = Host::new().csv("train", &csv);
    let summary = host.run::<Train>(&format!(r#"{{"target": "label"{params}}}"#)).unwrap();
    let logs = host.logs().into_iter().map(|(_, line)| line);
    let settings: Vec<String> = logs.filter(|line| line.starts_with("preset ")).collect();
    let [settings] = settings.as_slice() else { panic!("{settings:?}") };
    (host.output("model"), settings.clone(), summary.message)
}

#[test]
fn presets_are_their_parameters() {
    let auto = trained(300, "");
    assert_eq!(
        auto.1,
        "preset auto: num_round 100, eta 0.1, max_depth 3, max_leaves 0, grow_policy depthwise, min_child_weight 1, \
         min_data_in_leaf 0, subsample 0.8, colsample_bytree 1, lambda 1, max_cat_threshold 64"
    );
    assert!(auto.2.ends_with("on 300 rows, preset auto"), "{}", auto.2);
    let same =
        |params: &str, named: &str| assert!(trained(300, params).0 == trained(300, named).0, "{params}");
    same("", r#", "preset": "auto", "num_round": 100, "eta": 0.1, "max_depth": 3, "subsample": 0.8"#);
    same(
        r#", "preset": "xgboost""#,
        r#", "num_round": 100, "eta": 0.3, "max_depth": 6, "max_leaves": 0, "grow_policy": "depthwise", "min_child_weight": 1,
            "subsample": 1, "colsample_bytree": 1, "lambda": 1, "max_bin": 256"#,
    );
    same(
        r#", "preset": "lightgbm""#,
        r#", "num_round": 100, "eta": 0.1, "max_depth": 0, "max_leaves": 31, "grow_policy": "lossguide", "min_child_weight": 1e-3,
            "min_data_in_leaf": 20, "lambda": 0"#,
    );
    // Of more rows, and not of those that weigh nothing.
    assert!(trained(1200, "").1.contains("num_round 250, eta 0.1, max_depth 4"));
    let csv = table(0..1200, yes_no);
    let weight = |(i, line): (usize, &str)| match i {
        0 => format!("{line},w\n"),
        i => format!("{line},{}\n", u32::from(i <= 300)),
    };
    let csv = csv.lines().enumerate().map(weight).collect::<String>();
    let host = Host::new().csv("train", &csv);
    host.run::<Train>(r#"{"target": "label", "weight": "w"}"#).unwrap();
    let logs: Vec<String> = host.logs().into_iter().map(|(_, line)| line).collect();
    assert!(logs.iter().any(|line| line.contains("num_round 100, eta 0.1, max_depth 3")), "{logs:?}");
    assert!(
        logs.contains(&"input `train`: 900 of 1200 rows have `w` 0 and count for nothing".to_owned()),
        "{logs:?}"
    );
}

#[test]
fn what_is_given_is_taken() {
    for (given, taken) in [
        (r#", "eta": 0.5"#, "num_round 100, eta 0.5, max_depth 3"),
        (r#", "learning_rate": 0.5, "n_estimators": 7"#, "num_round 7, eta 0.5, max_depth 3"),
        // Fewer rounds take larger steps; more rounds no smaller ones.
        (r#", "num_round": 7"#, "num_round 7, eta 0.3, max_depth 3"),
        (r#", "num_round": 50"#, "num_round 50, eta 0.2, max_depth 3"),
        (r#", "num_round": 500"#, "num_round 500, eta 0.1, max_depth 3"),
        (r#", "preset": "lightgbm", "num_round": 50"#, "num_round 50, eta 0.1, max_depth 0"),
        // All rows, for who sets rounds or trees.
        (r#", "num_round": 7"#, "subsample 1, colsample_bytree 1"),
        (r#", "max_depth": 5"#, "subsample 1, colsample_bytree 1"),
        (r#", "max_depth": 5, "subsample": 0.6"#, "subsample 0.6, colsample_bytree 1"),
        (r#", "gamma": 0.1"#, "subsample 0.8"),
        // Leaves say how large a tree is.
        (r#", "max_leaves": 40"#, "max_depth 6, max_leaves 40, grow_policy depthwise"),
        (r#", "grow_policy": "lossguide""#, "max_depth 6, max_leaves 0, grow_policy lossguide"),
        (r#", "preset": "lightgbm", "max_leaves": 9"#, "max_depth 0, max_leaves 9, grow_policy lossguide"),
        (r#", "preset": "lightgbm", "reg_lambda": 2"#, "lambda 2"),
        (r#", "preset": "xgboost", "min_data_in_leaf": 30"#, "min_child_weight 1, min_data_in_leaf 30"),
    ] {
        let settings = trained(120, given).1;
        assert!(settings.contains(taken), "{given}: {settings}");
    }
    let csv = table(0..50, yes_no);
    let refused = Host::new().csv("train", &csv).run::<Train>(r#"{"target": "label", "preset": "catboost"}"#);
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("preset") && refused.contains("lightgbm"), "{refused}");
}

/// No leaf has fewer rows; without a limit some have.
#[test]
fn leaves_have_as_many_rows_as_they_must() {
    let row = |i: u32| format!("{i},{}\n", i.wrapping_mul(2_654_435_761) >> 20);
    let csv = "x,y\n".to_owned() + &(0..400).map(row).collect::<String>();
    let smallest = |least: u32| {
        let host = Host::new().csv("train", &csv);
        let params = format!(
            r#"{{"target": "y", "objective": "reg:squarederror", "num_round": 1, "min_data_in_leaf": {least}}}"#
        );
        host.run::<Train>(&params).unwrap();
        let asked = "x\n".to_owned() + &(0..400).map(|i| format!("{i}\n")).collect::<String>();
        let answer = host.load::<Ensemble>("model").unwrap().predict_batch(&rows(&asked)).unwrap();
        let mut found: Vec<u64> =
            answer.column(0).as_primitive::<Float64Type>().values().iter().map(|v| v.to_bits()).collect();
        found.sort_unstable();
        found.chunk_by(|a, b| a == b).map(<[u64]>::len).min().unwrap()
    };
    assert!(smallest(0) < 25 && smallest(25) >= 25, "{} {}", smallest(0), smallest(25));
}

#[test]
fn names_that_xgboost_misreads_are_told() {
    let row = |i: u32| format!("{},{}\n", ["Größe", "M", "S"][i as usize % 3], i % 3);
    let csv = "size,y\n".to_owned() + &(0..60).map(row).collect::<String>();
    let host = Host::new().csv("train", &csv);
    host.run::<Train>(r#"{"target": "y", "categorical_features": ["size"], "export_xgboost": true}"#)
        .unwrap();
    let told = host.logs().iter().any(|(_, line)| line.contains("`size`") && line.contains("beyond ASCII"));
    assert!(told, "{:?}", host.logs());
}

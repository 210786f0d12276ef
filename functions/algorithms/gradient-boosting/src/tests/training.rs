//! What parameters of training do to the model.

use super::*;

fn summary_of(csv: &str, params: &str) -> Summary {
    Host::new().csv("train", csv).run::<Train>(params).unwrap()
}

/// Predictions of a column for the rows.
fn predicted(csv: &str, params: &str, asked: &str, column: usize) -> Vec<f64> {
    let host = Host::new().csv("train", csv);
    host.run::<Train>(params).unwrap();
    let answer = host.load::<Ensemble>("model").unwrap().predict_batch(&rows(asked)).unwrap();
    answer.column(column).as_primitive::<Float64Type>().values().to_vec()
}

const INSIDE: &str = "x,y,noise\n50,45,1\n21,31,3\n5,5,1\n";

#[test]
fn positive_rows_weigh_more() {
    let csv = table(0..300, yes_no);
    let mean = |more: &str| {
        let params = format!(r#"{{"target": "label", "num_round": 3, "max_depth": 1{more}}}"#);
        predicted(&csv, &params, INSIDE, 2).iter().sum::<f64>()
    };
    let plain = mean("");
    assert!(mean(r#", "scale_pos_weight": 5"#) > plain + 0.3);
    let by_class = mean(r#", "class_weight": {"yes": 5}"#);
    assert!((by_class - mean(r#", "scale_pos_weight": 5"#)).abs() < 1e-6, "{by_class}");
    assert!((mean(r#", "class_weight": {"no": 1, "yes": 1}"#) - plain).abs() < 1e-6);
    assert!(mean(r#", "class_weight": "balanced""#) > plain);
    // Weights of rows are multiplied by those of classes.
    let weighted =
        csv.lines().enumerate().map(|(i, line)| format!("{line},{}\n", if i == 0 { "w" } else { "2" }));
    let params = r#"{"target": "label", "num_round": 3, "max_depth": 1, "min_child_weight": 2, "lambda": 2,
                     "weight": "w", "class_weight": {"yes": 5}}"#;
    let doubled: f64 = predicted(&weighted.collect::<String>(), params, INSIDE, 2).iter().sum();
    assert!((doubled - by_class).abs() < 1e-4, "{doubled} {by_class}");
}

#[test]
fn classes_have_weights() {
    let of_three = |inside: bool| if inside { "2" } else { "0" }.to_owned();
    let csv = table(0..200, of_three) + "1000,1000,1,1\n1001,1000,2,1\n1002,1001,3,1\n";
    let share = |more: &str| {
        let params = format!(r#"{{"target": "label", "num_round": 2{more}}}"#);
        predicted(&csv, &params, "x,y,noise\n1000,1000,1\n", 2)[0]
    };
    assert!(share(r#", "class_weight": "balanced""#) > share("") + 0.1);
    assert!(share(r#", "class_weight": {"1": 30}"#) > share("") + 0.1);

    let refused = |params: &str| Host::new().csv("train", &csv).run::<Train>(params).unwrap_err().to_string();
    for params in [
        r#"{"target": "label", "class_weight": {"3": 1}}"#,
        r#"{"target": "label", "class_weight": "heavy"}"#,
        r#"{"target": "y", "objective": "reg:squarederror", "class_weight": "balanced"}"#,
    ] {
        let text = refused(params);
        assert!(text.starts_with("parameter `class_weight`"), "{text}");
    }
}

/// Splits of the features, from the report.
fn splits(host: &Host) -> std::collections::BTreeMap<String, u64> {
    let report = host.json("importance");
    let features = report["features"].as_array().unwrap().iter();
    features.map(|f| (f["name"].as_str().unwrap().to_owned(), f["weight"].as_u64().unwrap())).collect()
}

#[test]
fn levels_and_nodes_see_a_share_of_the_columns() {
    let host = Host::new().csv("train", &table(0..300, yes_no));
    let with = |more: &str| {
        let params = format!(r#"{{"target": "label", "num_round": 20, "max_depth": 2{more}}}"#);
        host.run::<Train>(&params).unwrap();
        (host.output("model"), splits(&host))
    };
    let (all, of_all) = with("");
    for parameter in ["colsample_bytree", "colsample_bylevel", "colsample_bynode"] {
        let (few, of_few) = with(&format!(r#", "{parameter}": 0.34"#));
        assert_ne!(all, few);
        // Where one column of three is seen, the one that says nothing comes to its turn.
        assert!(of_few["noise"] > of_all["noise"], "{parameter}: {of_few:?} {of_all:?}");
        assert_eq!(few, with(&format!(r#", "{parameter}": 0.34"#)).0);
    }
}

#[test]
fn leaves_are_counted_in_either_order() {
    let host = Host::new().csv("train", &table(0..300, yes_no));
    let with = |more: &str| {
        let params =
            format!(r#"{{"target": "label", "num_round": 1, "max_depth": 0, "min_child_weight": 0{more}}}"#);
        host.run::<Train>(&params).unwrap();
        (host.output("model"), splits(&host).values().sum::<u64>())
    };
    let (best_first, splits_of_best) = with(r#", "max_leaves": 5, "grow_policy": "lossguide""#);
    let (level_first, splits_of_level) = with(r#", "max_leaves": 5, "grow_policy": "depthwise""#);
    assert_eq!((splits_of_best, splits_of_level), (4, 4));
    assert_ne!(best_first, level_first);
    assert!(with("").1 > 4);
}

#[test]
fn objectives_that_share_a_loss() {
    let half = |inside: bool| if inside { "1" } else { "0" }.to_owned();
    let csv = table(0..300, half);
    let with = |objective: &str, column: usize| {
        let params = format!(r#"{{"target": "label", "objective": "{objective}", "num_round": 5}}"#);
        predicted(&csv, &params, INSIDE, column)
    };
    let proba = with("binary:logistic", 2);
    let margins = with("binary:logitraw", 0);
    assert!(proba.iter().zip(&margins).all(|(p, m)| (p - 1.0 / (1.0 + (-m).exp())).abs() < 1e-9));
    assert!(proba.iter().zip(with("reg:logistic", 0)).all(|(p, own)| (p - own).abs() < 1e-9));
    let raw = summary_of(&csv, r#"{"target": "label", "objective": "binary:logitraw", "num_round": 5}"#);
    let names: Vec<&str> = raw.metrics.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["rounds", "train:logloss"]);

    let grown = "x,y\n".to_owned() + &(0..200).map(|i| format!("{i},{}\n", i / 50)).collect::<String>();
    let params = r#"{"target": "y", "objective": "reg:squaredlogerror", "num_round": 50}"#;
    let figure = summary_of(&grown, params).metrics.iter().find(|(name, _)| name == "train:r2").unwrap().1;
    assert!(figure > 0.9, "{figure}");
    let text = Host::new().csv("train", &table(0..50, |_| "-1".to_owned()));
    let text = text.run::<Train>(r#"{"target": "label", "objective": "reg:squaredlogerror"}"#).unwrap_err();
    assert!(text.to_string().contains("above -1"), "{text}");
}

#[test]
fn pairs_rank_too() {
    let row = |i: u32| {
        let x = i.wrapping_mul(2_654_435_761) >> 20;
        format!("{},{x},{}\n", i / 10, u32::from(x > 3000))
    };
    let csv = "query,x,grade\n".to_owned() + &(0..400).map(row).collect::<String>();
    let host = Host::new().csv("train", &csv);
    let params = r#"{"target": "grade", "objective": "rank:pairwise", "group": "query", "num_round": 10,
                     "eval_metric": ["ndcg@3", "map@5", "map"]}"#;
    let summary = host.run::<Train>(params).unwrap();
    let figure = |name: &str| summary.metrics.iter().find(|(n, _)| n == name).map(|(_, value)| *value);
    assert!(figure("train:map").unwrap() > 0.99 && figure("train:ndcg@3").unwrap() > 0.99, "{summary:?}");
    let text =
        host.run::<Train>(r#"{"target": "grade", "objective": "rank:pairwise"}"#).unwrap_err().to_string();
    assert!(text.starts_with("parameter `group`"), "{text}");
}

#[test]
fn features_meet_as_they_may() {
    // The product of two features is learnt only where they may meet.
    let row = |i: u32| {
        let scattered =
            |k: u32| f64::from(i.wrapping_mul(k).wrapping_mul(2_654_435_761) >> 22) / 1024.0 - 0.5;
        let (a, b, c) = (scattered(7_919), scattered(104_729), scattered(611_953));
        format!("{a},{b},{c},{}\n", if a * b > 0.0 { 1.0 } else { 0.0 } + 0.1 * c)
    };
    let csv = "a,b,c,y\n".to_owned() + &(0..600).map(row).collect::<String>();
    let r2 = |constraints: &str| {
        let params = format!(
            r#"{{"target": "y", "num_round": 30, "max_depth": 3, "interaction_constraints": {constraints}}}"#
        );
        let summary = summary_of(&csv, &params);
        summary.metrics.iter().find(|(name, _)| name == "train:r2").unwrap().1
    };
    assert!(r2(r#"[["a", "b"], ["c"]]"#) > 0.9);
    assert!(r2(r#"[["a", "c"], ["b"]]"#) < 0.8);
    assert!(r2("[]") > 0.9);
    let text = Host::new().csv("train", &csv);
    let text = text.run::<Train>(r#"{"target": "y", "interaction_constraints": [["a", "d"]]}"#).unwrap_err();
    assert!(text.to_string().starts_with("parameter `interaction_constraints`"), "{text}");
}

#[test]
fn a_round_may_be_a_forest() {
    let csv = table(0..300, yes_no);
    let host = Host::new().csv("train", &csv);
    let params = r#"{"target": "label", "num_round": 1, "eta": 1, "num_parallel_tree": 30, "subsample": 0.6,
                     "colsample_bynode": 0.7, "export_xgboost": true}"#;
    let summary = host.run::<Train>(params).unwrap();
    let figure = |name: &str| summary.metrics.iter().find(|(n, _)| n == name).unwrap().1;
    assert!(figure("train:auc") > 0.95 && figure("rounds") == 1.0, "{summary:?}");
    let model =
        GradientBoosting::from_xgboost_json(&String::from_utf8(host.output("xgboost")).unwrap()).unwrap();
    assert_eq!((model.trees(), model.rounds()), (30, 1));
}

#[test]
fn training_goes_on_from_a_file() {
    let csv = table(0..300, yes_no);
    let host = Host::new().csv("train", &csv);
    let with = |rounds: u32| {
        format!(
            r#"{{"target": "label", "num_round": {rounds}, "export_xgboost": "ubj", "eval_metric": "auc"}}"#
        )
    };
    host.run::<Train>(&with(8)).unwrap();
    let asked = |host: &Host| {
        let answer = host.load::<Ensemble>("model").unwrap().predict_batch(&rows(INSIDE)).unwrap();
        answer.column(2).as_primitive::<Float64Type>().values().to_vec()
    };
    let whole = asked(&host);
    host.run::<Train>(&with(3)).unwrap();
    let file = host.output("xgboost");
    let going_on = Host::new().csv("train", &csv).file("model", "m.ubj", file.clone());
    let summary = going_on.run::<Train>(&with(5)).unwrap();
    assert!(summary.metrics.contains(&("rounds".to_owned(), 8.0)), "{summary:?}");
    assert!(whole.iter().zip(asked(&going_on)).all(|(a, b)| (a - b).abs() < 1e-5));
    assert_eq!(going_on.metrics()[0].2, 3, "rounds are counted on");

    let other = Host::new().csv("train", "x,y,label\n1,2,yes\n2,1,no\n").file("model", "m.ubj", file.clone());
    let text = other.run::<Train>(&with(1)).unwrap_err().to_string();
    assert!(text.contains("noise"), "{text}");
    let host = Host::new().csv("train", &csv).file("model", "m.ubj", file);
    let text =
        host.run::<Train>(r#"{"target": "label", "objective": "multi:softprob"}"#).unwrap_err().to_string();
    assert!(text.starts_with("parameter `objective`"), "{text}");
}

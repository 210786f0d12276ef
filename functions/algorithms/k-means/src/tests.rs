use super::*;
use arrow_array::{
    cast::AsArray,
    types::{Float64Type, Int64Type},
};
use millstream_sdk::testing::{Host, rows};

const TRAIN: &str = "x,y\n0,0\n0,1\n1,0\n50,50\n50,51\n51,50\n";

#[test]
fn finds_the_groups_and_answers_with_distances() {
    let host = Host::new().csv("train", TRAIN);
    let summary = host.run::<Train>(r#"{"n_clusters": 2, "seed": 3}"#).unwrap();
    let figure = |name: &str| summary.metrics.iter().find(|(n, _)| n == name).unwrap().1;
    assert!((figure("train:inertia") - 8.0 / 3.0).abs() < 1e-9);
    assert!(figure("train:silhouette") > 0.9);
    assert_eq!(host.json("centres")["clusters"][0]["rows"], 3);

    let model = host.load::<Clusters>("model").unwrap();
    assert!(model.describe().starts_with(r#"{"task":"clustering","features":["x","y"]"#));
    let answer = model.predict_batch(&rows("x,y\n0,0\n60,60\n")).unwrap();
    let labels = answer.column(0).as_primitive::<Int64Type>().values();
    assert_ne!(labels[0], labels[1]);
    let own = answer.column(1 + labels[0] as usize).as_primitive::<Float64Type>().value(0);
    assert!((own - 2.0_f64.sqrt() / 3.0).abs() < 1e-9);
    assert_eq!(answer.schema().field(2).name(), "distance_1");
}

#[test]
fn the_seed_decides_the_bytes() {
    let host = Host::new().csv("train", TRAIN);
    let model = |params: &str| {
        host.run::<Train>(params).unwrap();
        host.output("model")
    };
    assert_eq!(model(r#"{"n_clusters": 3}"#), model(r#"{"n_clusters": 3}"#));
    assert_eq!(model(r#"{"n_clusters": 3}"#), model(r#"{"n_clusters": 3, "seed": 0}"#));
}

#[test]
fn every_start_and_algorithm_runs() {
    let host = Host::new().csv("train", TRAIN);
    for init in ["k-means++", "k-means||", "random"] {
        for algorithm in ["lloyd", "mini-batch"] {
            let params =
                format!(r#"{{"n_clusters": 2, "n_init": 9, "init": "{init}", "algorithm": "{algorithm}"}}"#);
            host.run::<Train>(&params).unwrap();
            assert_eq!(host.json("centres")["clusters"][1]["rows"], 3, "{params}");
        }
    }
}

#[test]
fn bad_input_is_named() {
    let run =
        |csv: &str, params: &str| Host::new().csv("train", csv).run::<Train>(params).unwrap_err().to_string();
    let many = run(TRAIN, r#"{"n_clusters": 7}"#);
    assert!(many.contains("7") && many.contains("6 rows"), "{many}");
    assert!(run(TRAIN, r#"{"n_clusters": 0}"#).contains("parameter `n_clusters`"));
    assert!(run("x,name\n1,a\n2,b\n", "{}").contains("column `name`"));
    assert!(run("x,y\n1,1\n,2\n", r#"{"n_clusters": 1}"#).contains("row 2, column `x`"));
}

#[test]
fn fewer_distinct_rows_than_clusters_are_warned_of() {
    let run = |csv: &str, clusters: u32| {
        let host = Host::new().csv("train", csv);
        let outcome = host.run::<Train>(&format!(r#"{{"n_clusters": {clusters}}}"#));
        (outcome, host.logs().into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("\n"))
    };
    let (outcome, said) = run("x,y\n1,0\n1,0\n2,5\n1,0\n", 3);
    outcome.unwrap();
    assert!(said.contains("3 clusters, but only 2 distinct rows"), "{said}");
    let (_, said) = run("x,y\n1,0\n1,0\n2,5\n3,1\n", 3);
    assert!(!said.contains("distinct"), "{said}");
    let (outcome, _) = run("x,y\n1,0\n", 3);
    assert!(outcome.unwrap_err().to_string().contains("the table has 1 row;"));
}

#[test]
fn the_inertia_falls_step_by_step() {
    let row = |i: u32| format!("{},{},{}\n", i * 37 % 101, i * 53 % 97, 1 + i % 3);
    let csv = "x,y,w\n".to_owned() + &(0..400).map(row).collect::<String>();
    for weight in ["", r#", "weight": "w", "features": ["x", "y"]"#] {
        let host = Host::new().csv("train", &csv);
        let params = format!(r#"{{"n_clusters": 5, "init": "random", "tol": 0{weight}}}"#);
        let summary = host.run::<Train>(&params).unwrap();
        let curve: Vec<f64> = host.metrics().into_iter().map(|(_, value, _)| value).collect();
        assert!(curve.len() > 3 && curve.is_sorted_by(|a, b| a >= b), "{curve:?}");
        // It ends when no row moves: at the inertia of the model.
        let inertia = summary.metrics.iter().find(|(n, _)| n == "train:inertia").unwrap().1;
        assert!((curve.last().unwrap() / inertia - 1.0).abs() < 1e-9, "{curve:?} {inertia}");
        let host = Host::new().csv("train", &csv);
        host.run::<Train>(r#"{"n_clusters": 5, "algorithm": "mini-batch", "batch_size": 50}"#).unwrap();
        assert!(host.metrics().iter().all(|(name, value, _)| name == "train:inertia" && *value > 0.0));
        assert!(!host.metrics().is_empty());
    }
}

#[test]
fn rows_come_out_with_their_cluster() {
    let host = Host::new().csv("train", TRAIN);
    host.run::<Train>(r#"{"n_clusters": 2, "labels": true}"#).unwrap();
    let table = host.table("table");
    let clusters = table.column(2).as_primitive::<Int64Type>().values();
    assert!(clusters[..3].iter().all(|c| *c == clusters[0]) && clusters[3] != clusters[0]);
    host.run::<Train>(r#"{"n_clusters": 2}"#).unwrap();
    assert!(!host.wrote("table"));
}

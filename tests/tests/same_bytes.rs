//! The same table, parameters and seed give the same bytes, whether a function runs natively or as WebAssembly.
//!
//! Natively means this test's own process: the machine's own floating-point instructions, and its C library's
//! functions if a kernel should call one.

use std::fs;

use millstream_sdk::{Failure, Job, Summary, testing::Host};
use millstream_tests::Place;
use serde_json::{Value, json};

/// A function with parameters, and how to run it here.
struct Case {
    name: &'static str,
    /// Several of one function have several.
    step: String,
    with: Value,
    channel: String,
    here: fn(&Host, &str) -> Result<Summary, Failure>,
}

fn case<J: Job>(name: &'static str, with: Value) -> Case {
    let channel = J::manifest().channels.first().expect("a channel").name.clone();
    Case { name, step: name.to_owned(), with, channel, here: |host, params| host.run::<J>(params) }
}

fn cases() -> Vec<Case> {
    let features = json!(["a", "b", "c", "d", "e"]);
    let with = |more: Value| {
        let mut with = json!({ "features": features });
        with.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        with
    };
    let label = |more: Value| {
        let mut with = with(more);
        with["target"] = "label".into();
        with
    };
    let value = |more: Value| {
        let mut with = with(more);
        with["target"] = "value".into();
        with
    };
    let mut cases = vec![
        case::<fn_gradient_boosting::Train>(
            "gradient-boosting",
            label(json!({ "num_round": 20, "seed": 7 })),
        ),
        case::<fn_gradient_boosting::Train>(
            "gradient-boosting",
            value(
                json!({ "num_round": 20, "seed": 7, "subsample": 0.7, "objective": "reg:pseudohubererror" }),
            ),
        ),
        case::<fn_gradient_boosting::Train>(
            "gradient-boosting",
            json!({ "features": features, "target": "count", "num_round": 20, "objective": "count:poisson" }),
        ),
        case::<fn_random_forest::Train>("random-forest", label(json!({ "n_estimators": 10, "seed": 7 }))),
        case::<fn_extra_trees::Train>("extra-trees", value(json!({ "n_estimators": 10, "seed": 7 }))),
        case::<fn_decision_tree::Train>("decision-tree", label(json!({ "seed": 7 }))),
        case::<fn_linear_regression::Train>("linear-regression", value(json!({}))),
        case::<fn_ridge::Train>("ridge", value(json!({}))),
        case::<fn_lasso::Train>("lasso", value(json!({ "alpha": 0.01 }))),
        case::<fn_elastic_net::Train>("elastic-net", value(json!({ "alpha": 0.01 }))),
        case::<fn_logistic_regression::Train>("logistic-regression", label(json!({}))),
        case::<fn_logistic_regression::Train>(
            "logistic-regression",
            label(json!({ "penalty": "l1", "C": 0.5 })),
        ),
        case::<fn_linear_learner::Train>(
            "linear-learner",
            value(json!({ "predictor_type": "regressor", "epochs": 3, "seed": 7 })),
        ),
        case::<fn_factorization_machines::Train>(
            "factorization-machines",
            value(json!({ "predictor_type": "regressor", "epochs": 3, "seed": 7 })),
        ),
        case::<fn_k_means::Train>("k-means", with(json!({ "n_clusters": 4, "seed": 7 }))),
        case::<fn_dbscan::Train>("dbscan", with(json!({ "eps": 1.0 }))),
        case::<fn_hdbscan::Train>("hdbscan", with(json!({}))),
        case::<fn_agglomerative::Train>("agglomerative", with(json!({ "n_clusters": 4 }))),
        case::<fn_gaussian_mixture::Train>("gaussian-mixture", with(json!({ "n_components": 3, "seed": 7 }))),
        case::<fn_pca::Train>("pca", with(json!({ "n_components": 3 }))),
        case::<fn_truncated_svd::Train>("truncated-svd", with(json!({ "n_components": 3, "seed": 7 }))),
        case::<fn_knn::Train>("knn", label(json!({}))),
        case::<fn_knn::Train>("knn", value(json!({ "algorithm": "ivf", "seed": 7 }))),
        case::<fn_naive_bayes::Train>("naive-bayes", label(json!({}))),
        case::<fn_svm::Train>("svm", label(json!({ "probability": true, "seed": 7 }))),
        case::<fn_isolation_forest::Train>(
            "isolation-forest",
            with(json!({ "n_estimators": 20, "seed": 7 })),
        ),
        case::<fn_forecasting::Train>(
            "forecasting",
            json!({ "target": "value", "time": "month", "horizon": 7, "method": "ets" }),
        ),
        case::<fn_forecasting::Train>(
            "forecasting",
            json!({ "target": "value", "time": "month", "horizon": 7, "method": "boosted-lags" }),
        ),
    ];
    for objective in [
        "reg:squarederror",
        "reg:absoluteerror",
        "reg:quantileerror",
        "reg:gamma",
        "reg:tweedie",
        "rank:ndcg",
    ] {
        let mut with = json!({
            "features": ["a", "b", "c", "d"], "target": "count", "num_round": 10, "objective": objective,
        });
        match objective {
            "reg:gamma" => with["target"] = "above".into(),
            "rank:ndcg" => with["group"] = "query".into(),
            _ => {}
        }
        cases.push(case::<fn_gradient_boosting::Train>("gradient-boosting", with));
    }
    for covariance in ["tied", "diag", "spherical"] {
        let with = with(json!({ "n_components": 3, "seed": 7, "covariance_type": covariance }));
        cases.push(case::<fn_gaussian_mixture::Train>("gaussian-mixture", with));
    }
    for kind in ["multinomial", "bernoulli", "categorical"] {
        let with = json!({ "features": ["count"], "target": "label", "kind": kind });
        cases.push(case::<fn_naive_bayes::Train>("naive-bayes", with));
    }
    for (algorithm, init) in [("mini-batch", "k-means++"), ("lloyd", "k-means||")] {
        let with = with(json!({ "n_clusters": 4, "seed": 7, "algorithm": algorithm, "init": init }));
        cases.push(case::<fn_k_means::Train>("k-means", with));
    }
    let randomized = with(json!({ "n_components": 2, "svd_solver": "randomized", "seed": 7 }));
    cases.push(case::<fn_pca::Train>("pca", randomized));
    for kernel in ["linear", "poly", "rbf"] {
        cases.push(case::<fn_svm::Train>("svm", value(json!({ "kernel": kernel }))));
    }
    let missing = |target: &str| json!({ "features": ["a", "gaps", "c"], "target": target, "seed": 7 });
    cases.push(case::<fn_random_forest::Train>("random-forest", missing("label")));
    cases.push(case::<fn_extra_trees::Train>("extra-trees", missing("value")));
    cases.push(case::<fn_decision_tree::Train>("decision-tree", missing("label")));
    for (at, case) in cases.iter_mut().enumerate() {
        case.step = format!("{}-{at}", case.name);
    }
    cases
}

/// 400 months of numbers that follow from each other, with noise.
fn table() -> String {
    let mut text = "month,a,b,c,d,e,value,label,count,above,query,gaps\n".to_owned();
    for i in 0..400u32 {
        let noise = |k: u32| f64::from((i * k + k) % 1009) / 1009.0 - 0.5;
        let (a, b, c) = (3.0 * noise(37), 2.0 * noise(101) + 1.0, noise(271));
        let (d, e) = (a * b + noise(53), 10.0 * noise(677));
        let value = 2.0 * a - b + 0.3 * e + d * d + noise(911);
        let label = ["no", "yes", "maybe"][usize::from(value > 0.0) + usize::from(value > 2.0)];
        let count = value.abs().floor();
        let (year, month) = (1990 + i / 12, i % 12 + 1);
        let (above, query) = (count + 1.0, i / 8);
        text +=
            &format!("{year}-{month:02}-01,{a:.6},{b:.6},{c:.6},{d:.6},{e:.6},{value:.6},{label},{count}");
        let gaps = if i % 7 == 3 || value > 2.5 { String::new() } else { format!("{:.6}", a + b) };
        text += &format!(",{above},{query},{gaps}\n");
    }
    text
}

#[test]
fn natively_and_in_webassembly() {
    let cases = cases();
    let place = Place::new();
    place.write("table.csv", table());
    let mut steps = json!({ "rows": { "uses": "extract", "inputs": { "source": "table.csv" } } });
    for case in &cases {
        steps[&case.step] = json!({
            "uses": case.name,
            "inputs": { &case.channel: "${{ steps.rows.outputs.table }}" },
            "with": case.with,
        });
    }
    place.write("w.yaml", json!({ "name": "same-bytes", "steps": steps }).to_string());
    place.run(&["run", "w.yaml"]).expect(0);
    let results = place.results(place.runs().last().unwrap());
    let artifact =
        |digest: &str| fs::read(place.store().join("artifacts").join(&digest[..2]).join(digest)).unwrap();
    let part = &results["rows/000000.json"]["outputs"]["table"]["parts"][0];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = artifact(part["digest"].as_str().unwrap());

    let mut differ = Vec::new();
    for case in &cases {
        let host =
            Host::new().part(&case.channel, &text(&part["name"]), &text(&part["media-type"]), rows.clone());
        (case.here)(&host, &case.with.to_string())
            .unwrap_or_else(|failure| panic!("{}: {failure}", case.step));
        let there = &results[&format!("{}/000000.json", case.step)]["outputs"];
        let outputs = host.outputs();
        assert!(!outputs.is_empty());
        for written in outputs {
            let mut digest = text(&there[&written.output]["parts"][0]["digest"]);
            if there[&written.output]["parts"][0]["media-type"] == "application/vnd.millstream.model+json" {
                // Which functions, with which states.
                let pipeline: Value = serde_json::from_slice(&artifact(&digest)).unwrap();
                let stages = pipeline.as_array().or_else(|| pipeline["stages"].as_array()).unwrap();
                digest = text(&stages.last().unwrap()["state"]);
            }
            if artifact(&digest) != written.bytes {
                differ.push(format!("{}: {}", case.step, written.output));
            }
        }
    }
    assert!(differ.is_empty(), "not the same natively: {}", differ.join(", "));
}

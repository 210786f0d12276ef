//! The other examples: each does what its first lines say, on the data that it names.

use std::{collections::BTreeMap, fs};

use millstream_tests::{Place, root};
use serde_json::{Value, json};

/// A place where an example was run, and what its tasks put out.
struct Example {
    place: Place,
    results: BTreeMap<String, Value>,
}

impl Example {
    fn run(name: &str) -> Self {
        let place = Place::new();
        for file in [format!("{name}.yaml").as_str(), "series.csv"] {
            fs::copy(root().join("workflow/examples").join(file), place.path().join(file)).unwrap();
        }
        place.run(&["samples", "--quiet", "data"]).expect(0);
        place.run(&["run", &format!("{name}.yaml")]).expect(0);
        let results = place.results(place.runs().last().expect("a run"));
        place.check_artifacts();
        Self { place, results }
    }

    fn task(&self, step: &str, task: u32) -> &Value {
        &self.results[&format!("{step}/{task:06}.json")]
    }

    #[track_caller]
    fn metric(&self, step: &str, task: u32, name: &str) -> f64 {
        let metrics = &self.task(step, task)["metrics"];
        metrics[name].as_f64().unwrap_or_else(|| panic!("no {name} of {step}/{task}: {metrics}"))
    }

    /// The same metric of the first tasks of a step.
    #[track_caller]
    fn metrics<const N: usize>(&self, step: &str, name: &str) -> [f64; N] {
        std::array::from_fn(|task| self.metric(step, u32::try_from(task).unwrap(), name))
    }

    /// The bytes of an output of one part, as text.
    fn text(&self, step: &str, output: &str) -> String {
        let digest = self.digest(step, 0, output);
        fs::read_to_string(self.place.store().join("artifacts").join(&digest[..2]).join(digest)).unwrap()
    }

    fn json(&self, step: &str, output: &str) -> Value {
        serde_json::from_str(&self.text(step, output)).unwrap()
    }

    fn digest(&self, step: &str, task: u32, output: &str) -> &str {
        self.task(step, task)["outputs"][output]["parts"][0]["digest"].as_str().unwrap()
    }

    /// The functions of the first version of a model, in their order.
    fn pipeline(&self, model: &str) -> Vec<String> {
        let versions = self.place.records(&format!("models/{model}/versions"));
        let stages = versions["000001.json"]["pipeline"].as_array().unwrap();
        stages.iter().map(|stage| stage["name"].as_str().unwrap().to_owned()).collect()
    }
}

#[test]
fn regressors_explain_half_and_the_best_is_registered() {
    let example = Example::run("regression");
    for r2 in example.metrics::<3>("evaluate", "r2") {
        assert!((0.45..0.6).contains(&r2), "r2 {r2}");
    }
    let rmse = example.metrics::<3>("evaluate", "rmse");
    let best = (0..3usize).min_by(|a, b| rmse[*a].total_cmp(&rmse[*b])).unwrap();
    let best_model = example.digest("train", u32::try_from(best).unwrap(), "model");
    assert_eq!(example.digest("register", 0, "model"), best_model, "{rmse:?}");
    let algorithm = ["ridge", "lasso", "random-forest"][best];
    assert_eq!(example.pipeline("diabetes"), ["features", algorithm]);
    let used = example.metric("train", 1, "nonzero");
    assert!((1.0..10.0).contains(&used), "lasso leaves some of ten features out: {used}");
}

#[test]
fn digits_are_told_apart_by_their_components() {
    let example = Example::run("multi-class");
    let components = example.metric("reduce", 0, "components");
    assert!((20.0..40.0).contains(&components), "{components} of 64 columns are left");
    assert!(example.metric("reduce", 0, "explained_variance_ratio") >= 0.95);
    let [machine, nearest, bayes] = example.metrics::<3>("evaluate", "accuracy");
    assert!(machine >= 0.98 && nearest >= 0.96 && bayes >= 0.89, "{machine} {nearest} {bayes}");
    assert!(machine > bayes, "{machine} {bayes}");
    assert_eq!(example.pipeline("digits"), ["pca", "svm"]);
}

#[test]
fn flowers_fall_into_groups_like_their_species() {
    let example = Example::run("clustering");
    let [centres, mixture, dense] = example.metrics::<3>("evaluate", "ari");
    assert!((0.55..0.7).contains(&centres), "k-means: {centres}");
    assert!(mixture >= 0.85, "mixtures find the two species that touch: {mixture}");
    // Dense regions: one species, and the two that touch as one, which agree with three classes by half.
    assert!((0.4..0.6).contains(&dense), "DBSCAN: {dense}");
    assert_eq!(example.metric("cluster", 2, "clusters"), 2.0);
    for silhouette in example.metrics::<3>("evaluate", "silhouette") {
        assert!(silhouette > 0.4, "{silhouette}");
    }
}

#[test]
fn anomalies_are_mostly_malignant() {
    let example = Example::run("anomaly-detection");
    let csv = example.text("predict", "predictions");
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("diagnosis,prediction,score_samples,decision_function"));
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 569);
    let anomalies: Vec<_> = rows.iter().filter(|row| row[1] == "-1").collect();
    assert!((55..=59).contains(&anomalies.len()), "a tenth of the rows: {}", anomalies.len());
    let malignant = anomalies.iter().filter(|row| row[0] == "malignant").count() as f64;
    // 37 % of all rows are; the forest has not seen it.
    assert!(malignant / anomalies.len() as f64 > 0.55, "{malignant} of {}", anomalies.len());
    for row in &rows {
        assert_eq!(row[1] == "-1", row[3].parse::<f64>().unwrap() < 0.0, "{row:?}");
    }
}

#[test]
fn sales_are_forecast_better_than_by_the_last_season() {
    let example = Example::run("forecasting");
    let backtest = example.json("forecast", "backtest");
    assert_eq!(backtest["chosen"], "ets");
    assert_eq!(backtest["season_length"], 12);
    let tested = backtest["backtests"].as_array().unwrap();
    let mase: Vec<f64> = tested.iter().map(|one| one["mase"].as_f64().unwrap()).collect();
    assert_eq!(tested[2]["method"], "seasonal-naive");
    assert!(mase[0] < 0.6 && mase[0] < 0.6 * mase[2], "{mase:?}");
    assert_eq!(example.metric("forecast", 0, "backtest:mase"), mase[0]);
    // The noise's mean size is 8 (of deviations 8 and 12): no forecast errs by less for long.
    assert!(example.metric("forecast", 0, "backtest:mae") < 11.0);

    // Of both shops and twelve months; without noise they would be 365.8 on average, by how the series was made.
    let profile = example.json("analyze", "profile");
    assert_eq!(profile["rows"], 24);
    let columns = profile["columns"].as_array().unwrap();
    let names: Vec<&str> = columns.iter().map(|column| column["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["shop", "month", "mean", "p10", "p90"]);
    let mean = |place: usize| columns[place]["numbers"]["mean"].as_f64().unwrap();
    assert!((mean(2) - 365.8).abs() < 6.0, "{}", mean(2));
    assert!(mean(3) < mean(2) - 8.0 && mean(4) > mean(2) + 8.0, "{} {}", mean(3), mean(4));
    assert_eq!(columns[1]["numbers"]["max"], "2024-12-01");
}

#[test]
fn forecasts_are_asked_by_shop_and_month() {
    let place = Place::new();
    fs::copy(root().join("workflow/examples/series.csv"), place.path().join("series.csv")).unwrap();
    place.write("asked.csv", "month,shop\n2024-12-01,harbour\n2024-01-01,station\n");
    let steps = json!({
        "series": { "uses": "extract", "inputs": { "source": "series.csv" } },
        "asked": { "uses": "extract", "inputs": { "source": "asked.csv" } },
        "forecast": {
            "uses": "forecasting",
            "inputs": { "train": "${{ steps.series.outputs.table }}" },
            "with": { "target": "sold", "time": "month", "item_id": "shop", "prediction_length": 12, "method": "ets" },
        },
        "answers": {
            "uses": "batch-predict",
            "inputs": { "model": "${{ steps.forecast.outputs.model }}", "table": "${{ steps.asked.outputs.table }}" },
            "with": { "format": "csv", "include": ["shop"] },
        },
        "forecasts": {
            "uses": "batch-predict",
            "inputs": {
                "model": "${{ steps.forecast.outputs.model }}",
                "table": "${{ steps.forecast.outputs.forecasts }}",
            },
            "with": { "format": "csv", "include": ["shop", "month", "mean"] },
        },
    });
    place.write("w.yaml", json!({ "name": "asked", "steps": steps }).to_string());
    place.run(&["run", "w.yaml"]).expect(0);
    let example = Example { results: place.results(place.runs().last().unwrap()), place };
    let rows = |step: &str| -> Vec<Vec<String>> {
        let text = example.text(step, "predictions");
        text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
    };
    let (answers, all) = (rows("answers"), rows("forecasts"));
    assert_eq!(answers[0], ["shop", "prediction", "p10", "p50", "p90"]);
    assert_eq!(all.len(), 1 + 24);
    // What is asked for is what was forecast.
    assert!(all[1..].iter().all(|row| row[2] == row[3]), "{all:?}");
    let of = |shop: &str, month: &str| all.iter().find(|row| row[0] == shop && row[1] == month).unwrap();
    assert_eq!(answers[1][1..], of("harbour", "2024-12-01")[3..]);
    assert_eq!(answers[2][1..], of("station", "2024-01-01")[3..]);

    // Where the time went.
    let status = example.place.run(&["status", "latest", "--json"]).expect(0);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    let steps = status["steps"].as_array().unwrap();
    let phases = |step: &str| -> Vec<String> {
        let step = steps.iter().find(|own| own["step"] == step).unwrap();
        let phases = step["tasks"][0]["phases"].as_array().unwrap().iter();
        phases.map(|phase| phase["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(phases("forecast"), ["read", "backtest", "fit", "write"]);
    assert_eq!(phases("answers"), ["read", "predict", "write"]);
}

#[test]
fn folds_say_how_sure_a_score_is_and_each_row_is_predicted_once() {
    let example = Example::run("cross-validation");
    let aucs = example.metrics::<5>("boosting", "validation:auc");
    assert!(aucs.iter().all(|auc| *auc > 0.95), "{aucs:?}");
    assert!(aucs.iter().any(|auc| *auc != aucs[0]), "folds differ: {aucs:?}");
    let run = example.place.runs().remove(0);
    let shown = example.place.run(&["tuning", &run, "boosting", "--json"]).expect(0).stdout;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let of = |name: &str| shown[0]["measured"]["validation:auc"][name].as_f64().unwrap();
    let mean = aucs.iter().sum::<f64>() / 5.0;
    let std = (aucs.iter().map(|auc| (auc - mean).powi(2)).sum::<f64>() / 4.0).sqrt();
    assert!((of("mean") - mean).abs() < 1e-12 && (of("std") - std).abs() < 1e-12, "{shown}");
    // The model of the step has seen all rows, and is none of the folds'.
    assert_eq!(example.digest("register", 0, "model"), example.digest("boosting", 5, "model"));
    let rows = |step: &str, metric: &str| example.metrics::<5>(step, metric).iter().sum::<f64>();
    assert_eq!(rows("boosting-folds", "test_rows"), 569.0);
    assert_eq!(rows("boosting-folds", "train_rows"), 4.0 * 569.0);
    // What `evaluate` finds in a fold is what training has found there.
    for (fold, auc) in aucs.iter().enumerate() {
        let found = example.metric("boosting-predictions", u32::try_from(fold).unwrap(), "auc");
        assert!((found - auc).abs() < 1e-9, "{found} {auc}");
    }
}

#[test]
fn a_search_that_learns_finds_good_parameters_and_shows_its_trials() {
    let example = Example::run("tuning");
    let run = example.place.runs().remove(0);
    let shown = example.place.run(&["tuning", &run, "--json"]).expect(0).stdout;
    let searches: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(searches[0]["objective"], "minimize validation:logloss_mean");
    let trials = searches[0]["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 16);
    let losses: Vec<f64> = trials.iter().map(|trial| trial["objective"].as_f64().unwrap()).collect();
    assert!(losses.is_sorted(), "the best first: {losses:?}");
    for trial in trials {
        let params = &trial["params"];
        let has = |name: &str| !params[name].is_null();
        assert_eq!(has("max_leaves"), params["grow_policy"] == "lossguide", "{trial}");
        assert_eq!(has("max_depth"), params["grow_policy"] == "depthwise", "{trial}");
        let tasks: Vec<u32> = serde_json::from_value(trial["tasks"].clone()).unwrap();
        let of = |task: &u32| example.metric("train", *task, "validation:logloss");
        let mean = tasks.iter().map(of).sum::<f64>() / 3.0;
        assert!((mean - trial["objective"].as_f64().unwrap()).abs() < 1e-12, "{trial}");
    }
    let first = trials.iter().find(|trial| trial["trial"] == 0).unwrap();
    assert_eq!(first["params"], json!({ "eta": 0.3, "grow_policy": "depthwise", "max_depth": 6 }));
    assert_eq!(example.digest("register", 0, "model"), example.digest("train", 48, "model"));
    assert!(example.metric("evaluate", 0, "auc") >= 0.97);
    let table = example.place.run(&["tuning", &run, "train"]).expect(0).stdout;
    assert!(table.contains("grow_policy") && table.contains("validation:auc"), "{table}");
    assert!(table.contains("bayesian, minimize validation:logloss_mean, 3 folds"), "{table}");
    let told = example.place.run(&["tuning", &run, "evaluate"]).expect(2).stderr;
    assert!(told.contains("has neither `tune` nor `cross-validate`"), "{told}");
}

//! The function as a whole, against the SDK's host in memory.

use std::{fmt::Write as _, sync::Arc};

use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use fn_evaluate::Evaluate;
use millstream_sdk::{
    Failure, Level, Summary, column, invalid_input,
    table::batch_of,
    testing::Host,
    unseen::{Novelty, Unseen},
};
use serde_json::{Value, json};

/// Whether the environment asks for the pages: `REPORTS=folder cargo test` leaves them there to be looked at.
fn keep(name: &str, host: &Host) {
    if let Some(folder) = std::env::var_os("REPORTS") {
        std::fs::write(std::path::Path::new(&folder).join(name), host.output("report")).unwrap();
    }
}

fn draws() -> impl FnMut() -> f64 {
    let mut state = 7u64;
    move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A logistic model of `x`; refuses a missing one.
fn binary(rows: &RecordBatch) -> Result<RecordBatch, Failure> {
    let x = column::numbers(rows, "x")?;
    if let Some(row) = x.iter().position(|x| x.is_nan()) {
        return Err(invalid_input("x is missing").row(row as u64 + 1).column("x"));
    }
    let yes: Vec<f64> = x.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect();
    let label: StringArray = yes.iter().map(|p| Some(if *p >= 0.5 { "yes" } else { "no" })).collect();
    batch_of([
        ("prediction", Arc::new(label) as ArrayRef),
        ("probability_no", Arc::new(yes.iter().map(|p| Some(1.0 - p)).collect::<Float64Array>())),
        ("probability_yes", Arc::new(yes.iter().map(|p| Some(*p)).collect::<Float64Array>())),
    ])
}

fn binary_host(csv: &str) -> Host {
    let about =
        json!({"name": "m", "stages": [], "task": "binary", "target": "churned", "classes": ["no", "yes"]});
    Host::new().csv("test", csv).model("model", about, binary)
}

fn metric(summary: &Summary, name: &str) -> f64 {
    summary.metrics.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("no {name}")).1
}

fn refusal(host: Host, params: &str) -> String {
    host.run::<Evaluate>(params).unwrap_err().to_string()
}

#[test]
fn what_the_model_has_not_seen_is_in_every_output() {
    let (example, near) = (Some(" <b>nurse".to_owned()), Some("<b>nurse".to_owned()));
    let found = vec![
        Unseen { column: "job".to_owned(), novelty: Novelty::Category, rows: 1, example, near },
        Unseen { column: "x".to_owned(), novelty: Novelty::OutOfRange, rows: 3, example: None, near: None },
    ];
    let host = binary_host("x,churned\n1,yes\n-1,no\n2,yes\n0,no\n").unseen(found);
    let summary = host.run::<Evaluate>(r#"{"max_unknown": 0.25}"#).unwrap();
    assert_eq!((metric(&summary, "unknown_share"), metric(&summary, "out_of_range")), (0.25, 3.0));
    assert_eq!(metric(&summary, "unknown:job"), 0.25);
    let unseen = host.json("metrics")["unseen"].clone();
    let expected = json!([
        {"column": "x", "novelty": "out-of-range", "rows": 3, "share": 0.75},
        {"column": "job", "novelty": "category", "rows": 1, "share": 0.25, "example": " <b>nurse", "near": "<b>nurse"},
    ]);
    assert_eq!(unseen, expected);
    let page = String::from_utf8(host.output("report")).unwrap();
    assert!(
        page.contains("Not seen in training") && page.contains("did the data mean `&lt;b&gt;nurse`?"),
        "{page}"
    );
    assert_eq!(
        host.logs().iter().filter(|(level, line)| *level == Level::Warn && line.contains("rows (")).count(),
        2
    );
    let refusal = host.run::<Evaluate>(r#"{"max_unknown": 0.2}"#).unwrap_err().to_string();
    assert!(refusal.contains("input `test`, column `job`"), "{refusal}");
}

#[test]
fn two_classes() {
    let mut csv = "x,churned\n".to_owned();
    let mut draw = draws();
    for _ in 0..1000 {
        let x = draw() * 8.0 - 4.5;
        writeln!(csv, "{x},{}", if draw() < 1.0 / (1.0 + (-1.3 * x).exp()) { "yes" } else { "no" }).unwrap();
    }
    let host = binary_host(&csv);
    let summary = host.run::<Evaluate>(r#"{"batch_rows": 300}"#).unwrap();
    keep("binary.html", &host);
    assert!(metric(&summary, "auc") > 0.85 && metric(&summary, "accuracy") > 0.8);
    let found = host.json("metrics");
    assert_eq!(
        (&found["task"], &found["positive"], &found["rows"]),
        (&json!("binary"), &json!("yes"), &json!(1000))
    );
    assert!((found["metrics"]["auc"].as_f64().unwrap() - metric(&summary, "auc")).abs() < 1e-12);
    assert_eq!(found["metrics"]["auc"], found["curves"][0]["auc"]);
    assert!(found["curves"][0]["roc"]["x"].as_array().unwrap().len() <= 512);
    let total: f64 = found["confusion"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|row| row.as_array().unwrap())
        .map(|n| n.as_f64().unwrap())
        .sum();
    assert_eq!(total, 1000.0);
    let predictions = host.table("predictions");
    let names: Vec<_> = predictions.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["churned", "prediction", "probability_no", "probability_yes"]);
    assert_eq!(predictions.num_rows(), 1000);
    assert_eq!(host.progress().last(), Some(&(1000, Some(1000))));
    let page = String::from_utf8(host.output("report")).unwrap();
    assert!(page.contains("ROC curve") && page.contains("Confusion matrix") && !page.contains("NaN"));
}

#[test]
fn the_json_keeps_its_shape() {
    let host = binary_host("x,churned\n2,yes\n-1,no\n0.5,no\n-0.5,yes\n3,yes\n-2,no\n");
    host.run::<Evaluate>(r#"{"calibration_bins": 2}"#).unwrap();
    let mut found = host.json("metrics");
    // Nineteen alike.
    found["thresholds"].as_array_mut().unwrap().truncate(1);
    insta::assert_json_snapshot!(found);
}

#[test]
fn threshold_and_positive_class_change_the_figures() {
    let csv = "x,churned\n2,yes\n-1,no\n0.5,no\n-0.5,yes\n";
    let run = |params: &str| binary_host(csv).run::<Evaluate>(params).unwrap();
    let half = run("{}");
    assert_eq!((metric(&half, "precision"), metric(&half, "recall")), (0.5, 0.5));
    let low = run(r#"{"threshold": 0.3}"#);
    assert_eq!((metric(&low, "precision"), metric(&low, "recall")), (2.0 / 3.0, 1.0));
    let no = run(r#"{"positive": "no"}"#);
    assert_eq!(metric(&no, "auc"), metric(&half, "auc"));
    assert_eq!((metric(&no, "precision"), metric(&no, "recall")), (0.5, 0.5));
    let strict = run(r#"{"positive": "no", "threshold": 0.7}"#);
    assert_eq!((metric(&strict, "precision"), metric(&strict, "recall")), (1.0, 0.5));
}

#[test]
fn rows_may_be_weighted() {
    let csv = "x,churned,w\n2,yes,1\n-1,no,1\n1,no,0\n";
    let summary = binary_host(csv).run::<Evaluate>(r#"{"weight": "w"}"#).unwrap();
    assert_eq!(metric(&summary, "accuracy"), 1.0);
}

#[test]
fn one_class_leaves_some_metrics_undefined() {
    let host = binary_host("x,churned\n2,yes\n-1,yes\n");
    let summary = host.run::<Evaluate>("{}").unwrap();
    assert!(!summary.metrics.iter().any(|(name, _)| name == "auc"));
    assert_eq!(host.json("metrics")["metrics"]["auc"], Value::Null);
    assert!(host.logs().iter().any(|(_, line)| line.contains("`auc` is undefined")));
}

/// Three classes in one dimension; probabilities fall with the distance to their centres. No column `probability_`
/// when `x` is called `z`.
fn multiclass(rows: &RecordBatch) -> Result<RecordBatch, Failure> {
    let x = column::numbers(rows, "x")?;
    let proba: Vec<[f64; 3]> = x
        .iter()
        .map(|x| {
            let near = [0.0, 2.0, 4.0].map(|centre: f64| (-(x - centre).powi(2)).exp());
            near.map(|n| n / near.iter().sum::<f64>())
        })
        .collect();
    let best = |p: &[f64; 3]| (0..3).fold(0, |best, i| if p[i] > p[best] { i } else { best });
    let of =
        |class: usize| Arc::new(proba.iter().map(|p| Some(p[class])).collect::<Float64Array>()) as ArrayRef;
    let label: Int64Array = proba.iter().map(|p| Some(best(p) as i64 + 3)).collect();
    batch_of([
        ("prediction", Arc::new(label) as ArrayRef),
        ("probability_3", of(0)),
        ("probability_4", of(1)),
        ("probability_5", of(2)),
    ])
}

fn multiclass_host(csv: &str) -> Host {
    let about = json!({"task": "multiclass", "target": "quality", "classes": [3, 4, 5]});
    Host::new().csv("test", csv).model("model", about, multiclass)
}

#[test]
fn several_classes() {
    let mut csv = "x,quality\n".to_owned();
    let mut draw = draws();
    for i in 0..600 {
        writeln!(csv, "{},{}", f64::from(i % 3) * 2.0 + (draw() + draw() + draw() - 1.5) * 2.0, i % 3 + 3)
            .unwrap();
    }
    let host = multiclass_host(&csv);
    let summary = host.run::<Evaluate>("{}").unwrap();
    keep("multiclass.html", &host);
    assert_eq!(metric(&summary, "f1"), metric(&summary, "f1_macro"));
    assert!(metric(&summary, "auc_ovr") > 0.85);
    let found = host.json("metrics");
    assert_eq!((found["curves"].as_array().unwrap().len(), &found["classes"]), (3, &json!(["3", "4", "5"])));
    let weighted = host.run::<Evaluate>(r#"{"average": "weighted"}"#).unwrap();
    assert_eq!(metric(&weighted, "f1"), metric(&weighted, "f1_weighted"));
    // Whole floats are the integers of the model.
    assert!(
        multiclass_host("x,quality\n0,3.0\n2,4.0\n4,\n".replace(",\n", ",5.5\n").as_str())
            .run::<Evaluate>("{}")
            .is_err()
    );
    assert_eq!(
        metric(&multiclass_host("x,quality\n0,3.0\n2,4.0\n").run::<Evaluate>("{}").unwrap(), "accuracy"),
        1.0
    );
}

fn regression_host(csv: &str) -> Host {
    let about = json!({"task": "regression", "target": "price"});
    Host::new().csv("test", csv).model("model", about, |rows| {
        let x = column::numbers(rows, "x")?;
        batch_of([(
            "prediction",
            Arc::new(x.iter().map(|x| Some(2.0 * x)).collect::<Float64Array>()) as ArrayRef,
        )])
    })
}

#[test]
fn numbers() {
    let mut csv = "x,price\n".to_owned();
    let mut draw = draws();
    for _ in 0..800 {
        let x = draw() * 100.0;
        writeln!(csv, "{x},{}", 2.0 * x + (draw() + draw() + draw() - 1.5) * 0.4 * x).unwrap();
    }
    let host = regression_host(&csv);
    host.run::<Evaluate>("{}").unwrap();
    keep("regression.html", &host);
    let page = String::from_utf8(host.output("report")).unwrap();
    assert!(page.contains("Residuals") && !page.contains("NaN"));

    let host = regression_host("x,price\n1,3\n2,4\n3,5\n");
    let summary = host.run::<Evaluate>("{}").unwrap();
    let close = |name: &str, value: f64| assert!((metric(&summary, name) - value).abs() < 1e-12, "{name}");
    close("rmse", (2.0f64 / 3.0).sqrt());
    close("mae", 2.0 / 3.0);
    close("r2", 0.0);
    close("max_error", 1.0);
    close("mape", (1.0 / 3.0 + 0.2) / 3.0);
    assert_eq!(host.json("metrics")["worst"][0], json!({"row": 1, "truth": 3.0, "predicted": 2.0}));
}

fn clusters(rows: &RecordBatch) -> Result<RecordBatch, Failure> {
    let x = column::numbers(rows, "x")?;
    let label: Int64Array = x.iter().map(|x| Some(i64::from(*x > 5.0))).collect();
    batch_of([("prediction", Arc::new(label) as ArrayRef)])
}

#[test]
fn groups() {
    let csv = "x,y,kind\n0,0,a\n1,0,a\n0,1,a\n9,9,b\n10,9,b\n9,10,b\n";
    let host = Host::new().csv("test", csv).model(
        "model",
        json!({"task": "clustering", "features": ["x", "y"]}),
        clusters,
    );
    let summary = host.run::<Evaluate>("{}").unwrap();
    assert!(metric(&summary, "silhouette") > 0.8);
    assert_eq!(host.json("metrics")["features"], json!(["x", "y"]));
    let summary = host.run::<Evaluate>(r#"{"target": "kind"}"#).unwrap();
    keep("clustering.html", &host);
    assert_eq!((metric(&summary, "ari"), metric(&summary, "nmi")), (1.0, 1.0));
    let missing =
        Host::new().csv("test", "x,y\n0,\n9,1\n").model("model", json!({"task": "clustering"}), clusters);
    let failure = refusal(missing, "{}");
    assert!(failure.contains("row 1, column `y`"), "{failure}");
}

#[test]
fn bad_tests_are_refused_with_their_place() {
    let failure = refusal(binary_host("x,churn\n1,yes\n"), "{}");
    assert!(
        failure.contains("input `test`, column `churned`") && failure.contains("did you mean `churn`?"),
        "{failure}"
    );
    let failure = refusal(binary_host("x,churned\n1,yes\n2,maybe\n"), "{}");
    assert!(
        failure.starts_with("input `test`, row 2, column `churned`: the class `maybe` is unknown"),
        "{failure}"
    );
    let failure = refusal(binary_host("x,churned\n1,yes\n2,\n"), "{}");
    assert!(failure.starts_with("input `test`, row 2, column `churned`"), "{failure}");
    let failure = refusal(binary_host("x,churned\n1,yes\n2,no\n,no\n"), r#"{"batch_rows": 2}"#);
    assert_eq!(failure, "input `test`, row 3, column `x`: x is missing");
    assert!(refusal(binary_host("x,churned\n"), "{}").contains("no rows"));
    let failure = refusal(regression_host("x,price\n1,2\n2,\n"), "{}");
    assert!(failure.starts_with("input `test`, row 2, column `price`"), "{failure}");
    let failure = refusal(regression_host("x,price\n1,2\n2,inf\n"), "{}");
    assert!(failure.contains("row 2") && failure.contains("infinite"), "{failure}");
}

#[test]
fn bad_parameters_and_models_are_refused() {
    let csv = "x,churned\n1,yes\n";
    assert!(refusal(binary_host(csv), r#"{"positive": "y"}"#).contains("allowed: `no`, `yes`"));
    assert!(refusal(binary_host(csv), r#"{"threshold": 1.5}"#).contains("out of range"));
    assert!(
        refusal(multiclass_host("x,quality\n1,3\n"), r#"{"positive": "3"}"#)
            .starts_with("parameter `positive`")
    );
    let two = binary_host(csv).part("model", "b", "application/vnd.millstream.model+json", "[]");
    assert!(refusal(two, "{}").contains("for-each"));
    let silent = Host::new().csv("test", csv).model("model", json!({}), binary);
    assert!(refusal(silent, "{}").starts_with("parameter `task`"));
    let features = Host::new().csv("test", csv).model("model", json!({"task": "transform"}), binary);
    assert!(refusal(features, "{}").contains("train an algorithm"));
    let odd = Host::new().csv("test", csv).model(
        "model",
        json!({"task": "binary", "target": "churned", "classes": ["no", "yes"]}),
        |rows| {
            let one = Arc::new(Float64Array::from(vec![1.5; rows.num_rows()])) as ArrayRef;
            let label = Arc::new(StringArray::from(vec!["yes"; rows.num_rows()])) as ArrayRef;
            assert_eq!(label.len(), 1);
            batch_of([("prediction", label), ("probability_no", one.clone()), ("probability_yes", one)])
        },
    );
    assert!(
        matches!(odd.run::<Evaluate>("{}"), Err(Failure::Internal(message)) if message.contains("not a probability"))
    );
}

/// The farther `x` is from 0, the odder; rows beyond 3 are anomalies.
fn detector(rows: &RecordBatch) -> Result<RecordBatch, Failure> {
    let x = column::numbers(rows, "x")?;
    let margins: Vec<f64> = x.iter().map(|x| 3.0 - x.abs()).collect();
    let label: Int64Array = margins.iter().map(|m| Some(if *m < 0.0 { -1 } else { 1 })).collect();
    batch_of([
        ("prediction", Arc::new(label) as ArrayRef),
        ("decision_function", Arc::new(Float64Array::from(margins))),
    ])
}

fn detector_host(csv: &str) -> Host {
    let about = json!({"name": "m", "stages": [], "task": "anomaly-detection", "features": ["x"]});
    Host::new().csv("test", csv).model("model", about, detector)
}

#[test]
fn anomalies_without_labels() {
    let host = detector_host("x\n0\n-9\n1\n4\n2\n");
    let summary = host.run::<Evaluate>("{}").unwrap();
    assert_eq!(summary.metrics[0], ("anomalies".to_owned(), 0.4));
    let found = host.json("metrics");
    assert_eq!((&found["task"], &found["anomalies"]), (&json!("anomaly-detection"), &json!(2)));
    assert_eq!(found["most"][0], json!({"row": 2, "decision_function": -6.0}));
    let page = String::from_utf8(host.output("report")).unwrap();
    assert!(page.contains("Most unlike the others") && !page.contains("NaN"));
}

#[test]
fn anomalies_with_labels() {
    let tables = [
        ("x,odd\n0,0\n-9,1\n1,0\n4,0\n2,1\n", r#"{"target": "odd"}"#),
        ("x,odd\n0,false\n-9,true\n1,false\n4,false\n2,true\n", r#"{"target": "odd"}"#),
        ("x,odd\n0,1\n-9,-1\n1,1\n4,1\n2,-1\n", r#"{"target": "odd"}"#),
        ("x,odd\n0,no\n-9,fraud\n1,no\n4,late\n2,fraud\n", r#"{"target": "odd", "positive": "fraud"}"#),
    ];
    for (csv, params) in tables {
        let host = detector_host(csv);
        let summary = host.run::<Evaluate>(params).unwrap();
        keep("anomalies.html", &host);
        // Of pairs of an anomaly and another row only 2 and 4 stand the wrong way round.
        assert!((metric(&summary, "auc") - 5.0 / 6.0).abs() < 1e-12, "{csv}");
        assert!((metric(&summary, "average_precision") - (1.0 + 2.0 / 3.0) / 2.0).abs() < 1e-12);
        assert_eq!((metric(&summary, "precision"), metric(&summary, "recall")), (0.5, 0.5));
        assert_eq!((metric(&summary, "f1"), metric(&summary, "anomalies")), (0.5, 0.4));
        let found = host.json("metrics");
        assert_eq!(found["confusion"], json!([[2.0, 1.0], [1.0, 1.0]]));
        let page = String::from_utf8(host.output("report")).unwrap();
        assert!(page.contains("ROC curve") && page.contains("Confusion matrix") && !page.contains("NaN"));
    }
    let one = detector_host("x,odd\n0,no\n-9,no\n");
    let text = refusal(one.clone(), r#"{"target": "odd"}"#);
    assert!(text.contains("parameter `positive`"), "{text}");
    let summary = one.run::<Evaluate>(r#"{"target": "odd", "positive": "yes"}"#).unwrap();
    assert_eq!(metric(&summary, "anomalies"), 0.5);
    assert!(one.logs().iter().any(|(_, line)| line.contains("`auc` is undefined")));
    let text = refusal(detector_host(tables[0].0), r#"{"target": "odd", "positive": "2"}"#);
    assert!(text.contains("parameter `positive`") && text.contains("`0`, `1`"), "{text}");
}

#[test]
fn rankings_are_judged_by_group() {
    let about = json!({"name": "m", "stages": [], "task": "regression", "target": "grade"});
    let model = |rows: &RecordBatch| {
        batch_of([("prediction", Arc::new(Float64Array::from(column::numbers(rows, "x")?)) as ArrayRef)])
    };
    let csv = "query,x,grade\na,0.1,2\nb,5,1\na,0.9,0\nb,-5,0\na,0.5,1\nc,1,0\n";
    let host = Host::new().csv("test", csv).model("model", about.clone(), model);
    let summary = host.run::<Evaluate>(r#"{"group": "query", "top": 1}"#).unwrap();
    assert!((metric(&summary, "ndcg_at_k") - 2.0 / 3.0).abs() < 1e-12);
    assert!((metric(&summary, "map") - (7.0 / 12.0 + 2.0) / 3.0).abs() < 1e-12);
    assert!(metric(&summary, "ndcg") < 1.0 && summary.message.contains("ndcg"));
    let found = host.json("metrics");
    assert_eq!((&found["task"], &found["groups"]), (&json!("ranking"), &json!(3)));
    assert!(String::from_utf8(host.output("report")).unwrap().contains("Ranking"));
    let text = refusal(host, r#"{"task": "ranking"}"#);
    assert!(text.contains("parameter `group`"), "{text}");
    let bad = Host::new().csv("test", "query,x,grade\na,1,-1\n").model("model", about, model);
    let text = refusal(bad, r#"{"group": "query"}"#);
    assert!(text.contains("input `test`, row 1"), "{text}");
    let classes = binary_host("x,churned,query\n2,yes,a\n-1,no,a\n");
    assert!(refusal(classes, r#"{"group": "query"}"#).contains("parameter `group`"));
}

#[test]
fn too_many_classes_are_refused_by_the_column() {
    let csv = (0..1_500).fold("x,y\n".to_owned(), |csv, row| format!("{csv}{row},c{row}\n"));
    let about = json!({"name": "m", "stages": [], "task": "multiclass", "target": "y"});
    let host = Host::new()
        .csv("test", &csv)
        .model("model", about, |rows| batch_of([("prediction", column::get(rows, "y")?.clone())]));
    let refusal = refusal(host, "{}");
    assert!(refusal.contains("input `test`, column `y`: there are 1500 classes"), "{refusal}");
}

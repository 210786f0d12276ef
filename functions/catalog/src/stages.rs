//! The stages.

use crate::function::{Example, Function, Input, Learns};
use millstream_sdk::arrow_array::RecordBatch;
use millstream_sdk::model::Loaded;
use millstream_sdk::testing::Host;
use serde_json::{Value, json};

/// All that train nothing.
pub fn stages() -> Vec<Function> {
    vec![
        Function::stage::<fn_extract::Extract>().and(read(json!({}))),
        Function::stage::<fn_analyze::Analyze>()
            .example(Learns::Rows, json!({}))
            .variant(Learns::Classes, json!({ "target": "label", "columns": ["a", "b", "gaps", "month"] })),
        Function::stage::<fn_split::Split>()
            .example(Learns::Rows, json!({ "train": 0.8, "test": 0.2 }))
            .variant(Learns::Classes, json!({ "train": 0.7, "test": 0.3, "stratify": "label" })),
        process(),
        features(),
        Function::stage::<fn_onnx::Import>()
            .model::<fn_onnx::Imported>()
            .foreign("functions/stages/onnx/tests/reference/logistic.onnx")
            .foreign("functions/stages/onnx/tests/reference/tree.onnx")
            .foreign("functions/stages/onnx/tests/reference/mixed.onnx"),
        Function::stage::<fn_evaluate::Evaluate>().and(ask("test", json!({}))),
        Function::stage::<fn_batch_predict::BatchPredict>().and(ask("table", json!({}))),
    ]
}

fn process() -> Function {
    Function::stage::<fn_process::Process>()
        .model::<fn_process::RowSteps>()
        .variant(
            Learns::Rows,
            json!({
                "target": "value",
                "steps": [
                    { "drop": ["pairs", "query"] },
                    { "strip": { "columns": "label" } },
                    { "recode": { "column": "label", "values": { "yes": 1, "no": 0 }, "to": "code" } },
                    { "derive": { "ab": "a * b + abs(c)", "year": "year(month)", "early": "month < DATE '1992-01-01'" } },
                    { "clip": { "columns": ["d", "e"], "lower": -1, "upper": 1 } },
                    { "fill-missing": { "columns": "gaps", "value": 0 } },
                ],
            }),
        )
        .variant(
            Learns::Rows,
            json!({
                "steps": [
                    { "filter": "a > 0 OR flag" },
                    { "window": { "columns": { "before": "lag(value)" }, "partition-by": "label", "order-by": "row" } },
                    { "fill-missing": { "columns": "gaps", "method": "median" } },
                    { "sample": { "fraction": 0.5 } },
                    { "sql": "SELECT label, count(*) AS n, avg(before) AS mean FROM self GROUP BY label ORDER BY label" },
                ],
            }),
        )
}

fn features() -> Function {
    Function::stage::<fn_features::Features>()
        .model::<fn_features::Fitted>()
        .variant(
            Learns::Rows,
            json!({
                "target": "value",
                "columns": {
                    "a": "min-max", "b": "standard", "gaps": "impute:mean", "label": "one-hot", "month": "date-parts",
                    "pairs": "drop",
                },
            }),
        )
        .variant(
            Learns::Rows,
            json!({
                "columns": { "label": "ordinal", "month": "drop", "flag": "passthrough", "pairs": "drop" },
                "handle_unknown": "error",
            }),
        )
        .variant(
            Learns::Rows,
            json!({
                "target": "flag",
                "columns": {
                    "a": ["power:yeo-johnson", { "spline": { "degree": 2 } }], "b": "quantile:normal", "c": ["binning:quantile", "one-hot"],
                    "d": "robust", "e": "max-abs", "gaps": { "impute": { "strategy": "knn", "add_indicator": true } },
                    "month": { "date-parts": { "cyclic": true } }, "label": "target", "query": "frequency", "count": "log1p",
                    "above": { "hashing": { "n_features": 4 } }, "pairs": "drop",
                },
                "combine": [{ "interactions": { "columns": ["d", "e"] } }, { "pca": { "columns": ["a_*"], "n_components": 2 } }],
                "select": [{ "correlation": 0.99 }, { "mutual-information": { "k": 12 } }],
            }),
        )
        .variant(
            Learns::Rows,
            json!({
                "target": "value",
                "columns": {
                    "type:number": { "impute": { "strategy": "iterative", "max_iter": 2 } }, "label": "tf-idf", "flag": "count",
                    "month": "drop", "pairs": "drop",
                },
            }),
        )
        .variant(
            Learns::Rows,
            json!({
                "default": "drop",
                "columns": { "label": { "text-hash": { "n_features": 3 } }, "above": "log", "flag": { "ordinal": [true, false] } },
            }),
        )
}

fn read(with: Value) -> Example {
    Example {
        learns: Learns::Rows,
        input: Input::Csv("source".into()),
        any_table: false,
        trains: false,
        with,
    }
}

fn ask(table: &str, with: Value) -> Example {
    let input = Input::Model { model: "model".into(), table: table.into() };
    Example { learns: Learns::Numbers, input, any_table: false, trains: false, with }
}

/// A host whose channel `model` has a line through the table's rows.
pub fn answering(host: Host, channel: &str, table: &RecordBatch) -> Host {
    let trained = Host::new().rows("train", table);
    trained.run::<fn_linear_regression::Train>(LINE).expect("a line can be drawn");
    let line: Loaded<fn_linear_regression::Line> = trained.load("model").expect("what was just written");
    let description = serde_json::from_str(&line.describe()).expect("a description is JSON");
    host.model(channel, description, move |rows| line.predict_batch(rows))
}

/// The parameters of that model's training by `linear-regression`.
pub const LINE: &str = r#"{"target": "value", "features": ["a", "b", "c", "d", "e"]}"#;

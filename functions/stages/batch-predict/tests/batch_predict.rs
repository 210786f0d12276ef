//! The function as a whole, against the SDK's host in memory.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray, cast::AsArray, types::Float64Type};
use fn_batch_predict::BatchPredict;
use millstream_sdk::{
    Failure, Level, invalid_input,
    serde_json::json,
    table::batch_of,
    testing::Host,
    unseen::{Novelty, Unseen},
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// A model that answers with x / 3 and a class; a negative x is refused by its row, a missing column as such.
fn predict(rows: &RecordBatch) -> Result<RecordBatch, Failure> {
    let x = millstream_sdk::column::numbers(rows, "x")?;
    if let Some(bad) = x.iter().position(|x| *x < 0.0) {
        return Err(invalid_input("x must not be negative").row(bad as u64 + 1).column("x"));
    }
    let third: Float64Array = x.iter().map(|x| Some(x / 3.0)).collect();
    let class: StringArray = x.iter().map(|x| Some(if *x > 5.0 { "high, or so" } else { "low" })).collect();
    batch_of([("prediction", Arc::new(class) as ArrayRef), ("probability_high", Arc::new(third) as ArrayRef)])
}

fn host(csv: &str) -> Host {
    Host::new().csv("table", csv).model("model", json!({"task": "binary"}), predict)
}

fn text(host: &Host, output: &str) -> String {
    String::from_utf8(host.output(output)).unwrap()
}

#[test]
fn predictions_are_csv_in_input_order() {
    let host = host("x\n1\n9\n4\n");
    let summary = host.run::<BatchPredict>(r#"{"batch_rows": 2}"#).unwrap();
    let expected =
        "prediction,probability_high\nlow,0.3333333333333333\n\"high, or so\",3.0\nlow,1.3333333333333333\n";
    assert_eq!(text(&host, "predictions"), expected);
    let nothing =
        ["unknown_categories", "unknown_share", "newly_missing", "out_of_range"].map(|name| (name, 0.0));
    let expected = [("rows", 3.0), ("errors", 0.0)].into_iter().chain(nothing);
    let expected: Vec<_> = expected.map(|(name, value)| (name.to_owned(), value)).collect();
    assert_eq!(summary.metrics, expected);
    assert!(!host.wrote("errors"));
    assert_eq!(host.progress(), [(2, None), (3, None)]);
    let part = &host.outputs()[0];
    assert_eq!((part.name.as_str(), part.media_type.as_str()), ("predictions.csv", "text/csv"));
}

/// Two of four rows have a category that the model does not know.
fn unknown() -> Vec<Unseen> {
    let (example, near) = (Some(" nurse".to_owned()), Some("nurse".to_owned()));
    vec![Unseen { column: "job".to_owned(), novelty: Novelty::Category, rows: 2, example, near }]
}

#[test]
fn what_the_model_has_not_seen_is_said_and_may_be_too_much() {
    let host = host("x,job\n1, nurse\n9,nurse\n4, nurse\n-2,x\n").unseen(unknown());
    let summary = host.run::<BatchPredict>(r#"{"max_unknown": 0.7}"#).unwrap();
    // A record that was not predicted is no row of the model's.
    assert!(summary.metrics.contains(&("unknown:job".to_owned(), 2.0 / 3.0)), "{summary:?}");
    assert!(summary.metrics.contains(&("unknown_categories".to_owned(), 2.0)), "{summary:?}");
    let warned = host.logs().into_iter().any(|(level, line)| {
        level == Level::Warn
            && line.contains("column `job`: 2 of 3 rows")
            && line.contains("did the data mean `nurse`?")
    });
    assert!(warned, "{:?}", host.logs());
    let refusal = host.run::<BatchPredict>(r#"{"max_unknown": 0.5}"#).unwrap_err().to_string();
    assert!(
        refusal.contains("input `table`, column `job`") && refusal.contains("`max_unknown` is 0.5"),
        "{refusal}"
    );
    assert!(
        host.run::<BatchPredict>(r#"{"max_unknown": 1.5}"#).unwrap_err().to_string().contains("max_unknown")
    );
}

#[test]
fn columns_are_joined_and_chosen() {
    let host = host("id,x,name\n7,1,a\n8,,b\n");
    host.run::<BatchPredict>(
        r#"{"include": ["name", "id"], "columns": ["probability_high"], "header": false}"#,
    )
    .unwrap();
    assert_eq!(text(&host, "predictions"), "a,7,0.3333333333333333\nb,8,\n");
    host.run::<BatchPredict>(r#"{"include": "all", "format": "json-lines"}"#).unwrap();
    let lines = text(&host, "predictions");
    let first: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(
        first,
        json!({"id": 7, "x": 1, "name": "a", "prediction": "low", "probability_high": 1.0 / 3.0})
    );
    assert!(lines.contains("\"probability_high\":null"));
}

#[test]
fn bad_records_go_to_the_error_file() {
    let host = host("x,name\n-1,a\n2,b\n-3,c\n4,\"d, e\"\n");
    let summary = host
        .run::<BatchPredict>(r#"{"batch_rows": 1, "include": ["name"], "columns": ["prediction"]}"#)
        .unwrap();
    assert_eq!(text(&host, "predictions"), "name,prediction\na,\nb,low\nc,\n\"d, e\",low\n");
    let lines: Vec<serde_json::Value> =
        text(&host, "errors").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    let expected = json!({"row": 3, "column": "x", "message": "x must not be negative", "record": {"x": -3, "name": "c"}});
    assert_eq!(lines[1], expected);
    assert_eq!(summary.metrics[1].1, 2.0);
    // The same from one batch.
    let before = text(&host, "errors");
    host.run::<BatchPredict>("{}").unwrap();
    assert_eq!(text(&host, "errors"), before);
}

#[test]
fn too_many_bad_records_fail_the_job() {
    let failure = host("x\n1\n-2\n-3\n").run::<BatchPredict>(r#"{"max_errors": 1}"#).unwrap_err().to_string();
    assert!(failure.starts_with("input `table`, row 2, column `x`: more than 1 records"), "{failure}");
    let failure = host("x\n1\n-2\n").run::<BatchPredict>(r#"{"max_errors": 0}"#).unwrap_err().to_string();
    assert!(failure.contains("row 2") && failure.contains("x must not be negative"), "{failure}");
    let failure = host("x\n-1\n-2\n").run::<BatchPredict>("{}").unwrap_err().to_string();
    assert!(failure.contains("none of the 2 records"), "{failure}");
}

#[test]
fn a_missing_column_fails_at_once() {
    let failure = host("y\n1\n2\n").run::<BatchPredict>("{}").unwrap_err().to_string();
    assert!(failure.contains("input `table`") && failure.contains("no column `x`"), "{failure}");
}

#[test]
fn shards_take_their_rows_and_count_over_the_whole_table() {
    let csv = "x\n1\n2\n3\n4\n-5\n6\n7\n";
    let mut joined = String::new();
    for shard in 0..3 {
        let host = host(csv).shard(shard, 3);
        host.run::<BatchPredict>(r#"{"header": false, "columns": ["probability_high"]}"#).unwrap();
        joined.push_str(&text(&host, "predictions"));
        if host.wrote("errors") {
            assert!(text(&host, "errors").contains("\"row\":5"));
        }
        assert_eq!(host.progress().last().unwrap().1, Some(if shard < 2 { 2 } else { 3 }));
    }
    let whole = host(csv);
    whole.run::<BatchPredict>(r#"{"header": false, "columns": ["probability_high"]}"#).unwrap();
    assert_eq!(joined, text(&whole, "predictions"));
}

#[test]
fn an_empty_table_has_a_header() {
    let host = host("x\n");
    host.run::<BatchPredict>("{}").unwrap();
    assert_eq!(text(&host, "predictions"), "prediction,probability_high\n");
}

#[test]
fn parquet_and_arrow_read_back() {
    let csv = format!("x\n{}", (0..1000).map(|i| format!("{i}\n")).collect::<String>());
    let host = host(&csv);
    host.run::<BatchPredict>(r#"{"format": "arrow", "include": "all"}"#).unwrap();
    let arrow = host.table("predictions");
    assert_eq!((arrow.num_rows(), arrow.num_columns()), (1000, 3));
    host.run::<BatchPredict>(r#"{"format": "parquet", "batch_rows": 300, "include": "all"}"#).unwrap();
    let bytes = host.output("predictions");
    assert_eq!(host.outputs()[0].name, "predictions.parquet");
    let reader = ParquetRecordBatchReaderBuilder::try_new(parquet_bytes(bytes)).unwrap().build().unwrap();
    let mut at = 0;
    for batch in reader {
        let batch = batch.unwrap();
        let values = batch.column(2).as_primitive::<Float64Type>();
        assert!((0..values.len()).all(|i| values.value(i) == (at + i) as f64 / 3.0));
        at += batch.num_rows();
    }
    assert_eq!(at, 1000);
}

fn parquet_bytes(bytes: Vec<u8>) -> bytes::Bytes {
    bytes.into()
}

#[test]
fn what_cannot_be_asked_for_is_refused() {
    let refusal =
        |params: &str| host("x,prediction\n1,2\n").run::<BatchPredict>(params).unwrap_err().to_string();
    assert!(refusal(r#"{"include": "all"}"#).contains("both have a column `prediction`"));
    assert!(refusal(r#"{"include": ["z"]}"#).contains("no column `z`"));
    assert!(refusal(r#"{"columns": ["predicton"]}"#).contains("did you mean `prediction`?"));
    assert!(refusal(r#"{"format": "xml"}"#).starts_with("parameter `format`"));
    assert!(refusal(r#"{"batch_rows": 0}"#).contains("out of range"));
    let two = host("x\n1\n").part("model", "b", "application/vnd.millstream.model+json", "[]");
    assert!(two.run::<BatchPredict>("{}").unwrap_err().to_string().contains("for-each"));
}

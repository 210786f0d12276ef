//! Files that are read like a table or a model.

use std::sync::Arc;

use fn_extract::Extract;
use millstream_sdk::{
    Level,
    arrow_array::{
        Array, ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, cast::AsArray, types::*,
    },
    arrow_schema::DataType,
    missing::Missing,
    table::batch_of,
    testing::Host,
};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

/// A model that takes `code` and `flag` as text, `x` as numbers, `day` as times in UTC.
fn model() -> Value {
    json!({
        "name": "m", "stages": [], "task": "binary",
        "inputs": [
            {"name": "code", "type": "text", "missing_values": ["?", "-999"]},
            {"name": "flag", "type": "text"},
            {"name": "x", "type": "numbers"},
            {"name": "day", "type": "timestamps", "zone": "UTC"},
        ],
    })
}

fn by_model(
    name: &str,
    parameters: &str,
    bytes: impl Into<Vec<u8>>,
) -> Result<(RecordBatch, Vec<String>), String> {
    let answer = |rows: &RecordBatch| Ok(rows.clone());
    run(Host::new().file("source", name, bytes).model("like", model(), answer), parameters)
}

fn run(host: Host, parameters: &str) -> Result<(RecordBatch, Vec<String>), String> {
    host.run::<Extract>(parameters).map_err(|failure| failure.to_string())?;
    let warnings = host.logs().into_iter().filter(|(level, _)| *level == Level::Warn);
    Ok((host.table("table"), warnings.map(|(_, line)| line).collect()))
}

fn texts<'a>(table: &'a RecordBatch, name: &str) -> Vec<Option<&'a str>> {
    table.column_by_name(name).unwrap().as_string::<i32>().iter().collect()
}

fn floats(table: &RecordBatch, name: &str) -> Vec<Option<f64>> {
    table.column_by_name(name).unwrap().as_primitive::<Float64Type>().iter().collect()
}

#[test]
fn csv_is_read_like_a_model() {
    let csv = "id,code,flag,x,day\n007,02139,TRUE,TRUE,2024-01-31T00:00:00Z\n8,?,FALSE,2.5,\n9,NA,1.0,,\n";
    let (table, logs) = by_model("x.csv", "{}", csv).unwrap();
    assert_eq!(texts(&table, "code"), [Some("02139"), None, Some("NA")]);
    assert_eq!(texts(&table, "flag"), [Some("TRUE"), Some("FALSE"), Some("1.0")]);
    assert_eq!(floats(&table, "x"), [Some(1.0), Some(2.5), None]);
    // What the model does not know is read as usual.
    assert_eq!(texts(&table, "id"), [Some("007"), Some("8"), Some("9")]);
    assert_eq!(logs.len(), 1, "{logs:?}");
    let schema = table.schema();
    assert_eq!(Missing::of(schema.field_with_name("code").unwrap()).unwrap().texts(), ["?", "-999"]);
    assert!(Missing::of(schema.field_with_name("flag").unwrap()).is_none());
    assert!(schema.field_with_name("day").unwrap().data_type().is_temporal());
}

#[test]
fn numbers_for_a_model_may_be_integers_of_any_length() {
    let csv = |x: &str| format!("code,flag,x,day\na,b,{x},\na,b,1,\n");
    for (x, kind) in [
        ("5", DataType::Int64),
        ("9007199254740993", DataType::Int64),
        ("007", DataType::Int64),
        ("0.5", DataType::Float64),
        ("17758512297797920001", DataType::Float64),
        ("TRUE", DataType::Float64),
    ] {
        let (table, _) = by_model("x.csv", "{}", csv(x)).unwrap();
        assert_eq!(table.column_by_name("x").unwrap().data_type(), &kind, "{x}");
    }
}

#[test]
fn what_does_not_fit_is_refused_by_row_and_column() {
    let csv = |row: &str| format!("code,flag,x,day\na,b,1,\n{row}\n");
    for (row, expected) in [
        ("a,b,abc,", "row 2, column `x`: `abc` is not a number, which the model in `like` takes here"),
        ("a,b,2024-01-31,", "row 2, column `x`: `2024-01-31` is not a number"),
        ("a,b,1,2024-01-31T00:00", "row 2, column `day`: `2024-01-31T00:00` is not a time with a zone"),
    ] {
        let refusal = by_model("x.csv", "{}", csv(row)).unwrap_err();
        assert!(refusal.contains(expected), "{refusal}\n{expected}");
    }
    // Late ones, too.
    let mut late = String::from("code,flag,x,day\n");
    (0..70_000).for_each(|row| late.push_str(&format!("a,b,{row},\n")));
    late.push_str("a,b,abc,\n");
    let refusal = by_model("x.csv", "{}", late).unwrap_err();
    assert!(refusal.contains("row 70001, column `x`: `abc` is not a number"), "{refusal}");
    let missing = by_model("x.csv", "{}", "Code,flag,x\na,b,1\n").unwrap_err();
    assert!(missing.contains("lacks columns that the model in `like` takes in: `code`, `day`"), "{missing}");
    assert!(missing.contains("is it `Code`?"), "{missing}");
    // `types` can say otherwise.
    let (table, _) = by_model("x.csv", r#"{"types": {"x": "string"}}"#, csv("a,b,abc,")).unwrap();
    assert_eq!(texts(&table, "x"), [Some("1"), Some("abc")]);
}

#[test]
fn json_lines_are_read_like_a_model() {
    let lines = "{\"code\": \"?\", \"x\": \"7\", \"id\": 1}\n{\"code\": 1e3, \"x\": true, \"flag\": true}\n";
    let (table, logs) = by_model("x.jsonl", "{}", lines).unwrap();
    assert_eq!(texts(&table, "code"), [None, Some("1e3")]);
    assert_eq!(texts(&table, "flag"), [None, Some("true")]);
    assert_eq!(floats(&table, "x"), [Some(7.0), Some(1.0)]);
    // Objects may leave out what is missing.
    assert_eq!(table.column_by_name("day").unwrap().null_count(), 2);
    assert!(logs.len() == 1 && logs[0].contains("no object has the key `day`"), "{logs:?}");
    let refusal = by_model("x.jsonl", "{}", "{\"x\": \"seven\"}\n").unwrap_err();
    assert!(refusal.contains("row 1, column `x`: `seven` is not a number"), "{refusal}");
}

fn parquet(rows: &RecordBatch) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), None).unwrap();
    writer.write(rows).unwrap();
    writer.close().unwrap();
    bytes
}

#[test]
fn parquet_is_read_like_a_model() {
    let rows = |flag: ArrayRef, x: ArrayRef| {
        let code: ArrayRef = Arc::new(Int64Array::from(vec![Some(10_001), Some(-999)]));
        let day: ArrayRef = Arc::new(StringArray::from(vec!["2024-01-31T00:00:00Z", ""]));
        parquet(&batch_of([("code", code), ("flag", flag), ("x", x), ("day", day)]).unwrap())
    };
    let text = |values: [&str; 2]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
    let ints: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let (table, _) = by_model("x.parquet", "{}", rows(text(["TRUE", "x"]), ints.clone())).unwrap();
    assert_eq!(texts(&table, "code"), [Some("10001"), None]);
    assert_eq!(texts(&table, "flag"), [Some("TRUE"), Some("x")]);
    assert_eq!(table.column_by_name("x").unwrap().data_type(), &DataType::Int64);
    let (table, _) = by_model("x.parquet", "{}", rows(text(["a", "b"]), text(["7", "0.5"]))).unwrap();
    assert_eq!(floats(&table, "x"), [Some(7.0), Some(0.5)]);
    let refusal = by_model("x.parquet", "{}", rows(text(["a", "b"]), text(["7", "seven"]))).unwrap_err();
    assert!(refusal.contains("row 2, column `x`: numbers are needed, but the text is `seven`"), "{refusal}");
    let halves: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 2.5]));
    let refusal = by_model("x.parquet", "{}", rows(halves, ints)).unwrap_err();
    assert!(refusal.contains("column `flag`: text is needed, but the column holds numbers"), "{refusal}");
}

#[test]
fn files_are_read_like_a_table() {
    let first = Host::new().file("source", "a.csv", "code,n,f,b,y\n02139,1,0.5,true,no\nx,2,1,false,yes\n");
    let (like, _) = run(first, "{}").unwrap();
    let read = |text: &str| run(Host::new().file("source", "b.csv", text).rows("like", &like), "{}");
    let (table, logs) = read("code,n,f,b\n1,1,1,TRUE\n2,2,2,FALSE\n").unwrap();
    let kinds: Vec<DataType> =
        table.schema().fields().iter().map(|field| field.data_type().clone()).collect();
    assert_eq!(kinds, [DataType::Utf8, DataType::Int64, DataType::Float64, DataType::Boolean]);
    assert!(logs.len() == 1 && logs[0].contains("no column `y`"), "{logs:?}");
    for (row, expected) in [
        ("1,1.5,1,true", "column `n`: `1.5` is not a 64-bit integer, as the column of `like` holds"),
        ("1,1,TRUE,true", "column `f`: `TRUE` is not a number"),
        ("1,1,1,1", "column `b`: `1` is not true or false"),
    ] {
        let refusal = read(&format!("code,n,f,b\n{row}\n")).unwrap_err();
        assert!(refusal.contains(expected), "{refusal}\n{expected}");
    }
}

#[test]
fn libsvm_is_read_like_a_table() {
    let read = |text: &str, like: &RecordBatch, parameters: &str| {
        run(Host::new().file("source", "b.svm", text).rows("like", like), parameters)
    };
    let (dense, _) = run(Host::new().file("source", "a.svm", "1 1:0.5 4:2\n"), "{}").unwrap();
    let (table, logs) = read("1 2:1\n", &dense, "{}").unwrap();
    assert_eq!(table.schema().fields().len(), 5);
    assert!(logs.len() == 1 && logs[0].contains("set `zero_based`"), "{logs:?}");
    let (sparse, _) =
        run(Host::new().file("source", "a.svm", "1 1:0.5 4:2\n"), r#"{"features": "sparse"}"#).unwrap();
    let (table, logs) = read("1 2:1\n", &sparse, r#"{"zero_based": false}"#).unwrap();
    assert_eq!((table.schema().fields().len(), logs.len()), (2, 0));
    let more = read("1 9:1\n", &dense, "{}").unwrap_err();
    assert!(more.contains("it is 4, but the files have 9 features"), "{more}");
}

#[test]
fn other_things_are_not_what_rows_are_like() {
    let read = |host: Host| run(host.file("source", "a.csv", "a\n1\n"), "{}").unwrap_err();
    let file = read(Host::new().file("like", "b.csv", "a\n1\n"));
    assert!(file.contains("input `like`: it takes a model or a table"), "{file}");
    let silent = read(Host::new().model("like", json!({"name": "m"}), |rows| Ok(rows.clone())));
    assert!(silent.contains("input `like`: the model does not say which columns it takes in"), "{silent}");
    let odd = json!({"inputs": [{"name": "a", "type": "colours"}]});
    let odd = read(Host::new().model("like", odd, |rows| Ok(rows.clone())));
    assert!(odd.contains("is not understood"), "{odd}");
}

//! Bodies of requests to a model, and tables in Arrow's stream format.

use crate::blameless;
use crate::seeds::texts;
use millstream_sdk::Matrix;
use millstream_sdk::arrow_array::RecordBatch;
use millstream_sdk::arrow_schema::{DataType, SchemaRef};
use millstream_sdk::predict::{Numbers, Request, parse, respond};
use millstream_sdk::table::{
    MEDIA_TYPE, from_ipc, schema_of, sparse_type, timestamp_type, to_ipc, utc_timestamp_type,
};
use millstream_sdk::testing::{Host, rows};

/// A model's columns, one of each type.
fn columns() -> SchemaRef {
    schema_of([
        ("age", DataType::Float64),
        ("count", DataType::Int64),
        ("plan", DataType::Utf8),
        ("active", DataType::Boolean),
        ("day", DataType::Date32),
        ("at", timestamp_type()),
        ("seen", utc_timestamp_type()),
        ("pairs", sparse_type()),
    ])
}

/// Rows that were read have the columns asked for, and can be answered in every format.
fn ask(content_type: &str, body: &[u8]) {
    let columns = columns();
    let request = Request { content_type: content_type.to_owned(), accept: None, body: body.to_vec() };
    numbers(&request);
    let Some(parsed) = blameless(parse(&request, &columns)) else { return };
    assert_eq!(parsed.rows.schema().fields(), columns.fields());
    for accept in ["text/csv", "application/json", "application/x-ndjson", MEDIA_TYPE] {
        let answer =
            blameless(respond(&parsed.rows, parsed.form, Some(accept))).expect("rows can be written");
        if accept == MEDIA_TYPE {
            let again = blameless(from_ipc(answer.body)).expect("what was written reads back");
            assert_eq!(again.num_rows(), parsed.rows.num_rows());
        }
    }
}

/// What the short way for numbers reads, the long way reads alike.
fn numbers(request: &Request) {
    let columns = schema_of(["age", "1"].map(|name| (name, DataType::Float64)));
    let Some(short) = Numbers::of(&columns).and_then(|numbers| numbers.parse(request)) else { return };
    let long = blameless(parse(request, &columns)).expect("it was read the short way");
    assert_eq!(short.form, long.form);
    let long = Matrix::from_batch(&long.rows).expect("columns of numbers");
    let bits = |matrix: &Matrix| -> Vec<u64> {
        let bits = |value: &f64| if value.is_nan() { u64::MAX } else { value.to_bits() };
        matrix.slices().concat().iter().map(bits).collect()
    };
    assert_eq!((short.rows.rows(), bits(&short.rows)), (long.rows(), bits(&long)));
}

/// The first byte says what is said of the header.
pub fn csv(bytes: &[u8]) {
    let Some((&first, body)) = bytes.split_first() else { return };
    let types = ["text/csv", "text/csv; header=present", "text/csv; header=absent"];
    ask(types[usize::from(first) % types.len()], body);
}

pub fn json(bytes: &[u8]) {
    ask("application/json", bytes);
}

pub fn json_lines(bytes: &[u8]) {
    ask("application/x-ndjson", bytes);
}

/// As a body, as a whole table, and as the parts of an input that are read batch by batch.
pub fn arrow(bytes: &[u8]) {
    ask(MEDIA_TYPE, bytes);
    let whole = blameless(from_ipc(bytes.to_vec()));
    let read = |bytes: &[u8]| -> Option<Vec<RecordBatch>> {
        let host = Host::new().part("table", "table.arrow", MEDIA_TYPE, bytes);
        let batches = blameless(host.context().batches("table"))?;
        batches.map(blameless).collect()
    };
    let Some(batches) = read(bytes) else { return };
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    if let Some(whole) = whole {
        assert_eq!(whole.num_rows(), rows, "two readings of the same bytes");
    }
    for batch in batches {
        let written = blameless(to_ipc(&batch)).expect("a table that was read can be written");
        let again = blameless(from_ipc(written)).expect("what was written reads back");
        assert_eq!(again.num_rows(), batch.num_rows());
    }
}

const HEADER: &str = "age,count,plan,active,day,at,seen,pairs\n";
const ROWS: &str = "41.5,3,\"a, \"\"b\"\"\",true,2024-01-31,2024-01-31T09:30:00,2024-01-31T09:30:00Z,7:1 0:-2.5\n\
                    ,,,,,,,\n-1e300,-9,x,false,1969-12-31,1900-01-01 00:00:00.123456,2024-02-29T23:59:59+05:30,4294967295:1e300\n";
const OBJECT: &str = r#"{"age": 41.5, "count": 3, "plan": "a", "active": true, "day": "2024-01-31",
    "at": "2024-01-31T09:30:00", "seen": "2024-01-31T09:30:00.5Z", "pairs": {"keys": [7, 0], "shape": [9], "values": [1, -2.5]}}"#;
const LIST: &str =
    r#"[null, 7e0, "\u00e9\n", false, null, null, "2024-01-31", [[3, 1.5], {"index": 4, "value": 2}]]"#;

pub fn csv_seeds() -> Vec<Vec<u8>> {
    vec![
        format!("\u{0}{HEADER}{ROWS}").into_bytes(),
        format!("\u{1}\u{feff}{HEADER}{ROWS}").into_bytes(),
        format!("\u{2}{ROWS}").into_bytes(),
    ]
}

pub fn json_seeds() -> Vec<Vec<u8>> {
    let names = r#"["seen", "at", "day", "active", "plan", "count", "age", "pairs", "more"]"#;
    let data = r#"[["2024-01-31T00:00:00Z", null, null, true, "x", 1, 2.5, [], {}], [null, null, null, null, null, null, 1, null, []]]"#;
    texts(&[
        OBJECT,
        LIST,
        &format!("[{OBJECT}, {LIST}]"),
        &format!(r#"{{"instances": [{OBJECT}, {LIST}]}}"#),
        &format!(r#"{{"dataframe_records": [{OBJECT}]}}"#),
        &format!(r#"{{"dataframe_split": {{"columns": {names}, "data": {data}}}}}"#),
    ])
}

pub fn json_lines_seeds() -> Vec<Vec<u8>> {
    let object = OBJECT.replace('\n', " ");
    texts(&[&format!("{object}\n\n{LIST}\n{{\"features\": {LIST}}}\n")])
}

pub fn arrow_seeds() -> Vec<Vec<u8>> {
    let csv =
        Request { content_type: "text/csv".into(), accept: None, body: format!("{HEADER}{ROWS}").into() };
    let all = parse(&csv, &columns()).expect("sound CSV").rows;
    let few = rows("a,b,c\n1,x,true\n2,,false\n,z,\n");
    let none = all.slice(0, 0);
    [all, few, none].iter().map(|rows| to_ipc(rows).expect("rows can be written")).collect()
}

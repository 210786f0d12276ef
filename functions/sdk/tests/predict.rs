//! Requests in every format, and what is wrong with them.

use std::sync::Arc;

use millstream_sdk::{
    Classes, Description, Failure, Model, State, Task,
    arrow_array::{ArrayRef, Float64Array, RecordBatch},
    arrow_schema::DataType,
    column::numbers,
    model::Loaded,
    predict::{Request, Response},
    state::seal,
    table::{batch_of, from_ipc, schema_of, to_ipc},
    testing::rows,
};
use proptest::prelude::*;

/// Twice the age, and the plan as it came.
struct Twice;

impl Model for Twice {
    const FUNCTION: &'static str = "twice";
    const FORMAT: u16 = 1;

    fn load(state: State<'_>) -> Result<Self, Failure> {
        state.decode::<()>()?;
        Ok(Self)
    }

    fn describe(&self) -> Description {
        Description::new(Task::Binary, &["age".into()]).target("y").classes(&Classes::Bool(vec![false, true]))
    }

    fn predict_table(&self, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
        let doubled =
            numbers(rows, "age")?.into_iter().map(|age| Some(age * 2.0).filter(|age| !age.is_nan()));
        let prediction: ArrayRef = Arc::new(doubled.collect::<Float64Array>());
        batch_of([("prediction", prediction), ("plan", rows.column(1).clone())])
    }
}

fn model() -> Loaded<Twice> {
    let columns =
        schema_of([("age", DataType::Float64), ("plan", DataType::Utf8), ("joined", DataType::Date32)]);
    Loaded::load(&seal("twice", 1, &columns, &()).unwrap()).unwrap()
}

fn ask(content_type: &str, accept: Option<&str>, body: impl Into<Vec<u8>>) -> Result<Response, String> {
    let request =
        Request { content_type: content_type.into(), accept: accept.map(Into::into), body: body.into() };
    model().predict(&request).map_err(|failure| failure.to_string())
}

fn text(content_type: &str, body: &str) -> String {
    String::from_utf8(ask(content_type, None, body).unwrap().body).unwrap()
}

fn refusal(content_type: &str, body: &str) -> String {
    ask(content_type, None, body).unwrap_err()
}

#[test]
fn csv_with_and_without_a_header() {
    assert_eq!(text("text/csv", "2,\"a,b\",2024-01-31\n,c,\n"), "4.0,\"a,b\"\n,c\n");
    let expected = "prediction,plan\n4.0,a\n";
    assert_eq!(text("text/csv", "joined,extra,plan,age\n2024-01-31,9,a,2\n"), expected);
    assert_eq!(text("text/csv; charset=utf-8; header=present", "age,plan,joined\n2,a,\n"), expected);
    // Said to be no header, it is a row.
    assert!(
        refusal("text/csv;header=absent", "age,plan,joined\n")
            .contains("row 1, column `age`: `age` is not a number")
    );
    assert_eq!(text("text/csv", ""), "");
}

#[test]
fn json_in_every_shape() {
    let expected = r#"{"predictions":[{"prediction":4.0,"plan":"a"}]}"#;
    for body in [
        r#"{"instances": [{"age": 2, "plan": "a", "joined": null}]}"#,
        r#"{"instances": [[2, "a", "2024-01-31"]]}"#,
        r#"{"dataframe_records": [{"age": 2.0, "plan": "a", "joined": null, "extra": []}]}"#,
        r#"{"dataframe_split": {"columns": ["plan", "joined", "age"], "data": [["a", null, 2]]}}"#,
        r#"[{"age": 2, "plan": "a", "joined": null}]"#,
        r#"{"age": 2, "plan": "a", "joined": null}"#,
    ] {
        assert_eq!(text("application/json", body), expected, "{body}");
    }
    for content_type in ["application/x-ndjson", "application/jsonlines"] {
        let body = "{\"age\": 2, \"plan\": \"a\", \"joined\": null}\n\n{\"features\": [null, \"b\", null]}\n";
        assert_eq!(
            text(content_type, body),
            "{\"prediction\":4.0,\"plan\":\"a\"}\n{\"prediction\":null,\"plan\":\"b\"}\n"
        );
    }
}

#[test]
fn arrow_and_what_the_client_accepts() {
    let table = to_ipc(&rows("plan,age,joined\na,2,\n")).unwrap();
    let arrow = "application/vnd.apache.arrow.stream";
    let answer = ask(arrow, None, table.clone()).unwrap();
    assert_eq!((answer.content_type.as_str(), from_ipc(answer.body).unwrap().num_columns()), (arrow, 2));
    for (accept, content_type) in [
        ("text/csv", "text/csv"),
        ("text/html, application/json;q=0.9", "application/json"),
        ("*/*", arrow),
        ("", arrow),
    ] {
        assert_eq!(ask(arrow, Some(accept), table.clone()).unwrap().content_type, content_type, "{accept}");
    }
    assert!(ask(arrow, Some("text/html"), table).unwrap_err().contains("accept one of"));
}

#[test]
fn bad_requests_name_row_and_column() {
    for (content_type, body, expected) in [
        ("text/html", "", "content type `text/html` is not supported"),
        ("text/csv", "2,a,\nx,b,\n", "row 2, column `age`: `x` is not a number"),
        ("text/csv", "2,a,soon\n", "row 1, column `joined`: `soon` is not a date"),
        ("text/csv", "2,a\n", "row 1: the row has 2 fields"),
        (
            "text/csv",
            "age,plann,joined\n1,a,\n",
            "column `plan`: the table has no column `plan`; did you mean `plann`?",
        ),
        ("application/json", "{", "the body is not JSON"),
        ("application/json", "3", "the JSON holds no rows"),
        ("application/json", r#"{"instances": [{"age": 1, "plan": "a"}]}"#, "row 1, column `joined`"),
        (
            "application/json",
            r#"{"instances": [{"age": "old", "plan": "a", "joined": null}]}"#,
            "row 1, column `age`: `old` is not a number",
        ),
        ("application/json", r#"{"instances": [[1, "a"]]}"#, "row 1: the row has 2 values"),
        ("application/json", r#"{"instances": 3}"#, "`instances` must be a list"),
        (
            "application/x-ndjson",
            "{\"age\": 1, \"plan\": \"a\", \"joined\": null}\n{]\n",
            "row 2: the line is not JSON",
        ),
    ] {
        let refusal = refusal(content_type, body);
        assert!(refusal.contains(expected), "{refusal}\n{expected}");
    }
    assert!(ask("text/csv", None, &b"2,\xff,\n"[..]).unwrap_err().contains("row 1: field 2 is not UTF-8"));
}

#[test]
fn the_description_is_json() {
    let described: serde_json::Value = serde_json::from_str(&model().describe()).unwrap();
    let expected = serde_json::json!({
        "task": "binary",
        "target": "y",
        "classes": [false, true],
        "features": ["age"],
        "accepts": ["application/vnd.millstream.matrix"],
        "inputs": [
            {"name": "age", "type": "numbers"},
            {"name": "plan", "type": "text"},
            {"name": "joined", "type": "dates"},
        ],
        "outputs": [{"name": "prediction", "type": "numbers"}, {"name": "plan", "type": "text"}],
    });
    assert_eq!(described, expected);
}

proptest! {
    /// Whatever the bytes: an answer or a failure, no panic.
    #[test]
    fn arbitrary_requests_are_no_fault_of_ours(
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            "[a-z0-9\",\n\\[\\]{}:. ]{0,120}".prop_map(String::into_bytes),
        ],
        content_type in prop_oneof![
            Just("text/csv"), Just("application/json"), Just("application/x-ndjson"),
            Just("application/vnd.apache.arrow.stream"), Just("text/csv; header=present"),
        ],
    ) {
        let _ = ask(content_type, None, body);
    }
}

//! What `extract` makes of a file, an endpoint makes of the same bytes.

use fn_extract::Extract;
use millstream_sdk::{
    Description, Failure, Model, State, Task,
    arrow_array::RecordBatch,
    arrow_schema::DataType,
    model::Loaded,
    predict::Request,
    state::seal,
    table::{from_ipc, schema_of},
    testing::Host,
};
use proptest::prelude::*;

/// Answers with the rows as it gets them.
struct Same;

impl Model for Same {
    const FUNCTION: &'static str = "same";
    const FORMAT: u16 = 1;

    fn load(state: State<'_>) -> Result<Self, Failure> {
        state.decode::<()>()?;
        Ok(Self)
    }

    fn describe(&self) -> Description {
        Description::new(Task::Transform, &[])
    }

    fn predict_table(&self, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
        Ok(rows.clone())
    }
}

const ARROW: &str = "application/vnd.apache.arrow.stream";

/// A model of a text, a number, a whole number, a boolean and a date, or of the first `width` of them.
fn model(width: usize) -> Loaded<Same> {
    let all = [
        ("t", DataType::Utf8),
        ("f", DataType::Float64),
        ("i", DataType::Int64),
        ("b", DataType::Boolean),
        ("d", DataType::Date32),
    ];
    Loaded::load(&seal("same", 1, &schema_of(all.into_iter().take(width)), &()).unwrap()).unwrap()
}

fn batch(width: usize, format: &str, name: &str, body: &[u8]) -> Result<RecordBatch, String> {
    let host = Host::new().file("source", name, body);
    let types = [r#""t": "string""#, r#""f": "float""#, r#""i": "int""#, r#""b": "bool""#, r#""d": "date""#];
    let parameters = format!(r#"{{"format": "{format}", "types": {{{}}}}}"#, types[..width].join(", "));
    host.run::<Extract>(&parameters).map_err(|failure| failure.to_string())?;
    model(width).predict_batch(&host.table("table")).map_err(|failure| failure.to_string())
}

fn endpoint(width: usize, content_type: &str, body: &[u8]) -> Result<RecordBatch, String> {
    let request =
        Request { content_type: content_type.into(), accept: Some(ARROW.into()), body: body.to_vec() };
    let answer = model(width).predict(&request).map_err(|failure| failure.to_string())?;
    Ok(from_ipc(answer.body).unwrap())
}

/// Whether both took the file, and alike.
fn agree(width: usize, text: &str) -> bool {
    let (batch, endpoint) = (
        batch(width, "csv", "rows.csv", text.as_bytes()),
        endpoint(width, "text/csv; header=present", text.as_bytes()),
    );
    match (batch, endpoint) {
        (Ok(batch), Ok(endpoint)) => {
            assert_eq!(printed(&batch), printed(&endpoint), "{text:?}");
            true
        }
        (Ok(_), Err(refusal)) => panic!("the endpoint alone refuses {text:?}: {refusal}"),
        (Err(refusal), Ok(_)) if refusal.contains("a blank stands before the quote") => {
            panic!("the endpoint alone takes {text:?}: {refusal}")
        }
        // The endpoint takes `yes`-like words in more cases; none of them is another value.
        (Err(_), _) => false,
    }
}

/// Every cell; a NaN is a missing value.
fn printed(rows: &RecordBatch) -> String {
    let mut text = Vec::new();
    millstream_sdk::predict::write_json_lines(&mut text, rows).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn texts_that_are_missing_in_a_file_are_missing_in_a_request() {
    for value in [
        "", "NA", "N/A", "<NA>", "#NA", "#N/A", "#N/A N/A", "None", "null", "NULL", "nan", "NaN", "-nan",
        "-NaN", "1.#QNAN", "-1.#QNAN", "1.#IND", "-1.#IND", "n/a", " NA ", "\" NA\"", "\"\"", "\"NA\"",
    ] {
        assert!(
            agree(5, &format!("t,f,i,b,d\n{value},{value},{value},{value},{value}\nx,1,2,true,2024-01-31\n")),
            "{value}"
        );
        let missing = endpoint(
            5,
            "text/csv",
            format!("t,f,i,b,d\n{value},{value},{value},{value},{value}\n").as_bytes(),
        );
        assert!(missing.unwrap().columns().iter().all(|column| column.is_null(0)), "{value}");
    }
    for value in ["none", "Na", "NAN.", "-", "nil", "''"] {
        assert!(agree(1, &format!("t\n{value}\n")), "{value}");
    }
}

#[test]
fn quotes_and_line_ends_are_read_alike() {
    for text in [
        "t,f\r\n\"a\r\nb\",1\r\n",
        "t,f\n\"a\"\"b\",1\n\n\n\"c\"d,2",
        "t,f\ra,1\rb,2\r",
        "\u{feff}t,f\na,1\n",
        "f,t\n1,\"x, y\"\n",
        "t,f\n5\" pipe,1\n",
        "t\n\"\"\n",
        "t\n\"\0\0\"\nx",
        "t\na\n\0\0",
        "t\n\"a\"\n\n\n\n",
        "t\n\"a\"\r\n",
        "t\n\"a\"",
    ] {
        assert!(agree(if text.contains('f') { 2 } else { 1 }, text), "{text:?}");
    }
    for text in ["t,f\n\"a,1\n", "t\n\"", "t\nx\n\"a\"\"\n"] {
        let refusal =
            endpoint(if text.contains('f') { 2 } else { 1 }, "text/csv", text.as_bytes()).unwrap_err();
        assert!(refusal.contains("a closing quote is missing"), "{text:?}: {refusal}");
    }
}

#[test]
fn a_blank_before_a_quote_is_refused_by_both() {
    for text in [
        "t,f\na, \"1\"\n",
        "t,f\n \"b, c\",1\n",
        "t,f\n\"a\",1\n\n\n\"a \"\" b\",\t\"2\"",
        "t, \"f\"\na,1\n",
        "t,f\r\n\"x\r\n \"\"\", \"1\"\r\n",
    ] {
        for refusal in [
            batch(2, "csv", "rows.csv", text.as_bytes()).unwrap_err(),
            endpoint(2, "text/csv; header=present", text.as_bytes()).unwrap_err(),
        ] {
            assert!(refusal.contains("a blank stands before the quote of field"), "{text:?}: {refusal}");
        }
    }
    // Those are no fields' own quotes.
    for text in
        ["t,f\na \"b\",1\n", "t,f\n\"x, \"\"y\"\"\",1\n", "t,f\n\"a\" \"b\", 1\n", "t,f\n\"a\n \"\"\",1\n"]
    {
        assert!(agree(2, text), "{text:?}");
    }
}

#[test]
fn lines_of_json_are_read_alike() {
    for text in [
        r#"{"t": "NA", "f": 1.5}"#,
        r#"{"t": "", "f": null}"#,
        r#"{"t": null, "f": "2.5"}"#,
        r#"{"t": 1.0, "f": 1e3}"#,
        r#"{"t": 12345678901234567890123, "f": 1}"#,
        r#"{"t": "é\n\"", "f": -0.0}"#,
    ] {
        let (batch, endpoint) = (
            batch(2, "json-lines", "rows.jsonl", text.as_bytes()),
            endpoint(2, "application/jsonlines", text.as_bytes()),
        );
        assert_eq!(printed(&batch.unwrap()), printed(&endpoint.unwrap()), "{text}");
    }
}

proptest! {
    #[test]
    fn any_csv_means_the_same_to_both(
        rows in prop::collection::vec(
            (
                "[ -~é]{0,6}|NA|None|\"[^\"\r]{0,5}\"|<NA>|1\\.#IND",
                "[-+]?[0-9]{1,20}(\\.[0-9]{0,9})?(e[-+]?[0-9]{1,3})?|NA|nan|-?inf|[ ]?7[ ]?|1\\.#QNAN|",
                "[-+]?[0-9]{1,19}|NULL|",
                "true|False|TRUE|n/a|",
                "20[0-9]{2}-[01][0-9]-[0-3][0-9]|NaN|",
            ),
            0..6,
        ),
        end in prop::sample::select(vec!["\n", "\r\n", "\r", "\n\n"]),
        last in any::<bool>(),
        width in 1usize..=5,
    ) {
        let names = ["t", "f", "i", "b", "d"];
        let mut text = names[..width].join(",") + end;
        for (at, (t, f, i, b, d)) in rows.iter().enumerate() {
            text += &[t, f, i, b, d].map(String::as_str)[..width].join(",");
            if last || at + 1 < rows.len() {
                text += end;
            }
        }
        agree(width, &text);
    }

    #[test]
    fn any_bytes_mean_the_same_to_both(text in "(t|f|,|\"|\n|\r|\r\n|a| |NA|1|\0|é){0,25}") {
        agree(1, &format!("t\n{text}"));
        agree(2, &format!("t,f\n{text}"));
    }
}

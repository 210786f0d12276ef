use std::sync::Arc;

use arrow_schema::{Field, SchemaRef};
use proptest::prelude::*;

use super::*;
use crate::predict;

fn schema(names: &[&str]) -> SchemaRef {
    Arc::new(Schema::new(
        names.iter().map(|name| Field::new(*name, DataType::Float64, true)).collect::<Vec<_>>(),
    ))
}

fn request(content_type: &str, body: &str) -> Request {
    Request { content_type: content_type.to_owned(), accept: None, body: body.as_bytes().to_vec() }
}

fn bits(matrix: &Matrix) -> Vec<u64> {
    // Every NaN is a missing value.
    let bits = |value: f64| if value.is_nan() { u64::MAX } else { value.to_bits() };
    matrix.slices().concat().into_iter().map(bits).collect()
}

/// What is read here, the general reader reads alike. Whether it was read here.
fn agree(names: &[&str], request: &Request) -> bool {
    let schema = schema(names);
    let Some(parsed) = Numbers::of(&schema).and_then(|numbers| numbers.parse(request)) else {
        return false;
    };
    let general = predict::parse(request, &schema);
    let general = general.unwrap_or_else(|failure| {
        panic!("{:?} is refused: {failure}", String::from_utf8_lossy(&request.body))
    });
    let rows = Matrix::from_batch(&general.rows).unwrap();
    let shown = String::from_utf8_lossy(&request.body);
    assert_eq!((parsed.rows.rows(), bits(&parsed.rows)), (rows.rows(), bits(&rows)), "{shown:?}");
    assert_eq!(parsed.form, general.form, "{shown:?}");
    true
}

#[test]
fn plain_requests_are_read_here() {
    for (content_type, body) in [
        ("text/csv", "1,2\n"),
        ("text/csv", "1,2"),
        ("text/csv", "1, 2 \r\n\r\n-3.5e2,+4\r\n"),
        ("text/csv", ",\nNA,true\n"),
        ("text/csv", "a,b\n1,2\n3,4\n"),
        ("text/csv; header=present", "a,b\n"),
        ("text/csv; header=absent", "1,2\n"),
        ("text/csv", "\u{feff}a,b\r\n1,inf\r\n"),
        ("application/json", r#"{"instances": [{"a": 1, "b": 2.5}, {"b": null, "x": "text", "a": true}]}"#),
        ("application/json", r#"{"instances": [[1, 2], [3, 4]]}"#),
        ("application/json", r#"{"dataframe_records": [{"a": 1, "b": 2}]}"#),
        ("application/json", r#"[[1, 2e3]]"#),
        ("application/json", r#"{"a": 1, "b": 2, "c": {"d": []}}"#),
        ("application/jsonlines", "{\"a\": 1, \"b\": 2}\n\n[3, 18446744073709551615]\n"),
    ] {
        assert!(agree(&["a", "b"], &request(content_type, body)), "{body}");
    }
    assert!(agree(&["0", "1"], &request("text/csv", "0,1\n2,3\n")), "a header of numbers");
    assert!(agree(&["0", "1", "2"], &request("text/csv", "5,6,7\n")));
}

#[test]
fn others_are_left_to_the_general_reader() {
    for (content_type, body) in [
        ("text/csv", "1,2,3\n"),
        ("text/csv", "1\n"),
        ("text/csv", "1,x\n"),
        ("text/csv", "\"1\",2\n"),
        ("text/csv", "1,2\r3,4\n"),
        ("text/csv", "b,a\n1,2\n"),
        ("text/plain", "1,2\n"),
        ("application/json", r#"{"instances": [[1, 2]], "dataframe_records": []}"#),
        ("application/json", r#"{"instances": [[1]]}"#),
        ("application/json", r#"{"instances": [[1, "2"]]}"#),
        ("application/json", r#"{"instances": [{"a": 1}]}"#),
        ("application/json", r#"{"a": 1, "a": 2, "b": 3}"#),
        ("application/json", r#"{"unknown": 1, "a": 2, "b": 3}"#),
        ("application/json", r#"[[1, 2]] x"#),
        ("application/json", r#"{}"#),
        ("application/jsonlines", r#"{"features": [1, 2]}"#),
    ] {
        assert!(!agree(&["a", "b"], &request(content_type, body)), "{body}");
    }
    assert!(!agree(&["instances", "b"], &request("application/json", r#"{"instances": [1, 2]}"#)));
    let text = Schema::new(vec![Field::new("a", DataType::Utf8, true)]);
    assert!(Numbers::of(&text).is_none() && Numbers::of(&Schema::empty()).is_none());
}

proptest! {
    #[test]
    fn both_readers_agree_on_csv(
        fields in prop::collection::vec("[-+0-9.eEinfatruls \r\"]{0,6}|[-+]?[0-9]{1,20}(\\.[0-9]{0,20})?(e[-+]?[0-9]{1,3})?|a|b", 0..9),
        ends in prop::collection::vec(prop::sample::select(vec![",", "\n", "\r\n", "\n\n"]), 9),
    ) {
        let body: String = fields.iter().zip(&ends).flat_map(|(field, end)| [field.as_str(), end]).collect();
        agree(&["a", "b"], &request("text/csv", &body));
        agree(&["1", "b"], &request("text/csv", &body));
        agree(&["a"], &request("text/csv", &body));
    }

    #[test]
    fn both_readers_agree_on_json(
        rows in prop::collection::vec(prop::collection::vec("null|true|-?[0-9]{1,19}(\\.[0-9]{1,20})?(e-?[0-9]{1,2})?|\"x\"", 1..4), 0..4),
        by_name in any::<bool>(),
        shape in 0..4,
    ) {
        let row = |row: &Vec<String>| match by_name {
            true => {
                let pairs = row.iter().zip(["b", "a", "c"]);
                format!("{{{}}}", pairs.map(|(value, name)| format!("\"{name}\": {value}")).collect::<Vec<_>>().join(","))
            }
            false => format!("[{}]", row.join(",")),
        };
        let rows: Vec<String> = rows.iter().map(row).collect();
        let list = rows.join(",");
        let (content_type, body) = match shape {
            0 => ("application/json", format!("[{list}]")),
            1 => ("application/json", format!("{{\"instances\": [{list}]}}")),
            2 => ("application/json", list),
            _ => ("application/jsonlines", rows.join("\n")),
        };
        agree(&["a", "b"], &request(content_type, &body));
        agree(&["b", "a", "c"], &request(content_type, &body));
    }
}

//! What the model says of rows that are unlike its training.

use fn_features::{Features, Fitted};
use millstream_sdk::{
    model::Loaded,
    predict::Request,
    testing::{Host, rows},
    unseen::{Novelty, Unseen},
};

fn fitted(csv: &str, parameters: &str) -> Loaded<Fitted> {
    let host = Host::new().csv("table", csv);
    host.run::<Features>(parameters).unwrap();
    host.load("model").unwrap()
}

const PEOPLE: &str = "age,job,code,active,y\n20,nurse,1,true,1\n30,clerk,2,false,2\n40,,2,true,3\n";

const CODES: &str = r#"{"target": "y", "columns": {"code": "one-hot"}}"#;

fn told(model: &Loaded<Fitted>) -> Vec<(String, Novelty, u64)> {
    model.take_unseen().into_iter().map(|one| (one.column, one.novelty, one.rows)).collect()
}

#[test]
fn categories_ranges_and_new_gaps_are_noted() {
    let model = fitted(PEOPLE, CODES);
    model.predict_batch(&rows("age,job,code,active\n20,nurse,1,true\n40,,2,false\n")).unwrap();
    assert_eq!(model.take_unseen(), [], "training rows are like training rows");
    model.predict_batch(&rows("age,job,code,active\n19, Nurse,3,\n99,cook,1,true\n,nurse,4,\n")).unwrap();
    let found = model.take_unseen();
    let job = Unseen {
        column: "job".into(),
        novelty: Novelty::Category,
        rows: 2,
        example: Some(" Nurse".into()),
        near: Some("nurse".into()),
    };
    assert!(found.contains(&job), "{found:?}");
    let shown: Vec<_> = found.iter().map(|one| (one.column.as_str(), one.novelty, one.rows)).collect();
    let expected = [
        ("age", Novelty::OutOfRange, 2),
        ("age", Novelty::Missing, 1),
        ("job", Novelty::Category, 2),
        ("code", Novelty::Category, 2),
        ("active", Novelty::Missing, 2),
    ];
    assert_eq!(shown, expected);
    assert_eq!(found[0].example.as_deref(), Some("99, training saw 20 to 40"));
    assert_eq!(model.take_unseen(), [], "it is told once");
}

#[test]
fn requests_of_every_format_say_it_too() {
    let model = fitted(PEOPLE, CODES);
    for (content_type, body) in [
        ("text/csv", "age,job,code,active\n25,Clerk,1,true\n"),
        ("application/json", r#"[{"age": 25, "job": "Clerk", "code": 1, "active": true}]"#),
        ("application/jsonlines", r#"{"features": [25, "Clerk", 1, true]}"#),
    ] {
        let request = Request { content_type: content_type.into(), accept: None, body: body.into() };
        model.predict(&request).unwrap();
        assert_eq!(told(&model), [("job".to_owned(), Novelty::Category, 1)], "{content_type}");
    }
    // A model of numbers alone is asked another way.
    let numbers = fitted(
        "a,b,y\n1,0.5,1\n2,1.5,2\n",
        r#"{"target": "y", "columns": {"a": ["impute:mean", "ordinal"]}}"#,
    );
    let request = Request { content_type: "text/csv".into(), accept: None, body: b"7,0.5\n1,\n".to_vec() };
    numbers.predict(&request).unwrap();
    let expected = [("a", Novelty::Category, 1), ("b", Novelty::Missing, 1)];
    assert_eq!(told(&numbers), expected.map(|(name, novelty, rows)| (name.to_owned(), novelty, rows)));
}

#[test]
fn refused_rows_are_not_counted() {
    let model = fitted(PEOPLE, r#"{"target": "y", "handle_unknown": "error"}"#);
    let failure =
        model.predict_batch(&rows("age,job,code,active\n99,cook,1,true\n")).unwrap_err().to_string();
    assert!(
        failure.contains("row 1, column `job`: the category `cook` was not seen in training"),
        "{failure}"
    );
    assert_eq!(model.take_unseen(), []);
}

#[test]
fn texts_for_missing_values_are_missing_where_they_are_no_categories() {
    let ask = |model: &Loaded<Fitted>, region: &str| {
        let body = format!(r#"[{{"region": {region}}}]"#);
        let request = Request { content_type: "application/json".into(), accept: None, body: body.into() };
        String::from_utf8(model.predict(&request).unwrap().body).unwrap()
    };
    // From CSV: `NA` was missing there.
    let from_csv = fitted("region,y\nEMEA,1\nEMEA,2\nAPAC,3\n,4\n", r#"{"target": "y"}"#);
    let missing = ask(&from_csv, "null");
    for region in ["\"NA\"", "\"\"", "\"<NA>\""] {
        assert_eq!(ask(&from_csv, region), missing, "{region}");
        assert_eq!(from_csv.take_unseen(), [], "{region}");
    }
    assert_ne!(ask(&from_csv, "\"zzz\""), missing);
    // From elsewhere: Namibia is a category.
    let knows = fitted("region,y\nEMEA,1\nEMEA,2\nNA,3\n,4\n", r#"{"target": "y"}"#);
    assert_ne!(ask(&knows, "\"NA\""), ask(&knows, "null"));
    assert_eq!(ask(&knows, "\"\""), ask(&knows, "null"));
    let table = rows("region\nNA\n");
    assert_ne!(knows.predict_batch(&table).unwrap(), from_csv.predict_batch(&table).unwrap());
}

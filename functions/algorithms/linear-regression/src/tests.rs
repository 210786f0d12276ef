use super::*;
use millstream_sdk::testing::{Host, rows};
use millstream_training::testing::lines;

const TRAIN: &str = "x,z,y,w\n1,0,5,1\n2,1,8,1\n3,0,9,1\n4,1,12,1\n5,0,13,1\n";

#[test]
fn learns_the_line_and_answers_by_it() {
    lines::learns_and_answers::<Train, Line>("", 1e-9);
}

#[test]
fn standardized_columns_answer_in_their_own_units() {
    lines::standardizes::<Train, Line>("");
}

#[test]
fn bad_input_is_named() {
    lines::names_bad_input::<Train>();
}

#[test]
fn a_missing_value_to_predict_is_named() {
    let host = Host::new().csv("train", TRAIN);
    host.run::<Train>(r#"{"target": "y", "features": ["x"]}"#).unwrap();
    let model = host.load::<Line>("model").unwrap();
    let failure = model.predict_batch(&rows("x\n1\n\n\"\"\n")).unwrap_err().to_string();
    assert!(failure.contains("column `x`"), "{failure}");
    assert_eq!(model.predict_batch(&rows("x\n1\n").slice(0, 0)).unwrap().num_rows(), 0);
}

#[test]
fn words_in_the_wrong_place_are_named() {
    let run =
        |csv: &str, params: &str| Host::new().csv("train", csv).run::<Train>(params).unwrap_err().to_string();
    let text = run("x,y\na,1\nb,2\n", r#"{"target": "y"}"#);
    assert!(text.contains("column `x`") && text.contains("`features` step"), "{text}");
    let target = run("x,y\n1,1\n2,\n", r#"{"target": "y"}"#);
    assert!(target.contains("row 2, column `y`"), "{target}");
    let typo = run("x,price\n1,1\n", r#"{"target": "prise"}"#);
    assert!(typo.contains("did you mean `price`?"), "{typo}");
    assert!(run("x,y\n1,1\n", r#"{"target": "y", "fit-intercept": true}"#).contains("`fit_intercept`?"));
}

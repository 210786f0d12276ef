use super::*;
use millstream_sdk::testing::Host;
use millstream_training::testing::lines;

const TRAIN: &str = "x,z,y,w\n1,0,5,1\n2,1,8,1\n3,0,9,1\n4,1,12,1\n5,0,13,1\n";

#[test]
fn learns_the_line_and_answers_by_it() {
    lines::learns_and_answers::<Train, Line>(r#", "alpha": 1e-9"#, 1e-6);
}

#[test]
fn standardized_columns_answer_in_their_own_units() {
    lines::standardizes::<Train, Line>(r#", "alpha": 30"#);
}

#[test]
fn bad_input_is_named() {
    lines::names_bad_input::<Train>();
    lines::names_bad_penalty::<Train>();
}

#[test]
fn the_penalty_shrinks() {
    let host = Host::new().csv("train", TRAIN);
    let slope = |alpha: f64| {
        host.run::<Train>(&format!(r#"{{"target": "y", "alpha": {alpha}}}"#)).unwrap();
        host.json("importance")["features"][0]["coefficient"].as_f64().unwrap()
    };
    assert!(slope(100.0) < slope(1.0) && slope(1.0) < slope(0.0));
}

use super::*;
use millstream_sdk::serde_json::{self, Value};
use millstream_sdk::testing::Host;
use millstream_training::testing::lines;

#[test]
fn learns_the_line_and_answers_by_it() {
    lines::learns_and_answers::<Train, Line>(r#", "alpha": 1e-9"#, 0.1);
}

#[test]
fn standardized_columns_answer_in_their_own_units() {
    lines::standardizes::<Train, Line>(r#", "alpha": 0.3"#);
}

#[test]
fn bad_input_is_named() {
    lines::names_bad_input::<Train>();
    lines::names_bad_penalty::<Train>();
}

#[test]
fn useless_features_are_left_out() {
    lines::leaves_out_useless_features::<Train>();
}

#[test]
fn a_penalty_is_chosen_by_the_validation_rows() {
    lines::chooses_a_penalty::<Train>();
}

#[test]
fn a_fit_that_does_not_converge_says_so() {
    let host = Host::new().csv("train", "x,z,y\n1,0,5\n2,1,8\n3,0,9\n4,3,12\n");
    let summary =
        host.run::<Train>(r#"{"target": "y", "alpha": 0.001, "max_iter": 1, "tol": 1e-9}"#).unwrap();
    assert!(summary.message.contains("did not converge") && host.logs()[0].1.contains("max_iter"));
}

#[test]
fn folds_choose_what_they_choose_in_scikit_learn() {
    let expected: Value =
        serde_json::from_str(include_str!("../../../learners/tests/reference/paths.json")).unwrap();
    let reference = include_str!("../../../learners/tests/reference/reference.json");
    let run = |params: &str, name: &str| {
        lines::chooses_by_folds::<Train>(params, &expected[name], reference);
    };
    run(r#""n_alphas": 20, "cv": 4, "l1_ratio": 0.4"#, "net");
    run(r#""n_alphas": 20, "cv": 4, "l1_ratio": 0.4, "positive": true"#, "net_positive");
}

use super::*;
use millstream_training::testing::forests as checks;

#[test]
fn classes_that_no_line_parts() {
    checks::parts_classes::<Train, Forest>(0.85);
}

#[test]
fn numbers_and_the_choice_between_them_and_classes() {
    checks::predicts_numbers::<Train, Forest>();
}

#[test]
fn the_seed_decides_the_bytes() {
    checks::goes_by_the_seed::<Train>();
}

#[test]
fn bad_input_is_named() {
    checks::names_bad_parameters::<Train>();
}

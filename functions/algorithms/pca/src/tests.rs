use super::*;
use millstream_training::testing::components;

#[test]
fn rows_come_out_as_components_with_their_target() {
    components::turns_rows::<Train, Stage>("pca0");
}

#[test]
fn bad_input_is_named() {
    components::names_bad_input::<Train>();
}

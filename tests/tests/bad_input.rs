//! Data that is wrong: the error names the place, and what was there before stays.

use millstream_tests::Place;

const WORKFLOW: &str = "
name: bad
params:
  source: { type: uri, default: ./in.csv }
  target: { type: string, default: y }
steps:
  extract: { uses: extract, inputs: { source: \"${{ params.source }}\" } }
  features: { uses: features, inputs: { table: \"${{ steps.extract.outputs.table }}\" }, with: { target: \"${{ params.target }}\" } }
  train: { uses: logistic-regression, inputs: { train: \"${{ steps.features.outputs.table }}\" }, with: { target: \"${{ params.target }}\" } }
";

#[track_caller]
fn check(csv: impl AsRef<[u8]>, says: &[&str]) {
    let place = Place::new();
    place.write("in.csv", csv);
    place.write("w.yaml", WORKFLOW);
    place.run(&["run", "w.yaml"]).expect(1).says(says);
    place.check_artifacts();
}

fn rows(row: impl Fn(usize) -> String) -> String {
    std::iter::once("a,b,y\n".to_owned()).chain((1..=30).map(row)).collect()
}

#[test]
fn a_ragged_row() {
    check("a,b,y\n1,2,0\n3,1\n", &["in.csv", "row 2"]);
}

#[test]
fn a_quote_that_never_ends() {
    check("a,b,y\n1,2,0\n\"3,1,1\n", &["in.csv", "quote"]);
}

#[test]
fn bytes_that_are_not_utf_8() {
    check(b"a,b,y\n1,2,no\n3,1,caf\xe9\n", &["in.csv", "UTF-8"]);
}

#[test]
fn an_empty_file() {
    check("", &["in.csv", "empty"]);
}

#[test]
fn a_missing_column() {
    check("a,b,z\n1,2,0\n3,1,1\n", &["`y`"]);
}

#[test]
fn a_column_without_a_value() {
    check(rows(|i| format!("{i},,{}\n", i % 2)), &["`b`", "no value", "drop"]);
}

#[test]
fn a_constant_target() {
    check(rows(|i| format!("{i},{},1\n", i * i)), &["`y`"]);
}

#[test]
fn infinity() {
    check(
        rows(|i| format!("{},{i},{}\n", if i == 4 { "inf".to_owned() } else { i.to_string() }, i % 2)),
        &["`a`"],
    );
}

#[test]
fn a_file_that_is_not_there_is_found_before_anything_runs() {
    let place = Place::new();
    place.write("w.yaml", WORKFLOW);
    place.run(&["run", "w.yaml"]).expect(2).says(&["in.csv", "no such file"]);
    assert!(place.runs().is_empty());
}

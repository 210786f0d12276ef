//! LibSVM files.

use fn_extract::Extract;
use millstream_sdk::{
    arrow_array::{Array, RecordBatch, cast::AsArray, types::*},
    arrow_schema::DataType,
    column::SparseColumn,
    table::{MEDIA_TYPE, sparse_type},
    testing::Host,
};
use proptest::prelude::*;

fn read_all(files: &[&str], parameters: &str) -> Result<RecordBatch, String> {
    let host = files.iter().enumerate().fold(Host::new(), |host, (index, text)| {
        host.file("source", &format!("{index}.libsvm"), text.as_bytes())
    });
    host.run::<Extract>(parameters).map_err(|failure| failure.to_string())?;
    Ok(host.table("table"))
}

fn read(text: &str, parameters: &str) -> Result<RecordBatch, String> {
    read_all(&[text], parameters)
}

fn names(table: &RecordBatch) -> Vec<String> {
    table.schema().fields().iter().map(|field| field.name().clone()).collect()
}

fn floats(table: &RecordBatch, name: &str) -> Vec<f64> {
    table.column_by_name(name).unwrap().as_primitive::<Float64Type>().values().to_vec()
}

fn ints(table: &RecordBatch, name: &str) -> Vec<i64> {
    table.column_by_name(name).unwrap().as_primitive::<Int64Type>().values().to_vec()
}

fn pairs(table: &RecordBatch) -> Vec<Vec<(u32, f64)>> {
    let rows = SparseColumn::of(table, "features").unwrap();
    rows.iter().map(|(i, v)| i.iter().copied().zip(v.iter().copied()).collect()).collect()
}

const SMALL: &str = "+1 1:0.5 3:-2 # first\n\n# nothing else\n-1 2:1e3\r\n+1\n";

#[test]
fn few_features_are_columns() {
    let table = read(SMALL, "{}").unwrap();
    assert_eq!(names(&table), ["label", "f0", "f1", "f2"]);
    assert_eq!(ints(&table, "label"), [1, -1, 1]);
    assert_eq!(floats(&table, "f0"), [0.5, 0.0, 0.0]);
    assert_eq!(floats(&table, "f1"), [0.0, 1000.0, 0.0]);
    assert_eq!(floats(&table, "f2"), [-2.0, 0.0, 0.0]);
    let chosen =
        read(SMALL, r#"{"columns": ["f2", "label"], "types": {"label": "float"}, "limit": 2}"#).unwrap();
    assert_eq!(names(&chosen), ["f2", "label"]);
    assert_eq!(floats(&chosen, "label"), [1.0, -1.0]);
}

#[test]
fn many_features_are_one_column() {
    let table = read("0.5 7:1 1000000:2\n1 3:4\n2\n", "{}").unwrap();
    assert_eq!(names(&table), ["label", "features"]);
    assert_eq!(table.schema().field(1).data_type(), &sparse_type());
    assert_eq!(floats(&table, "label"), [0.5, 1.0, 2.0]);
    assert_eq!(pairs(&table), [vec![(6, 1.0), (999_999, 2.0)], vec![(2, 4.0)], vec![]]);
    let small = read(SMALL, r#"{"features": "sparse"}"#).unwrap();
    assert_eq!(pairs(&small), [vec![(0, 0.5), (2, -2.0)], vec![(1, 1000.0)], vec![]]);
}

/// As scikit-learn's `load_svmlight_file` has it.
#[test]
fn indices_begin_at_0_or_1() {
    let base = |text: &str, zero_based: &str| {
        let parameters = format!(r#"{{"features": "sparse", "zero_based": {zero_based}}}"#);
        read(text, &parameters).map(|table| pairs(&table))
    };
    assert_eq!(base("1 1:1 2:2\n", "\"auto\"").unwrap(), [[(0, 1.0), (1, 2.0)]]);
    assert_eq!(base("1 0:1 2:2\n", "\"auto\"").unwrap(), [[(0, 1.0), (2, 2.0)]]);
    assert_eq!(base("1 1:1 2:2\n", "true").unwrap(), [[(1, 1.0), (2, 2.0)]]);
    assert_eq!(base("1 1:1 2:2\n", "false").unwrap(), [[(0, 1.0), (1, 2.0)]]);
    assert_eq!(base("1 4294967295:1\n", "true").unwrap(), [[(u32::MAX, 1.0)]]);
    let refusal = base("1 1:1\n1 0:1\n", "false").unwrap_err();
    assert_eq!(
        refusal,
        "input `source`, 0.libsvm, row 2: line 2, column 3: `0:1` has index 0, but `zero_based` is false: indices begin at 1"
    );
    // One file decides for all.
    let both = read_all(&["1 1:1\n", "1 0:1\n"], r#"{"features": "sparse"}"#).unwrap();
    assert_eq!(pairs(&both), [[(1, 1.0)], [(0, 1.0)]]);
}

#[test]
fn weights_and_query_ids() {
    let table = read("1:0.5 qid:3 1:1\n0:2 qid:-4 1:2\n", "{}").unwrap();
    assert_eq!(names(&table), ["label", "weight", "qid", "f0"]);
    assert_eq!((floats(&table, "weight"), ints(&table, "qid")), (vec![0.5, 2.0], vec![3, -4]));
    for (text, expected) in [
        ("1 qid:1 1:1\n1 1:1\n", "row 2: line 2 has no `qid`, as those before have"),
        ("1 1:1\n1 qid:1 1:1\n", "row 2: line 2 has a `qid`, as those before have not"),
        ("1:1 1:1\n1 1:1\n", "row 2: line 2 has no weight, as those before have"),
    ] {
        let refusal = read(text, "{}").unwrap_err();
        assert_eq!(refusal, format!("input `source`, 0.libsvm, {expected}"));
    }
}

#[test]
fn the_number_of_features_can_be_said() {
    let table = read("1 2:1\n", r#"{"n_features": 3}"#).unwrap();
    assert_eq!(names(&table), ["label", "f0", "f1", "f2"]);
    let labels = read("1\n0\n", r#"{"n_features": 1}"#).unwrap();
    assert_eq!(floats(&labels, "f0"), [0.0, 0.0]);
    let refusal = |text: &str, parameters: &str| read(text, parameters).unwrap_err();
    let few = refusal("1 2:1\n", r#"{"n_features": 1}"#);
    assert_eq!(few, "parameter `n_features`: it is 1, but the files have 2 features (allowed: at least 2)");
    let wide = refusal("1 20000:1\n", r#"{"features": "dense"}"#);
    assert!(wide.starts_with("parameter `features`: 20000 features are too many"), "{wide}");
    let types = refusal(SMALL, r#"{"types": {"f0": "int"}}"#);
    assert!(types.starts_with("parameter `types`: of LibSVM files `label` alone"), "{types}");
    let column = refusal(SMALL, r#"{"columns": ["f9"]}"#);
    assert!(column.starts_with("parameter `columns`: there is no column `f9`; did you mean"), "{column}");
}

#[test]
fn what_is_unsound_is_refused_by_line_and_column() {
    for (text, expected) in [
        ("", "the file is empty"),
        ("# nothing\n\n", "there is no row"),
        ("1\n-1\n", "there are labels, but no feature; set `n_features`"),
        ("1 1:1\nx 1:1\n", "row 2: line 2, column 1: `x` is not a label: a number is needed"),
        ("# a\n1 1:1\n\n1  3:x\n", "row 2: line 4, column 4: `3:x` is not `index:value`, both numbers"),
        ("1 a:1\n", "row 1: line 1, column 3: `a:1` is not `index:value` with a whole number"),
        ("1 -1:1\n", "row 1: line 1, column 3: `-1:1` is not `index:value` with a whole number"),
        ("1 :1\n", "row 1: line 1, column 3: `:1` is not `index:value` with a whole number"),
        ("1 7\n", "row 1: line 1, column 3: `7` is not `index:value`"),
        ("1 2:1 2:1\n", "row 1: line 1, column 7: `2:1` has the index of the value before it"),
        ("1 2:1 1:1\n", "row 1: line 1, column 7: `1:1` comes after index 2; sort each line by index"),
        ("1 2:nan\n", "row 1: line 1, column 3: `2:nan` has no finite value"),
        ("1 2:-inf\n", "row 1: line 1, column 3: `2:-inf` has no finite value"),
        ("nan 2:1\n", "row 1: line 1, column 1: `nan` is not a finite label"),
        ("1 4294967296:1\n", "row 1: line 1, column 3: `4294967296:1` has an index above 4294967295"),
        (
            "1 99999999999999999999999:1\n",
            "row 1: line 1, column 3: `99999999999999999999999:1` has an index above",
        ),
        ("1,2 1:1\n", "row 1: line 1, column 1: `1,2` has several labels; a row has one"),
        ("1:-1 1:1\n", "row 1: line 1, column 1: `1:-1` is not `label:weight`"),
        ("1 1:1 qid:1\n", "row 1: line 1, column 7: `qid:1` is out of place"),
        ("1 qid:x 1:1\n", "row 1: line 1, column 3: `qid:x` is not `qid:integer`"),
        ("qid:1 1:1\n", "row 1: line 1, column 1: `qid:1` stands where the label belongs"),
    ] {
        let refusal = read(text, "{}").unwrap_err();
        assert!(
            refusal.contains("input `source`, 0.libsvm") && refusal.contains(expected),
            "{refusal}\n{expected}"
        );
    }
    let later = read_all(&["1 1:1\n", "1 1:1\n1 1:x\n"], "{}").unwrap_err();
    assert!(later.starts_with("input `source`, 1.libsvm, row 2: line 2, column 3"), "{later}");
}

#[test]
fn an_enormous_index_costs_nothing() {
    let table = read("1 4000000000:1\n", "{}").unwrap();
    assert_eq!(pairs(&table), [[(3_999_999_999, 1.0)]]);
}

#[test]
fn batches_of_many_cells_are_cut() {
    let text: String = (0..9_000).map(|row| format!("{row} {}:1 1000:{row}\n", row % 999 + 1)).collect();
    let host = Host::new().file("source", "a.svm", text.as_bytes());
    host.run::<Extract>("{}").unwrap();
    let table = host.table("table");
    assert_eq!((table.num_rows(), table.num_columns()), (9_000, 1_001));
    assert_eq!(floats(&table, "f999")[8_999], 8_999.0);
    let again = Host::new().part("t", "t.arrow", MEDIA_TYPE, host.output("table"));
    let batches = again.context().batches("t").unwrap();
    let batches: Vec<usize> = batches.map(|batch| batch.unwrap().num_rows()).collect();
    assert!(batches.len() == 3 && batches[0] == 4_195, "{batches:?}");
}

#[test]
fn formats_are_told_by_name() {
    for name in ["a.libsvm", "a.svm", "a.svmlight", "a.SVM"] {
        let host = Host::new().file("source", name, b"1 1:2\n".to_vec());
        host.run::<Extract>("{}").unwrap();
        assert_eq!(names(&host.table("table")), ["label", "f0"], "{name}");
    }
    let host = Host::new().file("source", "a.txt", b"1 1:2\n".to_vec());
    host.run::<Extract>(r#"{"format": "libsvm", "skip_rows": 0}"#).unwrap();
    assert_eq!(host.table("table").schema().field(0).data_type(), &DataType::Int64);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// What is written is read, sparse and as columns.
    #[test]
    fn what_is_written_is_read(
        rows in prop::collection::vec(
            (-9i64..9, prop::collection::btree_map(0u32..40, -1e9..1e9f64, 1..6)), 1..30,
        ),
        base in 0u32..2,
    ) {
        let line = |(label, values): &(i64, std::collections::BTreeMap<u32, f64>)| {
            let pairs: String = values.iter().map(|(index, value)| format!(" {}:{value}", index + base)).collect();
            format!("{label}{pairs}\n")
        };
        let text: String = rows.iter().map(line).collect();
        let parameters = |features: &str| {
            format!(r#"{{"zero_based": {}, "features": "{features}", "n_features": 40}}"#, base == 0)
        };
        let sparse = read(&text, &parameters("sparse")).unwrap();
        let dense = read(&text, &parameters("dense")).unwrap();
        prop_assert_eq!(dense.num_columns(), 41);
        for (row, (read, (label, values))) in pairs(&sparse).into_iter().zip(&rows).enumerate() {
            prop_assert_eq!(&read, &values.iter().map(|(index, value)| (*index, *value)).collect::<Vec<_>>());
            prop_assert_eq!(ints(&dense, "label")[row], *label);
            for index in 0..40 {
                let value = values.get(&index).copied().unwrap_or(0.0);
                prop_assert_eq!(floats(&dense, &format!("f{index}"))[row], value);
            }
        }
    }

    /// Anything: rows or a refusal.
    #[test]
    fn damage_is_refused(text in "([0-9a:.#\\- \nqid+e,]|1:1|\n1 ){0,60}") {
        if let Ok(table) = read(&text, "{}") {
            prop_assert!(table.num_rows() > 0 && table.column(0).null_count() == 0);
        }
    }
}

//! Sizes, shares, order and faults.

use std::collections::BTreeSet;

use fn_split::Split;
use millstream_sdk::{
    Level,
    arrow_array::{RecordBatch, cast::AsArray, types::Int64Type},
    testing::Host,
};
use proptest::prelude::*;

fn host(rows: usize, row: impl Fn(usize) -> String) -> Host {
    let text = (0..rows).fold("id,key\n".to_owned(), |text, id| format!("{text}{id},{}\n", row(id)));
    Host::new().csv("table", &text).seed(7)
}

fn ids(table: &RecordBatch) -> Vec<i64> {
    table.column(0).as_primitive::<Int64Type>().values().to_vec()
}

fn refusal(host: &Host, parameters: &str) -> String {
    host.run::<Split>(parameters).unwrap_err().to_string()
}

/// Every row went into exactly one output, in its order.
fn check(host: &Host) -> usize {
    let outputs = ["train", "validation", "test"].into_iter().filter(|output| host.wrote(output));
    let parts: Vec<Vec<i64>> = outputs.map(|output| ids(&host.table(output))).collect();
    assert!(parts.iter().all(|part| part.is_sorted()), "rows keep their order");
    let all: BTreeSet<i64> = parts.iter().flatten().copied().collect();
    let rows = parts.iter().map(Vec::len).sum();
    assert_eq!(all.len(), rows, "no row is in two outputs");
    assert_eq!(all.into_iter().collect::<Vec<_>>(), (0..rows as i64).collect::<Vec<_>>());
    rows
}

#[test]
fn sizes_are_those_of_scikit_learn() {
    for (rows, parameters, sizes) in [
        (10, "{}", [8, 0, 2]),
        (11, "{}", [8, 0, 3]),
        (100, r#"{"test": 0.07}"#, [93, 0, 7]),
        (569, r#"{"train": 0.8, "test": 0.2}"#, [455, 0, 114]),
        (10, r#"{"train": 0.6, "validation": 0.2, "test": 0.2}"#, [6, 2, 2]),
        (10, r#"{"train": 0.75}"#, [7, 0, 3]),
    ] {
        let host = host(rows, |id| id.to_string());
        let summary = host.run::<Split>(parameters).unwrap();
        assert_eq!(
            summary.metrics.iter().map(|(_, rows)| *rows as usize).collect::<Vec<_>>(),
            sizes,
            "{parameters}"
        );
        assert_eq!(check(&host), rows);
        assert_eq!(host.wrote("validation"), sizes[1] > 0);
    }
}

#[test]
fn a_seed_decides() {
    let host = host(50, |id| id.to_string());
    let draw = |parameters: &str| {
        host.run::<Split>(parameters).unwrap();
        host.output("test")
    };
    assert_eq!(draw("{}"), draw(r#"{"seed": 7}"#), "the step's seed is the default");
    assert_ne!(draw(r#"{"seed": 7}"#), draw(r#"{"seed": 8}"#));
}

#[test]
fn classes_keep_their_shares() {
    let class = |id: usize| if id.is_multiple_of(5) { "rare" } else { "common" }.to_owned();
    let host = host(100, class);
    for parameters in [
        r#"{"stratify": "key"}"#,
        r#"{"by": "stratified", "stratify": "key", "validation": 0.1, "test": 0.2}"#,
    ] {
        host.run::<Split>(parameters).unwrap();
        check(&host);
        let rare = ids(&host.table("test")).iter().filter(|id| **id % 5 == 0).count();
        assert_eq!((rare, host.table("test").num_rows()), (4, 20));
    }
    assert_eq!(ids(&host.table("validation")).iter().filter(|id| **id % 5 == 0).count(), 2);
}

#[test]
fn time_goes_forward() {
    // The key falls while the row number rises.
    let host = host(10, |id| format!("{}", 100 - id));
    host.run::<Split>(r#"{"by": "time", "time": "key", "validation": 0.2, "test": 0.3}"#).unwrap();
    assert_eq!(ids(&host.table("test")), [0, 1, 2]);
    assert_eq!(ids(&host.table("validation")), [3, 4]);
    assert_eq!(ids(&host.table("train")), [5, 6, 7, 8, 9]);
}

#[test]
fn groups_do_not_straddle() {
    let host = host(100, |id| format!("g{}", id % 7));
    let groups = |output: &str| ids(&host.table(output)).iter().map(|id| id % 7).collect::<BTreeSet<_>>();
    host.run::<Split>(r#"{"by": "group", "group": "key", "test": 0.3}"#).unwrap();
    check(&host);
    assert_eq!(groups("test").len(), 3);
    assert!(groups("test").is_disjoint(&groups("train")));
    for fold in 0..3 {
        host.run::<Split>(&format!(r#"{{"by": "kfold", "group": "key", "folds": 3, "fold": {fold}}}"#))
            .unwrap();
        check(&host);
        assert!(groups("test").is_disjoint(&groups("train")));
    }
}

#[test]
fn folds_test_every_row_once() {
    let host = host(23, |id| if id < 8 { "a" } else { "b" }.to_owned());
    for stratify in ["", r#""stratify": "key","#] {
        let mut tested = Vec::new();
        for fold in 0..4 {
            host.run::<Split>(&format!(r#"{{"by": "kfold", {stratify} "folds": 4, "fold": {fold}}}"#))
                .unwrap();
            check(&host);
            let test = ids(&host.table("test"));
            assert!((5..=6).contains(&test.len()), "folds differ by one row at most");
            if !stratify.is_empty() {
                assert_eq!(test.iter().filter(|id| **id < 8).count(), 2);
            }
            tested.extend(test);
        }
        tested.sort_unstable();
        assert_eq!(tested, (0..23).collect::<Vec<_>>());
    }
}

#[test]
fn what_cannot_be_split_is_refused() {
    let host = host(10, |id| if id == 3 { "lone" } else { "many" }.to_owned());
    for (parameters, expected) in [
        (r#"{"train": 0.8, "test": 0.3}"#, "must sum to 1"),
        (r#"{"test": 1.5}"#, "parameter `test`: 1.5 is out of range"),
        (
            r#"{"stratify": "kee"}"#,
            "parameter `stratify`: the table has no column `kee`; did you mean `key`?",
        ),
        (r#"{"by": "stratified"}"#, "parameter `stratify`: is required"),
        (r#"{"by": "time", "time": "key"}"#, "column `key`: time is a column of dates"),
        (r#"{"group": "key"}"#, "parameter `group`: has no effect here"),
        (r#"{"by": "group", "group": "key", "validation": 0.4, "test": 0.4}"#, "2 groups are too few"),
        (r#"{"by": "kfold", "fold": 5}"#, "parameter `fold`: there is no fold 5 (allowed: 0 to 4)"),
        (r#"{"by": "kfold", "folds": 11}"#, "10 rows are too few for 11 folds"),
        (r#"{"by": "kfold", "test": 0.2}"#, "parameter `test`: has no effect"),
        (r#"{"by": "kfolds"}"#, "unknown variant `kfolds`"),
    ] {
        let refusal = refusal(&host, parameters);
        assert!(refusal.contains(expected), "{refusal}\n{expected}");
    }
    let single = Host::new().csv("table", "id\n1\n");
    assert!(refusal(&single, "{}").contains("1 rows are too few"));
}

fn warnings(host: &Host) -> Vec<String> {
    let logs = host.logs().into_iter().filter(|(level, _)| *level == Level::Warn);
    logs.map(|(_, text)| text).collect()
}

/// How many rows of a class there are in each output.
fn shares(host: &Host, class: impl Fn(i64) -> bool) -> Vec<usize> {
    let outputs = ["train", "validation", "test"].into_iter().filter(|output| host.wrote(output));
    outputs.map(|output| ids(&host.table(output)).into_iter().filter(|id| class(*id)).count()).collect()
}

#[test]
fn a_rare_class_is_in_each_output_or_said() {
    let with = |rare: usize, parameters: &str| {
        let host = host(100, |id| if id < rare { "rare" } else { "common" }.to_owned());
        host.run::<Split>(parameters).unwrap();
        assert_eq!(check(&host), 100);
        (shares(&host, |id| id < rare as i64), warnings(&host))
    };
    let two = r#"{"stratify": "key"}"#;
    let three = r#"{"stratify": "key", "validation": 0.1, "test": 0.1}"#;
    // Wherever there are rows enough, each output has one.
    for (rare, parameters, expected) in [
        (2, two, &[1, 1][..]),
        (3, two, &[2, 1]),
        (4, two, &[3, 1]),
        (2, r#"{"stratify": "key", "test": 0.05}"#, &[1, 1]),
        (2, r#"{"stratify": "key", "test": 0.95}"#, &[1, 1]),
        (3, three, &[1, 1, 1]),
        (4, three, &[2, 1, 1]),
        (10, three, &[8, 1, 1]),
    ] {
        let (shares, warnings) = with(rare, parameters);
        assert_eq!((shares.as_slice(), warnings.len()), (expected, 0), "{rare} {parameters} {warnings:?}");
    }
    let (shares, warnings) = with(1, two);
    assert_eq!(shares, [1, 0]);
    assert_eq!(
        warnings,
        [
            "column `key`: class `rare` has 1 row, none of which went to `test`; merge or drop rare classes if each is to be in every output"
        ]
    );
    let (shares, warnings) = with(1, three);
    assert_eq!(shares, [1, 0, 0]);
    assert!(warnings[0].contains("1 row, none of which went to `validation` and `test`"), "{warnings:?}");
    let (shares, warnings) = with(2, three);
    assert_eq!((shares[0], shares.iter().sum::<usize>()), (1, 2));
    assert!(warnings[0].contains("class `rare` has 2 rows"), "{warnings:?}");
}

#[test]
fn more_classes_than_an_output_has_rows() {
    // Eight classes of five rows; two rows test.
    let host = host(40, |id| format!("c{}", id % 8));
    host.run::<Split>(r#"{"stratify": "key", "test": 0.05}"#).unwrap();
    check(&host);
    assert_eq!(host.table("test").num_rows(), 2);
    assert_eq!(warnings(&host).len(), 6);
    // Many of them are counted.
    let many = Host::new()
        .csv("table", &(0..60).fold("id,key\n".to_owned(), |text, id| format!("{text}{id},c{}\n", id % 30)));
    many.run::<Split>(r#"{"stratify": "key", "test": 0.1}"#).unwrap();
    let warned = warnings(&many);
    assert!(
        warned.len() == 11 && warned[10].ends_with("14 more classes are not in every output"),
        "{warned:?}"
    );
}

#[test]
fn folds_say_which_class_they_lack() {
    let host = host(30, |id| if id < 2 { "rare" } else { "common" }.to_owned());
    let mut tested = 0;
    for fold in 0..5 {
        host.run::<Split>(&format!(r#"{{"by": "kfold", "stratify": "key", "fold": {fold}}}"#)).unwrap();
        let shares = shares(&host, |id| id < 2);
        tested += shares[1];
        let said = warnings(&host);
        assert_eq!(said.len(), usize::from(shares[1] == 0), "{said:?}");
        assert!(
            said.iter().all(|text| text.contains("`rare` has 2 rows, none of which went to `test`")),
            "{said:?}"
        );
    }
    assert_eq!(tested, 2);
    // A class of one row is not learnt in the fold that tests it.
    let said: String = (0..3)
        .map(|fold| {
            let lone = lone_row();
            lone.run::<Split>(&format!(
                r#"{{"by": "kfold", "folds": 3, "stratify": "key", "fold": {fold}}}"#
            ))
            .unwrap();
            warnings(&lone).concat()
        })
        .collect();
    assert!(said.contains("went to `train`") && said.contains("went to `test`"), "{said}");
}

fn lone_row() -> Host {
    host(9, |id| if id == 4 { "lone" } else { "many" }.to_owned())
}

#[test]
fn numbers_are_no_classes() {
    for parameters in [r#"{"stratify": "key"}"#, r#"{"stratify": "key", "by": "kfold"}"#] {
        let host = host(50, |id| format!("{}.5", id));
        let refused = refusal(&host, parameters);
        assert!(refused.contains("column `key`: 50 of 50 classes, such as `0.5`"), "{refused}");
        assert!(refused.contains("put numbers into bins"), "{refused}");
    }
    // A few numbers are.
    let host = host(50, |id| format!("{}.5", id % 3));
    host.run::<Split>(r#"{"stratify": "key"}"#).unwrap();
    assert!(warnings(&host).is_empty());
    // One class is nothing to tell apart, and no harm.
    let one = self::host(10, |_| "a".to_owned());
    one.run::<Split>(r#"{"stratify": "key"}"#).unwrap();
}

#[test]
fn rows_without_a_class_or_group_are_refused() {
    let missing = || host(10, |id| if id % 5 == 3 { String::new() } else { "many".to_owned() });
    for (parameters, what) in [
        (r#"{"stratify": "key"}"#, "class"),
        (r#"{"stratify": "key", "by": "kfold"}"#, "class"),
        (r#"{"by": "group", "group": "key"}"#, "group"),
        (r#"{"by": "kfold", "group": "key"}"#, "group"),
    ] {
        let refused = refusal(&missing(), parameters);
        assert!(
            refused.contains(&format!("row 4, column `key`: the {what} is missing, in 2 of 10 rows")),
            "{refused}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the classes: each output's share of a class is within one row of the exact share, but for a row of each
    /// rare class that others make room for; and each class with two rows is in both.
    #[test]
    fn stratified_shares_are_exact(classes in prop::collection::vec(0u8..4, 40..120), test in 0.1f64..0.6) {
        let host = host(classes.len(), |id| format!("c{}", classes[id]));
        if host.run::<Split>(&format!(r#"{{"stratify": "key", "test": {test}}}"#)).is_ok() {
            check(&host);
            let rows = host.table("test");
            let share = rows.num_rows() as f64 / classes.len() as f64;
            let rare = (0..4u8).filter(|class| classes.iter().filter(|c| *c == class).count() < 20).count() as f64;
            for class in 0..4u8 {
                let all = classes.iter().filter(|c| **c == class).count() as f64;
                let got = ids(&rows).iter().filter(|id| classes[**id as usize] == class).count() as f64;
                prop_assert!(all < 2.0 || (got > 0.0 && got < all), "class {}: {} of {}", class, got, all);
                prop_assert!((got - all * share).abs() < 1.0 + rare, "class {}: {} of {}", class, got, all);
            }
        }
    }
}

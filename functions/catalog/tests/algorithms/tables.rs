//! Tables to learn from.

use super::*;

struct Case {
    name: &'static str,
    applies: fn(&Algorithm) -> bool,
    table: fn(&Algorithm) -> Table,
    with: Value,
    expect: fn(&Algorithm) -> Expect,
}

fn any(_: &Algorithm) -> bool {
    true
}

fn features(algorithm: &Algorithm) -> bool {
    algorithm.learns != Learns::Series
}

fn labelled(algorithm: &Algorithm) -> bool {
    algorithm.learns != Learns::Rows
}

fn numbers(algorithm: &Algorithm) -> bool {
    algorithm.learns == Learns::Numbers
}

/// Leaves out what is small beside its penalty or its tube.
fn shrinks(algorithm: &Algorithm) -> bool {
    algorithm.shrinks
}

fn weighted(algorithm: &Algorithm) -> bool {
    algorithm.has("weight")
}

/// A column of labels, so that each class has its share.
fn labels(rows: usize) -> impl Iterator<Item = bool> {
    (0..rows).map(|i| noise(i, 0) > 0.0)
}

macro_rules! case {
    ($name:literal, $applies:expr, $table:expr, $expect:expr) => {
        case!($name, $applies, $table, json!({}), $expect)
    };
    ($name:literal, $applies:expr, $table:expr, $with:expr, $expect:expr) => {
        Case { name: $name, applies: $applies, table: $table, with: $with, expect: $expect }
    };
}

fn missing_at(row: u64) -> fn(&Algorithm) -> Expect {
    match row {
        1 => |a| if a.takes_missing { Expect::Learns } else { Expect::Column("a", Some(1)) },
        _ => |a| if a.takes_missing { Expect::Learns } else { Expect::Column("a", Some(3)) },
    }
}

fn cases() -> Vec<Case> {
    vec![
        case!("sound", any, base, |_| Expect::Learns),
        case!("no row", any, |a| sound(a, 0), |_| Expect::Table),
        case!("one row", any, |a| sound(a, 1), |a| if classes(a) {
            Expect::Column("y", None)
        } else {
            Expect::Any
        }),
        case!("two rows", any, |a| sound(a, 2), |_| Expect::Any),
        // Features.
        case!("all missing", features, |a| base(a).with("a", spoiled(|_| None)), missing_at(1)),
        case!(
            "one missing",
            features,
            |a| base(a).with("a", spoiled(|i| (i != 2).then(|| noise(i, 0)))),
            missing_at(3)
        ),
        case!(
            "not a number",
            features,
            |a| base(a).with("a", spoiled(|i| Some(if i == 2 { f64::NAN } else { noise(i, 0) }))),
            missing_at(3)
        ),
        case!(
            "infinity",
            features,
            |a| base(a).with("a", spoiled(|i| Some(if i == 2 { f64::INFINITY } else { noise(i, 0) }))),
            |_| Expect::Column("a", Some(3))
        ),
        case!("constant", features, |a| base(a).with("a", spoiled(|_| Some(7.25))), |_| Expect::Learns),
        case!(
            "all constant",
            features,
            |a| {
                ["a", "b", "c"].iter().fold(base(a), |table, name| table.with(name, spoiled(|_| Some(0.1))))
            },
            |_| Expect::Any
        ),
        case!("huge", features, |a| base(a).with("a", spoiled(|i| Some(1e200 * noise(i, 0)))), |_| {
            Expect::Either("a")
        }),
        case!(
            "one huge",
            features,
            |a| base(a).with("a", spoiled(|i| Some(if i == 2 { -1e200 } else { noise(i, 0) }))),
            |_| Expect::Either("a")
        ),
        case!(
            "as large as numbers get",
            features,
            |a| base(a).with("a", spoiled(|i| Some(1.7e308 * noise(i, 0)))),
            |_| Expect::Either("a")
        ),
        case!("tiny", features, |a| base(a).with("a", spoiled(|i| Some(1e-310 * noise(i, 0)))), |_| {
            Expect::Learns
        }),
        case!("text", features, |a| base(a).with("a", texts(ROWS, |i| format!("t{}", i % 3))), |_| {
            Expect::Column("a", None)
        }),
        case!(
            "booleans",
            features,
            |a| {
                base(a)
                    .with("a", BooleanArray::from((0..ROWS).map(|i| noise(i, 0) > 0.0).collect::<Vec<_>>()))
            },
            |_| Expect::Learns
        ),
        case!(
            "integers",
            features,
            |a| {
                base(a)
                    .with("a", (0..ROWS).map(|i| Some((10.0 * noise(i, 0)) as i64)).collect::<Int64Array>())
            },
            |_| Expect::Learns
        ),
        case!(
            "dates",
            features,
            |a| base(a).with("a", (0..ROWS as i32).map(Some).collect::<Date32Array>()),
            |_| { Expect::Column("a", None) }
        ),
        case!(
            "integers that round",
            features,
            |a| {
                base(a)
                    .with("a", (0..ROWS as i64).map(|i| Some((1 << 53) + 1 + 2 * i)).collect::<Int64Array>())
            },
            |_| Expect::Warns("`a`")
        ),
        case!(
            "one column twice",
            features,
            |a| {
                base(a)
                    .with("b", floats(ROWS, |i| noise(i, 0)))
                    .with("c", floats(ROWS, |i| 2.0 * noise(i, 0)))
            },
            |_| Expect::Learns
        ),
        case!(
            "more columns than rows",
            features,
            |a| {
                (0..12).fold(sound(a, 6), |table, j| {
                    table.with(&format!("f{j}"), floats(6, |i| noise(i, j + 3)))
                })
            },
            |_| Expect::Any
        ),
        case!(
            "a feature that is not there",
            |a| a.has("features"),
            base,
            json!({ "features": ["a", "z"] }),
            |_| { Expect::Parameter("features") }
        ),
        case!("no feature", |a| a.has("features"), base, json!({ "features": [] }), |_| Expect::Parameter(
            "features"
        )),
        case!("a feature twice", |a| a.has("features"), base, json!({ "features": ["a", "a"] }), |_| {
            Expect::Parameter("features")
        }),
        case!(
            "text that is left out",
            |a| a.has("exclude"),
            |a| base(a).with("a", texts(ROWS, |i| format!("t{}", i % 3))),
            json!({ "exclude": ["a"] }),
            |_| Expect::Learns
        ),
        case!("no such column to leave out", |a| a.has("exclude"), base, json!({ "exclude": ["z"] }), |_| {
            Expect::Parameter("exclude")
        }),
        case!(
            "features, and columns to leave out",
            |a| a.has("exclude"),
            base,
            json!({ "features": ["a"], "exclude": ["b"] }),
            |_| Expect::Parameter("exclude")
        ),
        // Targets.
        case!("no such target", labelled, base, json!({ "target": "z" }), |_| Expect::Parameter("target")),
        case!("target all missing", labelled, |a| base(a).with("y", spoiled(|_| None)), |_| Expect::Column(
            "y", None
        )),
        case!(
            "target missing once",
            |a| matches!(a.learns, Learns::Numbers),
            |a| base(a).with("y", spoiled(|i| (i != 2).then(|| noise(i, 0)))),
            |_| Expect::Column("y", Some(3))
        ),
        case!(
            "class missing once",
            classes,
            |a| base(a).with(
                "y",
                (0..ROWS).map(|i| (i != 2).then(|| ["no", "yes"][i % 2])).collect::<StringArray>()
            ),
            |_| Expect::Column("y", Some(3))
        ),
        case!(
            "target infinite",
            labelled,
            |a| base(a).with("y", spoiled(|i| Some(if i == 2 { f64::INFINITY } else { (i % 2) as f64 }))),
            |_| Expect::Column("y", Some(3))
        ),
        case!("target huge", numbers, |a| base(a).with("y", spoiled(|i| Some(1e200 * noise(i, 0)))), |_| {
            Expect::Either("y")
        }),
        case!(
            "target as large as numbers get",
            numbers,
            |a| { base(a).with("y", spoiled(|i| Some(1.7e308 * noise(i, 0)))) },
            |_| Expect::Either("y")
        ),
        case!("target tiny", numbers, |a| base(a).with("y", spoiled(|i| Some(1e-50 * noise(i, 0)))), |a| {
            if shrinks(a) { Expect::Any } else { Expect::Either("y") }
        }),
        case!(
            "target of dates",
            labelled,
            |a| base(a).with("y", (0..ROWS as i32).map(Some).collect::<Date32Array>()),
            |_| { Expect::Column("y", None) }
        ),
        case!(
            "numbers to learn that are text",
            numbers,
            |a| base(a).with("y", texts(ROWS, |i| format!("t{i}"))),
            |_| { Expect::Column("y", None) }
        ),
        case!("constant target", numbers, |a| base(a).with("y", spoiled(|_| Some(3.5))), |_| Expect::Warns(
            "`y`"
        )),
        case!("one class", classes, |a| base(a).with("y", texts(ROWS, |_| "no".into())), |_| Expect::Column(
            "y", None
        )),
        case!(
            "yes and no",
            classes,
            |a| {
                base(a).with(
                    "y",
                    labels(ROWS).map(|yes| Some(if yes { "yes" } else { "no" })).collect::<StringArray>(),
                )
            },
            |_| Expect::Learns
        ),
        case!(
            "1 and 2",
            classes,
            |a| {
                base(a).with("y", labels(ROWS).map(|yes| Some(i64::from(yes) + 1)).collect::<Int64Array>())
            },
            |_| Expect::Learns
        ),
        case!(
            "-1 and 1",
            classes,
            |a| {
                base(a).with(
                    "y",
                    labels(ROWS).map(|yes| Some(if yes { 1.0 } else { -1.0 })).collect::<Float64Array>(),
                )
            },
            |_| Expect::Learns
        ),
        case!(
            "true and false",
            classes,
            |a| { base(a).with("y", BooleanArray::from(labels(ROWS).collect::<Vec<_>>())) },
            |_| Expect::Learns
        ),
        case!(
            "fractions as classes",
            classes,
            |a| base(a).with("y", spoiled(|i| Some((i % 2) as f64 / 2.0))),
            |_| { Expect::Column("y", Some(2)) }
        ),
        case!(
            "too many classes",
            classes,
            |a| sound(a, 3_000).with("y", texts(3_000, |i| format!("c{i:04}"))),
            |_| { Expect::Column("y", None) }
        ),
        case!(
            "many more rows than too many classes",
            classes,
            |a| sound(a, 6_000).with("y", (0..6_000).map(|i| Some(i % 2_000)).collect::<Int64Array>()),
            |_| Expect::Column("y", None)
        ),
        case!(
            "a class of one row",
            classes,
            |a| { base(a).with("y", texts(ROWS, |i| if i == 0 { "yes" } else { "no" }.into())) },
            |_| Expect::Any
        ),
        // Weights.
        case!("no such weight", weighted, base, json!({ "weight": "z" }), |_| Expect::Parameter("weight")),
        case!(
            "weights of 0",
            weighted,
            |a| base(a).with("w", spoiled(|_| Some(0.0))),
            json!({ "weight": "w" }),
            |_| { Expect::Column("w", None) }
        ),
        case!(
            "a negative weight",
            weighted,
            |a| { base(a).with("w", spoiled(|i| Some(if i == 2 { -1.0 } else { 1.0 }))) },
            json!({ "weight": "w" }),
            |_| Expect::Column("w", Some(3))
        ),
        case!(
            "a missing weight",
            weighted,
            |a| { base(a).with("w", spoiled(|i| (i != 2).then_some(1.0))) },
            json!({ "weight": "w" }),
            |_| Expect::Column("w", Some(3))
        ),
        case!(
            "an infinite weight",
            weighted,
            |a| { base(a).with("w", spoiled(|i| Some(if i == 2 { f64::INFINITY } else { 1.0 }))) },
            json!({ "weight": "w" }),
            |_| Expect::Column("w", Some(3))
        ),
        case!(
            "huge weights",
            weighted,
            |a| base(a).with("w", spoiled(|_| Some(1e307))),
            json!({ "weight": "w" }),
            |_| { Expect::Either("w") }
        ),
        case!(
            "weights of text",
            weighted,
            |a| base(a).with("w", texts(ROWS, |_| "1".into())),
            json!({ "weight": "w" }),
            |_| { Expect::Column("w", None) }
        ),
        case!(
            "one row has weight",
            weighted,
            |a| { base(a).with("w", spoiled(|i| Some(if i == 2 { 1.0 } else { 0.0 }))) },
            json!({ "weight": "w" }),
            |_| Expect::Any
        ),
        // k > n.
        case!(
            "more clusters than rows",
            |a| a.has("n_clusters"),
            |a| sound(a, 5),
            json!({ "n_clusters": 6 }),
            |_| { Expect::TooMany("n_clusters") }
        ),
        case!(
            "more neighbours than rows",
            |a| a.has("n_neighbors"),
            |a| sound(a, 5),
            json!({ "n_neighbors": 6 }),
            |_| { Expect::TooMany("n_neighbors") }
        ),
        case!(
            "more components than there are",
            |a| a.has("n_components"),
            |a| sound(a, 5),
            json!({ "n_components": 6 }),
            |_| { Expect::TooMany("n_components") }
        ),
    ]
}

/// What is wrong with the outcome; nothing if it is as expected.
fn judge(algorithm: &Algorithm, table: &RecordBatch, with: &Value, expect: &Expect) -> Option<String> {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let trained = algorithm.train(table, with)?;
        Ok((trained.unsound(table), trained))
    }));
    let outcome = match outcome {
        Err(_) => return Some("panics".into()),
        Ok(outcome) => outcome,
    };
    match (outcome, expect) {
        (Err(failure), expect) => blamed(algorithm, &failure, expect),
        (Ok((Some(unsound), _)), _) => Some(format!("learns what is not sound: {unsound}")),
        (Ok((None, trained)), Expect::Warns(says)) => {
            let warned = |(level, line): &(Level, String)| *level == Level::Warn && line.contains(says);
            (!trained.host.logs().iter().any(warned)).then(|| format!("does not warn of {says}"))
        }
        (Ok((None, trained)), Expect::Learns | Expect::Any | Expect::Either(_)) => {
            idle(algorithm, &trained.summary, expect)
        }
        (Ok(_), _) => Some("learns from it".into()),
    }
}

/// A line that is drawn through numbers that follow from the features beats their mean.
fn idle(algorithm: &Algorithm, summary: &millstream_sdk::Summary, expect: &Expect) -> Option<String> {
    let r2 = summary.metrics.iter().find(|(name, _)| name == "train:r2")?.1;
    let poor = matches!(expect, Expect::Either(_)) && r2 < 0.1 && algorithm.learns == Learns::Numbers;
    poor.then(|| format!("learns nothing: R2 is {r2}"))
}

fn blamed(algorithm: &Algorithm, failure: &Failure, expect: &Expect) -> Option<String> {
    let fits = match (failure, expect) {
        (Failure::InvalidInput(input), expect) => {
            let channel = input.channel.as_deref() == Some(&*algorithm.channel());
            channel
                && match expect {
                    Expect::Column(column, row) => {
                        input.column.as_deref() == Some(*column) && (row.is_none() || input.row == *row)
                    }
                    Expect::Either(column) => input.column.as_deref() == Some(*column),
                    Expect::Table | Expect::Any => true,
                    Expect::TooMany(name) => input.message.contains(name),
                    _ => false,
                }
        }
        (Failure::InvalidParameter(parameter), Expect::Parameter(name)) => parameter.name == *name,
        (Failure::InvalidParameter(_), Expect::Any) => true,
        (Failure::InvalidParameter(parameter), Expect::TooMany(name)) => parameter.name == *name,
        _ => false,
    };
    (!fits).then(|| format!("{failure:?}"))
}

#[test]
fn every_algorithm_learns_or_says_what_is_wrong() {
    let algorithms = all();
    let mut wrong = Vec::new();
    for case in cases() {
        for algorithm in algorithms.iter().filter(|algorithm| (case.applies)(algorithm)) {
            let table = (case.table)(algorithm).batch();
            if let Some(what) = judge(algorithm, &table, &case.with, &(case.expect)(algorithm)) {
                wrong.push(format!("{}: {} ({:?}): {what}", case.name, algorithm.name, algorithm.learns));
            }
        }
    }
    assert_none(wrong);
}

//! Every algorithm on whatever table: it ends with a model whose answers are finite, or with a failure that blames the
//! table or a parameter. Never a panic, never the blame on the function itself.

use std::sync::Arc;

use super::algorithms::{Algorithm, Learns, all};
use millstream_sdk::Failure;
use millstream_sdk::arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use millstream_sdk::table::batch_of;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use serde_json::json;

/// Tables of each algorithm.
const TABLES: u32 = 60;

fn wild() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![
        30 => (-3i8..=3).prop_map(|value| Some(f64::from(value))),
        10 => (-1e3..1e3f64).prop_map(Some),
        1 => prop_oneof![Just(1e155), Just(-1e200), Just(f64::MAX), Just(-1e40), Just(1e-310), Just(-0.0)].prop_map(Some),
        1 => prop_oneof![Just(None), Just(Some(f64::NAN)), Just(Some(f64::INFINITY)), Just(Some(f64::NEG_INFINITY))],
    ]
}

/// A column of any type, of numbers most often.
fn column(rows: usize) -> BoxedStrategy<ArrayRef> {
    prop_oneof![
        30 => vec(-3.0..3.0f64, rows).prop_map(|values| Arc::new(Float64Array::from(values)) as ArrayRef),
        15 => vec(-3i64..=3, rows).prop_map(|values| Arc::new(Int64Array::from(values)) as ArrayRef),
        5 => vec(any::<bool>(), rows).prop_map(|values| Arc::new(BooleanArray::from(values)) as ArrayRef),
        5 => vec(wild(), rows).prop_map(|values| Arc::new(Float64Array::from(values)) as ArrayRef),
        1 => vec(any::<Option<i64>>(), rows).prop_map(|values| Arc::new(Int64Array::from(values)) as ArrayRef),
        1 => vec(prop::option::of("[a-c]?"), rows).prop_map(|values| Arc::new(StringArray::from(values)) as ArrayRef),
        1 => vec(any::<i32>(), rows).prop_map(|values| Arc::new(Date32Array::from(values)) as ArrayRef),
    ]
    .boxed()
}

/// What an algorithm should learn, or anything else.
fn target(learns: Learns, rows: usize) -> BoxedStrategy<ArrayRef> {
    let fitting = match learns {
        Learns::Rows => return column(rows),
        Learns::Numbers | Learns::Series => vec(-1e3..1e3f64, rows)
            .prop_map(|values| Arc::new(Float64Array::from(values)) as ArrayRef)
            .boxed(),
        Learns::Classes => {
            vec(0i64..4, rows).prop_map(|values| Arc::new(Int64Array::from(values)) as ArrayRef).boxed()
        }
        Learns::Two => vec(any::<bool>(), rows)
            .prop_map(|values| {
                let texts = values.into_iter().map(|value| Some(if value { "yes" } else { "no" }));
                Arc::new(texts.collect::<StringArray>()) as ArrayRef
            })
            .boxed(),
    };
    prop_oneof![8 => fitting, 1 => column(rows)].boxed()
}

/// Times in order or not, of any type.
fn times(rows: usize) -> BoxedStrategy<ArrayRef> {
    let ordered = (1i32..40, 0i32..3).prop_map(move |(step, first)| {
        Arc::new((0..rows as i32).map(|row| Some(first + step * row)).collect::<Date32Array>()) as ArrayRef
    });
    prop_oneof![
        6 => ordered,
        1 => vec(any::<i64>(), rows).prop_map(|v| Arc::new(TimestampMicrosecondArray::from(v)) as ArrayRef),
        1 => column(rows),
    ]
    .boxed()
}

/// Features `a`, `b`, ..., a target `y`, times `t` where there are such, and weights `w` or none.
fn table(learns: Learns) -> impl Strategy<Value = RecordBatch> {
    (0usize..30, 1usize..5, any::<bool>()).prop_flat_map(move |(rows, width, weighted)| {
        let weight = prop_oneof![20 => 0.0..3.0f64, 5 => Just(0.0), 1 => Just(-1.0), 1 => Just(1e300)];
        (vec(column(rows), width), target(learns, rows), times(rows), vec(weight, rows)).prop_map(
            move |(features, y, t, weights)| {
                let names = ["a", "b", "c", "d"];
                let mut columns: Vec<(&str, ArrayRef)> = names.into_iter().zip(features).collect();
                if learns == Learns::Series {
                    columns = vec![("t", t)];
                }
                if learns != Learns::Rows {
                    columns.push(("y", y));
                }
                if weighted && learns != Learns::Series {
                    columns.push(("w", Arc::new(Float64Array::from(weights))));
                }
                batch_of(columns).unwrap()
            },
        )
    })
}

fn holds(algorithm: &Algorithm, table: &RecordBatch) -> Result<(), TestCaseError> {
    let weighted = algorithm.has("weight") && table.column_by_name("w").is_some();
    let with = if weighted { json!({ "weight": "w" }) } else { json!({}) };
    let name = &algorithm.name;
    match algorithm.train(table, &with) {
        Ok(trained) => {
            if let Some(what) = trained.unsound(table) {
                prop_assert!(false, "{name}: {what}");
            }
        }
        Err(Failure::InvalidInput(input)) => {
            prop_assert!(!input.message.is_empty());
            prop_assert_eq!(
                input.channel.as_deref(),
                Some(&*algorithm.channel()),
                "{}: {}",
                name,
                input.message
            );
            prop_assert!(input.row.is_none_or(|row| row >= 1 && row <= table.num_rows() as u64));
        }
        Err(Failure::InvalidParameter(parameter)) => {
            prop_assert!(algorithm.has(&parameter.name), "{name}: {parameter:?}");
        }
        Err(failure) => prop_assert!(false, "{name}: {failure}"),
    }
    Ok(())
}

#[test]
fn every_algorithm_ends_with_a_sound_model_or_the_blame() {
    let mut wrong = Vec::new();
    for algorithm in &all() {
        let config = ProptestConfig { cases: TABLES, failure_persistence: None, ..ProptestConfig::default() };
        let mut runner = TestRunner::new(config);
        if let Err(error) = runner.run(&table(algorithm.learns), |table| holds(algorithm, &table)) {
            wrong.push(format!("{} ({:?}): {error}", algorithm.name, algorithm.learns));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

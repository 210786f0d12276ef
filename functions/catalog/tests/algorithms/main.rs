//! The conformance of algorithms: each against every kind of bad table learns something sound, or says what is wrong and
//! where. Never a panic, never the blame on the function itself.
//!
//! `tables` has the tables to learn from, `questions` the rows that a model is asked about, `parameters` what is out of
//! range, `any_table` tables by chance. Every algorithm of the catalogue goes through all of them.

mod algorithms;
mod any_table;
mod behind;
mod digests;
mod parameters;
mod questions;
mod tables;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use algorithms::{Algorithm, Learns, all, not_finite};
use millstream_sdk::arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray,
};
use millstream_sdk::table::batch_of;
use millstream_sdk::{Failure, Level};
use serde_json::{Value, json};

const ROWS: usize = 40;

/// What must come of it.
enum Expect {
    /// A sound model.
    Learns,
    /// A sound model and a warning that says this.
    Warns(&'static str),
    /// The column is at fault, in that row if one is named.
    Column(&'static str, Option<u64>),
    /// The table as a whole is at fault.
    Table,
    /// A sound model, or the blame on the column.
    Either(&'static str),
    /// A sound model, or the blame on the table.
    Any,
    /// The parameter is at fault.
    Parameter(&'static str),
    /// The parameter is at fault, or the table, which is too small for it.
    TooMany(&'static str),
}

/// Columns by name.
#[derive(Clone)]
struct Table(Vec<(String, ArrayRef)>);

impl Table {
    fn with(mut self, name: &str, column: impl Array + 'static) -> Self {
        let column: ArrayRef = Arc::new(column);
        match self.0.iter_mut().find(|(own, _)| own == name) {
            Some((_, own)) => *own = column,
            None => self.0.push((name.to_owned(), column)),
        }
        self
    }

    fn batch(&self) -> RecordBatch {
        batch_of(self.0.iter().map(|(name, column)| (name.as_str(), column.clone()))).unwrap()
    }
}

/// Something like chance, between -1 and 1.
fn noise(row: usize, column: usize) -> f64 {
    ((row * 37 + column * 101 + row * row * 13) % 97) as f64 / 48.5 - 1.0
}

fn floats(rows: usize, value: impl Fn(usize) -> f64) -> Float64Array {
    (0..rows).map(|row| Some(value(row))).collect()
}

fn texts(rows: usize, value: impl Fn(usize) -> String) -> StringArray {
    (0..rows).map(|row| Some(value(row))).collect()
}

/// A sound table of so many rows.
fn sound(algorithm: &Algorithm, rows: usize) -> Table {
    let table = Table(Vec::new());
    let table = match algorithm.learns {
        Learns::Series => table.with("t", (0..rows as i32).map(Some).collect::<Date32Array>()),
        _ => (0..3).fold(table, |table, j| table.with(["a", "b", "c"][j], floats(rows, |i| noise(i, j)))),
    };
    let number = |i: usize| 2.0 * noise(i, 0) - noise(i, 1);
    match algorithm.learns {
        Learns::Rows => table,
        Learns::Numbers | Learns::Series => table.with("y", floats(rows, number)),
        Learns::Two => table.with("y", texts(rows, |i| ["no", "yes"][usize::from(number(i) > 0.0)].into())),
        Learns::Classes => table.with(
            "y",
            texts(rows, |i| {
                ["no", "yes", "maybe"][usize::from(number(i) > -0.5) + usize::from(number(i) > 0.5)].into()
            }),
        ),
    }
}

fn base(algorithm: &Algorithm) -> Table {
    sound(algorithm, ROWS)
}

/// The feature that cases spoil.
fn spoiled(value: impl Fn(usize) -> Option<f64>) -> Float64Array {
    (0..ROWS).map(value).collect()
}

fn classes(algorithm: &Algorithm) -> bool {
    matches!(algorithm.learns, Learns::Classes | Learns::Two)
}

fn assert_none(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{} of all:\n{}", wrong.len(), wrong.join("\n"));
}

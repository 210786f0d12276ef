//! A table taken apart into what a kernel takes.

use crate::blame;
use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use millstream_learners::{Columns, Error};
use millstream_sdk::column::Choice;
use millstream_sdk::{Context, Failure, Matrix, Table};

/// Features and weights of a table's rows.
pub struct Rows {
    channel: String,
    matrix: Matrix,
    weights: Option<Vec<f64>>,
}

impl Rows {
    /// Reads the named columns, and the weights if a column is named for them.
    pub fn read(table: &Table, features: &[String], weight: Option<&str>) -> Result<Self, Failure> {
        table.not_empty()?;
        let weights = weight.map(|name| table.weights(Some(name))).transpose()?;
        Ok(Self { channel: table.channel().to_owned(), matrix: table.matrix(features)?, weights })
    }

    /// Reads the table of a channel and the columns to learn from: those that are chosen, but for target and
    /// weight.
    pub fn of_channel(
        context: &Context,
        channel: &str,
        choice: Choice<'_>,
        target: Option<&str>,
        weight: Option<&str>,
    ) -> Result<(Table, Self), Failure> {
        let table = context.table(channel)?;
        let features = table.features(choice, target, weight)?;
        let rows = context.phase("read", || Self::read(&table, &features, weight))?;
        rounded(&table, &features).for_each(|name| warn_of_rounding(context, name));
        rows.say_weightless(context, weight);
        Ok((table, rows))
    }

    pub fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// The features' names.
    pub fn names(&self) -> &[String] {
        self.matrix.names()
    }

    pub fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    /// Says how many rows weigh nothing: they are not learnt from. `weight` is the weights' column.
    pub fn say_weightless(&self, context: &Context, weight: Option<&str>) {
        let none =
            self.weights().map_or(0, |weights| weights.iter().filter(|weight| **weight == 0.0).count());
        if let (true, Some(weight)) = (none > 0, weight) {
            let (channel, rows) = (&self.channel, self.matrix.rows());
            context.info(format!(
                "input `{channel}`: {none} of {rows} rows have `{weight}` 0 and count for nothing"
            ));
        }
    }

    /// The features as the kernels take them.
    pub fn columns(&self) -> Result<Columns<'_>, Failure> {
        columns(&self.matrix)
    }

    /// A kernel's error about these rows.
    pub fn blame(&self, error: Error) -> Failure {
        blame::failure(error, Some(&self.channel), self.names())
    }
}

/// Whole numbers up to this one are the same as numbers of 64 bits; beyond, neighbours become one.
const LAST_EXACT: u64 = 1 << 53;

/// The features that are integers which are not the same as numbers.
pub fn rounded<'a>(batch: &'a RecordBatch, features: &'a [String]) -> impl Iterator<Item = &'a String> {
    features.iter().filter(|name| {
        let column = batch.column_by_name(name);
        let Some(integers) = column.and_then(|column| column.as_primitive_opt::<Int64Type>()) else {
            return false;
        };
        // No branch a value, as there is hardly ever one. What stands in place of a missing one may be anything.
        let large = |value: &i64| value.unsigned_abs() > LAST_EXACT;
        integers.values().iter().fold(false, |any, value| any | large(value))
            && integers.iter().flatten().any(|value| large(&value))
    })
}

/// Says of a column that it is one of [`rounded`].
pub fn warn_of_rounding(context: &Context, name: &str) {
    context.warn(format!(
        "column `{name}` holds integers beyond 2^53, which are rounded: if they tell rows apart, leave the column out"
    ));
}

/// A matrix as the kernels take it.
pub fn columns(matrix: &Matrix) -> Result<Columns<'_>, Failure> {
    Columns::new(matrix.slices()).map_err(|error| blame::failure(error, None, matrix.names()))
}

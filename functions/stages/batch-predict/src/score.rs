//! Predicts rows, and finds those that can't be.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use millstream_sdk::{
    Failure,
    failure::InvalidInput,
    internal,
    table::{concat, missing},
};

/// A row that the model refuses.
#[derive(Clone, Debug, PartialEq)]
pub struct BadRow {
    /// Place in the batch, from 0.
    pub place: usize,
    /// Why.
    pub reason: InvalidInput,
}

/// Predictions for a batch, the rows that have none, and the schema.
#[derive(Debug)]
pub struct Scored {
    /// In the order of the rows: ranges that were predicted. The places between them are those of bad rows.
    good: Vec<RecordBatch>,
    starts: Vec<usize>,
    /// In order.
    pub bad: Vec<BadRow>,
    rows: usize,
}

impl Scored {
    /// The schema of the predictions, unless every row was bad.
    pub fn schema(&self) -> Option<SchemaRef> {
        self.good.first().map(RecordBatch::schema)
    }

    /// One row for each row: predictions, and missing values where there is none.
    pub fn predictions(&self, schema: &SchemaRef) -> Result<RecordBatch, Failure> {
        let mut pieces = Vec::new();
        let mut at = 0;
        let gap = |rows: usize| {
            let columns = schema.fields().iter().map(|field| missing(field.data_type(), rows));
            let columns = columns.collect::<Result<_, Failure>>()?;
            RecordBatch::try_new(schema.clone(), columns).map_err(|error| internal(error.to_string()))
        };
        for (start, piece) in self.starts.iter().zip(&self.good) {
            if at < *start {
                pieces.push(gap(start - at)?);
            }
            pieces.push(piece.clone());
            at = start + piece.num_rows();
        }
        if at < self.rows || pieces.is_empty() {
            pieces.push(gap(self.rows - at)?);
        }
        concat(schema, &pieces).map_err(|error| internal(format!("the model changed its columns: {error}")))
    }
}

/// Predicts `rows` by `predict`. Where it refuses a row by number, the rows around it are predicted without it; where
/// it refuses a range without saying which row, halves of the range are tried.
///
/// # Errors
/// What `predict` fails with other than invalid input; invalid input that has nothing to do with the rows, such as
/// a missing column (found by asking about no rows); more than `most` bad rows, with the reason of the first.
pub fn score(
    rows: &RecordBatch,
    most: u64,
    predict: impl Fn(&RecordBatch) -> Result<RecordBatch, Failure>,
) -> Result<Scored, TooMany> {
    let mut scored = Scored { good: Vec::new(), starts: Vec::new(), bad: Vec::new(), rows: rows.num_rows() };
    // Ranges that are left, the first one on top.
    let mut left = Vec::new();
    left.push(0..rows.num_rows());
    let mut asked_without_rows = false;
    while let Some(range) = left.pop() {
        if range.is_empty() && rows.num_rows() > 0 {
            continue;
        }
        let reason = match predict(&rows.slice(range.start, range.len())) {
            Ok(predictions) => {
                scored.starts.push(range.start);
                scored.good.push(predictions);
                continue;
            }
            Err(Failure::InvalidInput(reason)) => *reason,
            Err(other) => return Err(TooMany::Other(other)),
        };
        let named = reason
            .row
            .and_then(|row| usize::try_from(row).ok())
            .filter(|row| (1..=range.len()).contains(row));
        if named.is_none() && !asked_without_rows {
            asked_without_rows = true;
            predict(&rows.slice(0, 0)).map_err(TooMany::Other)?;
        }
        let place = match named {
            Some(row) => range.start + row - 1,
            None if range.len() <= 1 => range.start,
            None => {
                let middle = range.start + range.len() / 2;
                left.extend([middle..range.end, range.start..middle]);
                continue;
            }
        };
        scored.bad.push(BadRow { place, reason });
        if scored.bad.len() as u64 > most {
            scored.bad.sort_by_key(|bad| bad.place);
            return Err(TooMany::Rows(scored.bad));
        }
        left.extend([place + 1..range.end, range.start..place]);
    }
    scored.bad.sort_by_key(|bad| bad.place);
    Ok(scored)
}

/// Why a batch has no predictions.
#[derive(Debug)]
pub enum TooMany {
    /// More bad rows than are put up with.
    Rows(Vec<BadRow>),
    /// Not the fault of a row.
    Other(Failure),
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, sync::Arc};

    use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, cast::AsArray, types::Int64Type};
    use millstream_sdk::{invalid_input, table::batch_of};

    use super::*;

    fn rows(values: &[i64]) -> RecordBatch {
        batch_of([("x", Arc::new(Int64Array::from(values.to_vec())) as ArrayRef)]).unwrap()
    }

    /// Halves every number; refuses negative ones, by number or not.
    fn halves(named: bool) -> impl Fn(&RecordBatch) -> Result<RecordBatch, Failure> {
        move |rows| {
            let x = rows.column(0).as_primitive::<Int64Type>();
            if let Some(bad) = x.values().iter().position(|x| *x < 0) {
                let failure = invalid_input("negative");
                return Err(if named { failure.row(bad as u64 + 1) } else { failure });
            }
            let half: Float64Array = x.values().iter().map(|x| Some(*x as f64 / 2.0)).collect();
            batch_of([("prediction", Arc::new(half) as ArrayRef)])
        }
    }

    fn outcome(scored: &Scored) -> (Vec<Option<f64>>, Vec<usize>) {
        let predictions = scored.predictions(&scored.schema().unwrap()).unwrap();
        let values = predictions.column(0).as_primitive::<arrow_array::types::Float64Type>();
        (values.iter().collect(), scored.bad.iter().map(|bad| bad.place).collect())
    }

    #[test]
    fn bad_rows_are_found_whether_named_or_not() {
        for named in [true, false] {
            let scored = score(&rows(&[-1, 2, 4, -3, -5, 6, -7]), 10, halves(named)).unwrap();
            let (values, bad) = outcome(&scored);
            assert_eq!(values, [None, Some(1.0), Some(2.0), None, None, Some(3.0), None]);
            assert_eq!(bad, [0, 3, 4, 6]);
        }
    }

    #[test]
    fn one_bad_row_costs_few_calls() {
        let mut values = vec![1; 4096];
        values[1234] = -1;
        for (named, most) in [(true, 3), (false, 40)] {
            let calls = Cell::new(0);
            let predict = halves(named);
            let scored = score(&rows(&values), 10, |rows| {
                calls.set(calls.get() + 1);
                predict(rows)
            });
            assert_eq!(scored.unwrap().bad.len(), 1);
            assert!(calls.get() <= most, "{}", calls.get());
        }
    }

    #[test]
    fn too_many_bad_rows_end_it() {
        let TooMany::Rows(bad) = score(&rows(&[-1; 100]), 3, halves(true)).unwrap_err() else { panic!() };
        assert_eq!(bad.len(), 4);
    }

    #[test]
    fn what_is_not_a_rows_fault_is_passed_on() {
        let missing = |_: &RecordBatch| Err(invalid_input("the table has no column `y`").column("y"));
        let TooMany::Other(failure) = score(&rows(&[1; 100]), 1000, missing).unwrap_err() else { panic!() };
        assert!(failure.to_string().contains("no column `y`"));
        let broken = |_: &RecordBatch| Err(internal("trap"));
        assert!(matches!(score(&rows(&[1]), 9, broken), Err(TooMany::Other(Failure::Internal(_)))));
    }

    #[test]
    fn no_rows_have_predictions_too() {
        let scored = score(&rows(&[]), 0, halves(true)).unwrap();
        assert_eq!(scored.predictions(&scored.schema().unwrap()).unwrap().num_rows(), 0);
        // A row number outside of the range is no row number.
        let odd = |rows: &RecordBatch| {
            if rows.num_rows() > 0 { Err(invalid_input("?").row(99)) } else { halves(true)(rows) }
        };
        assert_eq!(score(&rows(&[1, 2]), 5, odd).unwrap().bad.len(), 2);
        assert_eq!(rows(&[1]).column(0).len(), 1);
    }
}

//! Rows of `validation` that have not been through the fitted stages of `train` go through them first, whoever learns.

use std::sync::Arc;

use millstream_sdk::arrow_array::{ArrayRef, RecordBatch, cast::AsArray, types::Float64Type};
use millstream_sdk::table::batch_of;
use millstream_sdk::{Failure, testing::Host};

use super::{all, assert_none, sound};

/// A stage that triples numbers, and knows nothing of other columns.
fn tripled(rows: &RecordBatch) -> Result<RecordBatch, Failure> {
    let columns = ["a", "b", "c"].map(|name| {
        let numbers = rows.column_by_name(name).unwrap().as_primitive::<Float64Type>();
        (name, Arc::new(numbers.unary::<_, Float64Type>(|value| 3.0 * value)) as ArrayRef)
    });
    batch_of(columns)
}

/// The rows behind the stage, with the target as it was.
fn behind(rows: &RecordBatch) -> RecordBatch {
    let target = rows.column_by_name("y").map(|column| ("y", column.clone()));
    let tripled = tripled(rows).unwrap();
    let columns = ["a", "b", "c"].into_iter().zip(tripled.columns().to_vec());
    batch_of(columns.chain(target)).unwrap()
}

#[test]
fn validation_rows_go_through_the_stages_of_train() {
    let (mut wrong, mut watching) = (Vec::new(), 0);
    for algorithm in all().iter().filter(|algorithm| algorithm.has_channel("validation")) {
        let (train, validation) = (behind(&sound(algorithm, 60).batch()), sound(algorithm, 25).batch());
        let host = || Host::new().rows(&algorithm.channel(), &train).seed(7);
        let ready = algorithm.run(&host().rows("validation", &behind(&validation)));
        let caught_up = algorithm.run(&host().rows("validation", &validation).behind("validation", tripled));
        let raw = algorithm.run(&host().rows("validation", &validation));
        let (ready, caught_up, raw) = (ready.unwrap(), caught_up.unwrap(), raw.unwrap());
        watching += usize::from(ready.metrics != raw.metrics);
        if ready.metrics != caught_up.metrics {
            wrong.push(format!("{}: {:?}, not {:?}", algorithm.name, caught_up.metrics, ready.metrics));
        }
    }
    assert!(
        watching > 10 || std::env::var_os("MILLSTREAM_ALGORITHM").is_some(),
        "{watching} look at the rows"
    );
    assert_none(wrong);
}

//! Rows drawn at random.

use millstream_learners::rng::Rng;
use millstream_sdk::{Failure, Labels, arrow_array::RecordBatch, table::pick};

use super::Surroundings;
use crate::{
    operation::{BalanceClasses, Balancing, SampleRows},
    place::Place,
};

/// So many rows or such a share of them, in their order.
pub(super) fn sample(
    place: &Place,
    sample: &SampleRows,
    rows: &RecordBatch,
    seed: u64,
) -> Result<RecordBatch, Failure> {
    let all = rows.num_rows();
    let count = match (sample.rows, sample.fraction) {
        (Some(rows), None) => usize::try_from(rows).unwrap_or(all).min(all),
        (None, Some(share)) => (all as f64 * share).round() as usize,
        _ => return Err(place.wrong("either `rows` or `fraction` is given")),
    };
    pick(rows, &Rng::new(seed, 0).sample_sorted(all, count))
}

/// As many rows of each class.
pub(super) fn balance(
    place: &Place,
    balance: &BalanceClasses,
    rows: &RecordBatch,
    around: &Surroundings<'_>,
) -> Result<RecordBatch, Failure> {
    place.column(&rows.schema(), &balance.column)?;
    let labels = Labels::from_column(rows, &balance.column)?;
    let mut classes: Vec<Vec<u32>> = vec![Vec::new(); labels.classes.len()];
    for (row, class) in labels.codes.iter().enumerate() {
        classes[*class as usize].push(row as u32);
    }
    let mut rng = Rng::new(around.seed, 1);
    let sizes = classes.iter().map(Vec::len);
    let mut chosen: Vec<u32> = Vec::new();
    match balance.method {
        Balancing::Undersample => {
            let least = sizes.min().unwrap_or(0);
            for class in &mut classes {
                rng.draw_to_front(class, least);
                chosen.extend(&class[..least]);
            }
            chosen.sort_unstable();
        }
        Balancing::Oversample => {
            let most = sizes.max().unwrap_or(0);
            chosen.extend(0..rows.num_rows() as u32);
            for class in &classes {
                chosen.extend((class.len()..most).map(|_| class[rng.below(class.len())]));
            }
        }
    }
    let (before, after) = (rows.num_rows(), chosen.len());
    around.context.info(format!("`{}`: {before} rows became {after}, as many of each class", place.name()));
    pick(rows, &chosen)
}

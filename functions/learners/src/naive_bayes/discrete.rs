//! Sums of features within classes, and counts of categories.

use super::Params;
use crate::{Columns, Error, shown};

/// So many categories a feature has at the most: a larger number is no category.
pub const MOST_CATEGORIES: u32 = 1 << 20;

/// So many probabilities a model has at the most: categories of all features times classes.
const MOST_LOGS: u64 = 1 << 25;

/// Sums, classes x features, of the values as `read` has them.
pub(super) fn sums(
    x: &Columns,
    y: &[u32],
    classes: usize,
    weights: Option<&[f64]>,
    read: impl Fn(f64) -> f64,
) -> Vec<f64> {
    let width = x.width();
    let mut sums = vec![0.0; classes * width];
    let mut own = vec![0.0; classes];
    for (j, column) in x.iter().enumerate() {
        own.fill(0.0);
        match weights {
            None => column.iter().zip(y).for_each(|(v, &class)| own[class as usize] += read(*v)),
            Some(w) => {
                let rows = column.iter().zip(y).zip(w);
                rows.for_each(|((v, &class), w)| own[class as usize] += read(*v) * w);
            }
        }
        own.iter().enumerate().for_each(|(class, sum)| sums[class * width + j] = *sum);
    }
    sums
}

/// A value as a category; `None` if it is none.
pub(super) fn category(value: f64) -> Option<u32> {
    let whole = value >= 0.0 && value < f64::from(MOST_CATEGORIES) && value.trunc() == value;
    whole.then_some(value as u32)
}

/// How many categories each feature has.
pub(super) fn categories(params: &Params, x: &Columns, classes: usize) -> Result<Vec<u32>, Error> {
    let mut logs = 0;
    let of_column = |(j, column): (usize, &[f64])| {
        let mut most = params.min_categories.unwrap_or(1);
        for (i, &value) in column.iter().enumerate() {
            match category(value) {
                Some(category) => most = most.max(category + 1),
                None => {
                    let message = format!(
                        "{} is no category: whole numbers from 0 to {} are; encode the column first",
                        shown(value),
                        MOST_CATEGORIES - 1
                    );
                    return Err(Error::cell(i, j, message));
                }
            }
        }
        logs += u64::from(most) * classes as u64;
        if logs > MOST_LOGS {
            let message = format!(
                "categories up to {} in {classes} classes are too many to learn; number them from 0 without gaps, as \
                 `ordinal` in a `features` step does",
                most - 1
            );
            return Err(Error::Data { message, row: None, column: Some(j) });
        }
        Ok(most)
    };
    x.iter().enumerate().map(of_column).collect()
}

/// Log probabilities of each feature's categories: for each feature, classes x categories, one after the other.
pub(super) fn category_logs(
    params: &Params,
    x: &Columns,
    y: &[u32],
    class_weights: &[f64],
    weights: Option<&[f64]>,
    categories: &[u32],
) -> Vec<f64> {
    let (classes, alpha) = (class_weights.len(), params.smoothing());
    let mut logs = Vec::new();
    for (column, &count) in x.iter().zip(categories) {
        let count = count as usize;
        let mut counts = vec![0.0; classes * count];
        for (i, (&value, &class)) in column.iter().zip(y).enumerate() {
            counts[class as usize * count + value as usize] += weights.map_or(1.0, |w| w[i]);
        }
        for (counts, total) in counts.chunks_exact(count).zip(class_weights) {
            let total = total + alpha * count as f64;
            logs.extend(counts.iter().map(|n| libm::log((n + alpha) / total)));
        }
    }
    logs
}

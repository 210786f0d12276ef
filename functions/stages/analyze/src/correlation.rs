//! Pearson's and Spearman's correlation of all pairs of columns.

use serde::Serialize;

/// Correlations are exact up to this many rows; of more, this many evenly spaced ones are taken.
pub const MOST_ROWS: usize = 100_000;

/// Correlations of the named columns, each with each. NaN (null) where a column is constant on the common rows.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Correlations {
    pub columns: Vec<String>,
    /// Rows that were used.
    pub rows: u64,
    /// Columns that would have qualified beyond `max_correlation_columns`.
    pub omitted: Vec<String>,
    pub pearson: Vec<Vec<f64>>,
    pub spearman: Vec<Vec<f64>>,
}

/// The rows on which correlations rest: all, or an even selection of [`MOST_ROWS`].
pub fn selection(rows: usize) -> Vec<usize> {
    let taken = rows.min(MOST_ROWS);
    (0..taken).map(|i| (i as u64 * rows as u64 / taken as u64) as usize).collect()
}

/// Both matrices for columns of equal length in which NaN stands for missing; each pair on the rows that both have.
pub fn matrices(columns: &[Vec<f64>]) -> [Vec<Vec<f64>>; 2] {
    let prepared: Vec<Prepared> = columns.iter().map(|column| Prepared::new(column)).collect();
    let mut pearson = vec![vec![1.0; columns.len()]; columns.len()];
    let mut spearman = pearson.clone();
    for i in 0..columns.len() {
        for j in 0..=i {
            let (a, b) = (&prepared[i], &prepared[j]);
            let (linear, ranked) = if a.complete && b.complete {
                (product(&a.scores, &b.scores), product(&a.ranks, &b.ranks))
            } else {
                let common = |row: usize| !a.values[row].is_nan() && !b.values[row].is_nan();
                let rows: Vec<usize> = (0..a.values.len()).filter(|row| common(*row)).collect();
                let pick = |of: &[f64]| -> Vec<f64> { rows.iter().map(|row| of[*row]).collect() };
                let ranks = |of: &Prepared| pick(&ranks(of.values, &of.order, common));
                (pearson_of(&pick(a.values), &pick(b.values)), pearson_of(&ranks(a), &ranks(b)))
            };
            (pearson[i][j], pearson[j][i]) = (linear, linear);
            (spearman[i][j], spearman[j][i]) = (ranked, ranked);
        }
    }
    [pearson, spearman]
}

/// Pearson's correlation of two columns without missing values; NaN if one is constant.
pub fn pearson_of(a: &[f64], b: &[f64]) -> f64 {
    product(&scores(a), &scores(b))
}

/// Spearman's correlation of two columns without missing values.
pub fn spearman_of(a: &[f64], b: &[f64]) -> f64 {
    let ranked = |of: &[f64]| ranks(of, &order(of), |_| true);
    pearson_of(&ranked(a), &ranked(b))
}

struct Prepared<'a> {
    values: &'a [f64],
    complete: bool,
    /// Rows in ascending order of their values, those that are missing left out.
    order: Vec<u32>,
    scores: Vec<f64>,
    ranks: Vec<f64>,
}

impl<'a> Prepared<'a> {
    fn new(values: &'a [f64]) -> Self {
        let order = order(values);
        let complete = order.len() == values.len();
        let (scores, ranks) = if complete {
            (scores(values), scores(&ranks(values, &order, |_| true)))
        } else {
            (Vec::new(), Vec::new())
        };
        Self { values, complete, order, scores, ranks }
    }
}

fn order(values: &[f64]) -> Vec<u32> {
    let mut order: Vec<u32> =
        (0..values.len() as u32).filter(|row| !values[*row as usize].is_nan()).collect();
    order.sort_by(|a, b| values[*a as usize].total_cmp(&values[*b as usize]));
    order
}

/// Ranks among the rows that `counts` lets through, ties sharing their mean rank; NaN for the other rows.
pub fn ranks(values: &[f64], order: &[u32], counts: impl Fn(usize) -> bool) -> Vec<f64> {
    let mut ranks = vec![f64::NAN; values.len()];
    let ranked: Vec<usize> = order.iter().map(|row| *row as usize).filter(|row| counts(*row)).collect();
    let mut before = 0;
    for tied in ranked.chunk_by(|a, b| values[*a] == values[*b]) {
        let rank = before as f64 + (tied.len() as f64 + 1.0) / 2.0;
        tied.iter().for_each(|row| ranks[*row] = rank);
        before += tied.len();
    }
    ranks
}

/// The values centred and scaled to a sum of squares of one; all NaN if they are equal. Scaled by the largest
/// first, so that the squares of huge or tiny values stay within range.
fn scores(values: &[f64]) -> Vec<f64> {
    let largest = values.iter().fold(0.0f64, |most, x| most.max(x.abs()));
    let unit = if largest > 0.0 { largest } else { 1.0 };
    let scaled: Vec<f64> = values.iter().map(|x| x / unit).collect();
    let mean = scaled.iter().sum::<f64>() / scaled.len() as f64;
    let norm = scaled.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>().sqrt();
    // What is left of a constant column is rounding.
    let constant = values.iter().all(|x| *x == values[0]) || norm < 1e-14 * (values.len() as f64).sqrt();
    let norm = if constant { f64::NAN } else { norm };
    scaled.iter().map(|x| (x - mean) / norm).collect()
}

fn product(a: &[f64], b: &[f64]) -> f64 {
    if a.len() < 2 {
        return f64::NAN;
    }
    let sum: f64 = a.iter().zip(b).map(|(x, y)| x * y).sum();
    if sum.is_nan() { sum } else { sum.clamp(-1.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_correlations() {
        // scipy.stats: pearsonr 0.8320502943, spearmanr 0.9
        let (a, b) = ([1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 2.0, 4.0, 3.0, 10.0]);
        assert!((spearman_of(&a, &b) - 0.9).abs() < 1e-12);
        assert!((pearson_of(&a, &[2.0, 4.0, 6.0, 8.0, 10.0]) - 1.0).abs() < 1e-12);
        assert!(pearson_of(&a, &[7.0; 5]).is_nan());
        assert!((pearson_of(&[1e300, 2e300, 3e300], &[1e-300, 2e-300, 3e-300]) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn ties_share_their_rank() {
        let values = [3.0, 1.0, 3.0, 2.0];
        assert_eq!(ranks(&values, &order(&values), |_| true), [3.5, 1.0, 3.5, 2.0]);
    }

    #[test]
    fn pairs_use_the_rows_that_both_have() {
        let columns = vec![
            vec![1.0, 2.0, 3.0, f64::NAN, 5.0],
            vec![2.0, 4.0, 6.0, 100.0, 10.0],
            vec![5.0, 4.0, 3.0, 2.0, f64::NAN],
        ];
        let [pearson, spearman] = matrices(&columns);
        assert!((pearson[0][1] - 1.0).abs() < 1e-12 && (spearman[1][0] - 1.0).abs() < 1e-12);
        assert!((pearson[0][2] + 1.0).abs() < 1e-12);
    }

    #[test]
    fn large_tables_are_selected_evenly() {
        assert_eq!(selection(3), [0, 1, 2]);
        let rows = selection(3 * MOST_ROWS);
        assert_eq!((rows.len(), rows[1], rows[MOST_ROWS - 1]), (MOST_ROWS, 3, 3 * MOST_ROWS - 3));
    }
}

//! The nearest rows, and those within a radius: what kNN, DBSCAN and HDBSCAN search with.
//!
//! All searches are exact, give the same distances to the last bit, and among equally near rows take those that come
//! first.

mod brute;
mod kd_tree;
mod leaves;
mod metric;

pub use brute::Brute;
pub use kd_tree::KdTree;
pub use leaves::Leaves;
pub use metric::Metric;

use crate::{Columns, Error, matrix::Missing, shown};

/// Squares of larger values, and sums of them, would not be finite.
const LARGEST: f64 = 1e150;

/// Rows that are gathered from the columns at a time.
const BLOCK: usize = 64;

/// The rows of a table, one after the other.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rows {
    pub values: Vec<f64>,
    pub width: usize,
}

impl Rows {
    /// Copies finite values that are not too large for distances.
    ///
    /// # Errors
    /// Names the first cell that cannot be used.
    pub fn read(x: &Columns) -> Result<Self, Error> {
        x.check_features(Missing::Refused)?;
        let (rows, width) = (x.rows(), x.width());
        for (j, column) in x.iter().enumerate() {
            // No branch a value, as there is hardly ever one.
            let large = |column: &[f64]| column.iter().fold(false, |any, v| any | (v.abs() > LARGEST));
            if large(column)
                && let Some(i) = column.iter().position(|v| v.abs() > LARGEST)
            {
                return Err(Error::cell(
                    i,
                    j,
                    format!("{} is too large for distances; scale the column", shown(column[i])),
                ));
            }
        }
        let mut values = vec![0.0; rows * width];
        // Few rows at a time, so that what is written stays in the cache until the last column.
        for (block, out) in values.chunks_mut(BLOCK * width).enumerate() {
            let rows = out.len() / width;
            for (j, column) in x.iter().enumerate() {
                let column = &column[block * BLOCK..block * BLOCK + rows];
                column.iter().zip(out[j..].iter_mut().step_by(width)).for_each(|(v, out)| *out = *v);
            }
        }
        Ok(Self { values, width })
    }

    pub fn len(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.width..(i + 1) * self.width]
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.values.chunks_exact(self.width.max(1))
    }
}

/// The nearest `k` rows so far, the nearest first; of equally near ones the first.
#[derive(Debug, Clone)]
pub struct Nearest {
    /// Reduced distances (see [`Metric`]) and rows.
    found: Vec<(f64, u32)>,
    k: usize,
}

impl Nearest {
    pub fn new(k: usize) -> Self {
        Self { found: Vec::with_capacity(k + 1), k }
    }

    pub fn clear(&mut self) {
        self.found.clear();
    }

    /// No row beyond it is wanted.
    #[inline]
    pub fn limit(&self) -> f64 {
        if self.found.len() < self.k { f64::INFINITY } else { self.found[self.k - 1].0 }
    }

    /// Whether a row at this distance, or the first row of several, belongs to the nearest.
    #[inline]
    pub fn wants(&self, distance: f64, row: u32) -> bool {
        self.found.len() < self.k || (distance, row) < self.found[self.k - 1]
    }

    #[inline]
    pub fn offer(&mut self, distance: f64, row: u32) {
        if self.wants(distance, row) {
            let place = self.found.partition_point(|found| *found < (distance, row));
            self.found.insert(place, (distance, row));
            self.found.truncate(self.k);
        }
    }

    /// Reduced distances and rows, the nearest first.
    pub fn found(&self) -> &[(f64, u32)] {
        &self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;

    /// Rows of small whole numbers, so that many are equally far, and of others.
    fn rows(count: usize, width: usize, whole: bool) -> Rows {
        let mut rng = Rng::new(9, width as u64);
        let value = |rng: &mut Rng| if whole { rng.below(4) as f64 } else { rng.unit() * 10.0 - 1e3 };
        Rows { values: (0..count * width).map(|_| value(&mut rng)).collect(), width }
    }

    fn plain(rows: &Rows, query: &[f64], metric: Metric, k: usize) -> Vec<(f64, u32)> {
        let mut all: Vec<_> =
            rows.iter().enumerate().map(|(i, row)| (metric.reduced(row, query), i as u32)).collect();
        all.sort_by(|a, b| a.partial_cmp(b).unwrap());
        all.truncate(k);
        all
    }

    #[test]
    fn all_searches_find_the_same() {
        for (count, width) in [(1, 1), (50, 2), (700, 3), (400, 9), (300, 21)] {
            for whole in [true, false] {
                let (rows, k) = (rows(count, width, whole), 7.min(count));
                let queries = self::rows(40, width, whole);
                let brute = Brute::new(&rows);
                let mut found: Vec<Vec<(f64, u32)>> = vec![Vec::new(); queries.len()];
                brute.nearest(&rows, &queries, k, |i, nearest| found[i] = nearest.to_vec());
                for metric in [Metric::Euclidean, Metric::Manhattan] {
                    let tree = KdTree::new(&rows, metric);
                    for (i, query) in queries.iter().enumerate() {
                        let expected = plain(&rows, query, metric, k);
                        let mut nearest = Nearest::new(k);
                        tree.nearest(query, &mut nearest);
                        assert_eq!(nearest.found(), expected, "{count} {width} {metric:?}");
                        if metric == Metric::Euclidean {
                            assert_eq!(found[i], expected, "{count} {width} brute");
                        }
                        let radius = expected[k / 2].0;
                        let mut within = Vec::new();
                        tree.within(query, radius, 0, |_, row| within.push(row));
                        within.sort_unstable();
                        let all = rows.iter().enumerate();
                        let own: Vec<u32> = all
                            .filter(|(_, row)| metric.reduced(row, query) <= radius)
                            .map(|(i, _)| i as u32)
                            .collect();
                        assert_eq!(within, own);
                        assert_eq!(tree.count_within(query, radius, usize::MAX), own.len());
                    }
                }
            }
        }
    }

    #[test]
    fn many_equal_rows() {
        let rows = Rows { values: vec![3.0; 4000], width: 2 };
        let tree = KdTree::new(&rows, Metric::Euclidean);
        let mut nearest = Nearest::new(3);
        tree.nearest(&[3.0, 4.0], &mut nearest);
        assert_eq!(nearest.found(), [(1.0, 0), (1.0, 1), (1.0, 2)]);
    }

    #[test]
    fn values_too_large_are_named() {
        let x = crate::Matrix::from_rows(&[1.0, 2.0, 1.0, 1e200], 2).unwrap();
        assert!(matches!(Rows::read(&x.columns()), Err(Error::Data { row: Some(1), column: Some(1), .. })));
    }
}

//! Features as bytes: each value becomes the number of its bin, so that a histogram of 256 cells replaces sorting.

use crate::rng::Rng;
use crate::weights::uneven;
use crate::{Columns, Error};

/// The bin of missing values (NaN).
pub const MISSING: u8 = 255;
/// Bins of present values at the most: 0 to 254.
pub const MOST_BINS: usize = 255;
/// Columns at the most: a node's column fits 15 bits.
pub const MOST_COLUMNS: usize = 0x7ffe;
/// Rows that the cuts are taken from at the most.
const SAMPLE: usize = 200_000;

/// For each feature the ascending values that part its bins: a value is in bin `b` if `b` cuts are not above it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cuts {
    /// Feature `j` has the cuts `offsets[j]..offsets[j + 1]`.
    pub(super) offsets: Vec<u32>,
    pub(super) values: Vec<f64>,
}

impl Cuts {
    /// Cuts every feature into at most `max_bins` bins (2 to 255): one a value where there are so few, else of about
    /// the same weight each. From 200,000 rows drawn with a fixed seed where there are more. Weights are above 0.
    ///
    /// # Errors
    /// For more than 32,766 columns.
    pub fn fit(x: &Columns, weights: Option<&[f64]>, max_bins: usize) -> Result<Self, Error> {
        if x.width() > MOST_COLUMNS {
            return Err(Error::data(format!(
                "there are {} feature columns; trees take {MOST_COLUMNS} at the most",
                x.width()
            )));
        }
        let sample = sample(x.rows());
        let mut cuts = Self { offsets: vec![0], values: Vec::new() };
        for column in x.iter() {
            push_column(column, weights, sample.as_deref(), max_bins, &mut cuts.values);
            cuts.offsets.push(cuts.values.len() as u32);
        }
        Ok(cuts)
    }

    /// The number of features.
    pub fn width(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// The cuts of feature `j`, ascending.
    pub fn of(&self, j: usize) -> &[f64] {
        &self.values[self.offsets[j] as usize..self.offsets[j + 1] as usize]
    }

    /// The bin of a value of feature `j`.
    pub fn bin(&self, j: usize, value: f64) -> u8 {
        bin_among(self.of(j), value)
    }
}

/// Appends the cuts of one column, taken from the rows of the sample.
pub(crate) fn push_column(
    column: &[f64],
    weights: Option<&[f64]>,
    sample: Option<&[u32]>,
    max_bins: usize,
    cuts: &mut Vec<f64>,
) {
    // As integers in the numbers' order, which sort faster. Adding 0 makes minus zero zero: equal values must not be
    // parted.
    let key = |v: f64| ordered((v + 0.0).to_bits());
    let count = sample.map_or(column.len(), <[u32]>::len);
    let row = |i: usize| sample.map_or(i, |rows| rows[i] as usize);
    let present = (0..count).map(row).filter(|&row| !column[row].is_nan());
    let max_bins = max_bins.clamp(2, MOST_BINS);
    let found = match uneven(weights) {
        None => {
            let mut keys: Vec<u64> = present.map(|row| key(column[row])).collect();
            keys.sort_unstable();
            let groups = keys.chunk_by(|a, b| a == b).map(|equal| (value(equal[0]), equal.len() as f64));
            push_cuts(groups, keys.len() as f64, max_bins, cuts);
            keys.len()
        }
        Some(weights) => {
            let mut keys: Vec<(u64, f64)> = present.map(|row| (key(column[row]), weights[row])).collect();
            keys.sort_unstable_by_key(|(key, _)| *key);
            let sum = |equal: &[(u64, f64)]| equal.iter().map(|(_, weight)| weight).sum::<f64>();
            let groups = keys.chunk_by(|a, b| a.0 == b.0).map(|equal| (value(equal[0].0), sum(equal)));
            push_cuts(groups, sum(&keys), max_bins, cuts);
            keys.len()
        }
    };
    // Above all present values, so that a split can part them from the missing ones.
    if found < count {
        cuts.push(f64::INFINITY);
    }
}

/// Rows of the sample that cuts are taken from; none: all rows.
pub(crate) fn sample(rows: usize) -> Option<Vec<u32>> {
    (rows > SAMPLE).then(|| Rng::new(0, 0).sample_sorted(rows, SAMPLE))
}

const SIGN: u64 = 1 << 63;

fn ordered(bits: u64) -> u64 {
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

/// The number of a key.
fn value(key: u64) -> f64 {
    f64::from_bits(if key & SIGN == 0 { !key } else { key & !SIGN })
}

fn bin_among(cuts: &[f64], value: f64) -> u8 {
    if value.is_nan() {
        return MISSING;
    }
    cuts.partition_point(|cut| *cut <= value) as u8
}

/// Finds the bins of many values among at most 255 cuts.
///
/// A binary search of so many steps for each value, whatever the value is: nothing to mispredict.
#[derive(Debug)]
pub(crate) struct Search {
    /// Filled up with NaN, which nothing is at or above.
    cuts: Box<[f64; 256]>,
    steps: u32,
}

impl Search {
    pub fn new(cuts: &[f64]) -> Self {
        let mut padded = Box::new([f64::NAN; 256]);
        padded[..cuts.len()].copy_from_slice(cuts);
        Self { cuts: padded, steps: usize::BITS - cuts.len().leading_zeros() }
    }

    /// Writes the bins of the values.
    pub fn bins(&self, values: &[f64], out: &mut [u8]) {
        match self.steps {
            0 | 1 => self.write::<1>(values, out),
            2 | 3 => self.write::<3>(values, out),
            4 | 5 => self.write::<5>(values, out),
            6 | 7 => self.write::<7>(values, out),
            _ => self.write::<8>(values, out),
        }
    }

    fn write<const STEPS: u32>(&self, values: &[f64], out: &mut [u8]) {
        for (out, &value) in out.iter_mut().zip(values) {
            // In whole registers (bytes would make each value wait for the one before) and by arithmetic (a choice
            // may become a branch).
            let mut bin = 0u32;
            for step in (0..STEPS).rev() {
                let cut = self.cuts[(bin + (1 << step) - 1) as usize & 255];
                bin += u32::from(cut <= value) << step;
            }
            *out = if value.is_nan() { MISSING } else { bin as u8 };
        }
    }
}

/// Appends the cuts of ascending values, each with what its rows weigh: `total` together.
fn push_cuts(
    distinct: impl Iterator<Item = (f64, f64)> + Clone,
    total: f64,
    max_bins: usize,
    cuts: &mut Vec<f64>,
) {
    let few = distinct.clone().take(max_bins + 1).count() <= max_bins;
    let (mut left, mut left_bins) = (total, max_bins as f64);
    let mut in_bin = 0.0;
    let mut last: Option<f64> = None;
    for (value, weight) in distinct {
        // Is the bin before this value full?
        if let Some(last) = last
            && (few || (left_bins > 1.0 && in_bin * left_bins >= left))
        {
            cuts.push(between(last, value));
            left -= in_bin;
            left_bins -= 1.0;
            in_bin = 0.0;
        }
        in_bin += weight;
        last = Some(value);
    }
}

/// A number above `low` and not above `high`, half-way where the numbers are dense enough.
fn between(low: f64, high: f64) -> f64 {
    let middle = low / 2.0 + high / 2.0;
    if middle > low && middle <= high { middle } else { high }
}

/// A matrix of bins, row after row or column after column.
#[derive(Debug, Clone)]
pub struct Binned {
    pub bins: Vec<u8>,
    pub rows: usize,
    pub width: usize,
}

impl Binned {
    /// Row after row: a row's bins lie together.
    pub fn by_rows(x: &Columns, cuts: &Cuts) -> Self {
        // So many rows at a time that their cache lines stay until all columns passed by.
        const BLOCK: usize = 256;
        let width = x.width();
        let mut bins = vec![0; x.rows() * width];
        let searches: Vec<Search> = (0..width).map(|j| Search::new(cuts.of(j))).collect();
        let mut own = [0; BLOCK];
        for (block, rows) in bins.chunks_mut(BLOCK * width).enumerate() {
            let first = block * BLOCK;
            for (j, column) in x.iter().enumerate() {
                let values = &column[first..(first + BLOCK).min(column.len())];
                searches[j].bins(values, &mut own);
                for (row, bin) in rows.chunks_exact_mut(width).zip(&own) {
                    row[j] = *bin;
                }
            }
        }
        Self { bins, rows: x.rows(), width }
    }

    /// Column after column: a feature's bins lie together.
    pub fn by_columns(x: &Columns, cuts: &Cuts) -> Self {
        let mut bins = vec![0; x.rows() * x.width()];
        for (j, (column, out)) in x.iter().zip(bins.chunks_exact_mut(x.rows().max(1))).enumerate() {
            Search::new(cuts.of(j)).bins(column, out);
        }
        Self { bins, rows: x.rows(), width: x.width() }
    }

    /// A copy of some columns of a matrix that lies row after row.
    pub fn select(&self, columns: &[u32]) -> Self {
        let mut bins = Vec::with_capacity(self.rows * columns.len());
        for row in self.bins.chunks_exact(self.width) {
            bins.extend(columns.iter().map(|&j| row[j as usize]));
        }
        Self { bins, rows: self.rows, width: columns.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn few_values_have_a_bin_each() {
        let x = [3.0, 1.0, f64::NAN, 2.0, 1.0, -0.0, 0.0];
        let x = Columns::new(vec![&x]).unwrap();
        let cuts = Cuts::fit(&x, None, 255).unwrap();
        assert_eq!(cuts.of(0), [0.5, 1.5, 2.5, f64::INFINITY]);
        assert_eq!(Binned::by_columns(&x, &cuts).bins, [3, 1, MISSING, 2, 1, 0, 0]);
    }

    #[test]
    fn many_values_fill_their_bins_alike() {
        let x: Vec<f64> = (0..10_000).map(|i| (f64::from(i) * 0.001).exp()).collect();
        let columns = Columns::new(vec![&x]).unwrap();
        let cuts = Cuts::fit(&columns, None, 100).unwrap();
        let mut sizes = [0; 256];
        Binned::by_rows(&columns, &cuts).bins.iter().for_each(|&b| sizes[b as usize] += 1);
        assert!(cuts.of(0).len() < 100);
        assert!(sizes[..100].iter().all(|&n| n == sizes[0] || n == sizes[0] + 1), "{sizes:?}");
    }

    #[test]
    fn bins_fill_by_weight() {
        let x: Vec<f64> = (0..10_000).map(f64::from).collect();
        let columns = Columns::new(vec![&x]).unwrap();
        // A hundredth of the rows weighs as much as all others.
        let weights: Vec<f64> = x.iter().map(|&x| if x < 100.0 { 99.0 } else { 1.0 }).collect();
        let cuts = Cuts::fit(&columns, Some(&weights), 200).unwrap();
        let below = cuts.of(0).iter().filter(|&&cut| cut < 100.0).count();
        assert!((99..=101).contains(&below) && cuts.of(0).len() < 200, "{below}");
        // Rows twice and rows of twice the weight come to the same, and so do other units.
        let twice: Vec<f64> = x.iter().flat_map(|&x| vec![x; if x < 5000.0 { 2 } else { 1 }]).collect();
        let twice = Cuts::fit(&Columns::new(vec![&twice]).unwrap(), None, 100).unwrap();
        for unit in [1.0, 0.125] {
            let weights: Vec<f64> = x.iter().map(|&x| if x < 5000.0 { 2.0 * unit } else { unit }).collect();
            assert_eq!(Cuts::fit(&columns, Some(&weights), 100).unwrap(), twice);
        }
        let alike = Cuts::fit(&columns, Some(&vec![0.1; 10_000]), 100).unwrap();
        assert_eq!(alike, Cuts::fit(&columns, None, 100).unwrap());
        // A row that weighs more than all others has a bin, and the others have the rest.
        let mut one = vec![1e-9; 10_000];
        one[5000] = 1e9;
        let cuts = Cuts::fit(&columns, Some(&one), 100).unwrap();
        assert!(cuts.of(0).len() > 50, "{:?}", cuts.of(0).len());
    }

    #[test]
    fn neighbours_that_nothing_lies_between() {
        let (low, high) = (1.0, 1.0 + f64::EPSILON);
        assert!(between(low, high) > low);
        assert_eq!(between(f64::MIN, f64::MAX), 0.0);
    }

    proptest! {
        #[test]
        fn a_value_is_below_a_cut_exactly_if_its_bin_is(
            values in prop::collection::vec(-1e3f64..1e3, 1..400),
            max_bins in 2usize..=255,
        ) {
            let columns = Columns::new(vec![&values]).unwrap();
            let cuts = Cuts::fit(&columns, None, max_bins).unwrap();
            prop_assert!(cuts.of(0).len() < max_bins);
            prop_assert!(cuts.of(0).windows(2).all(|w| w[0] < w[1]));
            for &v in &values {
                for (c, &cut) in cuts.of(0).iter().enumerate() {
                    prop_assert_eq!(v < cut, cuts.bin(0, v) as usize <= c);
                }
            }
        }
    }
}

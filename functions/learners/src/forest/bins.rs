//! The training table as bytes.

use crate::cart::Twins;
use crate::tree::Cuts;
use crate::{Columns, Error};

/// Columns cut into bins: each value is the number of its bin.
pub(super) struct Bins {
    /// Of each column the ascending values that part its bins. Missing values have a bin of their own: the last one, and
    /// in second columns the first one.
    pub cuts: Vec<Vec<f64>>,
    pub rows: usize,
    /// Columns: the features, and the second ones of those with missing values.
    pub width: usize,
    pub features: usize,
    pub twins: Twins,
    /// Column after column.
    by_column: Vec<u8>,
    /// Row after row; empty unless asked for.
    by_row: Vec<u8>,
    /// For each feature what stands for its bins: the middle of the values in it. Empty unless asked for.
    middles: Vec<[f64; 256]>,
}

impl Bins {
    /// Cuts features into at most `max_bin` bins of like weight, that of missing values not counted.
    ///
    /// # Errors
    /// For too many columns.
    pub fn fit(x: &Columns, weights: Option<&[f64]>, max_bin: u32, twins: Twins) -> Result<Self, Error> {
        let features = x.width();
        let width = features + twins.len();
        let found = Cuts::fit(x, weights, max_bin as usize)?;
        let mut cuts: Vec<Vec<f64>> = Vec::with_capacity(width);
        let mut by_column = Vec::with_capacity(x.rows() * width);
        for column in 0..width {
            let feature = twins.feature(column, features);
            let mut own: Vec<f64> = found.of(feature).iter().copied().filter(|cut| cut.is_finite()).collect();
            if column >= features {
                own.insert(0, f64::MIN);
            } else if twins.second(feature, features).is_some() {
                own.push(f64::INFINITY);
            }
            let stand_in = Twins::stand_in(column, features);
            by_column.extend(x.column(feature).iter().map(|value| bin(&own, present(*value, stand_in))));
            cuts.push(own);
        }
        Ok(Self {
            cuts,
            rows: x.rows(),
            width,
            features,
            twins,
            by_column,
            by_row: Vec::new(),
            middles: Vec::new(),
        })
    }

    /// Lays the bins out row after row too.
    pub fn with_rows(mut self) -> Self {
        self.by_row = vec![0; self.rows * self.width];
        for j in 0..self.width {
            let column = &self.by_column[j * self.rows..(j + 1) * self.rows];
            self.by_row
                .iter_mut()
                .skip(j)
                .step_by(self.width)
                .zip(column)
                .for_each(|(cell, bin)| *cell = *bin);
        }
        self
    }

    /// Notes what stands for the bins. `x` is what they were made of.
    pub fn with_middles(mut self, x: &Columns) -> Self {
        for j in 0..self.width {
            let stand_in = Twins::stand_in(j, self.features);
            let mut ends = [(f64::INFINITY, f64::NEG_INFINITY); 256];
            for (value, bin) in x.column(self.twins.feature(j, self.features)).iter().zip(self.column(j)) {
                let (low, high) = &mut ends[*bin as usize];
                let value = present(*value, stand_in);
                *low = low.min(value);
                *high = high.max(value);
            }
            // Behind the bins in use nothing lies.
            let mut middles = [f64::INFINITY; 256];
            for (middle, (low, high)) in middles.iter_mut().zip(ends) {
                *middle = if low <= high { low / 2.0 + high / 2.0 } else { *middle };
            }
            for bin in (0..self.count(j).min(255)).rev() {
                middles[bin] = middles[bin].min(middles[bin + 1]);
            }
            self.middles.push(middles);
        }
        self
    }

    pub fn column(&self, j: usize) -> &[u8] {
        &self.by_column[j * self.rows..(j + 1) * self.rows]
    }

    /// How many bins a column has.
    pub fn count(&self, j: usize) -> usize {
        self.cuts[j].len() + 1
    }

    /// All rows, one after another.
    pub fn row_major(&self) -> &[u8] {
        &self.by_row
    }

    /// What stands for each bin of a column, ascending; for that of missing values it is infinite.
    pub fn middles(&self, j: usize) -> &[f64; 256] {
        &self.middles[j]
    }
}

/// The value, or what stands for it where it is missing.
#[inline]
pub(super) fn present(value: f64, stand_in: f64) -> f64 {
    if value.is_nan() { stand_in } else { value }
}

/// The bin of a value that is not missing: how many cuts are not above it.
pub(super) fn bin(cuts: &[f64], value: f64) -> u8 {
    cuts.partition_point(|cut| *cut <= value) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_layouts_hold_the_same() {
        let (a, b) = ([3.0, 1.0, 2.0, 1.0], [0.0, 10.0, 0.0, 30.0]);
        let x = Columns::new(vec![&a, &b]).unwrap();
        let bins = Bins::fit(&x, None, 2, Twins::default()).unwrap().with_rows().with_middles(&x);
        assert_eq!((bins.column(0), bins.column(1)), (&[1, 0, 1, 0][..], &[0, 1, 0, 1][..]));
        assert_eq!(bins.row_major(), [1, 0, 0, 1, 1, 0, 0, 1]);
        assert_eq!((&bins.middles(0)[..2], &bins.middles(1)[..2]), (&[1.0, 2.5][..], &[0.0, 20.0][..]));
        assert_eq!(bins.count(0), 2);
    }

    #[test]
    fn missing_values_have_a_bin_at_either_end() {
        let (a, b) = ([3.0, f64::NAN, 2.0, f64::NAN], [0.0, 10.0, 0.0, 30.0]);
        let x = Columns::new(vec![&a, &b]).unwrap();
        let bins = Bins::fit(&x, None, 255, Twins::of(&x).unwrap()).unwrap().with_middles(&x);
        assert_eq!((bins.column(0), bins.column(2)), (&[1, 2, 0, 2][..], &[2, 0, 1, 0][..]));
        assert_eq!(bins.middles(0)[..4], [2.0, 3.0, f64::INFINITY, f64::INFINITY]);
        assert_eq!(bins.middles(2)[..3], [f64::NEG_INFINITY, 2.0, 3.0]);
        // As many bins as there are numbers for them.
        let many: Vec<f64> = (0..1000).map(|i| if i == 7 { f64::NAN } else { f64::from(i) }).collect();
        let x = Columns::new(vec![&many]).unwrap();
        let bins = Bins::fit(&x, None, 255, Twins::of(&x).unwrap()).unwrap().with_middles(&x);
        assert_eq!((bins.count(0), bins.column(0)[7], bins.column(0)[999]), (256, 255, 254));
        assert_eq!((bins.count(1), bins.column(1)[7], bins.column(1)[999]), (256, 0, 255));
    }
}

//! The training table as bytes.

use crate::tree::Cuts;
use crate::{Columns, Error};

/// Features cut into bins: each value is the number of its bin.
pub(super) struct Bins {
    pub cuts: Cuts,
    pub rows: usize,
    pub width: usize,
    /// Column after column.
    by_column: Vec<u8>,
    /// Row after row; empty unless asked for.
    by_row: Vec<u8>,
    /// For each feature what stands for its bins: the middle of the values in it. Empty unless asked for.
    middles: Vec<[f64; 256]>,
}

impl Bins {
    /// Cuts features into at most `max_bin` bins.
    ///
    /// # Errors
    /// For too many columns.
    pub fn fit(x: &Columns, max_bin: u32) -> Result<Self, Error> {
        let cuts = Cuts::fit(x, max_bin as usize)?;
        let mut by_column = Vec::with_capacity(x.rows() * x.width());
        for (j, column) in x.iter().enumerate() {
            let cuts = cuts.of(j);
            by_column.extend(column.iter().map(|value| bin(cuts, *value)));
        }
        Ok(Self {
            cuts,
            rows: x.rows(),
            width: x.width(),
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
        for (j, column) in x.iter().enumerate() {
            let mut ends = [(f64::INFINITY, f64::NEG_INFINITY); 256];
            for (value, bin) in column.iter().zip(self.column(j)) {
                let (low, high) = &mut ends[*bin as usize];
                *low = low.min(*value);
                *high = high.max(*value);
            }
            // Behind the bins in use nothing lies.
            let mut middles = [f64::INFINITY; 256];
            for (middle, (low, high)) in middles.iter_mut().zip(ends) {
                *middle = if low <= high { low / 2.0 + high / 2.0 } else { *middle };
            }
            for bin in (0..self.count(j)).rev() {
                middles[bin] = middles[bin].min(middles[bin + 1]);
            }
            self.middles.push(middles);
        }
        self
    }

    pub fn column(&self, j: usize) -> &[u8] {
        &self.by_column[j * self.rows..(j + 1) * self.rows]
    }

    /// How many bins a feature has.
    pub fn count(&self, j: usize) -> usize {
        self.cuts.of(j).len() + 1
    }

    /// All rows, one after another.
    pub fn row_major(&self) -> &[u8] {
        &self.by_row
    }

    /// What stands for each bin of a feature, ascending.
    pub fn middles(&self, j: usize) -> &[f64; 256] {
        &self.middles[j]
    }
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
        let bins = Bins::fit(&x, 2).unwrap().with_rows().with_middles(&x);
        assert_eq!((bins.column(0), bins.column(1)), (&[1, 0, 1, 0][..], &[0, 1, 0, 1][..]));
        assert_eq!(bins.row_major(), [1, 0, 0, 1, 1, 0, 0, 1]);
        assert_eq!((&bins.middles(0)[..2], &bins.middles(1)[..2]), (&[1.0, 2.5][..], &[0.0, 20.0][..]));
        assert_eq!(bins.count(0), 2);
    }
}

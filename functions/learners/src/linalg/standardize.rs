//! Reads a matrix in blocks of rows, centred and scaled on the way, so that no second copy of it is made.

use super::{dot, mean};
use crate::Columns;

/// Rows in a block: 28 columns of it fit a first-level cache.
pub const BLOCK: usize = 128;

/// What is taken off each column, and what the rest is divided by.
#[derive(Debug, Clone)]
pub struct Standardizer {
    pub means: Vec<f64>,
    pub scales: Vec<f64>,
}

impl Standardizer {
    /// The weighted means (0 without `center`); scales of 1.
    pub fn centering(x: &Columns, weights: Option<&[f64]>, total: f64, center: bool) -> Self {
        let means = x.iter().map(|column| if center { mean(column, weights, total) } else { 0.0 });
        Self { means: means.collect(), scales: vec![1.0; x.width()] }
    }

    /// Weighted means (0 without `center`) and root mean squares of what they leave, in one pass; a column that its
    /// mean leaves nothing of is not scaled. `None` if a value is not finite, or a sum.
    pub fn scaling(x: &Columns, weights: Option<&[f64]>, total: f64, center: bool) -> Option<Self> {
        let (mut means, mut scales) = (Vec::with_capacity(x.width()), Vec::with_capacity(x.width()));
        for column in x.iter() {
            let shift = if center { sampled_mean(column) } else { 0.0 };
            let (sum, squares) = sums(column, weights, shift);
            if !(sum.is_finite() && squares.is_finite()) {
                return None;
            }
            let error = if center { sum / total } else { 0.0 };
            means.push(shift + error);
            let scale = (squares / total - error * error).max(0.0).sqrt();
            // Rounding leaves something of a constant column: do not blow it up.
            let noise = shift.abs() * 1e-14;
            scales.push(if scale > noise && (scale * scale).is_normal() { scale } else { 1.0 });
        }
        Some(Self { means, scales })
    }

    /// Fills `block` with the rows from `start`, column after column with a stride of [`BLOCK`]; rows past the end
    /// are 0. Returns the number of rows.
    pub fn read_block(&self, x: &Columns, start: usize, block: &mut [f64]) -> usize {
        let rows = BLOCK.min(x.rows() - start);
        for (j, out) in block.chunks_exact_mut(BLOCK).enumerate() {
            let (mean, factor) = (self.means[j], 1.0 / self.scales[j]);
            for (out, v) in out.iter_mut().zip(&x.column(j)[start..start + rows]) {
                *out = (v - mean) * factor;
            }
            out[rows..].fill(0.0);
        }
        rows
    }

    /// From coefficients of standardised columns to those of the columns as they are; the second value is to be
    /// added to the intercept.
    pub fn unscale(&self, coefficients: &[f64]) -> (Vec<f64>, f64) {
        let raw: Vec<f64> = coefficients.iter().zip(&self.scales).map(|(c, s)| c / s).collect();
        let shift = -dot(&raw, &self.means);
        (raw, shift)
    }
}

/// The weighted sums of what `shift` leaves of a column, and of its squares, in lanes for vector registers.
#[inline(never)]
pub fn sums(column: &[f64], weights: Option<&[f64]>, shift: f64) -> (f64, f64) {
    const LANES: usize = 4;
    let (mut sums, mut squares) = ([0.0; LANES], [0.0; LANES]);
    let mut add = |l: usize, v: f64, w: f64| {
        let d = v - shift;
        sums[l] += w * d;
        squares[l] += w * d * d;
    };
    let chunks = column.chunks_exact(LANES);
    let rest = column.len() - chunks.remainder().len();
    match weights {
        None => chunks.for_each(|v| (0..LANES).for_each(|l| add(l, v[l], 1.0))),
        Some(w) => {
            chunks.zip(w.chunks_exact(LANES)).for_each(|(v, w)| (0..LANES).for_each(|l| add(l, v[l], w[l])))
        }
    }
    (rest..column.len()).for_each(|i| add(0, column[i], weights.map_or(1.0, |w| w[i])));
    (sums.iter().sum(), squares.iter().sum())
}

/// The mean of rows spread over the column; exact for a constant one.
pub fn sampled_mean(column: &[f64]) -> f64 {
    /// Rows that are looked at.
    const SAMPLE: usize = 1024;
    let step = column.len().div_ceil(SAMPLE).max(1);
    let first = column.first().copied().unwrap_or_default();
    let sum: f64 = column.iter().step_by(step).map(|v| v - first).sum();
    first + sum / column.len().div_ceil(step).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_those_of_the_plain_way() {
        let a: Vec<f64> = (0..2999).map(|i| 1e6 + f64::from(i * i % 101)).collect();
        let w: Vec<f64> = (0..2999).map(|i| f64::from(i % 4)).collect();
        let constant = vec![0.1; 2999];
        let x = Columns::new(vec![&a, &constant]).unwrap();
        for weights in [None, Some(&w[..])] {
            let w = |i: usize| weights.map_or(1.0, |w| w[i]);
            let total: f64 = (0..2999).map(w).sum();
            let s = Standardizer::scaling(&x, weights, total, true).unwrap();
            let mean = (0..2999).map(|i| w(i) * (a[i] - 1e6)).sum::<f64>() / total + 1e6;
            let variance = (0..2999).map(|i| w(i) * (a[i] - mean).powi(2)).sum::<f64>() / total;
            assert!((s.means[0] - mean).abs() < 1e-8 && (s.scales[0] / variance.sqrt() - 1.0).abs() < 1e-9);
            assert_eq!((s.means[1], s.scales[1]), (0.1, 1.0));
        }
        let bad = [1.0, f64::NAN];
        assert!(Standardizer::scaling(&Columns::new(vec![&bad]).unwrap(), None, 2.0, true).is_none());
    }
}

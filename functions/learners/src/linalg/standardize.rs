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

    /// Divides by the weighted root mean square of what centring leaves; a column that it leaves nothing of is not
    /// scaled.
    pub fn scaled(mut self, x: &Columns, weights: Option<&[f64]>, total: f64) -> Self {
        for (j, column) in x.iter().enumerate() {
            let square = |i: usize, v: f64| (v - self.means[j]).powi(2) * weights.map_or(1.0, |w| w[i]);
            let sum: f64 = column.iter().enumerate().map(|(i, &v)| square(i, v)).sum();
            let scale = (sum / total).sqrt();
            // Rounding leaves something of a constant column: do not blow it up.
            let noise = self.means[j].abs() * 1e-14;
            self.scales[j] = if scale > noise && scale.is_normal() { scale } else { 1.0 };
        }
        self
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

//! Kernel values of one row with many, eight rows at a time.

use super::{Gamma, Kernel, Params};
use crate::linalg::{dot, exp::exp};
use crate::{Columns, Error};
use serde::{Deserialize, Serialize};

/// Rows side by side.
pub(super) const LANES: usize = 8;

/// A kernel with its numbers settled.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Function {
    pub kernel: Kernel,
    pub gamma: f64,
    pub coef0: f64,
    pub degree: u32,
}

impl Function {
    /// The kernel for a table.
    ///
    /// # Errors
    /// If the values are too large for a variance.
    pub fn of(params: &Params, x: &Columns) -> Result<Self, Error> {
        let width = x.width() as f64;
        let gamma = match params.gamma {
            Gamma::Value(gamma) => gamma,
            Gamma::Auto => 1.0 / width,
            Gamma::Scale => {
                let count = width * x.rows() as f64;
                let mean = x.iter().map(|column| column.iter().sum::<f64>()).sum::<f64>() / count;
                let squares = |column: &[f64]| column.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
                let variance = x.iter().map(squares).sum::<f64>() / count;
                if variance > 0.0 { 1.0 / (width * variance) } else { 1.0 }
            }
        };
        if gamma == 0.0 || !gamma.is_finite() {
            return Err(Error::data("the values are too large or too small for a kernel; scale the columns"));
        }
        Ok(Self { kernel: params.kernel, gamma, coef0: params.coef0, degree: params.degree })
    }

    /// Of a row with itself, from its squared length.
    pub fn own(&self, square: f64) -> f64 {
        match self.kernel {
            Kernel::Rbf => 1.0,
            Kernel::Linear => square,
            Kernel::Poly => (self.gamma * square + self.coef0).powi(self.degree as i32),
            Kernel::Sigmoid => libm::tanh(self.gamma * square + self.coef0),
        }
    }
}

/// Rows of a table, eight side by side, feature after feature; rows past the end are 0.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Tiles {
    values: Vec<f64>,
    /// The squared length of each row.
    pub squares: Vec<f64>,
    pub rows: usize,
    width: usize,
}

impl Tiles {
    /// The chosen rows of `x`, `shifts` taken off its columns.
    pub fn gather(x: &Columns, shifts: &[f64], chosen: &[u32]) -> Self {
        let width = x.width();
        let mut values = vec![0.0; chosen.len().div_ceil(LANES) * LANES * width];
        for (j, (column, shift)) in x.iter().zip(shifts).enumerate() {
            for (place, &row) in chosen.iter().enumerate() {
                values[(place / LANES * width + j) * LANES + place % LANES] = column[row as usize] - shift;
            }
        }
        Self::new(values, chosen.len(), width)
    }

    /// Rows one after another.
    pub fn from_rows(rows: &[f64], width: usize) -> Self {
        let count = rows.len() / width.max(1);
        let mut values = vec![0.0; count.div_ceil(LANES) * LANES * width];
        for (place, row) in rows.chunks_exact(width.max(1)).enumerate() {
            for (j, v) in row.iter().enumerate() {
                values[(place / LANES * width + j) * LANES + place % LANES] = *v;
            }
        }
        Self::new(values, count, width)
    }

    fn new(values: Vec<f64>, rows: usize, width: usize) -> Self {
        let mut tiles = Self { values, squares: Vec::new(), rows, width };
        let mut row = vec![0.0; width];
        tiles.squares = (0..rows)
            .map(|i| {
                tiles.read_row(i, &mut row);
                dot(&row, &row)
            })
            .collect();
        tiles
    }

    /// Copies row `i` to `row`.
    pub fn read_row(&self, i: usize, row: &mut [f64]) {
        let lane = &self.values[i / LANES * self.width * LANES + i % LANES..];
        row.iter_mut().zip(lane.iter().step_by(LANES)).for_each(|(out, v)| *out = *v);
    }

    /// The kernel of `row` (of this squared length) with each row here, handed over eight at a time; of the last eight
    /// those past the end are no rows.
    pub fn kernel_with(
        &self,
        function: &Function,
        row: &[f64],
        square: f64,
        mut take: impl FnMut(usize, &[f64; LANES]),
    ) {
        let &Function { kernel, gamma, coef0, degree } = function;
        for (t, tile) in self.values.chunks_exact(self.width * LANES).enumerate() {
            let mut sums = [0.0; LANES];
            for (v, lanes) in row.iter().zip(tile.chunks_exact(LANES)) {
                for l in 0..LANES {
                    sums[l] += v * lanes[l];
                }
            }
            match kernel {
                Kernel::Linear => {}
                Kernel::Poly => {
                    sums.iter_mut().for_each(|s| *s = (gamma * *s + coef0).powi(degree as i32));
                }
                Kernel::Sigmoid => {
                    sums.iter_mut().for_each(|s| *s = libm::tanh(gamma * *s + coef0));
                }
                Kernel::Rbf => {
                    let mut squares = [0.0; LANES];
                    let start = t * LANES;
                    let end = self.rows.min(start + LANES);
                    squares[..end - start].copy_from_slice(&self.squares[start..end]);
                    for l in 0..LANES {
                        let distance = (square + squares[l]) - 2.0 * sums[l];
                        sums[l] = exp(-gamma * if distance > 0.0 { distance } else { 0.0 });
                    }
                }
            }
            take(t * LANES, &sums);
        }
    }
}

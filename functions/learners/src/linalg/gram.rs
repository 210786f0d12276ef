//! Sums of products of columns: `X'X`, added up block by block.

use super::standardize::BLOCK;

/// A symmetric matrix of sums of products; the lower triangle holds, row by row with a stride of `width`.
#[derive(Debug, Clone)]
pub struct Gram {
    pub values: Vec<f64>,
    pub width: usize,
}

/// Columns whose products are taken at once with those of `COLUMNS` others: as many sums as stay in registers.
const ROWS: usize = 4;
const COLUMNS: usize = 2;
/// Values of a vector register.
const LANES: usize = 2;

type Sums = [[[f64; LANES]; COLUMNS]; ROWS];

impl Gram {
    pub fn new(width: usize) -> Self {
        Self::from_values(vec![0.0; width * width], width)
    }

    /// A matrix of these values, row by row.
    pub fn from_values(values: Vec<f64>, width: usize) -> Self {
        Self { values, width }
    }

    pub fn clear(&mut self) {
        self.values.fill(0.0);
    }

    pub fn at(&self, i: usize, j: usize) -> f64 {
        self.values[i.max(j) * self.width + i.min(j)]
    }

    /// Adds the products of the columns in `block` (each [`BLOCK`] long, `width` of them).
    pub fn add_block(&mut self, block: &[f64]) {
        let columns = block.as_chunks::<BLOCK>().0;
        let width = self.width.min(columns.len());
        // Past the end the last column stands in.
        let column = |j: usize| &columns[j.min(width - 1)];
        for i in (0..width).step_by(ROWS) {
            let rows = std::array::from_fn(|k| column(i + k));
            let end = (i + ROWS).min(width);
            for j in (0..end).step_by(COLUMNS) {
                let products = products(rows, std::array::from_fn(|k| column(j + k)));
                for (row, products) in (i..end).zip(products) {
                    for (place, [even, odd]) in (j..=row).zip(products) {
                        self.values[row * self.width + place] += even + odd;
                    }
                }
            }
        }
    }

    /// The matrix with its upper triangle filled in, row by row.
    pub fn full(&self) -> Vec<f64> {
        let n = self.width;
        (0..n * n).map(|place| self.at(place / n, place % n)).collect()
    }

    /// The rows and columns of `kept` alone.
    pub fn select(&self, kept: &[usize]) -> Self {
        let n = kept.len();
        let values = (0..n * n).map(|place| self.at(kept[place / n], kept[place % n]));
        Self::from_values(values.collect(), n)
    }
}

/// The products of some columns with some others: the sums of even rows and those of odd ones, so that columns are read as
/// they lie.
///
/// Not inlined: there LLVM leaves the loop scalar for wasm32.
#[inline(never)]
fn products(a: [&[f64; BLOCK]; ROWS], b: [&[f64; BLOCK]; COLUMNS]) -> Sums {
    let mut sums = Sums::default();
    for row in (0..BLOCK).step_by(LANES) {
        for i in 0..ROWS {
            for j in 0..COLUMNS {
                for l in 0..LANES {
                    sums[i][j][l] += a[i][row + l] * b[j][row + l];
                }
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_plain_sums() {
        for width in [1, 7, 8, 19] {
            let block: Vec<f64> = (0..width * BLOCK).map(|i| ((i * 37 % 101) as f64).sin()).collect();
            let mut gram = Gram::new(width);
            gram.add_block(&block);
            for i in 0..width {
                for j in 0..width {
                    let plain: f64 = (0..BLOCK).map(|r| block[i * BLOCK + r] * block[j * BLOCK + r]).sum();
                    assert!((gram.at(i, j) - plain).abs() < 1e-10);
                }
            }
        }
    }
}

//! Means and cross products of columns around a shift, in one pass over the rows.

use super::gram::Gram;
use super::standardize::BLOCK;
use crate::Columns;

/// Columns that lie side by side, row by row.
pub const GROUP: usize = 4;

/// Sums of products of columns, taken around the columns' means or around 0.
#[derive(Debug, Clone)]
pub struct Cross {
    pub means: Vec<f64>,
    /// `sum (x_i - c_i)(x_j - c_j)`, full, width x width, where `c` is the mean or 0.
    pub products: Vec<f64>,
}

/// Adds up products. Without `center` they are around 0; the means are given anyhow. Values that are not finite make
/// sums that are not.
///
/// Products are first taken around a guess of the mean, so that an offset of a column costs no digits.
pub fn cross_products(x: &Columns, center: bool) -> Cross {
    let (width, rows) = (x.width(), x.rows());
    let shift: Vec<f64> =
        x.iter().map(|column| if center { super::near_mean(column) } else { 0.0 }).collect();
    let mut products = Gram::new(width);
    let mut sums = vec![0.0; width];
    let mut block = vec![0.0; width * BLOCK];
    for start in (0..rows).step_by(BLOCK) {
        read(x, &shift, start, &mut block);
        sums.iter_mut().zip(block.chunks_exact(BLOCK)).for_each(|(sum, column)| *sum += super::sum(column));
        products.add_block(&block);
    }
    let mut products = products.full();
    let n = rows as f64;
    if center {
        for i in 0..width {
            (0..width).for_each(|j| products[i * width + j] -= sums[i.max(j)] * (sums[i.min(j)] / n));
        }
    }
    let means = sums.iter().zip(&shift).map(|(sum, shift)| shift + sum / n).collect();
    Cross { means, products }
}

/// Sums of products of columns that come in groups of four, block by block.
pub struct Products {
    /// For every pair of groups, the first not before the second: the products of their columns.
    tiles: Vec<[[f64; GROUP]; GROUP]>,
    width: usize,
}

impl Products {
    pub fn new(width: usize) -> Self {
        let groups = width.div_ceil(GROUP);
        Self { tiles: vec![[[0.0; GROUP]; GROUP]; groups * (groups + 1) / 2], width }
    }

    /// Adds a block's products: group after group, in each row after row.
    pub fn add(&mut self, block: &[[f64; GROUP]]) {
        let groups = self.width.div_ceil(GROUP);
        let rows = block.len() / groups;
        let mut tiles = self.tiles.iter_mut();
        for (g, a) in block.chunks_exact(rows).enumerate() {
            for (tile, b) in tiles.by_ref().take(g + 1).zip(block.chunks_exact(rows)) {
                let sums = outer(a, b);
                for i in 0..GROUP {
                    (0..GROUP).for_each(|j| tile[i][j] += sums[i][j]);
                }
            }
        }
    }

    /// All of them, width x width.
    pub fn full(&self) -> Vec<f64> {
        let width = self.width;
        let mut full = vec![0.0; width * width];
        for i in 0..width {
            for j in 0..=i {
                let (a, b) = (i / GROUP, j / GROUP);
                let value = self.tiles[a * (a + 1) / 2 + b][i % GROUP][j % GROUP];
                (full[i * width + j], full[j * width + i]) = (value, value);
            }
        }
        full
    }
}

/// Sixteen sums of products that stay in registers.
#[inline(never)]
fn outer(a: &[[f64; GROUP]], b: &[[f64; GROUP]]) -> [[f64; GROUP]; GROUP] {
    let mut sums = [[0.0; GROUP]; GROUP];
    for (a, b) in a.iter().zip(b) {
        for i in 0..GROUP {
            for j in 0..GROUP {
                sums[i][j] += a[i] * b[j];
            }
        }
    }
    sums
}

/// Fills `block` with the rows from `start` less `shift`, column after column; rows past the end are 0. Returns how
/// many rows there are.
pub fn read(x: &Columns, shift: &[f64], start: usize, block: &mut [f64]) -> usize {
    let size = block.len() / x.width();
    let rows = size.min(x.rows() - start);
    for (j, out) in block.chunks_exact_mut(size).enumerate() {
        let (column, shift) = (&x.column(j)[start..start + rows], shift[j]);
        out.iter_mut().zip(column).for_each(|(out, v)| *out = v - shift);
        out[rows..].fill(0.0);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Matrix;

    #[test]
    fn products_are_the_plain_ones_far_from_the_origin() {
        for (width, rows) in [(1, 3), (2, 128), (7, 300)] {
            let near: Vec<f64> = (0..rows * width).map(|i| f64::from((i * 37 % 101) as u32) / 64.0).collect();
            for offset in [0.0, 1e8] {
                let far: Vec<f64> = near.iter().map(|v| v + offset).collect();
                let cross = cross_products(&Matrix::from_rows(&far, width).unwrap().columns(), true);
                let mean = |j: usize| near.iter().skip(j).step_by(width).sum::<f64>() / rows as f64;
                for i in 0..width {
                    assert!((cross.means[i] - mean(i) - offset).abs() < 1e-15 * (1.0 + offset) * 4.0);
                    for j in 0..width {
                        let plain: f64 =
                            near.chunks(width).map(|r| (r[i] - mean(i)) * (r[j] - mean(j))).sum();
                        let ours = cross.products[i * width + j];
                        assert!((ours - plain).abs() < 1e-10 * rows as f64, "{i} {j}: {ours} {plain}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_constant_column_has_none() {
        let matrix = Matrix::from_rows(&[0.1; 1000], 1).unwrap();
        assert_eq!(cross_products(&matrix.columns(), true).products, [0.0]);
        assert!((cross_products(&matrix.columns(), false).products[0] - 10.0).abs() < 1e-12);
    }
}

//! Sums of products of columns: `X'X`, added up block by block.

use super::standardize::BLOCK;

/// A symmetric matrix of sums of products; the lower triangle holds, row by row with a stride of `width`.
#[derive(Debug, Clone)]
pub struct Gram {
    pub values: Vec<f64>,
    pub width: usize,
}

impl Gram {
    pub fn new(width: usize) -> Self {
        Self { values: vec![0.0; width * width], width }
    }

    pub fn clear(&mut self) {
        self.values.fill(0.0);
    }

    pub fn at(&self, i: usize, j: usize) -> f64 {
        self.values[i.max(j) * self.width + i.min(j)]
    }

    /// Adds the products of the columns in `block` (each [`BLOCK`] long, `width` of them).
    pub fn add_block(&mut self, block: &[f64]) {
        let column = |j: usize| &block[j * BLOCK..(j + 1) * BLOCK];
        let width = self.width;
        let mut add = |i: usize, j: usize, product: f64| self.values[i * width + j] += product;
        // Pairs of rows against four columns at a time: six loads for eight products.
        for i in (0..width / 2 * 2).step_by(2) {
            let pair = [column(i), column(i + 1)];
            let tiled = (i + 1) / 4 * 4;
            for j in (0..tiled).step_by(4) {
                let products = tile(pair, [0, 1, 2, 3].map(|k| column(j + k)));
                for (k, [first, second]) in products.into_iter().enumerate() {
                    add(i, j + k, first);
                    add(i + 1, j + k, second);
                }
            }
            for j in tiled..i + 2 {
                if j <= i {
                    add(i, j, super::dot(pair[0], column(j)));
                }
                add(i + 1, j, super::dot(pair[1], column(j)));
            }
        }
        if width % 2 == 1 {
            (0..width).for_each(|j| add(width - 1, j, super::dot(column(width - 1), column(j))));
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
        Self { values: values.collect(), width: n }
    }
}

/// The products of two columns with four others.
pub(super) fn tile(a: [&[f64]; 2], b: [&[f64]; 4]) -> [[f64; 2]; 4] {
    let mut sums = [[[0.0; 2]; 2]; 4];
    let [a0, a1] = a.map(|a| a.chunks_exact(2));
    let [b0, b1, b2, b3] = b.map(|b| b.chunks_exact(2));
    for (((((a0, a1), b0), b1), b2), b3) in a0.zip(a1).zip(b0).zip(b1).zip(b2).zip(b3) {
        for (sums, b) in sums.iter_mut().zip([b0, b1, b2, b3]) {
            for l in 0..2 {
                sums[0][l] += a0[l] * b[l];
                sums[1][l] += a1[l] * b[l];
            }
        }
    }
    sums.map(|pair| pair.map(|lanes| lanes[0] + lanes[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_the_plain_sums() {
        let width = 7;
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

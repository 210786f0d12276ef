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
        for i in 0..self.width {
            let row = &mut self.values[i * self.width..i * self.width + i + 1];
            let (quads, rest) = row.split_at_mut((i + 1) / 4 * 4);
            for (q, quad) in quads.chunks_exact_mut(4).enumerate() {
                let products = dot_four(column(i), [0, 1, 2, 3].map(|k| column(4 * q + k)));
                quad.iter_mut().zip(products).for_each(|(value, product)| *value += product);
            }
            for (k, value) in rest.iter_mut().enumerate() {
                *value += super::dot(column(i), column((i + 1) / 4 * 4 + k));
            }
        }
    }
}

/// One column against four at once: `a` is read once for four products.
fn dot_four(a: &[f64], b: [&[f64]; 4]) -> [f64; 4] {
    let mut sums = [[0.0; 4]; 4];
    let [b0, b1, b2, b3] = b.map(|b| b.chunks_exact(4));
    for ((((a, b0), b1), b2), b3) in a.chunks_exact(4).zip(b0).zip(b1).zip(b2).zip(b3) {
        for l in 0..4 {
            sums[0][l] += a[l] * b0[l];
            sums[1][l] += a[l] * b1[l];
            sums[2][l] += a[l] * b2[l];
            sums[3][l] += a[l] * b3[l];
        }
    }
    sums.map(|s| (s[0] + s[1]) + (s[2] + s[3]))
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

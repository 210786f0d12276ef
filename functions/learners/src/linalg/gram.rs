//! Sums of products of columns: `X'X`, added up block by block.

use super::standardize::BLOCK;

/// A symmetric matrix of sums of products; the lower triangle holds, row by row with a stride of `width`.
#[derive(Debug, Clone)]
pub struct Gram {
    pub values: Vec<f64>,
    pub width: usize,
    /// Room for a block, kept from one to the next.
    packed: Vec<f64>,
}

/// Columns of a panel.
const LANES: usize = 8;

impl Gram {
    pub fn new(width: usize) -> Self {
        Self::from_values(vec![0.0; width * width], width)
    }

    /// A matrix of these values, row by row.
    pub fn from_values(values: Vec<f64>, width: usize) -> Self {
        Self { values, width, packed: Vec::new() }
    }

    pub fn clear(&mut self) {
        self.values.fill(0.0);
    }

    pub fn at(&self, i: usize, j: usize) -> f64 {
        self.values[i.max(j) * self.width + i.min(j)]
    }

    /// Adds the products of the columns in `block` (each [`BLOCK`] long, `width` of them).
    pub fn add_block(&mut self, block: &[f64]) {
        let width = self.width;
        let panels = width.div_ceil(LANES);
        // Eight columns side by side, row after row.
        self.packed.resize(panels * LANES * BLOCK, 0.0);
        for (j, column) in block.chunks_exact(BLOCK).enumerate() {
            let panel = &mut self.packed[j / LANES * LANES * BLOCK..][..LANES * BLOCK];
            panel.chunks_exact_mut(LANES).zip(column).for_each(|(row, v)| row[j % LANES] = *v);
        }
        let panel = |p: usize| &self.packed[p * LANES * BLOCK..(p + 1) * LANES * BLOCK];
        for i in (0..width).step_by(2) {
            for q in 0..=i / LANES {
                let products = pair_with_eight(panel(i / LANES), i % LANES, panel(q));
                for (row, products) in (i..width).zip(products) {
                    let count = (row + 1).saturating_sub(q * LANES).min(LANES);
                    let values = &mut self.values[row * width + q * LANES..][..count];
                    values.iter_mut().zip(products).for_each(|(value, product)| *value += product);
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

/// The products of two neighbours of a panel, from `lane` on, with the eight columns of another.
///
/// Not inlined: there LLVM leaves the loop scalar for wasm32.
#[inline(never)]
fn pair_with_eight(a: &[f64], lane: usize, b: &[f64]) -> [[f64; LANES]; 2] {
    let (mut first, mut second) = ([0.0; LANES], [0.0; LANES]);
    for (a, b) in a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0) {
        let (x, y) = (a[lane % LANES], a[(lane + 1) % LANES]);
        for l in 0..LANES {
            first[l] += x * b[l];
        }
        for l in 0..LANES {
            second[l] += y * b[l];
        }
    }
    [first, second]
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

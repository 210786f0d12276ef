//! Weights, sums and products of rows, each row counted for every component by its share.

use super::CovarianceType;
use super::components::BLOCK;
use crate::linalg::axpy;
use crate::linalg::cross::{GROUP, Products};

/// What a step adds up. Sums are taken around `shifts`, the means of the step before, so that an offset costs no digits.
pub(super) struct Moments {
    pub width: usize,
    /// One a component.
    pub weights: Vec<f64>,
    shifts: Vec<f64>,
    /// Components x features.
    sums: Vec<f64>,
    seconds: Seconds,
}

enum Seconds {
    /// Of all components together: the rows' products around 0, which no share changes.
    Total(Vec<f64>),
    /// One a component.
    Products(Vec<Products>),
    /// Components x features.
    Squares(Vec<f64>),
}

impl Moments {
    /// `total` holds the weighted products of all rows around 0, for [`CovarianceType::Tied`].
    pub fn new(kind: CovarianceType, width: usize, shifts: Vec<f64>, total: &[f64]) -> Self {
        let k = shifts.len() / width;
        let seconds = match kind {
            CovarianceType::Tied => Seconds::Total(total.to_vec()),
            CovarianceType::Full => Seconds::Products((0..k).map(|_| Products::new(width)).collect()),
            CovarianceType::Diag | CovarianceType::Spherical => Seconds::Squares(vec![0.0; k * width]),
        };
        // As scikit-learn, so that an empty component does not divide by 0.
        let weights = vec![10.0 * f64::EPSILON; k];
        Self { width, weights, sums: vec![0.0; shifts.len()], shifts, seconds }
    }

    /// Adds a block of rows, column after column; `shares` are component after component, both in strides of [`BLOCK`].
    pub fn add(&mut self, block: &[f64], shares: &[f64], groups: &mut Vec<[f64; GROUP]>) {
        groups.resize(self.width.div_ceil(GROUP) * BLOCK, [0.0; GROUP]);
        let mut roots = [0.0; BLOCK];
        for (c, shares) in shares.chunks_exact(BLOCK).enumerate() {
            let weight: f64 = shares.iter().sum();
            // Too few to be told from nothing.
            if weight <= 0.0 {
                continue;
            }
            self.weights[c] += weight;
            roots.iter_mut().zip(shares).for_each(|(root, share)| *root = share.sqrt());
            for (j, column) in block.chunks_exact(BLOCK).enumerate() {
                let (place, shift) = (c * self.width + j, self.shifts[c * self.width + j]);
                let (mut sum, mut square) = ([0.0; 4], [0.0; 4]);
                for (v, share) in column.as_chunks::<4>().0.iter().zip(shares.as_chunks::<4>().0) {
                    for l in 0..4 {
                        let (d, s) = (v[l] - shift, share[l]);
                        sum[l] += d * s;
                        square[l] += d * d * s;
                    }
                }
                self.sums[place] += sum.iter().sum::<f64>();
                match &mut self.seconds {
                    Seconds::Total(_) => {}
                    Seconds::Squares(squares) => squares[place] += square.iter().sum::<f64>(),
                    Seconds::Products(_) => {
                        let group = &mut groups[j / GROUP * BLOCK..(j / GROUP + 1) * BLOCK];
                        for ((out, v), root) in group.iter_mut().zip(column).zip(&roots) {
                            out[j % GROUP] = (v - shift) * root;
                        }
                    }
                }
            }
            if let Seconds::Products(products) = &mut self.seconds {
                products[c].add(groups);
            }
        }
    }

    /// How far the mean is from the shift.
    fn moved(&self, place: usize) -> f64 {
        self.sums[place] / self.weights[place / self.width]
    }

    /// Components x features.
    pub fn means(&self) -> Vec<f64> {
        (0..self.sums.len()).map(|place| self.shifts[place] + self.moved(place)).collect()
    }

    /// The covariance of each component; one for all if they are tied.
    pub fn covariances(&self) -> Vec<Vec<f64>> {
        let width = self.width;
        match &self.seconds {
            Seconds::Squares(_) => Vec::new(),
            Seconds::Total(total) => {
                let (means, weight) = (self.means(), self.weights.iter().sum::<f64>());
                let mut scatter = total.clone();
                for (mean, weight) in means.chunks_exact(width).zip(&self.weights) {
                    for (row, m) in scatter.chunks_exact_mut(width).zip(mean) {
                        axpy(-weight * m, mean, row);
                    }
                }
                scatter.iter_mut().for_each(|v| *v /= weight);
                vec![scatter]
            }
            Seconds::Products(products) => {
                let own = |(c, products): (usize, &Products)| {
                    let moved: Vec<f64> = (0..width).map(|j| self.moved(c * width + j)).collect();
                    let mut scatter = products.full();
                    for (row, m) in scatter.chunks_exact_mut(width).zip(&moved) {
                        axpy(-self.weights[c] * m, &moved, row);
                    }
                    scatter.iter_mut().for_each(|v| *v /= self.weights[c]);
                    scatter
                };
                products.iter().enumerate().map(own).collect()
            }
        }
    }

    /// The variances of each component's features.
    pub fn variances(&self) -> Vec<Vec<f64>> {
        let Seconds::Squares(squares) = &self.seconds else { return Vec::new() };
        let own = |(c, squares): (usize, &[f64])| {
            let variance = |j: usize| squares[j] / self.weights[c] - self.moved(c * self.width + j).powi(2);
            (0..self.width).map(|j| variance(j).max(0.0)).collect()
        };
        squares.chunks_exact(self.width).enumerate().map(own).collect()
    }
}

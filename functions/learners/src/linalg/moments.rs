//! Weighted means and centred sums of products of columns and a target, in one pass.

use super::gram::Gram;
use super::standardize::{BLOCK, sampled_mean};
use crate::matrix::{check_length, check_target};
use crate::weights::check_weights;
use crate::{Columns, Error};

/// A column that the mean leaves less of is constant but for rounding.
const NOTHING_LEFT: f64 = 1e-10;

/// What least squares need to know of a table.
#[derive(Debug, Clone)]
pub struct Moments {
    /// Sums of products of the columns and, last, the target, their means taken off.
    pub gram: Gram,
    /// Of the columns and, last, the target; 0 where nothing was taken off.
    pub means: Vec<f64>,
    /// The sum of the weights.
    pub total: f64,
}

impl Moments {
    /// [`Self::of`] of data that is not known to be sound.
    ///
    /// # Errors
    /// For values that are not finite, or targets or weights that do not go with the rows. Whatever is not finite
    /// shows in the sums, so that sound values are read once only.
    pub fn checked(x: &Columns, y: &[f64], weights: Option<&[f64]>, center: bool) -> Result<Self, Error> {
        x.check_shape()?;
        check_length("target", y.len(), x.rows())?;
        check_weights(weights, x.rows())?;
        let moments = Self::of(x, y, weights, center);
        if moments.gram.values.iter().any(|v| !v.is_finite()) {
            x.check_squares()?;
            check_target(y, x.rows())?;
            return Err(Error::data("the weights are too large for a sum of squares; scale them"));
        }
        Ok(moments)
    }

    /// Reads the table once. Means of a sample are taken off on the way and what they are wrong by at the end, so that
    /// a large offset costs no digits. The row of a constant column is exactly 0.
    pub fn of(x: &Columns, y: &[f64], weights: Option<&[f64]>, center: bool) -> Self {
        let width = x.width();
        let columns = || x.iter().chain([y]);
        let shifts: Vec<f64> = columns().map(|c| if center { sampled_mean(c) } else { 0.0 }).collect();
        // The target and a constant are two more columns.
        let mut sums = Gram::new(width + 2);
        let mut block = vec![0.0; (width + 2) * BLOCK];
        let mut roots = [1.0; BLOCK];
        for start in (0..x.rows()).step_by(BLOCK) {
            let rows = BLOCK.min(x.rows() - start);
            if let Some(w) = weights {
                roots.iter_mut().zip(&w[start..start + rows]).for_each(|(root, w)| *root = w.sqrt());
            }
            for ((out, column), shift) in block.chunks_exact_mut(BLOCK).zip(columns()).zip(&shifts) {
                let values = out.iter_mut().zip(&column[start..start + rows]);
                match weights {
                    None => values.for_each(|(out, v)| *out = v - shift),
                    Some(_) => values.zip(&roots).for_each(|((out, v), root)| *out = (v - shift) * root),
                }
            }
            block[(width + 1) * BLOCK..].copy_from_slice(&roots);
            if rows < BLOCK {
                block.chunks_exact_mut(BLOCK).for_each(|out| out[rows..].fill(0.0));
            }
            sums.add_block(&block);
        }
        let total = sums.at(width + 1, width + 1);
        let mut gram = Gram::new(width + 1);
        let mut means = shifts;
        let errors: Vec<f64> = (0..=width).map(|j| sums.at(width + 1, j) / total).collect();
        for i in 0..=width {
            for j in 0..=i {
                let off = if center { total * errors[i] * errors[j] } else { 0.0 };
                gram.values[i * (width + 1) + j] = sums.at(i, j) - off;
            }
        }
        if center {
            means.iter_mut().zip(&errors).for_each(|(mean, error)| *mean += error);
        }
        for j in 0..=width {
            let all = sums.at(j, j);
            if all.is_finite() && gram.at(j, j) <= NOTHING_LEFT * all {
                (0..=width).for_each(|k| gram.values[j.max(k) * (width + 1) + j.min(k)] = 0.0);
            }
        }
        Self { gram, means, total }
    }

    /// Feature columns.
    pub fn width(&self) -> usize {
        self.gram.width - 1
    }

    /// The product of column `j` and the target.
    pub fn with_target(&self, j: usize) -> f64 {
        self.gram.at(self.width(), j)
    }

    /// The target's own sum of squares.
    pub fn target_squares(&self) -> f64 {
        self.gram.at(self.width(), self.width())
    }

    /// The columns that are not constant.
    pub fn varying(&self) -> Vec<usize> {
        (0..self.width()).filter(|&j| self.gram.at(j, j) != 0.0).collect()
    }

    /// The constant part of a line with these coefficients.
    pub fn intercept(&self, coefficients: &[f64]) -> f64 {
        self.means[self.width()] - super::dot(coefficients, &self.means[..self.width()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_the_plain_sums_far_from_the_origin() {
        let a: Vec<f64> = (0..3000).map(|i| 1e7 + f64::from(i * i % 101)).collect();
        let b: Vec<f64> = (0..3000).map(|i| f64::from(i % 7) - f64::from(i) * 0.01).collect();
        let (constant, w) = (vec![0.1; 3000], (0..3000).map(|i| f64::from(i % 4)).collect::<Vec<_>>());
        let x = Columns::new(vec![&a, &constant]).unwrap();
        for weights in [None, Some(&w[..])] {
            let moments = Moments::of(&x, &b, weights, true);
            let w = |i: usize| weights.map_or(1.0, |w| w[i]);
            let total: f64 = (0..3000).map(w).sum();
            let mean = |c: &[f64]| c[0] + (0..3000).map(|i| w(i) * (c[i] - c[0])).sum::<f64>() / total;
            let (ma, mb) = (mean(&a), mean(&b));
            let plain: f64 = (0..3000).map(|i| w(i) * (a[i] - ma) * (b[i] - mb)).sum();
            assert!((moments.with_target(0) / plain - 1.0).abs() < 1e-10);
            assert!((moments.means[0] - ma).abs() < 1e-8 && (moments.means[2] - mb).abs() < 1e-12);
            assert_eq!(moments.varying(), [0]);
            assert_eq!((moments.with_target(1), moments.means[1]), (0.0, 0.1));
        }
        let raw = Moments::of(&x, &b, None, false);
        assert!((raw.gram.at(1, 1) - 30.0).abs() < 1e-9 && raw.means == [0.0; 3]);
    }
}

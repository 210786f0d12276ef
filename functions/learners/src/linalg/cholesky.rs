//! Cholesky factorisation, with the columns scaled to unit length first.

use super::gram::Gram;

/// `D L L' D`, where `D` scales the diagonal to 1.
#[derive(Debug)]
pub struct Cholesky {
    lower: Vec<f64>,
    scale: Vec<f64>,
    width: usize,
}

impl Cholesky {
    /// Factors the leading `width` rows and columns. `None` if the matrix is too close to singular: a pivot (the
    /// share of a column that the columns before it do not explain) falls below `tolerance`, and about
    /// `-log10(tolerance)` digits of a solution would be lost.
    pub fn factor(gram: &Gram, width: usize, tolerance: f64) -> Option<Self> {
        let scale: Vec<f64> = (0..width).map(|j| gram.at(j, j).sqrt()).collect();
        if scale.iter().any(|s| !s.is_normal()) {
            return None;
        }
        let mut lower = vec![0.0; width * width];
        for i in 0..width {
            let (done, current) = lower.split_at_mut(i * width);
            for j in 0..i {
                let other = &done[j * width..j * width + j + 1];
                let value = gram.at(i, j) / (scale[i] * scale[j]) - super::dot(&current[..j], &other[..j]);
                current[j] = value / other[j];
            }
            let pivot = 1.0 - super::dot(&current[..i], &current[..i]);
            if pivot <= tolerance || pivot.is_nan() {
                return None;
            }
            current[i] = pivot.sqrt();
        }
        Some(Self { lower, scale, width })
    }

    /// Solves for one right-hand side, in place.
    pub fn solve(&self, b: &mut [f64]) {
        let row = |i: usize| &self.lower[i * self.width..i * self.width + i + 1];
        for i in 0..self.width {
            let sum = super::dot(&row(i)[..i], &b[..i]);
            b[i] = (b[i] / self.scale[i] - sum) / row(i)[i];
        }
        for i in (0..self.width).rev() {
            b[i] /= row(i)[i];
            let x = b[i];
            super::axpy(-x, &row(i)[..i], &mut b[..i]);
            b[i] = x / self.scale[i];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gram(values: [[f64; 3]; 3]) -> Gram {
        Gram::from_values(values.concat(), 3)
    }

    #[test]
    fn solves_badly_scaled_columns() {
        let a = gram([[4e10, 0.0, 0.0], [2e5, 5.0, 0.0], [2e5, 1.0, 6.0]]);
        let x = [1e-5, -2.0, 3.0];
        let mut b = [0, 1, 2].map(|i| (0..3).map(|j| a.at(i, j) * x[j]).sum::<f64>());
        Cholesky::factor(&a, 3, 1e-12).unwrap().solve(&mut b);
        for (b, x) in b.iter().zip(x) {
            assert!((b / x - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn refuses_singular_matrices() {
        assert!(
            Cholesky::factor(&gram([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), 3, 1e-9).is_none()
        );
        assert!(Cholesky::factor(&gram([[0.0; 3]; 3]), 3, 1e-9).is_none());
        assert!(Cholesky::factor(&gram([[f64::NAN; 3]; 3]), 3, 1e-9).is_none());
    }
}

//! Normal distributions in the form that densities are computed from.

use super::CovarianceType;
use super::moments::Moments;
use crate::linalg::dot;
use crate::{Error, ParamError};
use serde::{Deserialize, Serialize};

/// Rows in a block.
pub(super) const BLOCK: usize = 128;
/// Outputs of a triangular product, and rows, that stay in registers.
const TILE: usize = 4;

/// Weights, means, and factors of the precisions (inverse covariances).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Components {
    pub kind: CovarianceType,
    pub width: u32,
    #[serde(with = "crate::packed")]
    pub weights: Vec<f64>,
    /// Components x features.
    #[serde(with = "crate::packed")]
    pub means: Vec<f64>,
    /// `P`, the inverse of the covariance's lower Cholesky factor: for each component (tied: once) width x width with
    /// zeros above the diagonal; for axes or balls the inverse standard deviations, components x features.
    #[serde(with = "crate::packed")]
    pub factors: Vec<f64>,
}

impl Components {
    /// Whether the parts go together.
    pub fn whole(&self) -> bool {
        let (k, width) = (self.weights.len(), self.width as usize);
        let size = match self.kind {
            CovarianceType::Full => k.checked_mul(width).and_then(|size| size.checked_mul(width)),
            CovarianceType::Tied => width.checked_mul(width),
            CovarianceType::Diag | CovarianceType::Spherical => k.checked_mul(width),
        };
        k > 0
            && width > 0
            && k.checked_mul(width) == Some(self.means.len())
            && size == Some(self.factors.len())
            && self.weights.iter().all(|w| *w > 0.0)
            && [&self.means, &self.factors].into_iter().flatten().all(|v| v.is_finite())
    }

    /// From what was added up over the rows.
    pub fn of(kind: CovarianceType, moments: &Moments, reg_covar: f64) -> Result<Self, Error> {
        let (width, total) = (moments.width, moments.weights.iter().sum::<f64>());
        let mut factors = Vec::new();
        match kind {
            CovarianceType::Full | CovarianceType::Tied => {
                for mut covariance in moments.covariances() {
                    (0..width).for_each(|j| covariance[j * width + j] += reg_covar);
                    factors.extend(inverse_factor(covariance, width).ok_or_else(ill_defined)?);
                }
            }
            CovarianceType::Diag | CovarianceType::Spherical => {
                for mut variances in moments.variances() {
                    if kind == CovarianceType::Spherical {
                        let mean = variances.iter().sum::<f64>() / width as f64;
                        variances.fill(mean);
                    }
                    let factor = variances.iter().map(|v| 1.0 / (v + reg_covar).sqrt());
                    factors.extend(factor);
                }
            }
        }
        if factors.iter().any(|f| !f.is_finite()) {
            return Err(ill_defined());
        }
        let weights = moments.weights.iter().map(|w| w / total).collect();
        Ok(Self { kind, width: width as u32, weights, means: moments.means(), factors })
    }

    /// The covariance of a component: width x width, or the variances of axes.
    pub fn covariance(&self, component: usize) -> Vec<f64> {
        let width = self.width as usize;
        let size = match self.kind {
            CovarianceType::Full | CovarianceType::Tied => width * width,
            CovarianceType::Diag | CovarianceType::Spherical => width,
        };
        let start = if self.kind == CovarianceType::Tied { 0 } else { component * size };
        let factor = &self.factors[start..start + size];
        if size == width {
            return factor.iter().map(|f| 1.0 / (f * f)).collect();
        }
        // The factor's inverse is the covariance's own factor.
        let root = inverse_triangle(factor, width);
        let at = |i: usize, j: usize| {
            dot(&root[i * width..i * width + j + 1], &root[j * width..j * width + j + 1])
        };
        (0..size).map(|k| at((k / width).max(k % width), (k / width).min(k % width))).collect()
    }

    /// How many numbers describe the mixture.
    pub fn parameters(&self) -> f64 {
        let (k, d) = (self.weights.len() as f64, f64::from(self.width));
        let covariance = match self.kind {
            CovarianceType::Full => k * d * (d + 1.0) / 2.0,
            CovarianceType::Tied => d * (d + 1.0) / 2.0,
            CovarianceType::Diag => k * d,
            CovarianceType::Spherical => k,
        };
        covariance + k * d + k - 1.0
    }
}

fn ill_defined() -> Error {
    let message = "a component has collapsed: its covariance is not positive";
    ParamError::new("reg_covar", message, "a larger value, or fewer components").into()
}

/// The inverse of the lower Cholesky factor; `None` if the matrix is not positive.
fn inverse_factor(mut a: Vec<f64>, n: usize) -> Option<Vec<f64>> {
    for i in 0..n {
        let (done, current) = a.split_at_mut(i * n);
        for j in 0..i {
            let other = &done[j * n..j * n + j + 1];
            current[j] = (current[j] - dot(&current[..j], &other[..j])) / other[j];
        }
        let pivot = current[i] - dot(&current[..i], &current[..i]);
        if pivot <= 0.0 || !pivot.is_finite() {
            return None;
        }
        current[i] = pivot.sqrt();
    }
    Some(inverse_triangle(&a, n))
}

/// The inverse of a lower triangle.
fn inverse_triangle(a: &[f64], n: usize) -> Vec<f64> {
    let mut inverse = vec![0.0; n * n];
    for i in 0..n {
        inverse[i * n + i] = 1.0 / a[i * n + i];
        for j in 0..i {
            let sum: f64 = (j..i).map(|k| a[i * n + k] * inverse[k * n + j]).sum();
            inverse[i * n + j] = -sum / a[i * n + i];
        }
    }
    inverse
}

/// Factors laid out for the products with blocks of rows.
pub(super) struct Densities<'a> {
    components: &'a Components,
    /// Of each factor: for each four outputs, input by input.
    tiles: Vec<Vec<[f64; TILE]>>,
    /// Logs of weight and of the distribution's peak.
    constants: Vec<f64>,
    /// Tied: the products of the factor with the means.
    turned: Vec<f64>,
}

impl<'a> Densities<'a> {
    pub fn new(components: &'a Components) -> Self {
        let (k, width) = (components.weights.len(), components.width as usize);
        let triangular = matches!(components.kind, CovarianceType::Full | CovarianceType::Tied);
        let matrices = || components.factors.chunks_exact(width * width);
        let log_determinant = |c: usize| -> f64 {
            match components.kind {
                CovarianceType::Full => {
                    (0..width).map(|j| libm::log(components.factors[(c * width + j) * width + j])).sum()
                }
                CovarianceType::Tied => {
                    (0..width).map(|j| libm::log(components.factors[j * width + j])).sum()
                }
                _ => components.factors[c * width..(c + 1) * width].iter().map(|f| libm::log(*f)).sum(),
            }
        };
        let half = 0.5 * width as f64 * libm::log(2.0 * std::f64::consts::PI);
        let turned = match components.kind {
            CovarianceType::Tied => components
                .means
                .chunks_exact(width)
                .flat_map(|mean| components.factors.chunks_exact(width).map(|row| dot(row, mean)))
                .collect(),
            _ => Vec::new(),
        };
        Self {
            components,
            tiles: if triangular { matrices().map(|m| tiles(m, width)).collect() } else { Vec::new() },
            constants: (0..k).map(|c| libm::log(components.weights[c]) + log_determinant(c) - half).collect(),
            turned,
        }
    }

    /// Writes log of weight times density, component after component in strides of [`BLOCK`], for rows that lie column
    /// after column in the same strides. `work` is twice as large as the block.
    pub fn logs(&self, block: &[f64], work: &mut Vec<f64>, out: &mut [f64]) {
        let (components, width) = (self.components, self.components.width as usize);
        work.resize(2 * width.next_multiple_of(TILE) * BLOCK, 0.0);
        let (first, second) = work.split_at_mut(width.next_multiple_of(TILE) * BLOCK);
        if components.kind == CovarianceType::Tied {
            triangular_product(&self.tiles[0], block, width, second);
        }
        for (c, out) in out.chunks_exact_mut(BLOCK).enumerate() {
            let mean = &components.means[c * width..(c + 1) * width];
            let mut squares = [0.0; BLOCK];
            match components.kind {
                CovarianceType::Full => {
                    for ((out, column), mean) in
                        first.chunks_exact_mut(BLOCK).zip(block.chunks_exact(BLOCK)).zip(mean)
                    {
                        out.iter_mut().zip(column).for_each(|(out, v)| *out = v - mean);
                    }
                    triangular_product(&self.tiles[c], first, width, second);
                    add_squares(second.chunks_exact(BLOCK).take(width), &mut squares);
                }
                CovarianceType::Tied => {
                    let mean = &self.turned[c * width..(c + 1) * width];
                    for (column, mean) in second.chunks_exact(BLOCK).zip(mean) {
                        let both = squares.iter_mut().zip(column);
                        both.for_each(|(sum, v)| *sum += (v - mean) * (v - mean));
                    }
                }
                CovarianceType::Diag | CovarianceType::Spherical => {
                    let factor = &components.factors[c * width..(c + 1) * width];
                    for ((column, mean), factor) in block.chunks_exact(BLOCK).zip(mean).zip(factor) {
                        for (sum, v) in squares.iter_mut().zip(column) {
                            let d = (v - mean) * factor;
                            *sum += d * d;
                        }
                    }
                }
            }
            // A row beyond all doubt is as unlikely as can be said, not minus infinity (`max` takes NaN for less).
            let log = |sum: &f64| (self.constants[c] - 0.5 * sum).max(f64::MIN / 1e4);
            out.iter_mut().zip(&squares).for_each(|(out, sum)| *out = log(sum));
        }
    }
}

fn add_squares<'a>(columns: impl Iterator<Item = &'a [f64]>, sums: &mut [f64; BLOCK]) {
    for column in columns {
        sums.iter_mut().zip(column).for_each(|(sum, v)| *sum += v * v);
    }
}

fn tiles(matrix: &[f64], width: usize) -> Vec<[f64; TILE]> {
    let mut tiles = Vec::new();
    for i in (0..width).step_by(TILE) {
        let last = (i + TILE).min(width);
        tiles.extend(
            (0..last).map(|j| {
                std::array::from_fn(|t| if i + t < width { matrix[(i + t) * width + j] } else { 0.0 })
            }),
        );
    }
    tiles
}

/// `P x` for a block's rows, `P` lower triangular: four rows by four outputs at a time.
fn triangular_product(tiles: &[[f64; TILE]], block: &[f64], width: usize, out: &mut [f64]) {
    let mut start = 0;
    for i in (0..width).step_by(TILE) {
        let inputs = (i + TILE).min(width);
        let own = &tiles[start..start + inputs];
        start += inputs;
        for r in (0..BLOCK).step_by(TILE) {
            let sums = tile(own, &block[r..]);
            for (t, sums) in sums.iter().enumerate() {
                out[(i + t) * BLOCK + r..(i + t) * BLOCK + r + TILE].copy_from_slice(sums);
            }
        }
    }
}

#[inline]
fn tile(factors: &[[f64; TILE]], rows: &[f64]) -> [[f64; TILE]; TILE] {
    let mut sums = [[0.0; TILE]; TILE];
    for (factor, column) in factors.iter().zip(rows.chunks(BLOCK)) {
        let lanes = &column[..TILE];
        for t in 0..TILE {
            for l in 0..TILE {
                sums[t][l] += lanes[l] * factor[t];
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_and_products() {
        let a = vec![4.0, 2.0, 0.6, 2.0, 5.0, 1.0, 0.6, 1.0, 3.0];
        let p = inverse_factor(a.clone(), 3).unwrap();
        // P A P' is the identity.
        for i in 0..3 {
            for j in 0..3 {
                let sum: f64 = (0..9).map(|m| p[i * 3 + m / 3] * a[m] * p[j * 3 + m % 3]).sum();
                assert!((sum - f64::from(u8::from(i == j))).abs() < 1e-12);
            }
        }
        let block: Vec<f64> = (0..3 * BLOCK).map(|i| (i as f64).sin()).collect();
        let mut out = vec![0.0; 4 * BLOCK];
        triangular_product(&tiles(&p, 3), &block, 3, &mut out);
        for r in 0..BLOCK {
            for i in 0..3 {
                let sum: f64 = (0..3).map(|j| p[i * 3 + j] * block[j * BLOCK + r]).sum();
                assert!((sum - out[i * BLOCK + r]).abs() < 1e-12);
            }
        }
        assert!(inverse_factor(vec![1.0, 1.0, 1.0, 1.0], 2).is_none());
    }
}

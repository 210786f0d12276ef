//! Leading singular vectors from random combinations of the columns.
//!
//! N. Halko, P. G. Martinsson, J. A. Tropp, Finding structure with randomness, SIAM Review 53 (2011), algorithms 4.4
//! and 5.1.

use crate::Columns;
use crate::linalg::{axpy, cross, dot, eigen, qr::Qr};
use crate::rng::Rng;

/// Rows in a block: wide tables, so few.
const BLOCK: usize = 64;

/// The leading `count` squared singular values of `x - means` and the right singular vectors, one after the other.
pub(super) fn leading(
    x: &Columns,
    means: &[f64],
    count: usize,
    oversamples: usize,
    iterations: u32,
    seed: u64,
) -> (Vec<f64>, Vec<f64>) {
    let (rows, width) = (x.rows(), x.width());
    let size = (count + oversamples).min(rows.min(width));
    let mut rng = Rng::new(seed, 0);
    // Column-major: width x size.
    let mut right: Vec<f64> = (0..width * size).map(|_| normal(&mut rng)).collect();
    let mut left = vec![0.0; rows * size];
    times(x, means, &right, &mut left);
    for _ in 0..iterations {
        left = orthonormal(left, rows, size);
        transposed_times(x, means, &left, &mut right);
        right = orthonormal(right, width, size);
        times(x, means, &right, &mut left);
    }
    left = orthonormal(left, rows, size);
    transposed_times(x, means, &left, &mut right);
    // Q' X is the transpose of `right`: its left singular vectors are the eigenvectors of the small product.
    let mut small = vec![0.0; size * size];
    for i in 0..size {
        for j in 0..=i {
            let product = dot(&right[i * width..(i + 1) * width], &right[j * width..(j + 1) * width]);
            (small[i * size + j], small[j * size + i]) = (product, product);
        }
    }
    let eigen = eigen::symmetric(small, size);
    let mut vectors = vec![0.0; count * width];
    for (vector, weights) in vectors.chunks_exact_mut(width).zip(eigen.vectors.chunks_exact(size)) {
        for (weight, column) in weights.iter().zip(right.chunks_exact(width)) {
            axpy(*weight, column, vector);
        }
        let length = dot(vector, vector).sqrt();
        if length > 0.0 {
            vector.iter_mut().for_each(|v| *v /= length);
        }
    }
    (eigen.values[..count].to_vec(), vectors)
}

/// A draw of the normal distribution (G. E. P. Box, M. E. Muller, 1958).
fn normal(rng: &mut Rng) -> f64 {
    let (u, v) = (1.0 - rng.unit(), rng.unit());
    (-2.0 * libm::log(u)).sqrt() * libm::cos(2.0 * std::f64::consts::PI * v)
}

fn orthonormal(values: Vec<f64>, rows: usize, width: usize) -> Vec<f64> {
    let qr = Qr::factor(values, rows, width, false);
    let mut q = vec![0.0; rows * width];
    for (k, column) in q.chunks_exact_mut(rows).enumerate() {
        column[k] = 1.0;
        qr.apply(column);
    }
    q
}

/// `out = (x - means) right`.
fn times(x: &Columns, means: &[f64], right: &[f64], out: &mut [f64]) {
    let (rows, width) = (x.rows(), x.width());
    let mut block = vec![0.0; width * BLOCK];
    for start in (0..rows).step_by(BLOCK) {
        let count = cross::read(x, means, start, &mut block);
        for (out, right) in out.chunks_exact_mut(rows).zip(right.chunks_exact(width)) {
            let out = &mut out[start..start + count];
            out.fill(0.0);
            block.chunks_exact(BLOCK).zip(right).for_each(|(column, weight)| axpy(*weight, column, out));
        }
    }
}

/// `out = (x - means)' left`.
fn transposed_times(x: &Columns, means: &[f64], left: &[f64], out: &mut [f64]) {
    let (rows, width) = (x.rows(), x.width());
    let mut block = vec![0.0; width * BLOCK];
    out.fill(0.0);
    for start in (0..rows).step_by(BLOCK) {
        let count = cross::read(x, means, start, &mut block);
        for (out, left) in out.chunks_exact_mut(width).zip(left.chunks_exact(rows)) {
            let left = &left[start..start + count];
            let columns = block.chunks_exact(BLOCK);
            out.iter_mut().zip(columns).for_each(|(out, column)| *out += dot(&column[..count], left));
        }
    }
}

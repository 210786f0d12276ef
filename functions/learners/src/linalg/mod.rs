//! The little dense linear algebra that the linear models need, column by column.

pub mod cholesky;
pub mod cross;
pub mod eigen;
pub mod gram;
pub mod lbfgs;
pub mod least_squares;
pub mod panels;
pub mod qr;
pub mod standardize;

/// `sum a_i b_i`, in four lanes so that the compiler can use vector registers.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 4];
    let (a_chunks, b_chunks) = (a.chunks_exact(4), b.chunks_exact(4));
    let tail: f64 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for l in 0..4 {
            lanes[l] += a[l] * b[l];
        }
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]) + tail
}

/// `y += a x`.
pub fn axpy(a: f64, x: &[f64], y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// The weighted mean of a column, corrected once by the mean of what it leaves, so that a large offset does not
/// cost digits. `total` is the sum of the weights.
pub fn mean(x: &[f64], weights: Option<&[f64]>, total: f64) -> f64 {
    let sum = |shift: f64| match weights {
        None => x.iter().map(|v| v - shift).sum::<f64>(),
        Some(w) => x.iter().zip(w).map(|(v, w)| (v - shift) * w).sum(),
    };
    let first = sum(0.0) / total;
    first + sum(first) / total
}

//! The little dense linear algebra that the linear models need, column by column.

pub mod cholesky;
pub mod cross;
pub mod eigen;
pub mod exp;
pub mod gram;
pub mod lbfgs;
pub mod least_squares;
pub mod moments;
pub mod panels;
pub mod qr;
pub mod standardize;

use crate::Columns;

/// `sum a_i b_i`, in four lanes so that the compiler can use vector registers. Not inlined: there it leaves some loops
/// scalar for wasm32.
#[inline(never)]
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

/// The sum, in lanes for vector registers.
pub fn sum(values: &[f64]) -> f64 {
    let mut lanes = [0.0; 4];
    let (chunks, rest) = values.as_chunks::<4>();
    for chunk in chunks {
        for l in 0..4 {
            lanes[l] += chunk[l];
        }
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]) + rest.iter().sum::<f64>()
}

/// `y += a x`. Not inlined: see `dot_four`.
#[inline(never)]
pub fn axpy(a: f64, x: &[f64], y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += a * x;
    }
}

/// `out += sum coefficient_j column_j`, the columns one after another and as long as `out`; four at a time, so that
/// `out` is read and written once for four columns.
pub fn add_combination(columns: &[f64], coefficients: &[f64], out: &mut [f64]) {
    let n = out.len();
    let quads = coefficients.len() / 4 * 4;
    for (columns, c) in columns.chunks_exact(4 * n).zip(coefficients.chunks_exact(4)) {
        add_four([0, 1, 2, 3].map(|k| &columns[k * n..(k + 1) * n]), c, out);
    }
    for (column, &c) in columns[quads * n..].chunks_exact(n).zip(&coefficients[quads..]) {
        axpy(c, column, out);
    }
}

/// `out += sum c_k column_k` of four columns.
#[inline(never)]
fn add_four([a, b, c, d]: [&[f64]; 4], by: &[f64], out: &mut [f64]) {
    let by: [f64; 4] = [by[0], by[1], by[2], by[3]];
    for ((((out, a), b), c), d) in out.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        *out += (by[0] * a + by[1] * b) + (by[2] * c + by[3] * d);
    }
}

/// `constant + sum coefficient_j column_j` of every row.
pub fn combinations(x: &Columns, coefficients: &[f64], constant: f64) -> Vec<f64> {
    /// Rows whose sums stay in a first-level cache.
    const BLOCK: usize = 1024;
    let mut sums = vec![constant; x.rows()];
    for (block, out) in sums.chunks_mut(BLOCK).enumerate() {
        let count = out.len();
        let rows = |j: usize| &x.column(j)[block * BLOCK..][..count];
        let quads = coefficients.len() / 4 * 4;
        for (j, by) in coefficients.chunks_exact(4).enumerate() {
            add_four([0, 1, 2, 3].map(|k| rows(4 * j + k)), by, out);
        }
        (quads..coefficients.len()).for_each(|j| axpy(coefficients[j], rows(j), out));
    }
    sums
}

/// `out_j += column_j . values`, the columns one after another and as long as `values`.
pub fn add_products(columns: &[f64], values: &[f64], out: &mut [f64]) {
    let n = values.len();
    let quads = out.len() / 4 * 4;
    for (columns, out) in columns.chunks_exact(4 * n).zip(out.chunks_exact_mut(4)) {
        let sums = dot_four(values, [0, 1, 2, 3].map(|k| &columns[k * n..(k + 1) * n]));
        out.iter_mut().zip(sums).for_each(|(out, sum)| *out += sum);
    }
    for (column, out) in columns[quads * n..].chunks_exact(n).zip(&mut out[quads..]) {
        *out += dot(column, values);
    }
}

/// One column against four at once, to a multiple of four rows and the rest.
///
/// Not inlined: there LLVM leaves the loop scalar for wasm32.
#[inline(never)]
fn dot_four(a: &[f64], b: [&[f64]; 4]) -> [f64; 4] {
    let mut sums = [[0.0; 4]; 4];
    let rest = b.map(|b| {
        let whole = b.len() / 4 * 4;
        a[whole..].iter().zip(&b[whole..]).map(|(a, b)| a * b).sum::<f64>()
    });
    let [b0, b1, b2, b3] = b.map(|b| b.chunks_exact(4));
    for ((((a, b0), b1), b2), b3) in a.chunks_exact(4).zip(b0).zip(b1).zip(b2).zip(b3) {
        for l in 0..4 {
            sums[0][l] += a[l] * b0[l];
            sums[1][l] += a[l] * b1[l];
            sums[2][l] += a[l] * b2[l];
            sums[3][l] += a[l] * b3[l];
        }
    }
    std::array::from_fn(|k| (sums[k][0] + sums[k][1]) + (sums[k][2] + sums[k][3]) + rest[k])
}

/// The weighted mean of a column, taken around a value near it, so that a large offset does not cost digits. `total` is
/// the sum of the weights.
pub fn mean(x: &[f64], weights: Option<&[f64]>, total: f64) -> f64 {
    let near = near_mean(x);
    near + sum_around(x, near, weights) / total
}

/// `sum (x_i - from) w_i`, in lanes for vector registers.
///
/// Not inlined: there LLVM leaves the loop scalar for wasm32.
#[inline(never)]
fn sum_around(x: &[f64], from: f64, weights: Option<&[f64]>) -> f64 {
    let mut lanes = [0.0; 4];
    let (chunks, rest) = x.as_chunks::<4>();
    let rest: f64 = match weights {
        None => {
            for chunk in chunks {
                (0..4).for_each(|l| lanes[l] += chunk[l] - from);
            }
            rest.iter().map(|v| v - from).sum()
        }
        Some(weights) => {
            let (by, last) = weights.as_chunks::<4>();
            for (chunk, by) in chunks.iter().zip(by) {
                (0..4).for_each(|l| lanes[l] += (chunk[l] - from) * by[l]);
            }
            rest.iter().zip(last).map(|(v, w)| (v - from) * w).sum()
        }
    };
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]) + rest
}

/// A value near the mean of a column, and that of a constant column exactly.
pub fn near_mean(column: &[f64]) -> f64 {
    /// Values that it is guessed from.
    const SAMPLE: usize = 256;
    let Some(first) = column.first() else { return 0.0 };
    let step = column.len().div_ceil(SAMPLE).max(1);
    let sample = column.iter().step_by(step);
    let count = sample.len() as f64;
    first + sample.map(|v| v - first).sum::<f64>() / count
}

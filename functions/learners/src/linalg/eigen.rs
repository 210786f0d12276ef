//! Eigenvalues and eigenvectors of a symmetric matrix: Householder's reduction to three diagonals, then QL steps with
//! implicit shifts.
//!
//! G. H. Golub, C. F. Van Loan, Matrix Computations, 4th edition, 8.3; as EISPACK's `tred2` and `imtql2`.

use super::{axpy, dot};

/// Steps for one eigenvalue at the most; two or three are usual.
const MOST_STEPS: usize = 60;

/// Pairs, the largest eigenvalue first.
#[derive(Debug, Clone)]
pub struct Eigen {
    pub values: Vec<f64>,
    /// Of unit length, one after the other, in the order of the values.
    pub vectors: Vec<f64>,
}

/// Of a full symmetric `n` x `n` matrix of finite values.
pub fn symmetric(mut a: Vec<f64>, n: usize) -> Eigen {
    // Scaled so that squares neither overflow nor vanish.
    let largest = a.iter().fold(0.0f64, |most, v| most.max(v.abs()));
    if n == 0 || largest == 0.0 {
        let vectors = (0..n * n).map(|i| f64::from(u8::from(i / n == i % n))).collect();
        return Eigen { values: vec![0.0; n], vectors };
    }
    a.iter_mut().for_each(|v| *v /= largest);
    let (mut diagonal, mut beside, mut vectors) = tridiagonal(a, n);
    ql(&mut diagonal, &mut beside, &mut vectors);
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| diagonal[j].total_cmp(&diagonal[i]).then(i.cmp(&j)));
    Eigen {
        values: order.iter().map(|&i| diagonal[i] * largest).collect(),
        vectors: order.iter().flat_map(|&i| &vectors[i * n..(i + 1) * n]).copied().collect(),
    }
}

/// The diagonal, the elements beside it (`beside[k]` between `k` and `k + 1`), and the transposed basis.
fn tridiagonal(mut a: Vec<f64>, n: usize) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let (mut beside, mut taus) = (vec![0.0; n], vec![0.0; n]);
    let mut p = vec![0.0; n];
    for k in 0..n.saturating_sub(2) {
        let (head, tail) = a.split_at_mut((k + 1) * n);
        let v = &mut head[k * n + k + 1..];
        let rest = v[1..].iter().fold(0.0f64, |most, x| most.max(x.abs()));
        if rest == 0.0 {
            beside[k] = v[0];
            continue;
        }
        let largest = rest.max(v[0].abs());
        let norm = largest * v.iter().map(|x| (x / largest).powi(2)).sum::<f64>().sqrt();
        beside[k] = if v[0] > 0.0 { -norm } else { norm };
        v[0] -= beside[k];
        // Divided by its head, which is the largest part, so that nothing of it vanishes.
        let first = v[0];
        v.iter_mut().for_each(|x| *x /= first);
        taus[k] = 2.0 / dot(v, v);
        let rows = || tail.chunks_exact(n);
        p.iter_mut().zip(rows()).for_each(|(p, row)| *p = taus[k] * dot(&row[k + 1..], v));
        let p = &mut p[..v.len()];
        let half = 0.5 * taus[k] * dot(p, v);
        axpy(-half, v, p);
        for (i, row) in tail.chunks_exact_mut(n).enumerate() {
            axpy(-v[i], p, &mut row[k + 1..]);
            axpy(-p[i], v, &mut row[k + 1..]);
        }
    }
    if n > 1 {
        beside[n - 2] = a[(n - 2) * n + n - 1];
    }
    let diagonal = (0..n).map(|i| a[i * n + i]).collect();
    let mut basis = vec![0.0; n * n];
    (0..n).for_each(|i| basis[i * n + i] = 1.0);
    for k in (0..n.saturating_sub(2)).rev().filter(|&k| taus[k] != 0.0) {
        let v = &a[k * n + k + 1..(k + 1) * n];
        for row in basis.chunks_exact_mut(n).skip(k + 1) {
            let factor = taus[k] * dot(v, &row[k + 1..]);
            axpy(-factor, v, &mut row[k + 1..]);
        }
    }
    (diagonal, beside, basis)
}

/// Turns the elements beside the diagonal to 0, and the rows of `vectors` with them.
fn ql(d: &mut [f64], e: &mut [f64], vectors: &mut [f64]) {
    let n = d.len();
    for l in 0..n {
        for _ in 0..MOST_STEPS {
            let small = |m: &usize| e[*m].abs() <= f64::EPSILON * (d[*m].abs() + d[*m + 1].abs());
            let m = (l..n - 1).find(small).unwrap_or(n - 1);
            if m == l {
                break;
            }
            let half = (d[l + 1] - d[l]) / (2.0 * e[l]);
            let root = (half * half + 1.0).sqrt();
            let mut g = d[m] - d[l] + e[l] / (half + if half >= 0.0 { root } else { -root });
            let (mut s, mut c, mut p) = (1.0, 1.0, 0.0);
            let mut split = false;
            for i in (l..m).rev() {
                let (f, b) = (s * e[i], c * e[i]);
                let r = (f * f + g * g).sqrt();
                e[i + 1] = r;
                if r == 0.0 {
                    d[i + 1] -= p;
                    e[m] = 0.0;
                    split = true;
                    break;
                }
                (s, c) = (f / r, g / r);
                g = d[i + 1] - p;
                let r = (d[i] - g) * s + 2.0 * c * b;
                p = s * r;
                d[i + 1] = g + p;
                g = c * r - b;
                let (low, high) = vectors.split_at_mut((i + 1) * n);
                for (x, y) in low[i * n..].iter_mut().zip(&mut high[..n]) {
                    (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
                }
            }
            if !split {
                d[l] -= p;
                e[l] = g;
                e[m] = 0.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(a: &[f64], n: usize) {
        let eigen = symmetric(a.to_vec(), n);
        let scale = a.iter().fold(1e-300f64, |most, v| most.max(v.abs()));
        assert!(eigen.values.is_sorted_by(|a, b| a >= b));
        for (k, v) in eigen.vectors.chunks(n).enumerate() {
            for (other, w) in eigen.vectors.chunks(n).enumerate() {
                let expected = f64::from(u8::from(k == other));
                assert!((dot(v, w) - expected).abs() < 1e-12, "{k} {other}");
            }
            for i in 0..n {
                let image = dot(&a[i * n..(i + 1) * n], v);
                assert!((image - eigen.values[k] * v[i]).abs() < 1e-12 * scale * n as f64);
            }
        }
    }

    #[test]
    fn vectors_are_orthogonal_and_stretched_by_their_values() {
        for n in [1, 2, 3, 8, 40] {
            let mut a = vec![0.0; n * n];
            for i in 0..n {
                for j in 0..=i {
                    let value = ((i * 31 + j * 17) as f64).sin() * 1e5;
                    (a[i * n + j], a[j * n + i]) = (value, value);
                }
            }
            check(&a, n);
        }
    }

    #[test]
    fn repeated_and_missing_values() {
        check(&[0.0; 9], 3);
        check(&[2.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 2.0], 3);
        check(&[1.0; 16], 4);
        check(&[1e-200, 0.0, 0.0, 1e-200], 2);
        check(&[1e200, 1e199, 1e199, 1.0], 2);
    }
}

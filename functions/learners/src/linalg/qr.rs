//! Householder QR of a small column-major matrix.
//!
//! G. H. Golub, C. F. Van Loan, Matrix Computations, 4th edition, 5.2 and 5.4.

use super::{axpy, dot};

/// `A = Q R`, in place: `R` on and above the diagonal, the reflectors (first component 1) below.
#[derive(Debug)]
pub struct Qr {
    values: Vec<f64>,
    tau: Vec<f64>,
    rows: usize,
    width: usize,
    /// Column `k` of `R` belongs to column `order[k]` of `A`.
    pub order: Vec<usize>,
}

impl Qr {
    /// Factors a `rows` x `width` matrix. With `pivot`, the column with the longest rest comes first, so that the
    /// diagonal of `R` falls and shows the rank.
    pub fn factor(values: Vec<f64>, rows: usize, width: usize, pivot: bool) -> Self {
        let mut qr = Self { values, tau: Vec::new(), rows, width, order: (0..width).collect() };
        for k in 0..rows.min(width) {
            if pivot {
                qr.move_longest_to(k);
            }
            qr.reflect(k);
        }
        qr
    }

    /// Element of `R`, `i <= k`.
    pub fn r(&self, i: usize, k: usize) -> f64 {
        self.values[k * self.rows + i]
    }

    /// `b <- Q' b`; `b` has as many values as the matrix has rows.
    pub fn apply_transposed(&self, b: &mut [f64]) {
        (0..self.tau.len()).for_each(|k| self.apply_reflector(k, b));
    }

    /// `b <- Q b`.
    pub fn apply(&self, b: &mut [f64]) {
        (0..self.tau.len()).rev().for_each(|k| self.apply_reflector(k, b));
    }

    fn apply_reflector(&self, k: usize, b: &mut [f64]) {
        let v = &self.values[k * self.rows + k + 1..(k + 1) * self.rows];
        let factor = self.tau[k] * (b[k] + dot(v, &b[k + 1..]));
        b[k] -= factor;
        axpy(-factor, v, &mut b[k + 1..]);
    }

    fn move_longest_to(&mut self, k: usize) {
        let rest = |j: usize| {
            let column = &self.values[j * self.rows + k..(j + 1) * self.rows];
            dot(column, column)
        };
        let (mut longest, mut length) = (k, rest(k));
        for j in k + 1..self.width {
            let candidate = rest(j);
            if candidate > length {
                (longest, length) = (j, candidate);
            }
        }
        if longest != k {
            let (left, right) = self.values.split_at_mut(longest * self.rows);
            left[k * self.rows..(k + 1) * self.rows].swap_with_slice(&mut right[..self.rows]);
            self.order.swap(k, longest);
        }
    }

    /// Makes the reflector that clears column `k` below the diagonal, and applies it to the columns after it.
    fn reflect(&mut self, k: usize) {
        let (left, right) = self.values.split_at_mut((k + 1) * self.rows);
        let column = &mut left[k * self.rows + k..];
        let (head, v) = column.split_first_mut().expect("k < rows");
        // Scaled by the largest part, so that squares neither overflow nor vanish.
        let largest = v.iter().fold(head.abs(), |m, x| m.max(x.abs()));
        if largest == 0.0 || v.iter().all(|x| *x == 0.0) {
            self.tau.push(0.0);
            return;
        }
        let sum: f64 = v.iter().map(|x| (x / largest).powi(2)).sum();
        let norm = largest * ((*head / largest).powi(2) + sum).sqrt();
        let beta = if *head > 0.0 { -norm } else { norm };
        let tau = (beta - *head) / beta;
        let divisor = *head - beta;
        v.iter_mut().for_each(|x| *x /= divisor);
        *head = beta;
        self.tau.push(tau);
        for other in right.chunks_exact_mut(self.rows) {
            let factor = tau * (other[k] + dot(v, &other[k + 1..]));
            other[k] -= factor;
            axpy(-factor, v, &mut other[k + 1..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn q_times_r_is_the_matrix() {
        let (rows, width) = (5, 3);
        let values: Vec<f64> = (0..rows * width).map(|i| ((i * i) as f64).cos()).collect();
        for pivot in [false, true] {
            let qr = Qr::factor(values.clone(), rows, width, pivot);
            for k in 0..width {
                let mut column: Vec<f64> = (0..rows).map(|i| if i <= k { qr.r(i, k) } else { 0.0 }).collect();
                qr.apply(&mut column);
                let original = &values[qr.order[k] * rows..(qr.order[k] + 1) * rows];
                column.iter().zip(original).for_each(|(a, b)| assert!((a - b).abs() < 1e-14));
                qr.apply_transposed(&mut column);
                assert!((column[k] - qr.r(k, k)).abs() < 1e-14);
            }
        }
    }
}

//! Least squares for matrices of any rank: of all best solutions the one of least norm.
//!
//! The rows are folded into a triangle block by block (as in tall-skinny QR), the triangle is factored with column
//! pivoting, which shows the rank, and a second QR from the right picks the shortest solution: a complete orthogonal
//! decomposition (Golub and Van Loan, 5.5.2), as in LAPACK's `gelsy`.

use super::qr::Qr;
use super::standardize::{BLOCK, Standardizer};
use crate::Columns;

/// Rows folded at a time.
const FOLD: usize = 8 * BLOCK;

/// The shortest `b` that minimises `|sqrt(w) (X b - y)|`, and the rank of `X`; `X` is standardised on the way, and
/// `y_mean` is taken off `y`.
///
/// `ridge` times the squared length of `b` is added to what is minimised.
///
/// A column counts as dependent if less than `eps * max(rows, width)` of the longest is left of it.
pub fn solve(
    x: &Columns,
    y: &[f64],
    weights: Option<&[f64]>,
    standardizer: &Standardizer,
    y_mean: f64,
    ridge: f64,
) -> (Vec<f64>, usize) {
    let width = x.width();
    let (triangle, height) = fold_rows(x, y, weights, standardizer, y_mean, ridge);
    let (matrix, target) = triangle.split_at(height * width);
    let qr = Qr::factor(matrix.to_vec(), height, width, true);
    let mut rhs = target.to_vec();
    qr.apply_transposed(&mut rhs);

    let tolerance = f64::EPSILON * x.rows().max(width) as f64 * qr.r(0, 0).abs();
    let rank = (0..height.min(width)).take_while(|&k| qr.r(k, k).abs() > tolerance).count();

    // The leading rows of R, transposed: width x rank.
    let mut right = vec![0.0; width * rank];
    for k in 0..rank {
        (k..width).for_each(|j| right[k * width + j] = qr.r(k, j));
    }
    let right = Qr::factor(right, width, rank, false);
    let mut solution = vec![0.0; width];
    for k in 0..rank {
        let sum: f64 = (0..k).map(|i| right.r(i, k) * solution[i]).sum();
        solution[k] = (rhs[k] - sum) / right.r(k, k);
    }
    right.apply(&mut solution);

    let mut coefficients = vec![0.0; width];
    qr.order.iter().zip(&solution).for_each(|(&column, &value)| coefficients[column] = value);
    (coefficients, rank)
}

/// Folds `[X y]` into at most `width + 1` rows with the same sums of products. Returns them column-major, and how
/// many there are.
fn fold_rows(
    x: &Columns,
    y: &[f64],
    weights: Option<&[f64]>,
    standardizer: &Standardizer,
    y_mean: f64,
    ridge: f64,
) -> (Vec<f64>, usize) {
    let columns = x.width() + 1;
    let mut kept: Vec<f64> = Vec::new();
    let mut height = 0;
    if ridge > 0.0 {
        // A penalty is a row for each coefficient that asks it to be 0.
        height = x.width();
        kept = vec![0.0; columns * height];
        (0..height).for_each(|j| kept[j * height + j] = ridge.sqrt());
    }
    let mut block = vec![0.0; x.width() * BLOCK];
    for fold in (0..x.rows()).step_by(FOLD) {
        let rows = FOLD.min(x.rows() - fold);
        let stacked = height + rows;
        let mut work = vec![0.0; columns * stacked];
        for j in 0..columns {
            work[j * stacked..j * stacked + height].copy_from_slice(&kept[j * height..(j + 1) * height]);
        }
        for start in (fold..fold + rows).step_by(BLOCK) {
            let read = standardizer.read_block(x, start, &mut block);
            let place = height + start - fold;
            for j in 0..columns {
                let out = &mut work[j * stacked + place..j * stacked + place + read];
                match j < x.width() {
                    true => out.copy_from_slice(&block[j * BLOCK..j * BLOCK + read]),
                    false => out.iter_mut().zip(&y[start..]).for_each(|(out, y)| *out = y - y_mean),
                }
                if let Some(w) = weights {
                    out.iter_mut().zip(&w[start..]).for_each(|(out, w)| *out *= w.sqrt());
                }
            }
        }
        let qr = Qr::factor(work, stacked, columns, false);
        height = stacked.min(columns);
        kept = vec![0.0; columns * height];
        for j in 0..columns {
            (0..height.min(j + 1)).for_each(|i| kept[j * height + i] = qr.r(i, j));
        }
    }
    (kept, height)
}

/// The sum of squares that a solution leaves, for tests.
#[cfg(test)]
fn squares_left(x: &Columns, y: &[f64], b: &[f64]) -> f64 {
    let mut row = vec![0.0; x.width()];
    (0..x.rows())
        .map(|i| {
            x.read_row(i, &mut row);
            (super::dot(&row, b) - y[i]).powi(2)
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Matrix;

    #[test]
    fn duplicate_columns_share_the_coefficient() {
        let rows: Vec<f64> = (0..3000).flat_map(|i| [f64::from(i), f64::from(i), 1.0]).collect();
        let matrix = Matrix::from_rows(&rows, 3).unwrap();
        let x = matrix.columns();
        let y: Vec<f64> = (0..3000).map(|i| 4.0 * f64::from(i) + 1.0).collect();
        let plain = Standardizer { means: vec![0.0; 3], scales: vec![1.0; 3] };
        let (b, rank) = solve(&x, &y, None, &plain, 0.0, 0.0);
        assert_eq!(rank, 2);
        for (b, expected) in b.iter().zip([2.0, 2.0, 1.0]) {
            assert!((b - expected).abs() < 1e-9, "{b} {expected}");
        }
        assert!(squares_left(&x, &y, &b) < 1e-12);
    }

    #[test]
    fn more_columns_than_rows() {
        let matrix = Matrix::from_rows(&[1.0, 2.0, 2.0, 0.0, 1.0, -1.0], 3).unwrap();
        let plain = Standardizer { means: vec![0.0; 3], scales: vec![1.0; 3] };
        let (b, rank) = solve(&matrix.columns(), &[9.0, 0.0], None, &plain, 0.0, 0.0);
        assert_eq!(rank, 2);
        // The rows are orthogonal, so that the shortest solution is 9/9 of the first.
        for (b, expected) in b.iter().zip([1.0, 2.0, 2.0]) {
            assert!((b - expected).abs() < 1e-14);
        }
    }

    #[test]
    fn nothing_but_zeros() {
        let matrix = Matrix::from_rows(&[0.0; 4], 2).unwrap();
        let plain = Standardizer { means: vec![0.0; 2], scales: vec![1.0; 2] };
        assert_eq!(solve(&matrix.columns(), &[1.0, 2.0], None, &plain, 0.0, 0.0), (vec![0.0; 2], 0));
    }
}

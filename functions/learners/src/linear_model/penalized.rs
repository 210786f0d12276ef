//! Least squares with or without a quadratic penalty, by the cheapest way that keeps the digits.

use super::LinearModel;
use crate::linalg::standardize::{BLOCK, Standardizer};
use crate::linalg::{cholesky::Cholesky, dot, gram::Gram, least_squares, mean, moments::Moments};
use crate::matrix::check_target;
use crate::weights::{Kept, check_weights};
use crate::{Columns, Error};

/// Below this share of a column that the others do not explain, the normal equations would cost more than seven
/// digits, and the orthogonal way is taken.
const NEARLY_DEPENDENT: f64 = 1e-7;

/// Checks what every line needs: finite features and targets, weights that go with the rows.
pub(crate) fn check_data(x: &Columns, y: &[f64], weights: Option<&[f64]>) -> Result<(), Error> {
    x.check_squares()?;
    check_target(y, x.rows())?;
    check_weights(weights, x.rows())
}

/// Minimises `sum w (y - intercept - x b)^2 + ridge |b|^2`. Returns the line and the rank of the
/// columns (their number where there is a penalty).
///
/// Centred normal equations by Cholesky; their dual if there are more columns than rows; without a penalty, or where
/// digits would be lost, a complete orthogonal decomposition, which gives the shortest of the best coefficients.
pub(crate) fn solve(
    x: &Columns,
    y: &[f64],
    weights: Option<&[f64]>,
    fit_intercept: bool,
    ridge: f64,
) -> Result<(LinearModel, usize), Error> {
    if let Some(kept) = Kept::of(x, weights) {
        check_data(x, y, weights)?;
        return solve(&kept.columns(), &kept.pick(y), Some(kept.weights()), fit_intercept, ridge);
    }
    if x.width() <= x.rows() {
        let moments = Moments::checked(x, y, weights, fit_intercept)?;
        if let Some((coefficients, rank)) = primal(&moments, ridge) {
            let intercept = if fit_intercept { moments.intercept(&coefficients) } else { 0.0 };
            return Ok((LinearModel::new(coefficients, intercept)?, rank));
        }
    }
    check_data(x, y, weights)?;
    let total = weights.map_or(x.rows() as f64, |w| w.iter().sum());
    let standardizer = Standardizer::centering(x, weights, total, fit_intercept);
    let y_mean = if fit_intercept { mean(y, weights, total) } else { 0.0 };
    let wide = x.width() > x.rows() && ridge > 0.0;
    let dual = if wide { dual(x, y, weights, &standardizer, y_mean, ridge) } else { None };
    let (coefficients, rank) =
        dual.unwrap_or_else(|| least_squares::solve(x, y, weights, &standardizer, y_mean, ridge));
    let intercept = y_mean - dot(&coefficients, &standardizer.means);
    Ok((LinearModel::new(coefficients, intercept)?, rank))
}

/// Solves `(X'X + ridge) b = X'y`; `None` where the columns are (nearly) dependent. Constant columns get 0.
fn primal(moments: &Moments, ridge: f64) -> Option<(Vec<f64>, usize)> {
    let kept = moments.varying();
    let mut gram = moments.gram.select(&kept);
    (0..kept.len()).for_each(|k| gram.values[k * (kept.len() + 1)] += ridge);
    let mut solution: Vec<f64> = kept.iter().map(|&j| moments.with_target(j)).collect();
    Cholesky::factor(&gram, kept.len(), NEARLY_DEPENDENT)?.solve(&mut solution);
    let mut coefficients = vec![0.0; moments.width()];
    kept.iter().zip(&solution).for_each(|(&j, &value)| coefficients[j] = value);
    let rank = if ridge > 0.0 { moments.width() } else { kept.len() };
    Some((coefficients, rank))
}

/// `b = X' (X X' + ridge)^-1 y`: as many unknowns as rows.
fn dual(
    x: &Columns,
    y: &[f64],
    weights: Option<&[f64]>,
    standardizer: &Standardizer,
    y_mean: f64,
    ridge: f64,
) -> Option<(Vec<f64>, usize)> {
    let rows = x.rows();
    let root = |i: usize| weights.map_or(1.0, |w| w[i].sqrt());
    let mut gram = Gram::new(rows);
    let mut block = vec![0.0; rows * BLOCK];
    for start in (0..x.width()).step_by(BLOCK) {
        block.fill(0.0);
        for j in start..x.width().min(start + BLOCK) {
            let mean = standardizer.means[j];
            let values = x.column(j).iter().enumerate();
            values.for_each(|(i, v)| block[i * BLOCK + j - start] = (v - mean) * root(i));
        }
        gram.add_block(&block);
    }
    (0..rows).for_each(|i| gram.values[i * (rows + 1)] += ridge);
    let mut dual: Vec<f64> = (0..rows).map(|i| (y[i] - y_mean) * root(i)).collect();
    Cholesky::factor(&gram, rows, NEARLY_DEPENDENT)?.solve(&mut dual);
    dual.iter_mut().enumerate().for_each(|(i, value)| *value *= root(i));
    let coefficient =
        |(column, mean): (&[f64], &f64)| column.iter().zip(&dual).map(|(v, d)| (v - mean) * d).sum::<f64>();
    Some((x.iter().zip(&standardizer.means).map(coefficient).collect(), x.width()))
}

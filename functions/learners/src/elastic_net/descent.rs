//! Cyclic coordinate descent, ended by the duality gap.
//!
//! J. Friedman, T. Hastie, R. Tibshirani, Regularization Paths for Generalized Linear Models via Coordinate Descent,
//! Journal of Statistical Software 33, 2010; the gap as in scikit-learn's `enet_coordinate_descent`.

use super::quadratic::Quadratic;

/// The gap cannot be told more finely from sums of squares.
const ROUNDING: f64 = 1e-14;

/// Factors of the sum of absolute coefficients and of half the sum of their squares, against half the squared error.
#[derive(Debug, Clone, Copy)]
pub(super) struct Penalty {
    pub l1: f64,
    pub l2: f64,
    pub positive: bool,
}

/// How a descent ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    pub iterations: u32,
    pub gap: f64,
    pub converged: bool,
}

/// Moves `coefficients` to the minimum. Rounds over all coefficients alternate with rounds over those that are not 0
/// until these rest.
pub(super) fn descend(
    quadratic: &mut impl Quadratic,
    coefficients: &mut [f64],
    penalty: Penalty,
    tol: f64,
    max_iter: u32,
) -> End {
    let enough = tol.max(ROUNDING) * quadratic.target_squares();
    let mut gap = f64::INFINITY;
    let mut all = true;
    for iteration in 1..=max_iter {
        let (mut largest_move, mut largest) = (0.0_f64, 0.0_f64);
        for (j, coefficient) in coefficients.iter_mut().enumerate() {
            let (old, square) = (*coefficient, quadratic.square(j));
            if square == 0.0 || (!all && old == 0.0) {
                continue;
            }
            let pull = quadratic.correlation(j) + square * old;
            let mut new = (pull.abs() - penalty.l1).max(0.0).copysign(pull) / (square + penalty.l2);
            if new == 0.0 || (penalty.positive && new < 0.0) {
                new = 0.0;
            }
            if new != old {
                quadratic.shift(j, new - old);
                *coefficient = new;
            }
            largest_move = largest_move.max((new - old).abs());
            largest = largest.max(new.abs());
        }
        let rests = largest == 0.0 || largest_move <= tol * largest || iteration == max_iter;
        match (rests, all) {
            (true, true) => {
                gap = duality_gap(quadratic, coefficients, penalty);
                // A gap that is not a number never closes.
                if gap <= enough || largest_move == 0.0 {
                    return End { iterations: iteration, gap, converged: gap <= enough };
                }
                all = false;
            }
            (true, false) => all = true,
            (false, _) => all = false,
        }
    }
    if !gap.is_finite() {
        gap = duality_gap(quadratic, coefficients, penalty);
    }
    End { iterations: max_iter, gap, converged: gap <= enough }
}

/// An upper bound of how far the loss is above the least.
fn duality_gap(quadratic: &impl Quadratic, coefficients: &[f64], penalty: Penalty) -> f64 {
    let Penalty { l1, l2, positive } = penalty;
    let (residual_squares, with_target) = quadratic.residual_products(coefficients);
    let squares: f64 = coefficients.iter().map(|c| c * c).sum();
    if l1 == 0.0 {
        return smooth_gap(quadratic, coefficients, penalty);
    }
    let slope = |j: usize| {
        let slope = quadratic.correlation(j) - l2 * coefficients[j];
        if positive { slope } else { slope.abs() }
    };
    let moving = (0..coefficients.len()).filter(|&j| quadratic.square(j) != 0.0);
    let steepest = moving.map(slope).fold(0.0, f64::max);
    let shrink = if steepest > l1 { l1 / steepest } else { 1.0 };
    let absolute: f64 = coefficients.iter().map(|c| c.abs()).sum();
    0.5 * residual_squares * (1.0 + shrink * shrink) + l1 * absolute - shrink * with_target
        + 0.5 * l2 * (1.0 + shrink * shrink) * squares
}

/// Without a penalty on absolute coefficients there is no dual bound: what single moves would still gain.
fn smooth_gap(quadratic: &impl Quadratic, coefficients: &[f64], penalty: Penalty) -> f64 {
    let gain = |j: usize| {
        let slope = quadratic.correlation(j) - penalty.l2 * coefficients[j];
        match penalty.positive && coefficients[j] == 0.0 && slope < 0.0 {
            true => 0.0,
            false => slope * slope / (quadratic.square(j) + penalty.l2),
        }
    };
    (0..coefficients.len()).filter(|&j| quadratic.square(j) != 0.0).map(gain).sum()
}

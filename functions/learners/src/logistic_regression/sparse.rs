//! The minimum with a penalty on absolute coefficients.
//!
//! Newton's method whose quadratic is minimised by coordinate descent: J. Lee, Y. Sun, M. Saunders, Proximal
//! Newton-type Methods for Minimizing Composite Functions, SIAM Journal on Optimization 24, 2014. With many unknowns
//! accelerated proximal steps: A. Beck, M. Teboulle, SIAM Journal on Imaging Sciences 2, 2009, with restarts.

use super::objective::Objective;
use super::search::{End, WIDEST_HESSIAN};
use crate::linalg::{axpy, dot, gram::Gram};

/// Minimises from `start` until every component of the least subgradient is at most `tol`.
pub(super) fn minimize(objective: &Objective, start: Vec<f64>, tol: f64, max_iter: u32) -> End {
    let stride = objective.stride();
    let factor = |place: usize| match place % stride == stride - 1 {
        true => 0.0,
        false => objective.lasso(place % stride),
    };
    let lasso: Vec<f64> = (0..start.len()).map(factor).collect();
    match start.len() <= WIDEST_HESSIAN {
        true => newton(objective, &lasso, start, tol, max_iter),
        false => accelerated(objective, &lasso, start, tol, max_iter),
    }
}

fn penalty(lasso: &[f64], beta: &[f64]) -> f64 {
    lasso.iter().zip(beta).map(|(l, b)| l * b.abs()).sum()
}

/// The largest component of the least subgradient.
fn violation(lasso: &[f64], beta: &[f64], gradient: &[f64]) -> f64 {
    let one = |((l, b), g): ((&f64, &f64), &f64)| match *b == 0.0 {
        true => (g.abs() - l).max(0.0),
        false => (g + l * b.signum()).abs(),
    };
    // A NaN is the largest.
    let all = lasso.iter().zip(beta).zip(gradient).map(one);
    all.fold(0.0, |most: f64, v| if v <= most { most } else { v })
}

/// `value` moved towards 0 by `by`, and no farther.
fn shrunk(value: f64, by: f64) -> f64 {
    match value.abs() > by {
        true => value - by.copysign(value),
        false => 0.0,
    }
}

fn newton(objective: &Objective, lasso: &[f64], start: Vec<f64>, tol: f64, max_iter: u32) -> End {
    const MAX_HALVINGS: usize = 30;
    const ARMIJO: f64 = 1e-4;
    const ROUNDING: f64 = 1e-14;
    let mut beta = start;
    let n = beta.len();
    let (mut gradient, mut hessian) = (vec![0.0; n], Gram::new(n));
    let mut loss = objective.evaluate(&beta, &mut gradient, Some(&mut hessian)) + penalty(lasso, &beta);
    let mut losses = Vec::new();
    for iteration in 0..max_iter {
        if violation(lasso, &beta, &gradient) <= tol {
            return End { beta, iterations: iteration, converged: true, losses };
        }
        let end = quadratic(&hessian.full(), &gradient, lasso, &beta, tol);
        let direction: Vec<f64> = end.iter().zip(&beta).map(|(end, b)| end - b).collect();
        let promised = dot(&gradient, &direction) + penalty(lasso, &end) - penalty(lasso, &beta);
        let mut factor = 1.0;
        let mut lower = false;
        for _ in 0..MAX_HALVINGS {
            // The end itself where the whole step is taken: zeros stay zeros.
            let mut trial = if factor == 1.0 { end.clone() } else { beta.clone() };
            if factor < 1.0 {
                axpy(factor, &direction, &mut trial);
            }
            let value =
                objective.evaluate(&trial, &mut gradient, Some(&mut hessian)) + penalty(lasso, &trial);
            if value <= loss + ARMIJO * factor * promised + ROUNDING * loss.abs() {
                (beta, loss, lower) = (trial, value, true);
                break;
            }
            factor *= 0.5;
        }
        if !lower {
            return End { beta, iterations: iteration, converged: false, losses };
        }
        losses.push(loss);
    }
    let converged = violation(lasso, &beta, &gradient) <= tol;
    End { beta, iterations: max_iter, converged, losses }
}

/// The minimum of `gradient (b - beta) + (b - beta)' hessian (b - beta) / 2 + lasso |b|`, by coordinate descent.
fn quadratic(hessian: &[f64], gradient: &[f64], lasso: &[f64], beta: &[f64], tol: f64) -> Vec<f64> {
    const ROUNDS: usize = 500;
    let n = beta.len();
    let mut end = beta.to_vec();
    let mut slopes = gradient.to_vec();
    for _ in 0..ROUNDS {
        let mut largest = 0.0_f64;
        for j in 0..n {
            let curvature = hessian[j * (n + 1)];
            if curvature <= 0.0 {
                continue;
            }
            let new = shrunk(end[j] - slopes[j] / curvature, lasso[j] / curvature);
            let delta = new - end[j];
            if delta != 0.0 {
                end[j] = new;
                axpy(delta, &hessian[j * n..(j + 1) * n], &mut slopes);
                largest = largest.max(delta.abs() * curvature);
            }
        }
        if largest <= 0.1 * tol {
            break;
        }
    }
    end
}

fn accelerated(objective: &Objective, lasso: &[f64], start: Vec<f64>, tol: f64, max_iter: u32) -> End {
    const MAX_DOUBLINGS: usize = 60;
    let n = start.len();
    let mut beta = start.clone();
    let mut ahead = start;
    let (mut gradient, mut unused) = (vec![0.0; n], vec![0.0; n]);
    let (mut steepness, mut momentum) = (1.0, 1.0_f64);
    let mut losses = Vec::new();
    for iteration in 0..max_iter {
        let value = objective.evaluate(&ahead, &mut gradient, None);
        let (mut next, mut smooth) = (Vec::new(), 0.0);
        for _ in 0..MAX_DOUBLINGS {
            let moved = ahead.iter().zip(&gradient).zip(lasso);
            next = moved.map(|((b, g), l)| shrunk(b - g / steepness, l / steepness)).collect();
            let step: Vec<f64> = next.iter().zip(&ahead).map(|(a, b)| a - b).collect();
            let bound = value + dot(&gradient, &step) + 0.5 * steepness * dot(&step, &step);
            smooth = objective.evaluate(&next, &mut unused, None);
            if smooth <= bound + 1e-14 * value.abs() {
                break;
            }
            steepness *= 2.0;
        }
        losses.push(smooth + penalty(lasso, &next));
        if violation(lasso, &next, &unused) <= tol {
            return End { beta: next, iterations: iteration + 1, converged: true, losses };
        }
        // Where the momentum leads uphill it starts anew.
        let uphill: f64 = (0..n).map(|j| (ahead[j] - next[j]) * (next[j] - beta[j])).sum();
        let faster = if uphill > 0.0 { 1.0 } else { 0.5 * (1.0 + (1.0 + 4.0 * momentum * momentum).sqrt()) };
        let carry = if uphill > 0.0 { 0.0 } else { (momentum - 1.0) / faster };
        ahead = next.iter().zip(&beta).map(|(new, old)| new + carry * (new - old)).collect();
        beta = next;
        momentum = faster;
    }
    End { beta, iterations: max_iter, converged: false, losses }
}

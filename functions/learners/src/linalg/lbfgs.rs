//! L-BFGS for smooth convex functions.
//!
//! J. Nocedal, S. J. Wright, Numerical Optimization, 2nd edition, algorithms 7.4 and 7.5, with backtracking to the
//! Armijo condition: for a convex function every step then has positive curvature or is left out of the memory.

use super::{axpy, dot};
use std::collections::VecDeque;

/// Steps remembered.
const MEMORY: usize = 16;
/// The share of the promised decrease that a step must reach.
const ARMIJO: f64 = 1e-4;
/// Values this close, relative to their size, are told apart by their slopes.
const ROUNDING: f64 = 1e-13;
const MAX_HALVINGS: usize = 40;

/// Where the search ended.
#[derive(Debug)]
pub struct Minimum {
    pub x: Vec<f64>,
    pub value: f64,
    /// The value after each step.
    pub values: Vec<f64>,
    pub iterations: usize,
    /// Whether the largest component of the gradient fell to the tolerance.
    pub converged: bool,
    /// The curvature that was found on the way.
    pub memory: Memory,
}

/// Steps, the changes of the gradient along them, and the inverses of their products: what is known of the curvature.
pub type Memory = VecDeque<(Vec<f64>, Vec<f64>, f64)>;

/// Multiplies a vector by about the inverse of the Hessian.
pub type Precondition<'a> = dyn Fn(&mut [f64]) + 'a;

/// Minimises `f`, which returns the value at its first argument and writes the gradient to its second.
///
/// `precondition` multiplies a vector by about the inverse of the Hessian: the better, the fewer steps. `memory` is that
/// of a search on a function much like this one, or empty.
pub fn minimize(
    mut f: impl FnMut(&[f64], &mut [f64]) -> f64,
    start: Vec<f64>,
    precondition: Option<&Precondition>,
    mut memory: Memory,
    tolerance: f64,
    max_iter: usize,
) -> Minimum {
    let n = start.len();
    let mut x = start;
    let mut gradient = vec![0.0; n];
    let mut value = f(&x, &mut gradient);
    let (mut trial, mut trial_gradient) = (vec![0.0; n], vec![0.0; n]);
    let mut values = Vec::new();
    for iterations in 0..max_iter {
        if largest(&gradient) <= tolerance {
            return Minimum { x, value, values, iterations, converged: true, memory };
        }
        let mut direction = descent(&gradient, &memory, precondition);
        let mut slope = dot(&direction, &gradient);
        if slope >= 0.0 || slope.is_nan() {
            memory.clear();
            direction = descent(&gradient, &memory, precondition);
            slope = dot(&direction, &gradient);
        }
        let mut step = match memory.is_empty() && precondition.is_none() {
            true => (1.0 / dot(&gradient, &gradient).sqrt()).min(1.0),
            false => 1.0,
        };
        let mut found = None;
        for _ in 0..MAX_HALVINGS {
            trial.copy_from_slice(&x);
            axpy(step, &direction, &mut trial);
            let trial_value = f(&trial, &mut trial_gradient);
            let lower = trial_value <= value + ARMIJO * step * slope;
            if lower
                || (trial_value <= value + ROUNDING * value.abs()
                    && flatter(&direction, &trial_gradient, slope))
            {
                found = Some(trial_value);
                break;
            }
            step *= 0.5;
        }
        // No step goes down any more: this is as low as the arithmetic gets.
        let Some(trial_value) = found else {
            return Minimum { x, value, values, iterations, converged: false, memory };
        };
        let s: Vec<f64> = trial.iter().zip(&x).map(|(a, b)| a - b).collect();
        let y: Vec<f64> = trial_gradient.iter().zip(&gradient).map(|(a, b)| a - b).collect();
        let curvature = dot(&s, &y);
        if curvature > f64::EPSILON * dot(&y, &y) {
            if memory.len() >= MEMORY {
                memory.pop_front();
            }
            memory.push_back((s, y, 1.0 / curvature));
        }
        std::mem::swap(&mut x, &mut trial);
        std::mem::swap(&mut gradient, &mut trial_gradient);
        value = trial_value;
        values.push(value);
    }
    let converged = largest(&gradient) <= tolerance;
    Minimum { x, value, values, iterations: max_iter, converged, memory }
}

/// The Armijo condition in terms of slopes, which hold more digits than differences of values near the minimum.
///
/// W. W. Hager, H. Zhang, SIAM Journal on Optimization 16, 2005, the approximate Wolfe conditions.
fn flatter(direction: &[f64], gradient: &[f64], slope: f64) -> bool {
    dot(direction, gradient) <= (2.0 * ARMIJO - 1.0) * slope
}

fn largest(gradient: &[f64]) -> f64 {
    gradient.iter().fold(0.0, |m: f64, g| if g.abs() <= m { m } else { g.abs() })
}

/// Minus the gradient times the remembered inverse curvature (the two-loop recursion).
fn descent(gradient: &[f64], memory: &Memory, precondition: Option<&Precondition>) -> Vec<f64> {
    let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut alphas = Vec::with_capacity(memory.len());
    for (s, y, rho) in memory.iter().rev() {
        let alpha = rho * dot(s, &q);
        axpy(-alpha, y, &mut q);
        alphas.push(alpha);
    }
    if let Some(precondition) = precondition {
        precondition(&mut q);
    } else if let Some((s, y, _)) = memory.back() {
        let factor = dot(s, y) / dot(y, y);
        q.iter_mut().for_each(|q| *q *= factor);
    }
    for ((s, y, rho), alpha) in memory.iter().zip(alphas.iter().rev()) {
        let beta = rho * dot(y, &q);
        axpy(alpha - beta, s, &mut q);
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_minimum_of_a_stretched_bowl() {
        let bowl = |x: &[f64], g: &mut [f64]| {
            let scales = [1.0, 10.0, 1000.0];
            let mut value = 0.0;
            for i in 0..3 {
                let d = x[i] - i as f64;
                value += scales[i] * d * d;
                g[i] = 2.0 * scales[i] * d;
            }
            value
        };
        let minimum = minimize(bowl, vec![5.0; 3], None, Memory::new(), 1e-8, 200);
        assert!(minimum.converged && minimum.iterations < 60, "{minimum:?}");
        minimum.x.iter().enumerate().for_each(|(i, x)| assert!((x - i as f64).abs() < 1e-8));
    }

    #[test]
    fn says_when_it_did_not_get_there() {
        let slope = |x: &[f64], g: &mut [f64]| {
            g[0] = -1.0;
            -x[0]
        };
        assert!(!minimize(slope, vec![0.0], None, Memory::new(), 1e-8, 5).converged);
    }
}

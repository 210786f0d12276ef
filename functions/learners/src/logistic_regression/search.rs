//! The ways to the minimum: which is taken depends on penalty, rows and unknowns.

use super::objective::Objective;
use super::sparse;
use crate::linalg::lbfgs::{self, Memory, Minimum};
use crate::linalg::standardize::BLOCK;
use crate::linalg::{axpy, cholesky::Cholesky, gram::Gram};

/// With more unknowns the Hessian costs more than it saves.
pub(super) const WIDEST_HESSIAN: usize = 400;
/// The share of the rows that is searched first: a sixteenth, but as many rows an unknown.
const SHARE: usize = 16;
const ROWS_AN_UNKNOWN: usize = 64;
/// What is found in a share of the rows need not be found exactly.
const COARSE: f64 = 1e-3;

/// Where a search ended.
pub(super) struct End {
    pub beta: Vec<f64>,
    /// Steps over all rows.
    pub iterations: u32,
    /// Whether the tolerance was reached.
    pub converged: bool,
    /// The penalised mean loss after each step over all rows.
    pub losses: Vec<f64>,
}

/// Minimises the loss to a gradient of `tol` in every component.
pub(super) fn minimize(objective: &Objective, tol: f64, max_iter: u32) -> End {
    let start = vec![0.0; objective.outputs * objective.stride()];
    let rows = objective.x.rows();
    let step = rows / (rows / SHARE).max(ROWS_AN_UNKNOWN * start.len());
    let share = Objective { step, ..*objective };
    let share = (step > 1 && all_classes(&share)).then_some(share);
    let coarse = tol.max(COARSE);
    if objective.l1 > 0.0 {
        let start = match &share {
            Some(share) => sparse::minimize(share, start, coarse, max_iter).beta,
            None => start,
        };
        return sparse::minimize(objective, start, tol, max_iter);
    }
    let by_hessian = objective.outputs == 1 && start.len() <= WIDEST_HESSIAN;
    match (by_hessian, share) {
        (true, None) => newton(objective, start, tol, max_iter).0,
        (true, Some(share)) => {
            let (End { beta: start, .. }, hessian) = newton(&share, start, coarse, max_iter);
            let unknowns = unknowns(objective);
            let factor = floored(hessian, unknowns);
            let solve = |v: &mut [f64]| {
                if let Some(factor) = &factor {
                    factor.solve(&mut v[..unknowns]);
                }
            };
            let found = quasi_newton(objective, start, &solve, Memory::new(), tol, max_iter);
            let mut first = ended(found);
            if first.converged || first.iterations == max_iter {
                return first;
            }
            let (more, _) = newton(objective, first.beta, tol, max_iter - first.iterations);
            first.losses.extend(more.losses);
            End { iterations: first.iterations + more.iterations, losses: first.losses, ..more }
        }
        (false, share) => {
            let factors = output_factors(share.as_ref().unwrap_or(objective));
            let stride = objective.stride();
            let unknowns = unknowns(objective);
            let solve = |v: &mut [f64]| {
                for (v, factor) in v.chunks_exact_mut(stride).zip(&factors) {
                    match factor {
                        Some(factor) => factor.solve(&mut v[..unknowns]),
                        None => v.iter_mut().for_each(|v| *v *= 4.0),
                    }
                }
            };
            let (start, memory) = match &share {
                Some(share) => {
                    let found = quasi_newton(share, start, &solve, Memory::new(), coarse, max_iter);
                    (found.x, found.memory)
                }
                None => (start, Memory::new()),
            };
            ended(quasi_newton(objective, start, &solve, memory, tol, max_iter))
        }
    }
}

/// Whether enough rows of every class are looked at to learn something of it.
fn all_classes(share: &Objective) -> bool {
    const ENOUGH: usize = 16;
    let mut counts = vec![0; share.outputs.max(2)];
    for start in (0..share.x.rows()).step_by(BLOCK * share.step) {
        for i in start..share.x.rows().min(start + BLOCK) {
            let counts_for_nothing = share.weights.is_some_and(|w| w[i] == 0.0);
            counts[share.y[i] as usize] += usize::from(!counts_for_nothing);
        }
    }
    counts.into_iter().all(|count| count >= ENOUGH)
}

/// Unknowns of one output.
fn unknowns(objective: &Objective) -> usize {
    if objective.intercept { objective.stride() } else { objective.x.width() }
}

fn quasi_newton(
    objective: &Objective,
    start: Vec<f64>,
    solve: &dyn Fn(&mut [f64]),
    memory: Memory,
    tol: f64,
    max_iter: u32,
) -> Minimum {
    let f = |beta: &[f64], gradient: &mut [f64]| objective.evaluate(beta, gradient, None);
    lbfgs::minimize(f, start, Some(solve), memory, tol, max_iter as usize)
}

fn ended(minimum: Minimum) -> End {
    let Minimum { x: beta, values: losses, converged, .. } = minimum;
    End { beta, iterations: minimum.iterations as u32, converged, losses }
}

/// Newton's method; a step that does not lower the loss is halved. Returns the last Hessian as well.
fn newton(objective: &Objective, start: Vec<f64>, tol: f64, max_iter: u32) -> (End, Gram) {
    const MAX_HALVINGS: usize = 30;
    /// Losses this close, relative to their size, cannot be told apart.
    const ROUNDING: f64 = 1e-14;
    let mut beta = start;
    let n = beta.len();
    let unknowns = unknowns(objective);
    let (mut gradient, mut hessian) = (vec![0.0; n], Gram::new(n));
    let mut loss = objective.evaluate(&beta, &mut gradient, Some(&mut hessian));
    let reached = |gradient: &[f64]| gradient.iter().all(|g| g.abs() <= tol);
    let mut losses = Vec::new();
    for iteration in 0..max_iter {
        if reached(&gradient) {
            return (End { beta, iterations: iteration, converged: true, losses }, hessian);
        }
        let mut step = gradient.clone();
        let Some(factor) = damped(&mut hessian, unknowns) else {
            return (End { beta, iterations: iteration, converged: false, losses }, hessian);
        };
        factor.solve(&mut step[..unknowns]);
        let mut factor = 1.0;
        let mut lower = false;
        for _ in 0..MAX_HALVINGS {
            let mut trial = beta.clone();
            axpy(-factor, &step, &mut trial);
            let trial_loss = objective.evaluate(&trial, &mut gradient, Some(&mut hessian));
            if trial_loss <= loss + ROUNDING * loss.abs() {
                (beta, loss, lower) = (trial, trial_loss, true);
                break;
            }
            factor *= 0.5;
        }
        if !lower {
            // As low as the arithmetic gets; the gradient is that of the last trial, next to the minimum.
            let converged = reached(&gradient);
            return (End { beta, iterations: iteration, converged, losses }, hessian);
        }
        losses.push(loss);
    }
    let converged = reached(&gradient);
    (End { beta, iterations: max_iter, converged, losses }, hessian)
}

/// Factors the Hessian, with more and more added to its diagonal where columns depend on each other; `None` if it
/// is not finite.
fn damped(hessian: &mut Gram, unknowns: usize) -> Option<Cholesky> {
    let stride = hessian.width;
    let mut damping = 1e-12;
    while damping < 1e6 {
        if let Some(factor) = Cholesky::factor(hessian, unknowns, 1e-13) {
            return Some(factor);
        }
        for j in 0..unknowns {
            let diagonal = &mut hessian.values[j * stride + j];
            *diagonal = diagonal.max(1e-12) * (1.0 + damping);
        }
        damping *= 10.0;
    }
    None
}

/// Factors the Hessian of a share of the rows. What is rare may not have come up in them: no column of variance 1 has
/// much less curvature than the others.
fn floored(mut hessian: Gram, unknowns: usize) -> Option<Cholesky> {
    let stride = hessian.width;
    let typical = (0..unknowns).map(|j| hessian.at(j, j)).sum::<f64>() / unknowns as f64;
    for j in 0..unknowns {
        let diagonal = &mut hessian.values[j * stride + j];
        *diagonal = diagonal.max(0.1 * typical) + 1e-6 * typical;
    }
    damped(&mut hessian, unknowns)
}

/// About the Hessian of each output alone: the products of the columns, times the variance of belonging to the class.
/// `None` where there are too many columns for it.
fn output_factors(objective: &Objective) -> Vec<Option<Cholesky>> {
    let (outputs, stride, width) = (objective.outputs, objective.stride(), objective.x.width());
    if stride > WIDEST_HESSIAN {
        return (0..outputs).map(|_| None).collect();
    }
    let mut products = Gram::new(stride);
    let mut block = vec![0.0; stride * BLOCK];
    let (mut total, mut shares) = (0.0, vec![0.0; outputs.max(2)]);
    for start in (0..objective.x.rows()).step_by(BLOCK * objective.step) {
        let rows = objective.standardizer.read_block(objective.x, start, &mut block[..width * BLOCK]);
        block[width * BLOCK..].fill(1.0);
        for i in 0..rows {
            let weight = objective.weights.map_or(1.0, |w| w[start + i]);
            total += weight;
            shares[objective.y[start + i] as usize] += weight;
        }
        for column in block.chunks_exact_mut(BLOCK) {
            if let Some(w) = objective.weights {
                column[..rows].iter_mut().zip(&w[start..]).for_each(|(v, w)| *v *= w.sqrt());
            }
            column[rows..].fill(0.0);
        }
        products.add_block(&block);
    }
    let factor = |output: usize| {
        let share = shares[output] / total;
        let variance = (share * (1.0 - share)).max(0.01);
        let mut hessian = products.clone();
        hessian.values.iter_mut().for_each(|h| *h *= variance / total);
        (0..width).for_each(|j| hessian.values[j * (stride + 1)] += objective.ridge(j));
        floored(hessian, unknowns(objective))
    };
    (0..outputs).map(factor).collect()
}

//! Sequential minimal optimisation.
//!
//! Two multipliers at a time, chosen by second-order information: R.-E. Fan, P.-H. Chen, C.-J. Lin, Working Set
//! Selection Using Second Order Information for Training SVM, JMLR 6, 2005. With `s` for a variable's sign, `b = s a`
//! and `f = K b`, everything rests on the values `v = -s (s f + p)`: the optimum is where no variable that may go up
//! (in `b`) has a larger one than a variable that may go down.

use super::Params;
use super::rows::{ActiveRows, KernelRows};

/// Of curvature that is not positive.
const LEAST_CURVATURE: f64 = 1e-12;
/// Variables looked at together.
pub(super) const CHUNK: usize = 32;

/// Steps at the most: those of the parameters, else as in LIBSVM, so that no search is endless.
pub(super) fn most_steps(params: &Params, rows: usize) -> u64 {
    params.max_iter.map_or_else(|| (100 * rows as u64).max(10_000_000), u64::from)
}

/// One problem over a kernel matrix. There are as many variables as rows, or twice as many: variable `k` is of row
/// `k % rows`.
pub(super) struct Problem {
    pub signs: Vec<f64>,
    /// The upper bound of each multiplier; 0 leaves the variable out.
    pub bounds: Vec<f64>,
    /// `-s p`: the values `v` where all multipliers are 0.
    pub values: Vec<f64>,
}

/// Where a search ended.
#[derive(Debug)]
pub(super) struct Solution {
    /// `s a`, one a variable.
    pub signed: Vec<f64>,
    /// `v` at the end.
    pub values: Vec<f64>,
    /// The constant part of the decision.
    pub intercept: f64,
    pub converged: bool,
}

/// The variables that are looked at.
struct State {
    /// Rows, those without room among them.
    rows: usize,
    signs: Vec<f64>,
    bounds: Vec<f64>,
    alphas: Vec<f64>,
    values: Vec<f64>,
    /// 0 where the variable may go up, else minus infinity.
    up: Vec<f64>,
    /// 0 where the variable may go down, else infinity.
    down: Vec<f64>,
}

impl State {
    fn mark(&mut self, k: usize) {
        let (free_above, free_below) = (self.alphas[k] < self.bounds[k], self.alphas[k] > 0.0);
        let (up, down) =
            if self.signs[k] > 0.0 { (free_above, free_below) } else { (free_below, free_above) };
        self.up[k] = if up { 0.0 } else { f64::NEG_INFINITY };
        self.down[k] = if down { 0.0 } else { f64::INFINITY };
    }

    /// How far `b` of a variable may go up (`1.0`) or down (`-1.0`).
    fn room(&self, k: usize, way: f64) -> f64 {
        if self.signs[k] * way > 0.0 { self.bounds[k] - self.alphas[k] } else { self.alphas[k] }
    }

    /// Moves `b`; a move by all the room there is ends on the bound itself.
    fn shift(&mut self, k: usize, way: f64, by: f64) {
        let full = by >= self.room(k, way);
        let above = self.signs[k] * way > 0.0;
        self.alphas[k] = match (full, above) {
            (true, true) => self.bounds[k],
            (true, false) => 0.0,
            (false, true) => self.alphas[k] + by,
            (false, false) => self.alphas[k] - by,
        };
        self.mark(k);
    }
}

impl Problem {
    /// Searches until no pair violates the conditions by `tol`.
    ///
    /// Rows whose variables have come to rest at a bound are left out for a while (T. Joachims, Making large-scale SVM
    /// learning practical, 1999); the search ends only when all rows meet the conditions.
    pub fn solve(self, kernel: &mut KernelRows, tol: f64, max_steps: u64) -> Solution {
        let real = kernel.diagonal.len();
        let Self { signs, bounds, values } = self;
        let first = values.clone();
        let mut all = Whole { real, alphas: vec![0.0; signs.len()], signs, bounds, values, first };
        let mut active: Vec<u32> = (0..real as u32).collect();
        let (mut steps, mut converged) = (0, false);
        while steps < max_steps {
            let mut state = all.gather(&active);
            let mut rows = ActiveRows::new(kernel, &active);
            let end = max_steps.min(steps + real.clamp(LEAST_STEPS, MOST_STEPS) as u64);
            let met = state.search(&mut rows, tol, &mut steps, end);
            all.put_back(&state, &active);
            if !met {
                let left = state.moving(&active);
                // Few left out are not worth the copies.
                if left.len() <= active.len() / 8 * 7 {
                    active = left;
                }
                continue;
            }
            if active.len() == real {
                converged = true;
                break;
            }
            all.catch_up(kernel, &active);
            active = (0..real as u32).collect();
        }
        if active.len() < real {
            all.catch_up(kernel, &active);
        }
        let everything: Vec<u32> = (0..real as u32).collect();
        let intercept = intercept(&all.gather(&everything));
        Solution { signed: all.signed(), values: all.values, intercept, converged }
    }
}

/// Steps after which rows at rest are looked for, as in LIBSVM, and the fewest that are worth it.
const MOST_STEPS: usize = 1000;
const LEAST_STEPS: usize = 32;

/// All variables, those of rows that are left out as well.
struct Whole {
    real: usize,
    signs: Vec<f64>,
    bounds: Vec<f64>,
    alphas: Vec<f64>,
    values: Vec<f64>,
    /// The values where all multipliers are 0.
    first: Vec<f64>,
}

impl Whole {
    fn signed(&self) -> Vec<f64> {
        self.alphas.iter().zip(&self.signs).map(|(a, s)| a * s).collect()
    }

    /// The variables of these rows, in whole chunks: variables past the end have no room.
    fn gather(&self, active: &[u32]) -> State {
        let rows = active.len().next_multiple_of(CHUNK);
        let pick = |values: &[f64]| -> Vec<f64> {
            let part = |part: &[f64]| {
                let mut own: Vec<f64> = active.iter().map(|&row| part[row as usize]).collect();
                own.resize(rows, 0.0);
                own
            };
            values.chunks_exact(self.real).flat_map(part).collect()
        };
        let count = self.signs.len() / self.real * rows;
        let mut state = State {
            rows,
            alphas: pick(&self.alphas),
            up: vec![0.0; count],
            down: vec![0.0; count],
            signs: pick(&self.signs),
            bounds: pick(&self.bounds),
            values: pick(&self.values),
        };
        (0..count).for_each(|k| state.mark(k));
        state
    }

    fn put_back(&mut self, state: &State, active: &[u32]) {
        let parts = |values: &mut Vec<f64>, own: &[f64]| {
            for (part, own) in values.chunks_exact_mut(self.real).zip(own.chunks_exact(state.rows)) {
                active.iter().zip(own).for_each(|(&row, v)| part[row as usize] = *v);
            }
        };
        parts(&mut self.alphas, &state.alphas);
        parts(&mut self.values, &state.values);
    }

    /// Computes the values of the rows that were left out.
    fn catch_up(&mut self, kernel: &mut KernelRows, active: &[u32]) {
        let mut sums = vec![0.0; self.real];
        for part in self.signed().chunks_exact(self.real) {
            for (row, b) in part.iter().enumerate().filter(|(_, b)| **b != 0.0) {
                add_row(*b, kernel.row(row), &mut sums);
            }
        }
        let mut left_out = vec![true; self.real];
        active.iter().for_each(|&row| left_out[row as usize] = false);
        let parts = self.values.chunks_exact_mut(self.real).zip(self.first.chunks_exact(self.real));
        for (values, first) in parts {
            for row in (0..self.real).filter(|&row| left_out[row]) {
                values[row] = first[row] - sums[row];
            }
        }
    }
}

impl State {
    /// Searches until no pair violates the conditions by `tol`, or until there were `end` steps. Whether it is done.
    fn search(&mut self, kernel: &mut ActiveRows, tol: f64, steps: &mut u64, end: u64) -> bool {
        let (rows, count) = (self.rows, self.values.len());
        let diagonal = kernel.diagonal.clone();
        while *steps < end {
            let (highest, i) = best_up(&self.values, &self.up);
            if highest == f64::NEG_INFINITY {
                return true;
            }
            let own = diagonal[i % rows];
            let row = kernel.row(i % rows);
            let mut best = Partner { gain: 0.0, place: usize::MAX, violation: f64::NEG_INFINITY };
            for start in (0..count).step_by(rows) {
                let part = start..start + rows;
                let values = (&self.values[part.clone()], &self.down[part]);
                let found = best_down(values, &diagonal, row, highest, own);
                best.violation = best.violation.max(found.violation);
                if found.gain > best.gain {
                    (best.gain, best.place) = (found.gain, start + found.place);
                }
            }
            let j = best.place;
            if best.violation < tol || j == usize::MAX {
                return true;
            }
            let (row_i, row_j) = kernel.pair(i % rows, j % rows);
            let curvature = own + diagonal[j % rows] - 2.0 * f64::from(row_i[j % rows]);
            let by = (highest - self.values[j]) / curvature.max(LEAST_CURVATURE);
            let by = by.min(self.room(i, 1.0)).min(self.room(j, -1.0));
            for values in self.values.chunks_exact_mut(rows) {
                follow(values, row_i, row_j, by);
            }
            self.shift(i, 1.0, by);
            self.shift(j, -1.0, by);
            *steps += 1;
        }
        false
    }

    /// The rows with a variable between its bounds, or one at a bound that may have to leave it.
    fn moving(&self, active: &[u32]) -> Vec<u32> {
        let (highest, lowest) = self.ends();
        let rests = |k: usize| match (self.up[k] == 0.0, self.down[k] == 0.0) {
            (true, true) => false,
            (true, false) => self.values[k] < lowest,
            (false, true) => self.values[k] > highest,
            (false, false) => true,
        };
        let moves = |place: usize| (place..self.values.len()).step_by(self.rows).any(|k| !rests(k));
        active.iter().enumerate().filter(|(place, _)| moves(*place)).map(|(_, &row)| row).collect()
    }

    /// The largest value of a variable that may go up, and the smallest of one that may go down.
    fn ends(&self) -> (f64, f64) {
        let highest =
            self.values.iter().zip(&self.up).map(|(v, up)| v + up).fold(f64::NEG_INFINITY, f64::max);
        let lowest =
            self.values.iter().zip(&self.down).map(|(v, down)| v + down).fold(f64::INFINITY, f64::min);
        (highest, lowest)
    }
}

/// `sums += b row`. Not inlined: there LLVM leaves loops scalar for wasm32.
#[inline(never)]
fn add_row(b: f64, row: &[f32], sums: &mut [f64]) {
    sums.iter_mut().zip(row).for_each(|(sum, k)| *sum += b * f64::from(*k));
}

/// What a step of two variables does to all values. Not inlined: there LLVM leaves loops scalar for wasm32.
#[inline(never)]
fn follow(values: &mut [f64], row_i: &[f32], row_j: &[f32], by: f64) {
    for ((v, a), b) in values.iter_mut().zip(row_i).zip(row_j) {
        *v -= by * (f64::from(*a) - f64::from(*b));
    }
}

/// The constant part of the decision: the mean of `v` over variables between their bounds; without any, the middle
/// of what the others allow.
fn intercept(state: &State) -> f64 {
    let between = |k: &usize| state.up[*k] == 0.0 && state.down[*k] == 0.0;
    let (mut sum, mut count) = (0.0, 0.0);
    for k in (0..state.values.len()).filter(between) {
        sum += state.values[k];
        count += 1.0;
    }
    if count > 0.0 {
        return sum / count;
    }
    let (highest, lowest) = state.ends();
    match (highest.is_finite(), lowest.is_finite()) {
        (true, true) => 0.5 * (highest + lowest),
        (true, false) => highest,
        (false, true) => lowest,
        (false, false) => 0.0,
    }
}

/// The largest value of a variable that may go up, and its place. Not inlined: there LLVM leaves loops scalar for wasm32.
#[inline(never)]
fn best_up(values: &[f64], up: &[f64]) -> (f64, usize) {
    let (mut best, mut chunk) = (f64::NEG_INFINITY, 0);
    for (c, (values, up)) in chunks(values).iter().zip(chunks(up)).enumerate() {
        let largest = largest_of(&std::array::from_fn(|l| values[l] + up[l]));
        if largest > best {
            (best, chunk) = (largest, c);
        }
    }
    let start = chunk * CHUNK;
    let place = (start..start + CHUNK).find(|&k| values[k] + up[k] == best);
    (best, place.unwrap_or_default())
}

fn chunks<T>(values: &[T]) -> &[[T; CHUNK]] {
    values.as_chunks().0
}

/// The largest value, lane by lane.
#[inline]
fn largest_of<T: PartialOrd + Copy>(values: &[T; CHUNK]) -> T {
    let mut lanes: [T; 8] = std::array::from_fn(|l| values[l]);
    for eight in values.as_chunks::<8>().0 {
        for l in 0..8 {
            lanes[l] = if eight[l] > lanes[l] { eight[l] } else { lanes[l] };
        }
    }
    lanes.into_iter().fold(lanes[0], |most, v| if v > most { v } else { most })
}

/// A variable to go down.
struct Partner {
    gain: f64,
    place: usize,
    /// The largest violation of the conditions.
    violation: f64,
}

/// The variable whose going down, together with one of this row going up, lowers the objective most.
#[inline(never)]
fn best_down(
    (values, down): (&[f64], &[f64]),
    diagonal: &[f64],
    row: &[f32],
    highest: f64,
    own: f64,
) -> Partner {
    let mut best = Partner { gain: 0.0, place: usize::MAX, violation: f64::NEG_INFINITY };
    // Gains in single precision: they choose, and nothing is computed from them.
    let own = own as f32;
    let least = LEAST_CURVATURE as f32;
    let table = chunks(values).iter().zip(chunks(down)).zip(chunks(diagonal)).zip(chunks(row));
    for (c, (((values, down), diagonal), row)) in table.enumerate() {
        let above: [f64; CHUNK] = std::array::from_fn(|l| highest - (values[l] + down[l]));
        let violation = largest_of(&above);
        if violation > best.violation {
            best.violation = violation;
        }
        if violation <= 0.0 {
            continue;
        }
        let gains: [f32; CHUNK] = std::array::from_fn(|l| {
            let above = if above[l] > 0.0 { above[l] as f32 } else { 0.0 };
            let curvature = own + diagonal[l] as f32 - 2.0 * row[l];
            above * above / if curvature > least { curvature } else { least }
        });
        let largest = largest_of(&gains);
        if f64::from(largest) > best.gain {
            best.gain = f64::from(largest);
            best.place = c * CHUNK + gains.iter().position(|gain| *gain == largest).unwrap_or_default();
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::super::kernel::{Function, Tiles};
    use super::super::{Kernel, Params};
    use super::*;
    use crate::Matrix;

    #[test]
    fn rows_that_were_left_out_meet_the_conditions_in_the_end() {
        let (rows, width, tol) = (400, 3, 1e-3);
        let cells = (0..rows * width).map(|i| ((i * 37 % 101) as f64).sin() * 3.0);
        let matrix = Matrix::from_rows(&cells.collect::<Vec<_>>(), width).unwrap();
        let x = matrix.columns();
        let params = Params { kernel: Kernel::Linear, ..Params::default() };
        let chosen: Vec<u32> = (0..rows as u32).collect();
        let tiles = Tiles::gather(&x, &[0.0; 3], &chosen);
        let function = Function::of(&params, &x).unwrap();
        let mut kernel = KernelRows::new(function, tiles, width, 1.0).unwrap();
        let side =
            |i: usize| if x.column(0)[i] + x.column(1)[i] * 0.5 + (i % 7) as f64 > 3.0 { 1.0 } else { -1.0 };
        let signs: Vec<f64> = (0..rows).map(side).collect();
        let problem = Problem { values: signs.clone(), signs: signs.clone(), bounds: vec![1.0; rows] };
        let solution = problem.solve(&mut kernel, tol, 1_000_000);
        assert!(solution.converged);
        let (mut highest, mut lowest) = (f64::NEG_INFINITY, f64::INFINITY);
        for (i, sign) in signs.iter().enumerate() {
            let row = kernel.row(i);
            let f: f64 = solution.signed.iter().zip(row).map(|(b, k)| b * f64::from(*k)).sum();
            let v = sign - f;
            assert!((v - solution.values[i]).abs() < 1e-4, "{i}: {v} {}", solution.values[i]);
            let alpha = solution.signed[i] * sign;
            let (up, down) =
                if *sign > 0.0 { (alpha < 1.0, alpha > 0.0) } else { (alpha > 0.0, alpha < 1.0) };
            highest = if up && v > highest { v } else { highest };
            lowest = if down && v < lowest { v } else { lowest };
        }
        assert!(highest - lowest < 1.1 * tol, "{highest} {lowest}");
        // Some rows do rest at a bound, and the search takes more than one round.
        assert!(solution.signed.iter().filter(|b| **b == 0.0).count() > 20);
    }
}

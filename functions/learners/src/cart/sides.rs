//! What a split is worth, while rows move from its right side to its left.
//!
//! The squared error and Gini's index are one: each falls, up to a constant, by the sum over outputs of `S^2 / W` on
//! both sides (`W` the weight, `S` the weighted sum of an output). For classes the outputs are the indicators; for two
//! classes the indicator of the second is enough. Shannon's information takes `S ln S` and `W ln W` instead.

use super::Criterion;
use crate::Error;

/// A row in a node: its number, what it weighs, its class or number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sample {
    pub row: u32,
    /// The output that the row counts for: its class, or 0 for one output.
    pub output: u32,
    pub weight: f64,
    /// What the row adds to its output per unit of weight: 1 for a class, the value for a number.
    pub value: f64,
}

/// Refuses targets and weights whose weighted sum of squares no number can hold.
pub(crate) fn check_sum_of_squares(squares: f64, weighted: bool) -> Result<(), Error> {
    match (squares.is_finite(), weighted) {
        (true, _) => Ok(()),
        (false, false) => {
            Err(Error::data("the target's values are too large for a sum of squares; scale the target"))
        }
        (false, true) => Err(Error::data(
            "the target's values and the weights are too large together for a sum of squares; scale the weights or the target",
        )),
    }
}

/// What a node's values are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Outputs {
    /// 0 for numbers.
    pub classes: usize,
    pub entropy: bool,
}

impl Outputs {
    pub fn new(classes: usize, criterion: Criterion) -> Self {
        Self { classes, entropy: criterion.is_entropy() }
    }

    /// Values of a node: the share of the second of two classes, else one a class; the mean of numbers.
    pub fn count(&self) -> usize {
        if self.classes > 2 { self.classes } else { 1 }
    }

    /// A row as a sample of weight 1.
    pub fn class_sample(&self, row: usize, class: u32) -> Sample {
        match self.classes {
            2 => Sample { row: row as u32, output: 0, weight: 1.0, value: f64::from(class) },
            _ => Sample { row: row as u32, output: class, weight: 1.0, value: 1.0 },
        }
    }

    /// The impurity of a node times its weight, in scikit-learn's unit. `squares` is the weighted sum of squared values.
    pub fn impurity(&self, totals: &[f64], weight: f64, squares: f64) -> f64 {
        let level = if self.entropy { 0.0 } else { squares };
        ((level - self.worth(totals, weight)) * self.unit()).max(0.0)
    }

    /// What a side is worth: higher is purer.
    pub fn worth(&self, sums: &[f64], weight: f64) -> f64 {
        match (sums, self.entropy) {
            ([sum], true) => one_information(*sum, weight),
            (sums, true) => sums.iter().map(|s| x_ln_x(*s)).sum::<f64>() - x_ln_x(weight),
            (sums, false) => sums.iter().map(|s| s * s).sum::<f64>() / weight,
        }
    }

    /// Impurity per worth: one output of two classes stands for both; information is in bits.
    pub fn unit(&self) -> f64 {
        match (self.entropy, self.classes) {
            (true, _) => std::f64::consts::LOG2_E,
            (false, 2) => 2.0,
            (false, _) => 1.0,
        }
    }
}

/// The least that a side must hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Least {
    pub rows: usize,
    pub weight: f64,
}

impl Least {
    /// Whether sides of these rows and weights may be.
    pub fn allows(&self, left_rows: usize, rows: usize, left: f64, weight: f64) -> bool {
        let right = weight - left;
        left_rows >= self.rows
            && rows - left_rows >= self.rows
            && left > 0.0
            && right > 0.0
            && left >= self.weight
            && right >= self.weight
    }
}

/// The two sides of a split of a node.
pub(crate) trait Sides {
    /// Everything is on the right.
    fn start(&mut self, totals: &[f64], weight: f64);
    /// Weight, and weight times value, move to the left.
    fn add(&mut self, output: usize, weight: f64, sum: f64);
    /// Rows of these weights by class move to the left.
    fn add_classes(&mut self, weights: &[f64]) {
        for (output, weight) in weights.iter().enumerate() {
            if *weight > 0.0 {
                self.add(output, *weight, *weight);
            }
        }
    }
    fn left_weight(&self) -> f64;
    /// The worth of both sides: higher is better.
    fn score(&self) -> f64;
}

/// Sides of one output.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct One<const ENTROPY: bool> {
    sum: f64,
    weight: f64,
    left_sum: f64,
    left_weight: f64,
}

impl<const ENTROPY: bool> Sides for One<ENTROPY> {
    #[inline]
    fn start(&mut self, totals: &[f64], weight: f64) {
        *self = Self { sum: totals[0], weight, left_sum: 0.0, left_weight: 0.0 };
    }

    #[inline]
    fn add(&mut self, _: usize, weight: f64, sum: f64) {
        self.left_weight += weight;
        self.left_sum += sum;
    }

    #[inline]
    fn left_weight(&self) -> f64 {
        self.left_weight
    }

    #[inline]
    fn score(&self) -> f64 {
        let (left, right) = (self.left_sum, self.sum - self.left_sum);
        let right_weight = self.weight - self.left_weight;
        match ENTROPY {
            true => one_information(left, self.left_weight) + one_information(right, right_weight),
            false => left * left / self.left_weight + right * right / right_weight,
        }
    }
}

/// Sides of an output a class.
#[derive(Debug, Clone, Default)]
pub(crate) struct Many<const ENTROPY: bool> {
    left: Vec<f64>,
    totals: Vec<f64>,
    weight: f64,
    left_weight: f64,
    /// Whether the worth of the sides is kept up to date with every row, or summed up when it is asked for: which is
    /// cheaper for few classes, and does without logarithms only.
    kept: bool,
    /// Sums over the outputs of each side, of squares or of `x ln x`.
    left_worth: f64,
    right_worth: f64,
}

/// From so many classes on it is cheaper to keep the worth.
const MANY_CLASSES: usize = 16;

impl<const ENTROPY: bool> Sides for Many<ENTROPY> {
    fn start(&mut self, totals: &[f64], weight: f64) {
        self.left.clear();
        self.left.resize(totals.len(), 0.0);
        self.totals.clear();
        self.totals.extend_from_slice(totals);
        self.weight = weight;
        self.kept = ENTROPY || totals.len() >= MANY_CLASSES;
        (self.left_weight, self.left_worth) = (0.0, 0.0);
        self.right_worth = totals.iter().map(|t| if ENTROPY { x_ln_x(*t) } else { t * t }).sum();
    }

    #[inline]
    fn add(&mut self, output: usize, weight: f64, sum: f64) {
        self.left_weight += weight;
        let left = &mut self.left[output];
        if self.kept {
            let right = self.totals[output] - *left;
            if ENTROPY {
                self.left_worth += x_ln_x(*left + sum) - x_ln_x(*left);
                self.right_worth += x_ln_x(right - sum) - x_ln_x(right);
            } else {
                self.left_worth += sum * (2.0 * *left + sum);
                self.right_worth -= sum * (2.0 * right - sum);
            }
        }
        *left += sum;
    }

    #[inline]
    fn add_classes(&mut self, weights: &[f64]) {
        if self.kept {
            for (output, weight) in weights.iter().enumerate() {
                if *weight > 0.0 {
                    self.add(output, *weight, *weight);
                }
            }
            return;
        }
        for (left, weight) in self.left.iter_mut().zip(weights) {
            *left += weight;
            self.left_weight += weight;
        }
    }

    #[inline]
    fn left_weight(&self) -> f64 {
        self.left_weight
    }

    #[inline]
    fn score(&self) -> f64 {
        let right_weight = self.weight - self.left_weight;
        let (mut left, mut right) = (self.left_worth, self.right_worth);
        if !self.kept {
            (left, right) = (0.0, 0.0);
            for (l, total) in self.left.iter().zip(&self.totals) {
                left += l * l;
                right += (total - l) * (total - l);
            }
        }
        match ENTROPY {
            true => left - x_ln_x(self.left_weight) + right - x_ln_x(right_weight),
            false => left / self.left_weight + right / right_weight,
        }
    }
}

/// Minus the information of two classes, the second with the weight `sum`, times the weight.
fn one_information(sum: f64, weight: f64) -> f64 {
    x_ln_x(sum) + x_ln_x(weight - sum) - x_ln_x(weight)
}

fn x_ln_x(x: f64) -> f64 {
    // Sums of weights may come out a little below 0.
    if x > 0.0 { x * libm::log(x) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-9, "{a} {b}");
    }

    #[test]
    fn impurities_are_scikit_learns() {
        let gini = Outputs::new(3, Criterion::Gini);
        close(gini.impurity(&[50.0, 50.0, 50.0], 150.0, 150.0) / 150.0, 2.0 / 3.0);
        let gini = Outputs::new(2, Criterion::Gini);
        close(gini.impurity(&[1.0], 4.0, 1.0) / 4.0, 0.375);
        let bits = Outputs::new(2, Criterion::Entropy);
        close(bits.impurity(&[4.0], 8.0, 4.0) / 8.0, 1.0);
        let bits = Outputs::new(4, Criterion::LogLoss);
        close(bits.impurity(&[2.0; 4], 8.0, 8.0) / 8.0, 2.0);
        let squares = Outputs::new(0, Criterion::SquaredError);
        close(squares.impurity(&[6.0], 2.0, 20.0), 2.0);
    }

    /// Moving rows step by step is worth what the sides say when they are counted afresh.
    #[test]
    fn steps_add_up() {
        let rows = [(0, 1.0), (2, 0.5), (1, 2.0), (2, 1.0), (0, 0.25)];
        fn check(sides: &mut impl Sides, criterion: Criterion, classes: usize, rows: &[(usize, f64)]) {
            let mut totals = vec![0.0; classes];
            rows.iter().for_each(|&(class, weight)| totals[class] += weight);
            let outputs = Outputs::new(classes, criterion);
            let weight = totals.iter().sum();
            sides.start(&totals, weight);
            let mut left = vec![0.0; classes];
            for &(class, weight) in &rows[..rows.len() - 1] {
                sides.add(class, weight, weight);
                left[class] += weight;
                let right: Vec<f64> = totals.iter().zip(&left).map(|(t, l)| t - l).collect();
                let (lw, rw) = (left.iter().sum(), right.iter().sum());
                close(sides.score(), outputs.worth(&left, lw) + outputs.worth(&right, rw));
                close(sides.left_weight(), lw);
            }
        }
        for classes in [3, MANY_CLASSES] {
            check(&mut Many::<false>::default(), Criterion::Gini, classes, &rows);
            check(&mut Many::<true>::default(), Criterion::Entropy, classes, &rows);
            let (mut single, mut whole) = (Many::<false>::default(), Many::<false>::default());
            let mut left = vec![0.0; classes];
            left[0] = 1.0;
            left[2] = 0.5;
            for sides in [&mut single, &mut whole] {
                sides.start(&vec![2.0; classes], 2.0 * classes as f64);
            }
            single.add(0, 1.0, 1.0);
            single.add(2, 0.5, 0.5);
            whole.add_classes(&left);
            close(single.score(), whole.score());
        }

        let mut one = One::<false>::default();
        one.start(&[3.0], 4.0);
        one.add(0, 1.0, 3.0);
        close(one.score(), 9.0);
        let mut one = One::<true>::default();
        one.start(&[2.0], 4.0);
        one.add(0, 2.0, 2.0);
        close(one.score(), 0.0);
    }
}

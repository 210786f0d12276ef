//! Sums of derivatives by bin, and the split that they favour.

use super::hyperparams::Params;
use super::objective::Gradient;
use crate::tree::{Binned, MISSING};

/// Sums of first and second derivatives.
pub(super) type Sums = [f64; 2];
/// One feature's sums by bin; the last bin is that of missing values.
pub(super) type Feature = [Sums; 256];

/// All features' sums of one node.
#[derive(Debug, Clone)]
pub(super) struct Histogram(Vec<Feature>);

/// A split of a node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Split {
    pub gain: f64,
    /// The feature's place among those of the tree.
    pub feature: usize,
    /// Bins up to it go left.
    pub bin: u8,
    pub missing_left: bool,
    pub left: Sums,
    pub right: Sums,
}

impl Histogram {
    pub fn new(width: usize) -> Self {
        Self(vec![[[0.0; 2]; 256]; width])
    }

    /// Sums over the rows. `binned` lies row after row, so that a row's bins are one cache line.
    pub fn fill(&mut self, binned: &Binned, rows: &[u32], gradients: &[Gradient]) {
        self.0.iter_mut().for_each(|feature| feature.fill([0.0; 2]));
        for &row in rows {
            let row = row as usize;
            let [g, h] = gradients[row].map(f64::from);
            let bins = &binned.bins[row * binned.width..(row + 1) * binned.width];
            for (feature, &bin) in self.0.iter_mut().zip(bins) {
                let cell = &mut feature[bin as usize];
                cell[0] += g;
                cell[1] += h;
            }
        }
    }

    /// What is left when a child is taken off its parent: the other child.
    pub fn subtract(&mut self, child: &Self) {
        for (own, theirs) in self.0.iter_mut().zip(&child.0) {
            for (own, theirs) in own.iter_mut().zip(theirs) {
                own[0] -= theirs[0];
                own[1] -= theirs[1];
            }
        }
    }

    /// The best split that gains at least `gamma`. `cuts` are the numbers of cuts by feature, `total` the node's
    /// sums.
    pub fn best_split(&self, params: &Params, cuts: &[usize], total: Sums) -> Option<Split> {
        let parent = score(params, total);
        let mut best: Option<Split> = None;
        for (feature, (cells, &cuts)) in self.0.iter().zip(cuts).enumerate() {
            let missing = cells[MISSING as usize];
            let mut below: Sums = [0.0; 2];
            for (bin, &cell) in cells.iter().enumerate().take(cuts) {
                // An empty bin moves no row.
                if cell[1] == 0.0 && cell[0] == 0.0 {
                    continue;
                }
                below = add(below, cell);
                let mut consider = |left: Sums, missing_left: bool| {
                    let right = [total[0] - left[0], total[1] - left[1]];
                    if left[1] < params.min_child_weight || right[1] < params.min_child_weight {
                        return;
                    }
                    let gain = score(params, left) + score(params, right) - parent;
                    if gain > LEAST_GAIN
                        && gain >= params.gamma
                        && best.as_ref().is_none_or(|best| gain > best.gain)
                    {
                        let bin = bin as u8;
                        best = Some(Split { gain, feature, bin, missing_left, left, right });
                    }
                };
                // Where nothing is missing, missing values of later rows follow the larger side.
                if missing[1] == 0.0 {
                    consider(below, below[1] * 2.0 >= total[1]);
                } else {
                    consider(below, false);
                    consider(add(below, missing), true);
                }
            }
        }
        best
    }
}

/// Gains below are rounding; XGBoost's number.
const LEAST_GAIN: f64 = 1e-6;

fn add(a: Sums, b: Sums) -> Sums {
    [a[0] + b[0], a[1] + b[1]]
}

/// The first derivative after the L1 penalty.
fn shrunk(params: &Params, g: f64) -> f64 {
    (g.abs() - params.alpha).max(0.0).copysign(g)
}

/// Twice what a leaf lowers the loss by.
fn score(params: &Params, [g, h]: Sums) -> f64 {
    let denominator = h + params.lambda;
    if denominator <= 0.0 {
        return 0.0;
    }
    let g = shrunk(params, g);
    g * g / denominator
}

/// The value of a leaf, before `eta`.
pub(super) fn leaf_value(params: &Params, [g, h]: Sums) -> f64 {
    let denominator = h + params.lambda;
    if denominator <= 0.0 {
        return 0.0;
    }
    -shrunk(params, g) / denominator
}

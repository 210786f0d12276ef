//! What each feature contributes to a prediction: TreeSHAP with the covers of the fit.

use super::model::Parts;
use super::trees::Tree;
use crate::Columns;

/// A feature on the way to a node.
#[derive(Debug, Clone, Copy, Default)]
struct Step {
    /// The number of its feature plus 1; 0 for the way's beginning.
    feature: u32,
    /// The share of rows that go this way without knowing the feature.
    zero: f64,
    /// Whether the row itself does, 0 or 1.
    one: f64,
    /// The weights of the subsets of each size.
    weight: f64,
}

/// Contributions, rows x slots x (features + 1).
pub(super) fn contributions(parts: &Parts, x: &Columns) -> Vec<f64> {
    let per_slot = parts.width + 1;
    let per_row = per_slot * parts.base.len();
    let mut out = vec![0.0; x.rows() * per_row];
    let means: Vec<Vec<f64>> = parts.trees.iter().map(mean_values).collect();
    let mut row = vec![0.0; parts.width];
    // The way to a node of each depth, one after the other.
    let deepest = parts.trees.iter().map(|tree| tree.depth as usize).max().unwrap_or_default() + 2;
    let mut steps = vec![Step::default(); deepest * (deepest + 1) / 2];
    let inverse: Vec<f64> = (0..=deepest).map(|k| 1.0 / k as f64).collect();
    for (i, out) in out.chunks_exact_mut(per_row).enumerate() {
        x.read_row(i, &mut row);
        for (slot, base) in parts.base.iter().enumerate() {
            out[slot * per_slot + parts.width] = *base;
        }
        for ((tree, means), &slot) in parts.trees.iter().zip(&means).zip(&parts.slots) {
            let own = &mut out[slot as usize * per_slot..][..per_slot];
            own[parts.width] += means[0];
            let start = Step { feature: 0, zero: 1.0, one: 1.0, weight: 0.0 };
            Walk { tree, row: &row, inverse: &inverse, out: own }.descend(0, &mut steps, 0, start);
        }
    }
    out
}

/// The mean value of each node's leaves, weighted by their covers.
fn mean_values(tree: &Tree) -> Vec<f64> {
    let mut means: Vec<f64> = tree.values.iter().map(|&value| f64::from(value)).collect();
    for (at, node) in tree.nodes.iter().enumerate().rev().filter(|(_, node)| !node.is_leaf()) {
        let child = node.child as usize;
        let [left, right] = shares(tree, child);
        means[at] = left * means[child] + right * means[child + 1];
    }
    means
}

/// The shares of the children's covers; halves where nothing is covered.
fn shares(tree: &Tree, child: usize) -> [f64; 2] {
    let [left, right] = [child, child + 1].map(|child| f64::from(tree.covers[child]));
    let total = left + right;
    if total > 0.0 { [left / total, right / total] } else { [0.5; 2] }
}

struct Walk<'a> {
    tree: &'a Tree,
    row: &'a [f64],
    /// One by each whole number, as divisions are slow.
    inverse: &'a [f64],
    out: &'a mut [f64],
}

impl Walk<'_> {
    /// Goes on at a node, `known` steps after the first being on the way already. `steps` has room for those of this
    /// node, followed by those of deeper ones.
    fn descend(&mut self, at: usize, steps: &mut [Step], mut known: usize, last: Step) {
        let Walk { tree, row, inverse, .. } = *self;
        extend(&mut steps[..=known], last, inverse);
        let node = &tree.nodes[at];
        if node.is_leaf() {
            let value = f64::from(tree.values[at]);
            // Features that the row itself does not follow share their weight, but for the share of rows, which
            // cancels out.
            let others = others_sum(&steps[..=known], inverse);
            for i in 1..=known {
                let Step { feature, zero, one, .. } = steps[i];
                let weight = match one == 0.0 {
                    true => -others,
                    false => own_sum(&steps[..=known], zero, inverse) * (1.0 - zero),
                };
                self.out[feature as usize - 1] += weight * value;
            }
            return;
        }
        let child = node.child as usize;
        let goes_left = tree.goes_left(node, row[node.feature as usize]);
        let [left, right] = shares(tree, child);
        let sides =
            if goes_left { [(child, left), (child + 1, right)] } else { [(child + 1, right), (child, left)] };
        // A feature that is on the way already is taken off and comes anew.
        let feature = u32::from(node.feature) + 1;
        let mut before = (1.0, 1.0);
        if let Some(i) = (1..=known).find(|&i| steps[i].feature == feature) {
            before = (steps[i].zero, steps[i].one);
            unwind(&mut steps[..=known], i, inverse);
            known -= 1;
        }
        for ((child, share), one) in sides.into_iter().zip([before.1, 0.0]) {
            let (own, deeper) = steps.split_at_mut(known + 1);
            deeper[..=known].copy_from_slice(own);
            let last = Step { feature, zero: before.0 * share, one, weight: 0.0 };
            self.descend(child, deeper, known + 1, last);
        }
    }
}

/// Puts a feature at the end of the way. With its own, there are as many steps as `steps` is long.
fn extend(steps: &mut [Step], last: Step, inverse: &[f64]) {
    let known = steps.len() - 1;
    steps[known] = Step { weight: if known == 0 { 1.0 } else { 0.0 }, ..last };
    let [zero, one] = [last.zero, last.one].map(|share| share * inverse[known + 1]);
    for i in (0..known).rev() {
        let weight = steps[i].weight;
        steps[i + 1].weight += one * weight * (i + 1) as f64;
        steps[i].weight = zero * weight * (known - i) as f64;
    }
}

/// Takes a feature off the way.
fn unwind(steps: &mut [Step], which: usize, inverse: &[f64]) {
    let known = steps.len() - 1;
    let Step { zero, one, .. } = steps[which];
    let length = (known + 1) as f64;
    let mut next = steps[known].weight;
    for i in (0..known).rev() {
        let weight = steps[i].weight;
        if one != 0.0 {
            steps[i].weight = next * length * inverse[i + 1];
            next = weight - steps[i].weight * zero * (known - i) as f64 * inverse[known + 1];
        } else if zero != 0.0 {
            steps[i].weight = weight * length / zero * inverse[known - i];
        }
    }
    for i in which..known {
        let Step { feature, zero, one, .. } = steps[i + 1];
        steps[i] = Step { feature, zero, one, weight: steps[i].weight };
    }
}

/// The sum of the weights if a feature were taken off that the row follows.
fn own_sum(steps: &[Step], zero: f64, inverse: &[f64]) -> f64 {
    let known = steps.len() - 1;
    let length = (known + 1) as f64;
    let by_length = zero * inverse[known + 1];
    let (mut next, mut total) = (steps[known].weight, 0.0);
    for i in (0..known).rev() {
        let weight = next * (length * inverse[i + 1]);
        total += weight;
        next = steps[i].weight - weight * (by_length * (known - i) as f64);
    }
    total
}

/// The sum of the weights if a feature were taken off that the row does not follow, times its share of rows.
fn others_sum(steps: &[Step], inverse: &[f64]) -> f64 {
    let known = steps.len() - 1;
    let sum: f64 = (0..known).map(|i| steps[i].weight * inverse[known - i]).sum();
    sum * (known + 1) as f64
}

#[cfg(test)]
mod tests {
    use super::super::trees::Rule;
    use super::*;

    /// The expectation of a tree where only some features are known.
    fn expected(tree: &Tree, at: usize, row: &[f64], known: usize) -> f64 {
        let node = &tree.nodes[at];
        if node.is_leaf() {
            return f64::from(tree.values[at]);
        }
        let child = node.child as usize;
        if known >> node.feature & 1 == 1 {
            let right = usize::from(!tree.goes_left(node, row[node.feature as usize]));
            return expected(tree, child + right, row, known);
        }
        let [left, right] = shares(tree, child);
        left * expected(tree, child, row, known) + right * expected(tree, child + 1, row, known)
    }

    /// Against Shapley's formula over all subsets.
    #[test]
    fn contributions_are_shapley_values() {
        let mut tree = Tree::new(10.0);
        let left = tree.split(0, 0, &Rule::Below(0.5), true, 1.0, [6.0, 4.0]);
        let deeper = tree.split(left, 1, &Rule::Below(0.3), true, 1.0, [1.0, 5.0]);
        let again = tree.split(deeper + 1, 0, &Rule::Below(0.2), true, 1.0, [2.0, 3.0]);
        let other = tree.split(left + 1, 2, &Rule::Categories(vec![0b10]), false, 1.0, [3.0, 1.0]);
        for (at, value) in [(deeper, 1.0), (again, -2.0), (again + 1, 5.0), (other, 0.5), (other + 1, 7.0)] {
            tree.values[at as usize] = value;
        }
        let tree = tree.by_depth();
        let parts = Parts {
            width: 3,
            base: vec![0.25],
            slots: vec![0],
            trees: vec![tree.clone()],
            ..Parts::default()
        };
        let columns = [[0.1, 0.4, 0.9, f64::NAN], [0.5, 0.1, 0.9, 0.9], [1.0, 0.0, 1.0, f64::NAN]];
        let x = Columns::new(columns.iter().map(|column| column.as_slice()).collect()).unwrap();
        let ours = contributions(&parts, &x);
        let mut row = [0.0; 3];
        for i in 0..4 {
            x.read_row(i, &mut row);
            for feature in 0..3usize {
                let mut shapley = 0.0;
                for known in (0..8usize).filter(|known| known >> feature & 1 == 0) {
                    let weight = [1.0 / 3.0, 1.0 / 6.0, 1.0 / 3.0][known.count_ones() as usize];
                    let with = expected(&tree, 0, &row, known | 1 << feature);
                    shapley += weight * (with - expected(&tree, 0, &row, known));
                }
                assert!((ours[i * 4 + feature] - shapley).abs() < 1e-12, "{i} {feature}");
            }
            let margin = 0.25 + f64::from(tree.values[tree.leaf(&row)]);
            assert!((ours[i * 4..][..4].iter().sum::<f64>() - margin).abs() < 1e-12);
        }
    }
}

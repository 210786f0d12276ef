//! Grows one tree.

use super::histogram::{Histogram, Split, Sums, leaf_value};
use super::hyperparams::Params;
use super::objective::Gradient;
use crate::tree::{Binned, Cuts, MISSING, Tree};

/// What a tree is grown from.
pub(super) struct Grower<'a> {
    pub params: &'a Params,
    /// The columns that the tree sees, row after row.
    pub binned: &'a Binned,
    /// The number in the whole table of each column that the tree sees.
    pub columns: &'a [u32],
    pub cuts: &'a Cuts,
}

/// A grown tree.
pub(super) struct Grown {
    pub tree: Tree,
    /// Feature and gain of each split.
    pub gains: Vec<(u32, f64)>,
}

/// Histograms to use again: they are large, and a tree needs few at a time.
#[derive(Default)]
pub(super) struct Pool(Vec<Histogram>);

/// A node to come.
struct Pending {
    start: usize,
    end: usize,
    depth: u32,
    sums: Sums,
    /// None where the node cannot be split any more.
    histogram: Option<Histogram>,
    right_of: Option<u32>,
}

impl Grower<'_> {
    /// Grows a tree over `rows`, which it reorders, and adds the leaves' values to the margins of these rows:
    /// `margins[row * slots + slot]`.
    ///
    /// Depth first: it makes the same tree as level by level, and as few histograms live at once as it is deep.
    pub fn grow(
        &self,
        rows: &mut [u32],
        gradients: &[Gradient],
        margins: &mut [f64],
        (slots, slot): (usize, usize),
        pool: &mut Pool,
    ) -> Grown {
        let mut grown = Grown { tree: Tree::default(), gains: Vec::new() };
        let cuts: Vec<usize> =
            self.columns.iter().map(|&column| self.cuts.of(column as usize).len()).collect();
        let mut right_side = Vec::with_capacity(rows.len());
        let mut root = pool.take(self.binned.width);
        root.fill(self.binned, rows, gradients);
        let sums = rows.iter().fold([0.0; 2], |[g, h], &row| {
            let [dg, dh] = gradients[row as usize];
            [g + f64::from(dg), h + f64::from(dh)]
        });
        let mut pending = vec![Pending {
            start: 0,
            end: rows.len(),
            depth: 0,
            sums,
            histogram: Some(root),
            right_of: None,
        }];
        while let Some(node) = pending.pop() {
            if let Some(split) = node.right_of {
                grown.tree.start_right_of(split);
            }
            let own = &mut rows[node.start..node.end];
            let split = node.histogram.as_ref().and_then(|h| h.best_split(self.params, &cuts, node.sums));
            let left = split.as_ref().map_or(0, |split| self.part(own, split, &mut right_side));
            // A side can only be empty where rounding left something in a bin without rows.
            let split = split.filter(|_| 0 < left && left < own.len());
            let Some(split) = split else {
                pool.0.extend(node.histogram);
                let value = leaf_value(self.params, node.sums) * self.params.eta;
                let value = if value.is_finite() { value as f32 } else { 0.0 };
                grown.tree.push_leaf([value]);
                for &row in own.iter() {
                    margins[row as usize * slots + slot] += f64::from(value);
                }
                continue;
            };
            let feature = self.columns[split.feature];
            let place = grown.tree.push_split(feature as usize, split.bin, self.cuts, split.missing_left);
            grown.gains.push((feature, split.gain));
            let depth = node.depth + 1;
            let (left_rows, right_rows) = own.split_at(left);
            let [left_histogram, right_histogram] = match node.histogram {
                Some(parent) if depth < self.params.max_depth => {
                    self.children(parent, left_rows, right_rows, gradients, pool)
                }
                parent => {
                    pool.0.extend(parent);
                    [None, None]
                }
            };
            let middle = node.start + left;
            pending.push(Pending {
                start: middle,
                end: node.end,
                depth,
                sums: split.right,
                histogram: right_histogram,
                right_of: Some(place),
            });
            pending.push(Pending {
                start: node.start,
                end: middle,
                depth,
                sums: split.left,
                histogram: left_histogram,
                right_of: None,
            });
        }
        grown
    }

    /// Sums up the smaller child; the larger one is the parent less that.
    fn children(
        &self,
        mut parent: Histogram,
        left: &[u32],
        right: &[u32],
        gradients: &[Gradient],
        pool: &mut Pool,
    ) -> [Option<Histogram>; 2] {
        let mut smaller = pool.take(self.binned.width);
        let left_is_smaller = left.len() <= right.len();
        smaller.fill(self.binned, if left_is_smaller { left } else { right }, gradients);
        parent.subtract(&smaller);
        match left_is_smaller {
            true => [Some(smaller), Some(parent)],
            false => [Some(parent), Some(smaller)],
        }
    }

    /// Moves the rows that go left to the front, keeping the order on both sides. Returns how many they are.
    fn part(&self, rows: &mut [u32], split: &Split, right_side: &mut Vec<u32>) -> usize {
        right_side.clear();
        let mut left = 0;
        for i in 0..rows.len() {
            let row = rows[i];
            let bin = self.binned.bins[row as usize * self.binned.width + split.feature];
            let goes_left = if bin == MISSING { split.missing_left } else { bin <= split.bin };
            if goes_left {
                rows[left] = row;
                left += 1;
            } else {
                right_side.push(row);
            }
        }
        rows[left..].copy_from_slice(right_side);
        left
    }
}

impl Pool {
    fn take(&mut self, width: usize) -> Histogram {
        self.0.pop().unwrap_or_else(|| Histogram::new(width))
    }
}

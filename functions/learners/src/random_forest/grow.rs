//! Grows one tree.

use super::histogram::{Histogram, Sample, Split};
use super::hyperparams::Params;
use crate::rng::Rng;
use crate::tree::{Binned, Cuts, Tree};

/// What all trees of a forest share.
pub(super) struct Grower<'a> {
    pub params: &'a Params,
    /// Column after column.
    pub binned: &'a Binned,
    pub cuts: &'a Cuts,
    /// Sums of a node: one a class from three classes on, else one.
    pub outputs: usize,
    /// Features a split chooses from.
    pub tried: usize,
}

/// A node to come: samples `start..end`, and the split whose right child it is.
struct Pending {
    start: usize,
    end: usize,
    depth: u32,
    right_of: Option<u32>,
}

impl Grower<'_> {
    /// Grows a tree over the samples, and adds to `importances` by how much each feature lowers the impurity.
    pub fn grow(&self, mut samples: Vec<Sample>, rng: &mut Rng, importances: &mut [f64]) -> Tree {
        let mut tree = Tree::default();
        let mut histogram = Histogram::new(self.outputs);
        let mut features: Vec<u32> = (0..self.binned.width as u32).collect();
        let mut right_side = Vec::with_capacity(samples.len());
        let mut totals = vec![0.0; self.outputs];
        let mut pending = vec![Pending { start: 0, end: samples.len(), depth: 0, right_of: None }];
        while let Some(Pending { start, end, depth, right_of }) = pending.pop() {
            if let Some(split) = right_of {
                tree.start_right_of(split);
            }
            let node = &mut samples[start..end];
            totals.fill(0.0);
            let mut weight = 0.0;
            for sample in node.iter() {
                weight += sample.weight;
                totals[sample.output as usize] += sample.weight * sample.value;
            }
            let grows = self.params.max_depth.is_none_or(|most| depth < most)
                && node.len() >= self.params.min_samples_split as usize
                && !pure(node);
            let found = match grows {
                true => self.search(node, &totals, weight, &mut features, rng, &mut histogram),
                false => None,
            };
            let Some((feature, split)) = found else {
                tree.push_leaf(totals.iter().map(|total| (total / weight) as f32));
                continue;
            };
            let before: f64 = totals.iter().map(|total| total * total).sum::<f64>() / weight;
            importances[feature] += (split.score - before).max(0.0);
            let left = part(node, self.column(feature), split.bin, &mut right_side);
            let place = tree.push_split(feature, split.bin, self.cuts, true);
            let (middle, depth) = (start + left, depth + 1);
            pending.push(Pending { start: middle, end, depth, right_of: Some(place) });
            pending.push(Pending { start, end: middle, depth, right_of: None });
        }
        tree
    }

    fn column(&self, feature: usize) -> &[u8] {
        &self.binned.bins[feature * self.binned.rows..(feature + 1) * self.binned.rows]
    }

    /// The best split by features drawn at random. As in scikit-learn, features that cannot split the node do not
    /// end the search: it goes on until one can.
    fn search(
        &self,
        node: &[Sample],
        totals: &[f64],
        weight: f64,
        features: &mut [u32],
        rng: &mut Rng,
        histogram: &mut Histogram,
    ) -> Option<(usize, Split)> {
        let mut best: Option<(usize, Split)> = None;
        for tried in 0..features.len() {
            if tried >= self.tried && best.is_some() {
                break;
            }
            rng.draw_to_front(&mut features[tried..], 1);
            let feature = features[tried] as usize;
            let min_leaf = self.params.min_samples_leaf as usize;
            let split = histogram.best_split(node, self.column(feature), totals, weight, min_leaf);
            if let Some(split) = split
                && best.is_none_or(|(_, best)| split.score > best.score)
            {
                best = Some((feature, split));
            }
        }
        best
    }
}

/// Whether all rows have the same class or number.
fn pure(node: &[Sample]) -> bool {
    let first = &node[0];
    node.iter().all(|sample| sample.output == first.output && sample.value == first.value)
}

/// Moves the rows of bins up to `bin` to the front, keeping the order on both sides. Returns how many they are.
fn part(node: &mut [Sample], column: &[u8], bin: u8, right_side: &mut Vec<Sample>) -> usize {
    right_side.clear();
    let mut left = 0;
    for i in 0..node.len() {
        let sample = node[i];
        if column[sample.row as usize] <= bin {
            node[left] = sample;
            left += 1;
        } else {
            right_side.push(sample);
        }
    }
    node[left..].copy_from_slice(right_side);
    left
}

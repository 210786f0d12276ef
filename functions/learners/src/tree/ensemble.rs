//! Binary trees in one array each, in the order of a walk that goes left first: a split's left child follows it.

use super::binning::{Cuts, MISSING};
use super::stored::Stored;
use crate::Columns;
use serde::{Deserialize, Serialize};

/// A split or a leaf.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Node {
    /// Values below go left.
    pub threshold: f64,
    /// For a split the place of its right child; for a leaf the place of its first value.
    pub next: u32,
    /// The column that a split looks at; [`LEAF`] for a leaf.
    pub feature: u16,
    /// The threshold is this cut of the feature: bins up to it go left.
    pub bin: u8,
    /// Whether missing values go left.
    pub missing_left: bool,
}

/// The `feature` of a leaf.
pub const LEAF: u16 = u16::MAX;

/// One tree.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tree {
    pub nodes: Vec<Node>,
    /// Leaves x outputs.
    pub values: Vec<f32>,
}

impl Tree {
    /// Adds a split whose right child is not known yet, and returns its place.
    pub fn push_split(&mut self, feature: usize, bin: u8, cuts: &Cuts, missing_left: bool) -> u32 {
        let threshold = cuts.of(feature)[bin as usize];
        self.nodes.push(Node { threshold, next: 0, feature: feature as u16, bin, missing_left });
        self.nodes.len() as u32 - 1
    }

    /// Makes the node that is added next the right child of a split.
    pub fn start_right_of(&mut self, split: u32) {
        self.nodes[split as usize].next = self.nodes.len() as u32;
    }

    /// Adds a leaf with one value an output.
    pub fn push_leaf(&mut self, values: impl IntoIterator<Item = f32>) {
        let next = self.values.len() as u32;
        self.nodes.push(Node { threshold: 0.0, next, feature: LEAF, bin: 0, missing_left: false });
        self.values.extend(values);
    }

    /// The place of the first value of a row's leaf.
    pub fn leaf(&self, row: &[f64]) -> usize {
        self.walk(|node| {
            let value = row[node.feature as usize];
            if value.is_nan() { node.missing_left } else { value < node.threshold }
        })
    }

    /// As [`Tree::leaf`], for a row of bins.
    pub fn leaf_by_bin(&self, bin: impl Fn(usize) -> u8) -> usize {
        self.walk(|node| match bin(node.feature as usize) {
            MISSING => node.missing_left,
            bin => bin <= node.bin,
        })
    }

    fn walk(&self, goes_left: impl Fn(&Node) -> bool) -> usize {
        let mut place = 0;
        loop {
            let node = &self.nodes[place];
            if node.feature == LEAF {
                return node.next as usize;
            }
            place = if goes_left(node) { place + 1 } else { node.next as usize };
        }
    }
}

/// Trees over the same features.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Ensemble {
    pub cuts: Cuts,
    /// Values of a leaf.
    pub outputs: usize,
    pub trees: Vec<Tree>,
}

impl Ensemble {
    pub fn new(cuts: Cuts, outputs: usize) -> Self {
        Self { cuts, outputs, trees: Vec::new() }
    }

    /// The number of features.
    pub fn width(&self) -> usize {
        self.cuts.width()
    }

    /// Adds the leaf values of trees to `out`, rows x `slots`: tree `t` of one output goes to slot `t % slots`, a
    /// tree of several outputs to all of them. `x` has as many columns as the ensemble.
    pub fn add_predictions(&self, trees: &[Tree], x: &Columns, slots: usize, out: &mut [f64]) {
        // A block of rows stays in the cache while the trees pass by.
        const BLOCK: usize = 64;
        let width = x.width();
        let mut rows = vec![0.0; BLOCK * width];
        for (block, out) in out.chunks_mut(BLOCK * slots).enumerate() {
            let count = out.len() / slots;
            for (i, row) in rows.chunks_exact_mut(width).take(count).enumerate() {
                x.read_row(block * BLOCK + i, row);
            }
            for (t, tree) in trees.iter().enumerate() {
                for (row, out) in rows.chunks_exact(width).zip(out.chunks_exact_mut(slots)) {
                    let leaf = tree.leaf(row);
                    match self.outputs {
                        1 => out[t % slots] += f64::from(tree.values[leaf]),
                        outputs => {
                            let values = &tree.values[leaf..leaf + outputs];
                            out.iter_mut().zip(values).for_each(|(out, v)| *out += f64::from(*v));
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stump() -> Ensemble {
        let x = [1.0, 2.0, 3.0];
        let cuts = Cuts::fit(&Columns::new(vec![&x]).unwrap(), None, 255).unwrap();
        let mut tree = Tree::default();
        let root = tree.push_split(0, 1, &cuts, true);
        tree.push_leaf([-1.0]);
        tree.start_right_of(root);
        tree.push_leaf([1.0]);
        Ensemble { cuts, outputs: 1, trees: vec![tree] }
    }

    #[test]
    fn values_and_bins_reach_the_same_leaf() {
        let ensemble = stump();
        for value in [0.0, 1.0, 2.0, 2.5, 3.0, f64::NAN] {
            let bin = ensemble.cuts.bin(0, value);
            assert_eq!(ensemble.trees[0].leaf(&[value]), ensemble.trees[0].leaf_by_bin(|_| bin));
        }
        let x = [f64::NAN, 2.6];
        let mut out = [10.0; 2];
        ensemble.add_predictions(&ensemble.trees, &Columns::new(vec![&x]).unwrap(), 1, &mut out);
        assert_eq!(out, [9.0, 11.0]);
    }

    #[test]
    fn survives_a_round_trip_and_refuses_loops() {
        let ensemble = stump();
        let json = serde_json::to_value(&ensemble).unwrap();
        assert_eq!(serde_json::from_value::<Ensemble>(json.clone()).unwrap(), ensemble);
        for (field, bytes) in [
            ("rights", vec![0u8, 0, 0, 0]),
            ("rights", vec![9, 0, 0, 0]),
            ("rights", vec![]),
            ("features", vec![7, 0, 255, 255, 255, 255]),
            ("bins", vec![200]),
            ("values", vec![]),
            ("sizes", vec![255, 0, 0, 0]),
        ] {
            let mut damaged = json.clone();
            damaged[field] = serde_json::json!(bytes);
            assert!(serde_json::from_value::<Ensemble>(damaged).is_err(), "{field}");
        }
    }
}

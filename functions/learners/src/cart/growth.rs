//! The order in which nodes are split, when they are not, and what is taken back afterwards.

use super::limits::Limits;
use super::walk::{Node, Test};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::ops::Range;

/// Knows the rows of a tree: a node is a range of them.
pub(crate) trait Splitter {
    type Test: Test;

    /// Looks at a node; [`Splitter::values`] and [`Splitter::search`] mean this one until the next.
    fn enter(&mut self, rows: &Range<usize>) -> Entered;

    /// What the node that was entered predicts: one value an output.
    fn values(&mut self, rows: &Range<usize>, out: &mut [f64]);

    /// The best split of the node that was entered.
    fn search(&mut self, rows: &Range<usize>) -> Option<Found<Self::Test>>;

    /// Brings the rows that go left to the front of the range. Returns how many they are: some, but not all.
    fn part(&mut self, rows: &Range<usize>, found: &Found<Self::Test>) -> usize;
}

/// A node at a glance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entered {
    pub weight: f64,
    /// The impurity times the weight.
    pub impurity: f64,
    /// Whether there is nothing left to tell apart.
    pub pure: bool,
}

/// A split: rows of `feature` above `test` go right.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found<T> {
    pub feature: u32,
    pub test: T,
    /// By how much it lowers the impurity, times the node's weight.
    pub gain: f64,
}

/// What is known of a node beside its split.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Stats {
    pub samples: u32,
    pub weight: f64,
    /// Impurity times weight.
    pub impurity: f64,
    /// What the split gained; 0 for a leaf.
    pub gain: f64,
}

/// A grown tree; the root is at 0, children behind their parents.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Grown<T> {
    pub nodes: Vec<Node<T>>,
    pub stats: Vec<Stats>,
    /// Nodes x outputs.
    pub values: Vec<f64>,
    pub outputs: usize,
}

/// A node to come: its place, rows and depth.
struct Pending {
    place: u32,
    rows: Range<usize>,
    depth: u32,
}

/// A node with the split that is to be made when it is the best of all.
struct Candidate<T> {
    pending: Pending,
    found: Found<T>,
}

impl<T> Candidate<T> {
    /// Equal gains: the node that came first.
    fn key(&self) -> (f64, Reverse<u32>) {
        (self.found.gain, Reverse(self.pending.place))
    }
}

impl<T> Ord for Candidate<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        let ((a, first), (b, second)) = (self.key(), other.key());
        a.total_cmp(&b).then(first.cmp(&second))
    }
}

impl<T> PartialOrd for Candidate<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Candidate<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Candidate<T> {}

/// Grows a tree over rows `0..rows` within the limits, and prunes it if they ask for it.
pub(crate) fn grow<S: Splitter>(
    splitter: &mut S,
    rows: usize,
    outputs: usize,
    limits: &Limits,
) -> Grown<S::Test> {
    let mut tree = Grown { nodes: Vec::new(), stats: Vec::new(), values: Vec::new(), outputs };
    tree.push();
    let root = Pending { place: 0, rows: 0..rows, depth: 0 };
    match limits.max_leaf_nodes {
        None => depth_first(&mut tree, splitter, root, limits),
        Some(most) => best_first(&mut tree, splitter, root, limits, most),
    }
    if limits.ccp_alpha > 0.0 {
        tree.prune(limits.ccp_alpha);
    }
    tree
}

fn depth_first<S: Splitter>(tree: &mut Grown<S::Test>, splitter: &mut S, root: Pending, limits: &Limits) {
    let mut pending = vec![root];
    while let Some(node) = pending.pop() {
        if let Some(found) = consider(tree, splitter, &node, limits) {
            let [left, right] = split(tree, splitter, &node, &found);
            pending.extend([right, left]);
        }
    }
}

fn best_first<S: Splitter>(
    tree: &mut Grown<S::Test>,
    splitter: &mut S,
    root: Pending,
    limits: &Limits,
    most: u32,
) {
    let mut frontier = BinaryHeap::new();
    let mut leaves = 1;
    let candidate = consider(tree, splitter, &root, limits);
    frontier.extend(candidate.map(|found| Candidate { pending: root, found }));
    while leaves < most {
        let Some(Candidate { pending, found }) = frontier.pop() else { return };
        for child in split(tree, splitter, &pending, &found) {
            let candidate = consider(tree, splitter, &child, limits);
            frontier.extend(candidate.map(|found| Candidate { pending: child, found }));
        }
        leaves += 1;
    }
}

/// Notes what a node is, and finds its split if it may have one.
fn consider<S: Splitter>(
    tree: &mut Grown<S::Test>,
    splitter: &mut S,
    node: &Pending,
    limits: &Limits,
) -> Option<Found<S::Test>> {
    let Entered { weight, impurity, pure } = splitter.enter(&node.rows);
    let (place, outputs) = (node.place as usize, tree.outputs);
    tree.stats[place] = Stats { samples: node.rows.len() as u32, weight, impurity, gain: 0.0 };
    splitter.values(&node.rows, &mut tree.values[place * outputs..(place + 1) * outputs]);
    let grows = !pure
        && limits.max_depth.is_none_or(|most| node.depth < most)
        && node.rows.len() >= limits.min_samples_split as usize
        && node.rows.len() / 2 >= limits.min_samples_leaf as usize;
    let found = if grows { splitter.search(&node.rows) } else { None };
    let total = tree.stats[0].weight;
    // Rounding may take a little off nothing.
    found.filter(|found| found.gain.max(0.0) / total + f64::EPSILON >= limits.min_impurity_decrease)
}

fn split<S: Splitter>(
    tree: &mut Grown<S::Test>,
    splitter: &mut S,
    node: &Pending,
    found: &Found<S::Test>,
) -> [Pending; 2] {
    let middle = node.rows.start + splitter.part(&node.rows, found);
    let (left, right) = (tree.push(), tree.push());
    tree.nodes[node.place as usize] = Node { test: found.test, child: left, feature: found.feature as u16 };
    tree.stats[node.place as usize].gain = found.gain.max(0.0);
    let depth = node.depth + 1;
    [
        Pending { place: left, rows: node.rows.start..middle, depth },
        Pending { place: right, rows: middle..node.rows.end, depth },
    ]
}

impl<T: Test> Grown<T> {
    /// Adds a leaf.
    fn push(&mut self) -> u32 {
        let place = self.nodes.len() as u32;
        self.nodes.push(Node::leaf(place));
        self.stats.push(Stats::default());
        self.values.resize(self.values.len() + self.outputs, 0.0);
        place
    }

    pub fn values_of(&self, place: u32) -> &[f64] {
        &self.values[place as usize * self.outputs..][..self.outputs]
    }

    /// Adds what each feature gained.
    pub fn add_gains(&self, gains: &mut [f64]) {
        for (place, (node, stats)) in self.nodes.iter().zip(&self.stats).enumerate() {
            if !node.is_leaf(place as u32) {
                gains[node.feature as usize] += stats.gain;
            }
        }
    }

    /// Takes back the splits that do not lower the impurity by `alpha` a leaf: what stays is the smallest of the
    /// trees for which impurity plus `alpha` times leaves is least (Breiman et al., chapter 3).
    fn prune(&mut self, alpha: f64) {
        let total = self.stats[0].weight;
        let mut costs = vec![0.0; self.nodes.len()];
        for place in (0..self.nodes.len()).rev() {
            let node = &mut self.nodes[place];
            let own = self.stats[place].impurity / total + alpha;
            let mut cost = own;
            if !node.is_leaf(place as u32) {
                let child = node.child as usize;
                cost = costs[child] + costs[child + 1];
                if own <= cost {
                    *node = Node::leaf(place as u32);
                    self.stats[place].gain = 0.0;
                    cost = own;
                }
            }
            costs[place] = cost;
        }
        self.compact();
    }

    /// Drops the nodes that no path leads to.
    fn compact(&mut self) {
        let old = std::mem::replace(
            self,
            Self { nodes: Vec::new(), stats: Vec::new(), values: Vec::new(), outputs: self.outputs },
        );
        let root = self.push();
        let mut pending = vec![(0, root)];
        while let Some((from, to)) = pending.pop() {
            self.stats[to as usize] = old.stats[from as usize];
            self.values[to as usize * old.outputs..][..old.outputs].copy_from_slice(old.values_of(from));
            let node = old.nodes[from as usize];
            if !node.is_leaf(from) {
                let (left, right) = (self.push(), self.push());
                self.nodes[to as usize] = Node { child: left, ..node };
                pending.extend([(node.child + 1, right), (node.child, left)]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows are numbers in ascending order; every split halves the node, and gains what `gain` says of its size.
    struct Halves<G>(Vec<f64>, G);

    impl<G: Fn(usize) -> f64> Splitter for Halves<G> {
        type Test = f64;

        fn enter(&mut self, rows: &Range<usize>) -> Entered {
            let weight = rows.len() as f64;
            Entered { weight, impurity: weight * (weight - 1.0), pure: rows.len() == 1 }
        }

        fn values(&mut self, rows: &Range<usize>, out: &mut [f64]) {
            out[0] = self.0[rows.start];
        }

        fn search(&mut self, rows: &Range<usize>) -> Option<Found<f64>> {
            let test = self.0[rows.start + rows.len() / 2 - 1];
            Some(Found { feature: 0, test, gain: (self.1)(rows.len()) })
        }

        fn part(&mut self, rows: &Range<usize>, _: &Found<f64>) -> usize {
            rows.len() / 2
        }
    }

    fn grown(limits: Limits) -> Grown<f64> {
        grow(&mut Halves((0..8).map(f64::from).collect(), |n| n as f64), 8, 1, &limits)
    }

    fn leaves(tree: &Grown<f64>) -> Vec<u32> {
        let of = |place: u32| {
            tree.nodes[place as usize].is_leaf(place).then(|| tree.stats[place as usize].samples)
        };
        (0..tree.nodes.len() as u32).filter_map(of).collect()
    }

    #[test]
    fn limits_hold_in_either_order() {
        assert_eq!(leaves(&grown(Limits::default())), [1; 8]);
        assert_eq!(leaves(&grown(Limits { max_depth: Some(1), ..Limits::default() })), [4, 4]);
        assert_eq!(leaves(&grown(Limits { min_samples_split: 5, ..Limits::default() })), [4, 4]);
        assert_eq!(leaves(&grown(Limits { min_samples_leaf: 3, ..Limits::default() })), [4, 4]);
        assert_eq!(leaves(&grown(Limits { min_impurity_decrease: 1.0, ..Limits::default() })), [4, 4]);
        // The larger nodes gain more.
        assert_eq!(leaves(&grown(Limits { max_leaf_nodes: Some(3), ..Limits::default() })), [4, 2, 2]);
        assert_eq!(leaves(&grown(Limits { max_leaf_nodes: Some(99), ..Limits::default() })), [1; 8]);
        let tree = grown(Limits::default());
        let mut gains = [0.0];
        tree.add_gains(&mut gains);
        assert_eq!(gains, [8.0 + 2.0 * 4.0 + 4.0 * 2.0]);
        for row in 0..8 {
            let place = super::super::walk::one_leaf(&tree.nodes, 0, &[f64::from(row)]);
            assert_eq!(tree.values_of(place), [f64::from(row)]);
        }
    }

    #[test]
    fn pruning_leaves_the_smallest_tree_of_least_cost() {
        // A pair costs 2 / 8 + alpha as a leaf and 2 alpha as two; four cost 12 / 8 + alpha, 4 / 8 + 2 alpha as two pairs.
        let pruned = |ccp_alpha| leaves(&grown(Limits { ccp_alpha, ..Limits::default() }));
        assert_eq!(pruned(0.2), [1; 8]);
        assert_eq!(pruned(0.25), [2; 4]);
        assert_eq!(pruned(0.9), [2; 4]);
        assert_eq!(pruned(1.0), [4; 2]);
        assert_eq!(pruned(100.0), [8]);
    }
}

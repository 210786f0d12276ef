//! Fitted trees: nodes in order of depth, the children of a split side by side.

/// A split or a leaf.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Node {
    /// Values below go left. For categories: where the set of those that go right lies. For a leaf infinity.
    pub threshold: f64,
    /// The left child, with the right one behind it; a leaf names itself.
    pub child: u32,
    pub feature: u16,
    flags: u16,
}

const MISSING_LEFT: u16 = 1;
const CATEGORIES: u16 = 2;
const LEAF: u16 = 4;

/// What parts the rows of a node.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Rule {
    /// Values below go left.
    Below(f64),
    /// Bits of categories that go right.
    Categories(Vec<u32>),
}

/// One tree. All vectors but the sets have one entry a node.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Tree {
    pub nodes: Vec<Node>,
    /// Leaves' values; 0 for splits.
    pub values: Vec<f32>,
    /// Sums of second derivatives.
    pub covers: Vec<f32>,
    /// What splits lowered the loss by, twice; 0 for leaves.
    pub gains: Vec<f32>,
    /// Bits of categories.
    sets: Vec<u32>,
    /// Whether a split is one of categories, if only of none.
    has_categories: bool,
    /// Splits from the root to the deepest leaf.
    pub depth: u32,
}

/// Splits from a root to a leaf at the most: walks that branch go as deep in calls.
pub(super) const DEEPEST: u32 = 512;

impl Node {
    fn leaf(at: u32) -> Self {
        Self { threshold: f64::INFINITY, child: at, feature: 0, flags: LEAF | MISSING_LEFT }
    }

    pub fn is_leaf(&self) -> bool {
        self.flags & LEAF != 0
    }

    pub fn missing_left(&self) -> bool {
        self.flags & MISSING_LEFT != 0
    }

    pub fn has_categories(&self) -> bool {
        self.flags & CATEGORIES != 0
    }
}

impl Tree {
    /// A leaf.
    pub fn new(cover: f64) -> Self {
        let mut tree = Self::default();
        tree.push_leaf(cover);
        tree
    }

    /// As many leaves as there are covers, for [`Tree::set_split`] to join.
    pub fn of_leaves(covers: &[f32]) -> Self {
        Self {
            nodes: (0..covers.len() as u32).map(Node::leaf).collect(),
            values: vec![0.0; covers.len()],
            covers: covers.to_vec(),
            gains: vec![0.0; covers.len()],
            ..Self::default()
        }
    }

    fn push_leaf(&mut self, cover: f64) {
        self.nodes.push(Node::leaf(self.nodes.len() as u32));
        self.values.push(0.0);
        self.covers.push(single(cover));
        self.gains.push(0.0);
    }

    /// Turns a leaf into a split and returns its left child. The right one is behind it.
    pub fn split(
        &mut self,
        at: u32,
        feature: u16,
        rule: &Rule,
        missing_left: bool,
        gain: f64,
        covers: [f64; 2],
    ) -> u32 {
        let child = self.nodes.len() as u32;
        covers.into_iter().for_each(|cover| self.push_leaf(cover));
        self.set_split(at as usize, child, feature, rule, missing_left, single(gain));
        child
    }

    /// Turns a leaf into a split of the leaves at `child` and behind it.
    pub fn set_split(
        &mut self,
        at: usize,
        child: u32,
        feature: u16,
        rule: &Rule,
        missing_left: bool,
        gain: f32,
    ) {
        let mut flags = if missing_left { MISSING_LEFT } else { 0 };
        let threshold = match rule {
            Rule::Below(threshold) => *threshold,
            Rule::Categories(bits) => {
                flags |= CATEGORIES;
                self.has_categories = true;
                let place = self.sets.len() as u64;
                self.sets.extend(bits);
                f64::from_bits(place << 32 | bits.len() as u64)
            }
        };
        self.nodes[at] = Node { threshold, child, feature, flags };
        self.values[at] = 0.0;
        self.gains[at] = gain;
    }

    /// What parts the rows of a split.
    pub fn rule(&self, node: &Node) -> Rule {
        match node.has_categories() {
            true => Rule::Categories(self.set(node).to_vec()),
            false => Rule::Below(node.threshold),
        }
    }

    /// Bits of the categories that go right.
    pub fn set(&self, node: &Node) -> &[u32] {
        let bits = node.threshold.to_bits();
        let (place, words) = ((bits >> 32) as usize, bits as u32 as usize);
        self.sets.get(place..place + words).unwrap_or_default()
    }

    /// Whether a value goes left.
    #[inline]
    pub fn goes_left(&self, node: &Node, value: f64) -> bool {
        if value.is_nan() {
            return node.missing_left();
        }
        if !node.has_categories() {
            return value < node.threshold;
        }
        // Codes that cannot be are like categories that were never seen.
        if !(0.0..super::bins::MOST_CODES).contains(&value) {
            return true;
        }
        let code = value as usize;
        self.set(node).get(code / 32).is_none_or(|word| word >> (code % 32) & 1 == 0)
    }

    /// The leaf of a row.
    pub fn leaf(&self, row: &[f64]) -> usize {
        let mut at = 0;
        loop {
            let node = &self.nodes[at];
            if node.is_leaf() {
                return at;
            }
            let right = !self.goes_left(node, row[node.feature as usize]);
            at = node.child as usize + usize::from(right);
        }
    }

    /// The tree with its nodes in order of depth: the children of split `k` are `1 + 2 k` and `2 + 2 k`.
    pub fn by_depth(&self) -> Self {
        let mut ordered = Self::new(self.covers.first().copied().unwrap_or_default().into());
        let mut origin = vec![(0usize, 0u32)];
        let mut at = 0;
        while let Some(&(old, depth)) = origin.get(at) {
            let node = &self.nodes[old];
            if node.is_leaf() {
                ordered.values[at] = self.values[old];
            } else {
                let child = node.child as usize;
                let covers = [child, child + 1].map(|child| f64::from(self.covers[child]));
                let (rule, gain) = (self.rule(node), f64::from(self.gains[old]));
                ordered.split(at as u32, node.feature, &rule, node.missing_left(), gain, covers);
                origin.extend([(child, depth + 1), (child + 1, depth + 1)]);
            }
            ordered.depth = depth;
            at += 1;
        }
        ordered
    }

    pub fn has_categories(&self) -> bool {
        self.has_categories
    }

    pub fn leaves(&self) -> usize {
        self.nodes.len() / 2 + 1
    }
}

/// In single precision, finite.
fn single(value: f64) -> f32 {
    (value as f32).clamp(f32::MIN, f32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_find_their_leaves() {
        let mut tree = Tree::new(4.0);
        let left = tree.split(0, 1, &Rule::Categories(vec![0b1010]), true, 3.0, [1.0, 3.0]);
        let deeper = tree.split(left + 1, 0, &Rule::Below(0.5), false, 1.0, [1.0, 2.0]);
        let tree = tree.by_depth();
        assert_eq!((tree.depth, tree.leaves()), (2, 3));
        for (row, leaf) in [
            ([0.0, 0.0], left),
            ([0.0, 1.0], deeper),
            ([0.5, 3.7], deeper + 1),
            ([f64::NAN, 3.0], deeper + 1),
            ([0.0, f64::NAN], left),
            ([0.0, -1.0], left),
            ([0.0, 1e30], left),
            ([0.0, 40.0], left),
        ] {
            assert_eq!(tree.leaf(&row), leaf as usize, "{row:?}");
        }
    }
}

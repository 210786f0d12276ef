//! Trees as they are stored: in order of depth the children of a split follow from its place, so that a node is its
//! column, a number (threshold or value), its cover and, for a split, its gain.

use super::hyperparams::Objective;
use super::model::{GradientBoosting, Parts};
use super::trees::{DEEPEST, Rule, Tree};
use crate::tree::binning::MOST_COLUMNS;
use serde::{Deserialize, Serialize};

/// The column of a leaf.
const LEAF: u16 = u16::MAX;
/// Set in a split's column if missing values go left.
const MISSING_LEFT: u16 = 0x8000;

#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    width: u32,
    objective: Objective,
    shape: f64,
    base: Vec<f64>,
    rounds: u32,
    best_iteration: Option<u32>,
    /// Of each tree: to which margin it adds.
    #[serde(with = "crate::packed")]
    slots: Vec<u32>,
    /// Nodes of each tree.
    #[serde(with = "crate::packed")]
    sizes: Vec<u32>,
    /// One a node.
    #[serde(with = "crate::packed")]
    features: Vec<u16>,
    /// One a node.
    #[serde(with = "crate::packed")]
    covers: Vec<f32>,
    /// One a split.
    #[serde(with = "crate::packed")]
    gains: Vec<f32>,
    /// One a leaf.
    #[serde(with = "crate::packed")]
    values: Vec<f32>,
    /// One a split of numbers: in single precision if that says it all.
    #[serde(with = "crate::packed")]
    thresholds: Vec<f32>,
    #[serde(with = "crate::packed")]
    long_thresholds: Vec<f64>,
    /// Splits of categories, counted over all trees, and the lengths of their sets.
    #[serde(with = "crate::packed")]
    categorical: Vec<u32>,
    #[serde(with = "crate::packed")]
    lengths: Vec<u32>,
    #[serde(with = "crate::packed")]
    sets: Vec<u32>,
}

impl From<GradientBoosting> for Stored {
    fn from(model: GradientBoosting) -> Self {
        let parts = model.into_parts();
        let mut stored = Self {
            width: parts.width as u32,
            objective: parts.objective,
            shape: parts.shape,
            base: parts.base,
            rounds: parts.rounds as u32,
            best_iteration: parts.best_iteration,
            slots: parts.slots,
            sizes: Vec::new(),
            features: Vec::new(),
            covers: Vec::new(),
            gains: Vec::new(),
            values: Vec::new(),
            thresholds: Vec::new(),
            long_thresholds: Vec::new(),
            categorical: Vec::new(),
            lengths: Vec::new(),
            sets: Vec::new(),
        };
        for tree in parts.trees {
            stored.push(&tree);
        }
        if stored.long_thresholds.iter().all(|&threshold| f64::from(threshold as f32) == threshold) {
            let long = std::mem::take(&mut stored.long_thresholds);
            stored.thresholds = long.into_iter().map(|threshold| threshold as f32).collect();
        }
        stored
    }
}

impl Stored {
    fn push(&mut self, tree: &Tree) {
        self.sizes.push(tree.nodes.len() as u32);
        self.covers.extend(&tree.covers);
        for (at, node) in tree.nodes.iter().enumerate() {
            if node.is_leaf() {
                self.features.push(LEAF);
                self.values.push(tree.values[at]);
                continue;
            }
            self.features.push(node.feature | if node.missing_left() { MISSING_LEFT } else { 0 });
            match tree.rule(node) {
                Rule::Below(threshold) => self.long_thresholds.push(threshold),
                Rule::Categories(set) => {
                    self.categorical.push(self.gains.len() as u32);
                    self.lengths.push(set.len() as u32);
                    self.sets.extend(set);
                }
            }
            self.gains.push(tree.gains[at]);
        }
    }
}

/// What is left to read.
struct Reader<'a> {
    features: &'a [u16],
    covers: &'a [f32],
    gains: &'a [f32],
    values: &'a [f32],
    sets: &'a [u32],
    thresholds: std::slice::Iter<'a, f64>,
    categorical: std::iter::Peekable<std::iter::Zip<std::slice::Iter<'a, u32>, std::slice::Iter<'a, u32>>>,
    /// Splits that were read.
    splits: u32,
    width: usize,
}

/// Takes one item off the front.
fn next<T: Copy>(items: &mut &[T]) -> Option<T> {
    let (&first, rest) = items.split_first()?;
    *items = rest;
    Some(first)
}

impl Reader<'_> {
    /// Reads a tree, checking everything that a walk relies on: a damaged file must not lead it astray.
    fn tree(&mut self, size: usize) -> Result<Tree, &'static str> {
        const DAMAGED: &str = "a tree is damaged";
        let (features, rest) = self.features.split_at_checked(size).ok_or("a tree is cut short")?;
        self.features = rest;
        let (covers, rest) = self.covers.split_at_checked(size).ok_or("covers are missing")?;
        self.covers = rest;
        if size == 0 {
            return Err("a tree is empty");
        }
        if covers.iter().any(|cover| !(0.0..f32::INFINITY).contains(cover)) {
            return Err(DAMAGED);
        }
        let mut tree = Tree::of_leaves(covers);
        // The next split's left child, and the first node of the next level.
        let (mut child, mut level) = (1, 1);
        for (at, &feature) in features.iter().enumerate() {
            if at >= child {
                return Err(DAMAGED);
            }
            if at == level {
                tree.depth += 1;
                level = child;
            }
            if feature == LEAF {
                let value = next(&mut self.values).ok_or("leaf values are missing")?;
                if !value.is_finite() {
                    return Err(DAMAGED);
                }
                tree.values[at] = value;
                continue;
            }
            let column = feature & !MISSING_LEFT;
            if column as usize >= self.width {
                return Err("a split looks at a column that is not there");
            }
            let gain = next(&mut self.gains).ok_or("gains are missing")?;
            let rule = self.rule().filter(|_| gain.is_finite()).ok_or(DAMAGED)?;
            self.splits += 1;
            tree.set_split(at, child as u32, column, &rule, feature & MISSING_LEFT != 0, gain);
            child += 2;
        }
        if child != size || tree.depth > DEEPEST {
            return Err(DAMAGED);
        }
        Ok(tree)
    }

    fn rule(&mut self) -> Option<Rule> {
        if let Some((_, &length)) = self.categorical.next_if(|(place, _)| **place == self.splits) {
            let (set, rest) = self.sets.split_at_checked(length as usize)?;
            self.sets = rest;
            return Some(Rule::Categories(set.to_vec()));
        }
        self.thresholds
            .next()
            .filter(|threshold| !threshold.is_nan())
            .map(|threshold| Rule::Below(*threshold))
    }
}

impl TryFrom<Stored> for GradientBoosting {
    type Error = &'static str;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        let width = stored.width as usize;
        let slots = stored.base.len();
        let base_fits = stored.base.iter().all(|base| base.is_finite());
        let slots_fit = match stored.objective {
            Objective::MultiSoftprob => slots >= 2,
            _ => slots == 1,
        };
        if width == 0 || width > MOST_COLUMNS || !slots_fit || !base_fits || !stored.shape.is_finite() {
            return Err("the ensemble is damaged");
        }
        if stored.slots.len() != stored.sizes.len() || stored.slots.iter().any(|&slot| slot as usize >= slots)
        {
            return Err("trees add to a margin that is not there");
        }
        if stored.categorical.len() != stored.lengths.len() {
            return Err("sets of categories are damaged");
        }
        if !stored.thresholds.is_empty() && !stored.long_thresholds.is_empty() {
            return Err("thresholds are damaged");
        }
        let mut thresholds = stored.long_thresholds;
        thresholds.extend(stored.thresholds.iter().map(|&threshold| f64::from(threshold)));
        let mut reader = Reader {
            features: &stored.features,
            covers: &stored.covers,
            gains: &stored.gains,
            values: &stored.values,
            sets: &stored.sets,
            thresholds: thresholds.iter(),
            categorical: stored.categorical.iter().zip(&stored.lengths).peekable(),
            splits: 0,
            width,
        };
        let trees: Result<Vec<Tree>, _> =
            stored.sizes.iter().map(|&size| reader.tree(size as usize)).collect();
        let trees = trees?;
        let all_read = reader.features.is_empty()
            && reader.covers.is_empty()
            && reader.gains.is_empty()
            && reader.values.is_empty()
            && reader.sets.is_empty()
            && reader.thresholds.next().is_none()
            && reader.categorical.next().is_none();
        if !all_read {
            return Err("the trees hold more than they say");
        }
        Ok(Self::new(Parts {
            width,
            objective: stored.objective,
            shape: stored.shape,
            base: stored.base,
            slots: stored.slots,
            trees,
            rounds: stored.rounds as usize,
            best_iteration: stored.best_iteration,
        }))
    }
}

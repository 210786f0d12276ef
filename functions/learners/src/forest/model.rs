//! A fitted forest.

use super::bins::{bin, present};
use super::stored::Stored;
use crate::cart::{Grown, Node, Twins, only, places};
use crate::metrics::most_probable;
use crate::{Columns, Error};
use serde::{Deserialize, Serialize};

/// Trees that vote on classes or numbers. Rows are cut into bins once, then walk down the trees by bins.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Forest {
    /// For each column the ascending values that part its bins.
    pub(super) cuts: Vec<Vec<f64>>,
    /// The features that are two columns.
    pub(super) twins: Twins,
    /// 0 for numbers.
    pub(super) classes: u32,
    /// Taken off a numeric target before the fit.
    pub(super) offset: f64,
    pub(super) importances: Vec<f64>,
    pub(super) oob_score: Option<f64>,
    /// Where each tree begins.
    pub(super) roots: Vec<u32>,
    /// All trees, one after another, each in the order of a walk that goes left first.
    pub(super) nodes: Vec<Node<u8>>,
    /// For each node that is a leaf the place of its values; 0 for others.
    pub(super) leaves: Vec<u32>,
    /// Values x outputs. The first ones are those of leaves of one class.
    pub(super) values: Vec<f32>,
}

/// Leaves of one class share their values up to so many classes.
const MOST_SHARED: usize = 256;
/// Bytes of bins and sums of the rows that walk down a tree before the next tree's turn: the more rows, the seldomer a
/// tree comes from memory; these and a tree fit a second-level cache together.
const BLOCK: usize = 160 << 10;
/// Rows of a block, at least.
const LEAST: usize = 128;

fn no_forest() -> Error {
    Error::data("the model holds no forest; fit it first")
}

impl Forest {
    /// A forest without trees.
    pub(super) fn new(cuts: Vec<Vec<f64>>, twins: Twins, classes: usize) -> Self {
        let importances = vec![0.0; cuts.len() - twins.len()];
        let mut forest = Self { classes: classes as u32, importances, cuts, twins, ..Self::default() };
        forest.share_values();
        forest
    }

    /// Lays down the values of leaves of one class.
    pub(super) fn share_values(&mut self) {
        self.values = match self.shared() {
            0 => Vec::new(),
            2 => vec![0.0, 1.0],
            n => (0..n * n).map(|i| f32::from(u8::from(i / n == i % n))).collect(),
        };
    }

    /// How many places of values are those of single classes.
    pub(super) fn shared(&self) -> usize {
        if self.classes() <= MOST_SHARED { self.classes() } else { 0 }
    }

    /// Values of a leaf: the share of the second of two classes, else one a class; the mean of numbers.
    pub(super) fn outputs(&self) -> usize {
        if self.classes > 2 { self.classes as usize } else { 1 }
    }

    /// Adds a tree.
    pub(super) fn push(&mut self, tree: &Grown<u8>) {
        let root = self.push_leaf();
        self.roots.push(root);
        let mut pending = vec![(0, root)];
        while let Some((from, to)) = pending.pop() {
            let node = tree.nodes[from as usize];
            if node.is_leaf(from) {
                self.leaves[to as usize] = self.place_values(tree.values_of(from).iter().map(|v| *v as f32));
            } else {
                let (left, right) = (self.push_leaf(), self.push_leaf());
                self.nodes[to as usize] = Node { child: left, ..node };
                pending.extend([(node.child + 1, right), (node.child, left)]);
            }
        }
    }

    /// Drops the cuts that no split is at: of wide tables most are not, and a model is as large as its trees.
    pub(super) fn keep_used_cuts(&mut self) {
        let mut used: Vec<Vec<bool>> = self.cuts.iter().map(|cuts| vec![false; cuts.len()]).collect();
        let splits = |nodes: &[Node<u8>]| (0..nodes.len()).filter(|&i| !nodes[i].is_leaf(i as u32)).collect();
        let splits: Vec<usize> = splits(&self.nodes);
        for &place in &splits {
            let Node { test, feature, .. } = self.nodes[place];
            used[usize::from(feature)][usize::from(test)] = true;
        }
        // A row goes right of a cut that is not above it, whatever other cuts there are.
        let places: Vec<Vec<u8>> = used
            .iter()
            .map(|used| {
                let place =
                    |next: &mut u8, used: &bool| Some(std::mem::replace(next, *next + u8::from(*used)));
                used.iter().scan(0, place).collect()
            })
            .collect();
        for place in splits {
            let Node { test, feature, .. } = &mut self.nodes[place];
            *test = places[usize::from(*feature)][usize::from(*test)];
        }
        for (cuts, used) in self.cuts.iter_mut().zip(&used) {
            let mut used = used.iter();
            cuts.retain(|_| used.next().is_some_and(|used| *used));
        }
    }

    /// Adds a leaf with values that are placed later. Returns its place.
    pub(super) fn push_leaf(&mut self) -> u32 {
        let place = self.nodes.len() as u32;
        self.nodes.push(Node::leaf(place));
        self.leaves.push(0);
        place
    }

    /// Keeps the values of a leaf. Returns their place.
    pub(super) fn place_values(&mut self, values: impl ExactSizeIterator<Item = f32> + Clone) -> u32 {
        let outputs = self.outputs();
        if self.shared() > 0 {
            let class = match outputs {
                1 => values.clone().next().and_then(|v| [0.0, 1.0].iter().position(|one| *one == v)),
                _ => only(values.clone()),
            };
            if let Some(class) = class {
                return class as u32;
            }
        }
        self.values.extend(values);
        (self.values.len() / outputs) as u32 - 1
    }

    /// The number of features.
    pub fn width(&self) -> usize {
        self.cuts.len() - self.twins.len()
    }

    /// The share of each feature in what the splits lower the impurity by; they add up to 1 unless there is no split.
    pub fn importances(&self) -> &[f64] {
        &self.importances
    }

    /// Accuracy or R2 by the trees that did not see a row, if asked for.
    pub fn oob_score(&self) -> Option<f64> {
        self.oob_score
    }

    /// The number of classes; 0 for a forest of numbers.
    pub fn classes(&self) -> usize {
        self.classes as usize
    }

    pub fn trees(&self) -> usize {
        self.roots.len()
    }

    /// The means of the leaves over the trees, rows x outputs.
    fn means(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        let mut all = self.staged_means(x, &[self.trees()])?;
        all.pop().ok_or_else(no_forest)
    }

    /// The same over the first so many trees, for each of `stages`, which rise up to the number of trees: one walk.
    fn staged_means(&self, x: &Columns, stages: &[usize]) -> Result<Vec<Vec<f64>>, Error> {
        x.check_width(self.width())?;
        self.twins.check(x)?;
        if self.roots.is_empty() {
            return Err(no_forest());
        }
        let (width, outputs) = (self.cuts.len(), self.outputs());
        let block = BLOCK / (width + size_of::<f64>() * outputs) / LEAST * LEAST;
        let block = block.clamp(LEAST, x.rows().max(1).next_multiple_of(LEAST));
        let mut staged: Vec<Vec<f64>> =
            stages.iter().map(|_| Vec::with_capacity(x.rows() * outputs)).collect();
        let mut rows = vec![0; block.min(x.rows()) * width];
        let mut sums = vec![0.0; block.min(x.rows()) * outputs];
        for start in (0..x.rows()).step_by(block) {
            let count = block.min(x.rows() - start);
            let (rows, sums) = (&mut rows[..count * width], &mut sums[..count * outputs]);
            sums.fill(0.0);
            for (j, cuts) in self.cuts.iter().enumerate() {
                let feature = self.twins.feature(j, x.width());
                let cells = rows.iter_mut().skip(j).step_by(width).zip(&x.column(feature)[start..]);
                if self.twins.len() == 0 {
                    cells.for_each(|(cell, value)| *cell = bin(cuts, *value));
                } else {
                    let stand_in = Twins::stand_in(j, x.width());
                    cells.for_each(|(cell, value)| *cell = bin(cuts, present(*value, stand_in)));
                }
            }
            let mut done = 0;
            for (&stage, means) in stages.iter().zip(&mut staged) {
                let roots = self.roots.get(done..stage).unwrap_or_default();
                roots.iter().for_each(|root| self.add_leaves(*root, rows, sums));
                done = stage;
                means.extend(sums.iter().map(|sum| sum / stage as f64));
            }
        }
        Ok(staged)
    }

    /// Adds the values of the leaves of one tree that rows (of bins) come to.
    fn add_leaves(&self, root: u32, rows: &[u8], sums: &mut [f64]) {
        let outputs = self.outputs();
        places(&self.nodes, root, rows, self.cuts.len(), |row, place| {
            let leaf = self.leaves[place as usize] as usize;
            if outputs == 1 {
                sums[row] += f64::from(self.values[leaf]);
            } else if leaf < self.shared() {
                sums[row * outputs + leaf] += 1.0;
            } else {
                let values = &self.values[leaf * outputs..(leaf + 1) * outputs];
                let sums = &mut sums[row * outputs..(row + 1) * outputs];
                sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += f64::from(*value));
            }
        });
    }

    /// What the first so many trees predict, for each of `stages` (rising, each 1 to the number of trees): numbers, or
    /// probabilities of rows x classes.
    ///
    /// # Errors
    /// For another number of columns than at the fit, for values that are infinite, and for missing ones of a feature that had
    /// none at the fit.
    pub fn predict_staged(&self, x: &Columns, stages: &[usize]) -> Result<Vec<Vec<f64>>, Error> {
        let predicted = |means: Vec<f64>| match self.classes() {
            0 => means.iter().map(|v| v + self.offset).collect(),
            classes => Self::as_probabilities(means, classes),
        };
        Ok(self.staged_means(x, stages)?.into_iter().map(predicted).collect())
    }

    /// Means of leaf values as rows x classes.
    pub(super) fn as_probabilities(means: Vec<f64>, classes: usize) -> Vec<f64> {
        match classes {
            2 => means.iter().flat_map(|p| [1.0 - p, *p]).collect(),
            _ => means,
        }
    }

    /// One number a row, from a forest of numbers.
    ///
    /// # Errors
    /// For a forest of classes, and as [`Forest::predict_staged`].
    pub fn predict_numbers(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        if self.classes != 0 {
            return Err(Error::data("this forest predicts classes"));
        }
        Ok(self.means(x)?.iter().map(|v| v + self.offset).collect())
    }

    /// Probabilities, rows x classes, row after row: the mean of the shares in the leaves.
    ///
    /// # Errors
    /// As [`Forest::predict_numbers`], for a forest of numbers.
    pub fn predict_proba(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        if self.classes == 0 {
            return Err(Error::data("this forest predicts numbers"));
        }
        Ok(Self::as_probabilities(self.means(x)?, self.classes as usize))
    }

    /// The most probable class of each row.
    ///
    /// # Errors
    /// As [`Forest::predict_proba`].
    pub fn predict(&self, x: &Columns) -> Result<Vec<u32>, Error> {
        Ok(most_probable(&self.predict_proba(x)?, self.classes as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_at_which_nothing_splits_go_and_predictions_stay() {
        let (a, b) = ([1.0, 2.0, 3.0, 4.0, 5.0], [5.0, 6.0, 7.0, 8.0, 9.0]);
        let x = Columns::new(vec![&a, &b]).unwrap();
        let mut forest =
            Forest::new(vec![vec![1.5, 2.5, 3.5, 4.5], vec![5.5, 6.5, 7.5, 8.5]], Twins::default(), 0);
        let split = |test, child, feature| Node { test, child, feature };
        let nodes = vec![split(1, 1, 0), Node::leaf(1), split(3, 3, 0), Node::leaf(3), Node::leaf(4)];
        let values = vec![0.0, 1.0, 0.0, 2.0, 3.0];
        let stats = vec![crate::cart::Stats::default(); 5];
        forest.push(&Grown { nodes, stats, values, outputs: 1 });
        let before = forest.predict_numbers(&x).unwrap();
        assert_eq!(before, [1.0, 1.0, 2.0, 2.0, 3.0]);
        forest.keep_used_cuts();
        assert_eq!(forest.cuts, [vec![2.5, 4.5], vec![]]);
        assert_eq!(forest.predict_numbers(&x).unwrap(), before);
    }
}

//! Grows one tree.

use super::bins::{Feature, Tiles};
use super::histogram::{Histogram, Packed, Quanta};
use super::hyperparams::{GrowPolicy, Params};
use super::interactions::Way;
use super::sampler::Sampler;
use super::split::{Judge, Node, Side, Split};
use super::trees::{DEEPEST, Rule, Tree};
use crate::tree::Binned;
use std::collections::BinaryHeap;
use std::ops::Range;

/// What a tree is grown from.
pub(super) struct Grower<'a> {
    pub params: &'a Params,
    pub features: &'a [Feature],
    /// Column after column.
    pub binned: &'a Binned,
    /// The columns that the tree sees, row after row.
    pub tiles: &'a Tiles,
    /// The number in the whole table of each column that the tree sees.
    pub columns: &'a [u32],
    pub quanta: Quanta,
}

/// Rows that go through the tree without being learnt from.
pub(super) struct Followers<'a> {
    pub binned: &'a Binned,
    pub rows: Vec<u32>,
    /// Rows of the training data, not of the validation data.
    pub of_training: bool,
}

/// A leaf of a grown tree.
pub(super) struct Leaf {
    pub node: u32,
    /// The value, before `eta`.
    pub value: f64,
    /// Where its rows lie.
    pub rows: Range<usize>,
    /// Where its followers lie, one range a group.
    pub followers: Vec<Range<usize>>,
}

/// Memory to use again.
#[derive(Default)]
pub(super) struct Pool {
    histograms: Vec<Histogram>,
    width: usize,
    /// Bytes of histograms that are handed out.
    used: usize,
    aside: Vec<u32>,
}

/// Histograms that wait for their nodes' turn take so much memory at the most.
const MOST_BYTES: usize = 256 << 20;

/// A node to come.
struct Pending {
    urgency: Urgency,
    at: u32,
    depth: u32,
    node: Node,
    way: Way,
    rows: Range<usize>,
    followers: Vec<Range<usize>>,
    split: Option<Split>,
    histogram: Option<Histogram>,
}

/// The highest comes first.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Urgency(f64, i64);

impl Eq for Urgency {}

impl Ord for Urgency {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0).then(self.1.cmp(&other.1))
    }
}

impl PartialOrd for Urgency {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Pending {
    fn eq(&self, other: &Self) -> bool {
        self.urgency == other.urgency
    }
}

impl Eq for Pending {}

impl Ord for Pending {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.urgency.cmp(&other.urgency)
    }
}

impl PartialOrd for Pending {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Grower<'_> {
    /// Grows a tree over `rows`, which it reorders, as it does with the followers. The leaves' values are not in the
    /// tree yet.
    pub fn grow(
        &self,
        rows: &mut [u32],
        followers: &mut [Followers],
        gradients: &[Packed],
        sampler: &mut Sampler,
        pool: &mut Pool,
    ) -> (Tree, Vec<Leaf>) {
        pool.reset(self.tiles.width);
        let judge = Judge::new(self.params, self.quanta);
        let total = rows.iter().fold(0, |sum: Packed, &row| sum.wrapping_add(gradients[row as usize]));
        let node = Node { total, rows: rows.len(), bounds: [f64::NEG_INFINITY, f64::INFINITY] };
        let mut tree = Tree::new(self.cover(total));
        let (mut leaves, mut heap) = (Vec::new(), BinaryHeap::new());
        let most_leaves =
            if self.params.max_leaves == 0 { usize::MAX } else { self.params.max_leaves as usize };
        let root = Pending {
            urgency: Urgency(0.0, 0),
            at: 0,
            depth: 0,
            node,
            way: Way::default(),
            rows: 0..rows.len(),
            followers: followers.iter().map(|followers| 0..followers.rows.len()).collect(),
            split: None,
            histogram: None,
        };
        let root_histogram = (most_leaves > 1).then(|| {
            let mut histogram = pool.take();
            histogram.fill(self.tiles, rows, gradients);
            histogram
        });
        self.submit(root, root_histogram, &judge, sampler, pool, &mut heap);
        while let Some(pending) = heap.pop() {
            let Some(split) = pending.split.filter(|_| leaves.len() + heap.len() + 2 <= most_leaves) else {
                pool.give(pending.histogram);
                leaves.push(Leaf {
                    node: pending.at,
                    value: judge.value(pending.node),
                    rows: pending.rows,
                    followers: pending.followers,
                });
                continue;
            };
            let column = self.columns[split.place];
            let table = split.table();
            let own = &mut rows[pending.rows.clone()];
            let left = part(column_of(self.binned, column), &table, own, &mut pool.aside);
            let middle = pending.rows.start + left;
            let mut ranges = [vec![], vec![]];
            for (followers, range) in followers.iter_mut().zip(&pending.followers) {
                let own = &mut followers.rows[range.clone()];
                let left = part(column_of(followers.binned, column), &table, own, &mut pool.aside);
                ranges[0].push(range.start..range.start + left);
                ranges[1].push(range.start + left..range.end);
            }
            let covers = [split.left, split.right].map(|sums| self.cover(sums));
            let rule = self.rule(column, split.side);
            let at = tree.split(pending.at, column as u16, &rule, split.missing_left, split.gain, covers);
            let depth = pending.depth + 1;
            let (left_rows, right_rows) = rows[pending.rows.clone()].split_at(left);
            let deep = depth >= if self.params.max_depth == 0 { DEEPEST } else { self.params.max_depth };
            let histograms = match deep {
                true => {
                    pool.give(pending.histogram);
                    [None, None]
                }
                false => self.children(pending.histogram, left_rows, right_rows, gradients, pool).map(Some),
            };
            let bounds = judge.bounds(pending.node, &split, column);
            let way = pending.way.past(column, &self.params.interaction_constraints);
            let [left_followers, right_followers] = ranges;
            let sides = [
                (split.left, pending.rows.start..middle, left_followers),
                (split.right, middle..pending.rows.end, right_followers),
            ];
            for (side, ((total, rows, followers), histogram)) in sides.into_iter().zip(histograms).enumerate()
            {
                let node = Node { total, rows: rows.len(), bounds: bounds[side] };
                let at = at + side as u32;
                let urgency = pending.urgency;
                let (split, way) = (None, way.clone());
                let child =
                    Pending { urgency, at, depth, node, way, rows, followers, split, histogram: None };
                self.submit(child, histogram, &judge, sampler, pool, &mut heap);
            }
        }
        (tree, leaves)
    }

    /// Finds a node's split and puts it among those to come.
    fn submit(
        &self,
        mut pending: Pending,
        histogram: Option<Histogram>,
        judge: &Judge,
        sampler: &mut Sampler,
        pool: &mut Pool,
        heap: &mut BinaryHeap<Pending>,
    ) {
        if let Some(histogram) = histogram {
            let places = sampler.of_node(pending.depth);
            let own = pending.way.allowed(places, self.columns);
            let places = own.as_deref().unwrap_or(places);
            pending.split = judge.best_split(&histogram, pending.node, places, self.columns, self.features);
            // Without it, its children sum up for themselves.
            let keep = pending.split.is_some() && pool.used <= MOST_BYTES;
            if keep {
                pending.histogram = Some(histogram);
            } else {
                pool.give(Some(histogram));
            }
        }
        // Nodes are numbered as they come. Going into the depth makes the same tree as level by level where leaves
        // are not counted, and needs few histograms at a time.
        let number = i64::from(pending.at);
        let gain = pending.split.map_or(0.0, |split| split.gain);
        pending.urgency = match self.params.grow_policy {
            GrowPolicy::Lossguide => Urgency(gain, -number),
            GrowPolicy::Depthwise if self.params.max_leaves > 0 => {
                Urgency(-f64::from(pending.depth), -number)
            }
            GrowPolicy::Depthwise => Urgency(0.0, number),
        };
        heap.push(pending);
    }

    fn cover(&self, sums: Packed) -> f64 {
        self.quanta.unpack(sums)[1]
    }

    fn rule(&self, column: u32, side: Side) -> Rule {
        match (&self.features[column as usize], side) {
            (Feature::Numbers(cuts), Side::UpTo(bin)) => Rule::Below(cuts[bin as usize]),
            (Feature::Categories(codes), Side::AllBut(bins)) => {
                let chosen =
                    codes.iter().enumerate().filter(|(bin, _)| bins[bin / 64] >> (bin % 64) & 1 == 1);
                let mut set = Vec::new();
                for (_, &code) in chosen {
                    let word = code as usize / 32;
                    if set.len() <= word {
                        set.resize(word + 1, 0);
                    }
                    set[word] |= 1 << (code % 32);
                }
                Rule::Categories(set)
            }
            _ => unreachable!("sides go with their features"),
        }
    }

    /// Sums up the smaller child; the larger one is the parent less that.
    fn children(
        &self,
        parent: Option<Histogram>,
        left: &[u32],
        right: &[u32],
        gradients: &[Packed],
        pool: &mut Pool,
    ) -> [Histogram; 2] {
        let left_is_smaller = left.len() <= right.len();
        let [few, many] = if left_is_smaller { [left, right] } else { [right, left] };
        let mut smaller = pool.take();
        smaller.fill(self.tiles, few, gradients);
        let larger = match parent {
            Some(mut parent) => {
                parent.subtract(&smaller);
                parent
            }
            None => {
                let mut larger = pool.take();
                larger.fill(self.tiles, many, gradients);
                larger
            }
        };
        if left_is_smaller { [smaller, larger] } else { [larger, smaller] }
    }
}

fn column_of(binned: &Binned, column: u32) -> &[u8] {
    &binned.bins[column as usize * binned.rows..][..binned.rows]
}

/// Moves the rows that go left to the front, keeping the order on both sides. Returns how many they are.
///
/// Every row is written to both sides: there is no branch to mispredict.
fn part(column: &[u8], table: &[u8; 256], rows: &mut [u32], aside: &mut Vec<u32>) -> usize {
    if aside.len() < rows.len() {
        aside.resize(rows.len(), 0);
    }
    let aside = &mut aside[..rows.len()];
    let (mut left, mut right) = (0, 0);
    for i in 0..rows.len() {
        let row = rows[i];
        let goes_left = usize::from(table[column[row as usize] as usize]);
        rows[left] = row;
        aside[right] = row;
        left += goes_left;
        right += 1 - goes_left;
    }
    rows[left..].copy_from_slice(&aside[..right]);
    left
}

impl Pool {
    fn reset(&mut self, width: usize) {
        if self.width != width {
            self.histograms.clear();
        }
        self.width = width;
        self.used = 0;
    }

    fn take(&mut self) -> Histogram {
        let histogram = self.histograms.pop().unwrap_or_else(|| Histogram::new(self.width));
        self.used += histogram.bytes();
        histogram
    }

    fn give(&mut self, histogram: Option<Histogram>) {
        if let Some(histogram) = histogram {
            self.used -= histogram.bytes();
            self.histograms.push(histogram);
        }
    }
}

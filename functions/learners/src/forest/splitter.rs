//! The rows of one tree.

use super::bins::Bins;
use super::histogram::Histogram;
use super::random::{Drawer, Drawn, left_most};
use crate::cart::{Entered, Found, Least, Many, One, Outputs, Sample, Sides, Splitter};
use crate::rng::Rng;
use std::ops::Range;

/// How a feature's split is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// The best one.
    Best,
    /// One at a random place.
    Random,
}

/// What all trees of a forest share.
pub(super) struct Plan<'a> {
    pub bins: &'a Bins,
    pub outputs: Outputs,
    pub search: Search,
    /// Features a split chooses from.
    pub tried: usize,
    pub least: Least,
}

/// The best split so far: bins of the column whose middle is not above `place` go left.
#[derive(Clone, Copy)]
struct Best {
    column: usize,
    score: f64,
    place: f64,
}

/// The rows of a tree, in the order of its nodes.
pub(super) struct TreeRows<'a> {
    plan: &'a Plan<'a>,
    samples: Vec<Sample>,
    rng: Rng,
    /// In the order in which they were drawn last.
    features: Vec<u32>,
    /// Of the node entered: sums by output, weight, and their worth.
    totals: Vec<f64>,
    weight: f64,
    /// What no split of the node entered can be worth more than.
    most: f64,
    histogram: Histogram,
    right_side: Vec<Sample>,
    scratch: Vec<u8>,
}

impl<'a> TreeRows<'a> {
    /// `samples` have weight, all of them.
    pub fn new(plan: &'a Plan<'a>, samples: Vec<Sample>, rng: Rng) -> Self {
        let outputs = plan.outputs.count();
        Self {
            features: (0..plan.bins.features as u32).collect(),
            totals: vec![0.0; outputs],
            weight: 0.0,
            most: 0.0,
            histogram: Histogram::new(outputs),
            right_side: samples.clone(),
            scratch: Vec::new(),
            plan,
            samples,
            rng,
        }
    }

    /// The best of the splits by features drawn at random. As in scikit-learn, features that are constant in the node do not
    /// end the search: it goes on until one is not. One that is not, but may not split the node, counts as tried.
    fn best<S: Sides>(&mut self, rows: &Range<usize>, mut sides: S) -> Option<Best> {
        let Plan { bins, search, least, .. } = *self.plan;
        let node = &self.samples[rows.clone()];
        let (totals, weight) = (self.totals.as_slice(), self.weight);
        let drawer = Drawer { bins, node, totals, weight, least };
        let (mut best, mut missed): (Option<Best>, bool) = (None, false);
        for tried in 0..self.features.len() {
            // Two rows, once apart, cannot be parted better; nor can two sides without impurity.
            let done = tried >= self.plan.tried || node.len() == 2;
            let tries_are_over = missed && tried >= self.plan.tried;
            if best.is_some_and(|best| done || best.score >= self.most) || tries_are_over {
                break;
            }
            self.rng.draw_to_front(&mut self.features[tried..], 1);
            let feature = self.features[tried] as usize;
            let better = |best: Option<Best>, score| best.is_none_or(|best| score > best.score);
            let second = bins.twins.second(feature, bins.features);
            match search {
                // Missing values go either way.
                Search::Best => {
                    let mut found = false;
                    for column in std::iter::once(feature).chain(second) {
                        let (cells, count) = (bins.column(column), bins.count(column));
                        let split =
                            self.histogram.best_split(&mut sides, node, cells, count, totals, weight, least);
                        found |= split.is_some();
                        if let Some(split) = split.filter(|split| better(best, split.score)) {
                            // Half-way between the two values: rows that the tree has not seen lie between them.
                            let [left, right] = split.between.map(|bin| bins.middles(column)[bin as usize]);
                            let middle = left / 2.0 + right / 2.0;
                            let place = if middle < right { middle } else { left };
                            best = Some(Best { column, score: split.score, place });
                        }
                    }
                    let cells = bins.column(feature);
                    let varies =
                        || node.iter().any(|own| cells[own.row as usize] != cells[node[0].row as usize]);
                    missed |= !found && varies();
                }
                // Missing values go a way that is drawn too.
                Search::Random => {
                    let column = second.filter(|_| self.rng.below(2) == 1).unwrap_or(feature);
                    match drawer.draw(&mut sides, column, &mut self.rng, &mut self.scratch) {
                        Drawn::Split(draw) if better(best, draw.score) => {
                            best = Some(Best { column, score: draw.score, place: draw.place });
                        }
                        Drawn::Missed => missed = true,
                        Drawn::Split(_) | Drawn::None => {}
                    }
                }
            }
        }
        best
    }
}

impl Splitter for TreeRows<'_> {
    type Test = u8;

    fn enter(&mut self, rows: &Range<usize>) -> Entered {
        let node = &self.samples[rows.clone()];
        self.totals.fill(0.0);
        let (first, mut pure) = (node[0], true);
        let (mut weight, mut squares) = (0.0, 0.0);
        for sample in node {
            let sum = sample.weight * sample.value;
            weight += sample.weight;
            squares += sum * sample.value;
            self.totals[sample.output as usize] += sum;
            pure &= (sample.output == first.output) & (sample.value == first.value);
        }
        self.weight = weight;
        self.most = if self.plan.outputs.entropy { 0.0 } else { squares };
        Entered { weight, impurity: self.plan.outputs.impurity(&self.totals, weight, squares), pure }
    }

    fn values(&mut self, _: &Range<usize>, out: &mut [f64]) {
        out.iter_mut().zip(&self.totals).for_each(|(out, total)| *out = total / self.weight);
    }

    fn search(&mut self, rows: &Range<usize>) -> Option<Found<u8>> {
        let outputs = self.plan.outputs;
        let found = match (outputs.count(), outputs.entropy) {
            (1, false) => self.best(rows, One::<false>::default()),
            (1, true) => self.best(rows, One::<true>::default()),
            (_, false) => self.best(rows, Many::<false>::default()),
            (_, true) => self.best(rows, Many::<true>::default()),
        };
        let Best { mut column, score, place } = found?;
        let gain = (score - outputs.worth(&self.totals, self.weight)) * outputs.unit();
        let bins = self.plan.bins;
        let mut test = left_most(bins.middles(column), place);
        let first = bins.twins.feature(column, bins.features);
        if let Some(second) = bins.twins.second(first, bins.features) {
            // Which way missing values go was no question, if there are none.
            let own = |column: usize| {
                let cells = bins.column(column);
                self.samples[rows.clone()].iter().map(move |sample| cells[sample.row as usize])
            };
            let missing = (bins.count(first) - 1) as u8;
            if own(first).all(|bin| bin != missing) {
                let left = own(column).filter(|bin| *bin <= test).count();
                column = if 2 * left > rows.len() { second } else { first };
                test = left_most(bins.middles(column), place);
            }
        }
        Some(Found { feature: column as u32, test, gain })
    }

    /// Keeps the order on both sides.
    fn part(&mut self, rows: &Range<usize>, found: &Found<u8>) -> usize {
        let column = self.plan.bins.column(found.feature as usize);
        let node = &mut self.samples[rows.clone()];
        let right_side = &mut self.right_side[..node.len()];
        let mut left = 0;
        for i in 0..node.len() {
            // Written to both sides: which one counts could not be foreseen.
            let sample = node[i];
            node[left] = sample;
            right_side[i - left] = sample;
            left += usize::from(column[sample.row as usize] <= found.test);
        }
        let right = node.len() - left;
        node[left..].copy_from_slice(&right_side[..right]);
        left
    }
}

//! The leaves of many rows by a tournament: values become bins of the ensemble's own thresholds, and each split picks
//! for many rows at once the winner of its two sides, from the deepest splits up to the root. All splits are looked at,
//! but by vector instructions and without a branch.

use super::trees::Tree;
use crate::Columns;
use crate::tree::MISSING;
use crate::tree::binning::Search;
use std::sync::OnceLock;

/// Rows whose winners are picked at once.
const LANES: usize = 128;
/// Rows that are made bins of at a time.
const BINNED: usize = 1024;
/// Leaves of a tree at the most.
const LEAVES: usize = 64;
/// Trees that add to a sum at a time.
const TOGETHER: usize = 4;

/// A tournament that is made when it is first needed.
#[derive(Debug, Default)]
pub(super) struct Prepared(OnceLock<Option<Tournament>>);

impl Prepared {
    pub fn get(&self, make: impl FnOnce() -> Option<Tournament>) -> Option<&Tournament> {
        self.0.get_or_init(make).as_ref()
    }
}

/// It follows from the trees, so that there is nothing to compare and nothing to copy.
impl PartialEq for Prepared {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Clone for Prepared {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// A split: its bins, and the places of its sides' winners.
#[derive(Debug, Clone, Copy)]
struct Match {
    feature: u16,
    /// Bins up to it go left.
    last: u8,
    missing_left: bool,
    /// For a split of two leaves the first leaf, whose neighbour the second is; for others the places of two splits.
    left: u8,
    right: u8,
}

/// A tree, its deepest splits first.
#[derive(Debug)]
struct Entrant {
    /// Splits of two leaves.
    first_round: Vec<Match>,
    /// Leaves whose rivals are splits have places of their own.
    byes: Vec<u8>,
    /// Splits of what came before.
    later_rounds: Vec<Match>,
    values: [f64; LEAVES],
    slot: usize,
}

/// An ensemble that many rows can go through.
#[derive(Debug)]
pub(super) struct Tournament {
    /// For features that are in use.
    searches: Vec<Option<Search>>,
    entrants: Vec<Entrant>,
}

impl Tournament {
    /// `None` for what does not suit it: categories, large trees, many thresholds.
    pub fn new(trees: &[Tree], of: &[u32], width: usize) -> Option<Self> {
        if trees.iter().any(|tree| tree.leaves() > LEAVES || tree.has_categories()) {
            return None;
        }
        let mut thresholds = vec![Vec::new(); width];
        for node in trees.iter().flat_map(|tree| &tree.nodes).filter(|node| !node.is_leaf()) {
            thresholds[node.feature as usize].push(node.threshold);
        }
        for own in &mut thresholds {
            own.sort_unstable_by(f64::total_cmp);
            own.dedup();
            // One bin is that of missing values, one is needed to bring them round to 0.
            if own.len() > 253 {
                return None;
            }
        }
        let entrant = |(tree, &slot): (&Tree, &u32)| Entrant::new(tree, slot as usize, &thresholds);
        let entrants = trees.iter().zip(of).map(entrant).collect();
        let searches = thresholds.iter().map(|own| (!own.is_empty()).then(|| Search::new(own))).collect();
        Some(Self { searches, entrants })
    }

    /// Adds leaf values to `out`, rows x `slots`.
    pub fn add(&self, x: &Columns, slots: usize, out: &mut [f64]) {
        let mut bins = vec![[0u8; BINNED]; x.width()];
        for (block, out) in out.chunks_mut(BINNED * slots).enumerate() {
            let first = block * BINNED;
            let count = out.len() / slots;
            let mut missing = false;
            for ((bins, search), column) in bins.iter_mut().zip(&self.searches).zip(x.iter()) {
                if let Some(search) = search {
                    search.bins(&column[first..first + count], bins);
                    missing |= bins.contains(&MISSING);
                }
            }
            match missing {
                false => self.add_binned::<false>(&bins, slots, out),
                true => self.add_binned::<true>(&bins, slots, out),
            }
        }
    }

    fn add_binned<const MISSING: bool>(&self, bins: &[[u8; BINNED]], slots: usize, out: &mut [f64]) {
        let mut winners = [[0u8; LANES]; 2 * LEAVES];
        if slots > 1 {
            for entrant in &self.entrants {
                for (group, out) in out.chunks_mut(LANES * slots).enumerate() {
                    let leaves = entrant.play::<MISSING>(bins, group, &mut winners);
                    let own = out.iter_mut().skip(entrant.slot).step_by(slots);
                    for (out, leaf) in own.zip(leaves) {
                        *out += entrant.value(*leaf);
                    }
                }
            }
            return;
        }
        // Several trees add to a sum at a time, one after another as ever.
        let (together, left_over) = self.entrants.as_chunks::<TOGETHER>();
        let mut leaves = [[0u8; LANES]; TOGETHER];
        for entrants in together {
            for (group, out) in out.chunks_mut(LANES).enumerate() {
                for (leaves, entrant) in leaves.iter_mut().zip(entrants) {
                    *leaves = *entrant.play::<MISSING>(bins, group, &mut winners);
                }
                for (lane, out) in out.iter_mut().enumerate() {
                    *out = (0..TOGETHER).fold(*out, |sum, t| sum + entrants[t].value(leaves[t][lane]));
                }
            }
        }
        for entrant in left_over {
            for (group, out) in out.chunks_mut(LANES).enumerate() {
                let leaves = entrant.play::<MISSING>(bins, group, &mut winners);
                out.iter_mut().zip(leaves).for_each(|(out, leaf)| *out += entrant.value(*leaf));
            }
        }
    }
}

impl Entrant {
    fn new(tree: &Tree, slot: usize, thresholds: &[Vec<f64>]) -> Self {
        let mut entrant = Self {
            first_round: Vec::new(),
            byes: Vec::new(),
            later_rounds: Vec::new(),
            values: [0.0; LEAVES],
            slot,
        };
        let is_first = |at: usize| {
            let child = tree.nodes[at].child as usize;
            !tree.nodes[at].is_leaf() && tree.nodes[child].is_leaf() && tree.nodes[child + 1].is_leaf()
        };
        // The leaves' numbers and the splits' places. Children are neighbours, and so are their numbers.
        let (mut leaves, mut places) = (0, vec![0u8; tree.nodes.len()]);
        for (at, _) in tree.nodes.iter().enumerate().filter(|(_, node)| node.is_leaf()) {
            entrant.values[leaves as usize] = f64::from(tree.values[at]);
            places[at] = leaves;
            leaves += 1;
        }
        let firsts: Vec<usize> = (0..tree.nodes.len()).filter(|&at| is_first(at)).collect();
        let mut place = 0;
        for &at in &firsts {
            let first_leaf = places[tree.nodes[at].child as usize];
            entrant.first_round.push(Match::new(tree, at, thresholds, first_leaf, first_leaf + 1));
            places[at] = place;
            place += 1;
        }
        let mut in_first_round = vec![false; tree.nodes.len()];
        for &at in &firsts {
            let child = tree.nodes[at].child as usize;
            in_first_round[child..child + 2].fill(true);
        }
        for at in (0..tree.nodes.len()).filter(|&at| tree.nodes[at].is_leaf() && !in_first_round[at]) {
            entrant.byes.push(places[at]);
            places[at] = place;
            place += 1;
        }
        for at in (0..tree.nodes.len()).rev().filter(|&at| !tree.nodes[at].is_leaf() && !is_first(at)) {
            let child = tree.nodes[at].child as usize;
            entrant.later_rounds.push(Match::new(tree, at, thresholds, places[child], places[child + 1]));
            places[at] = place;
            place += 1;
        }
        entrant
    }

    #[inline(always)]
    fn value(&self, leaf: u8) -> f64 {
        self.values[leaf as usize & (LEAVES - 1)]
    }

    /// The leaves of the rows of one group. Winners come to places one after the other, the last being the root's.
    ///
    /// By masks: a choice between two loads would not become vector instructions.
    fn play<'w, const MISSING: bool>(
        &self,
        bins: &[[u8; BINNED]],
        group: usize,
        winners: &'w mut [[u8; LANES]; 2 * LEAVES],
    ) -> &'w [u8; LANES] {
        for (own, winner) in self.first_round.iter().zip(winners.iter_mut()) {
            let bins = &bins[own.feature as usize].as_chunks::<LANES>().0[group];
            let (shift, last) = own.limits::<MISSING>();
            for lane in 0..LANES {
                let right = bins[lane].wrapping_add(shift) > last;
                winner[lane] = own.left + u8::from(right);
            }
        }
        let mut place = self.first_round.len();
        for (winner, leaf) in winners.iter_mut().skip(place).zip(&self.byes) {
            winner.fill(*leaf);
            place += 1;
        }
        for own in &self.later_rounds {
            let Some((settled, [winner, ..])) = winners.split_at_mut_checked(place) else { break };
            place += 1;
            let bins = &bins[own.feature as usize].as_chunks::<LANES>().0[group];
            let (left, right) = (&settled[own.left as usize], &settled[own.right as usize]);
            let (shift, last) = own.limits::<MISSING>();
            for lane in 0..LANES {
                let goes_left = bins[lane].wrapping_add(shift) <= last;
                let mask = u8::from(goes_left).wrapping_neg();
                winner[lane] = right[lane] ^ ((left[lane] ^ right[lane]) & mask);
            }
        }
        &winners[place - 1]
    }
}

impl Match {
    fn new(tree: &Tree, at: usize, thresholds: &[Vec<f64>], left: u8, right: u8) -> Self {
        let node = &tree.nodes[at];
        let own = &thresholds[node.feature as usize];
        let last = own.partition_point(|threshold| *threshold < node.threshold) as u8;
        Self { feature: node.feature, last, missing_left: node.missing_left(), left, right }
    }

    /// What is added to bins before they are held against the last one that goes left: 1 brings the bin of missing
    /// values round to 0.
    #[inline(always)]
    fn limits<const MISSING: bool>(&self) -> (u8, u8) {
        let shift = if MISSING { u8::from(self.missing_left) } else { 0 };
        (shift, self.last + shift)
    }
}

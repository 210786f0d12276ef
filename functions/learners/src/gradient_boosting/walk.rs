//! Sums of leaf values for many rows.
//!
//! Large tables go through a tournament: values become bins of the ensemble's own thresholds, and each split picks
//! for 64 rows at once the winner of its two sides, from the deepest splits up to the root. All splits are looked at,
//! but by vector instructions and without a branch. What does not suit it (categories, large trees, many thresholds,
//! few rows) walks down from the root, eight rows in step, or for a row that is left over eight trees.

use super::trees::Tree;
use crate::Columns;
use crate::tree::MISSING;
use crate::tree::binning::Search;

/// Rows that are copied row by row at a time.
const BLOCK: usize = 64;
/// Rows in step.
const STEP: usize = 8;
/// Tables of fewer rows do not pay for a tournament's preparation.
const MANY_ROWS: usize = 1024;

/// Adds leaf values to `out`, rows x `slots`; tree `t` adds to slot `of[t]`. Trees look at columns of `x` only, and
/// their nodes are in order of depth.
pub(super) fn add(trees: &[Tree], of: &[u32], x: &Columns, slots: usize, out: &mut [f64]) {
    if x.rows() >= MANY_ROWS
        && let Some(tournament) = Tournament::new(trees, of, x.width())
    {
        return tournament.add(x, slots, out);
    }
    let width = x.width();
    let mut rows = vec![0.0; BLOCK.min(x.rows()) * width];
    for (block, out) in out.chunks_mut(BLOCK * slots).enumerate() {
        let count = out.len() / slots;
        let first = block * BLOCK;
        let mut missing = false;
        for (j, column) in x.iter().enumerate() {
            let values = column[first..first + count].iter();
            for (row, value) in rows.chunks_exact_mut(width).zip(values) {
                row[j] = *value;
                missing |= value.is_nan();
            }
        }
        let (together, left_over) = rows[..count * width].split_at(count / STEP * STEP * width);
        for (tree, &slot) in trees.iter().zip(of) {
            let slot = slot as usize;
            for (rows, out) in together.chunks_exact(STEP * width).zip(out.chunks_exact_mut(STEP * slots)) {
                if missing || tree.has_categories() {
                    for (row, out) in rows.chunks_exact(width).zip(out.chunks_exact_mut(slots)) {
                        out[slot] += f64::from(tree.values[tree.leaf(row)]);
                    }
                    continue;
                }
                for (leaf, out) in
                    walk_together(tree, rows, width).into_iter().zip(out.chunks_exact_mut(slots))
                {
                    out[slot] += f64::from(tree.values[leaf as usize]);
                }
            }
        }
        let out = &mut out[together.len() / width * slots..];
        for (row, out) in left_over.chunks_exact(width).zip(out.chunks_exact_mut(slots)) {
            for (trees, of) in trees.chunks(STEP).zip(of.chunks(STEP)) {
                let leaves = match <&[Tree; STEP]>::try_from(trees) {
                    Ok(trees) if !missing && !trees.iter().any(Tree::has_categories) => {
                        walk_trees(trees, row)
                    }
                    _ => std::array::from_fn(|t| trees.get(t).map_or(0, |tree| tree.leaf(row) as u32)),
                };
                for ((tree, leaf), &slot) in trees.iter().zip(leaves).zip(of) {
                    out[slot as usize] += f64::from(tree.values[leaf as usize]);
                }
            }
        }
    }
}

/// The leaves of rows without missing values: as many steps for each as the tree is deep, as leaves lead to
/// themselves.
fn walk_together(tree: &Tree, rows: &[f64], width: usize) -> [u32; STEP] {
    let mut at = [0; STEP];
    for _ in 0..tree.depth {
        for (at, row) in at.iter_mut().zip(rows.chunks_exact(width)) {
            let node = &tree.nodes[*at as usize];
            *at = node.child + u32::from(row[node.feature as usize] >= node.threshold);
        }
    }
    at
}

/// The leaves of one row without missing values in several trees.
fn walk_trees(trees: &[Tree; STEP], row: &[f64]) -> [u32; STEP] {
    let depth = trees.iter().map(|tree| tree.depth).max().unwrap_or(0);
    let mut at = [0; STEP];
    for _ in 0..depth {
        for (at, tree) in at.iter_mut().zip(trees) {
            let node = &tree.nodes[*at as usize];
            *at = node.child + u32::from(row[node.feature as usize] >= node.threshold);
        }
    }
    at
}

/// Rows whose winners are picked at once.
const LANES: usize = 128;
/// Rows that are made bins of at a time.
const BINNED: usize = 1024;
/// Leaves of a tree at the most.
const LEAVES: usize = 64;

/// A split: its bins, and the places of its sides' winners.
#[derive(Clone, Copy)]
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

struct Tournament {
    /// For features that are in use.
    searches: Vec<Option<Search>>,
    entrants: Vec<Entrant>,
}

impl Tournament {
    fn new(trees: &[Tree], of: &[u32], width: usize) -> Option<Self> {
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

    fn add(&self, x: &Columns, slots: usize, out: &mut [f64]) {
        let mut bins = vec![[0u8; BINNED]; x.width()];
        let mut winners = [[0u8; LANES]; 2 * LEAVES];
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
            for entrant in &self.entrants {
                for (group, out) in out.chunks_mut(LANES * slots).enumerate() {
                    let leaves = match missing {
                        false => entrant.play::<false>(&bins, group, &mut winners),
                        true => entrant.play::<true>(&bins, group, &mut winners),
                    };
                    let own = out.iter_mut().skip(entrant.slot).step_by(slots);
                    for (out, &leaf) in own.zip(leaves) {
                        *out += entrant.values[leaf as usize & (LEAVES - 1)];
                    }
                }
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

#[cfg(test)]
mod tests {
    use super::super::trees::Rule;
    use super::*;
    use crate::rng::Rng;

    fn random_tree(rng: &mut Rng, leaves: usize) -> Tree {
        let mut tree = Tree::new(1.0);
        let mut open = vec![0];
        while open.len() < leaves {
            let at = open.swap_remove(rng.below(open.len()));
            let rule = Rule::Below((rng.unit() * 10.0).floor() / 10.0);
            let left = tree.split(at, rng.below(3) as u16, &rule, rng.unit() < 0.5, 1.0, [1.0, 1.0]);
            open.extend([left, left + 1]);
        }
        open.iter().for_each(|&at| tree.values[at as usize] = rng.unit() as f32);
        tree.by_depth()
    }

    #[test]
    fn all_ways_lead_to_the_same_leaves() {
        let mut rng = Rng::new(5, 0);
        let rows = 2500;
        for missing in [0.0, 0.1] {
            let columns: Vec<Vec<f64>> = (0..3)
                .map(|_| {
                    let mut value =
                        || if rng.unit() < missing { f64::NAN } else { (rng.unit() * 20.0).floor() / 20.0 };
                    (0..rows).map(|_| value()).collect()
                })
                .collect();
            let x = Columns::new(columns.iter().map(Vec::as_slice).collect()).unwrap();
            let trees: Vec<Tree> = [1, 2, 5, 64, 33, 7, 20, 3, 12, 4]
                .iter()
                .map(|&leaves| random_tree(&mut rng, leaves))
                .collect();
            let of = [0, 1, 0, 1, 1, 0, 0, 1, 0, 1];
            let mut expected = vec![0.5; rows * 2];
            let mut row = [0.0; 3];
            for i in 0..rows {
                x.read_row(i, &mut row);
                for (tree, slot) in trees.iter().zip(of) {
                    expected[i * 2 + slot as usize] += f64::from(tree.values[tree.leaf(&row)]);
                }
            }
            assert!(Tournament::new(&trees, &of, 3).is_some());
            let mut out = vec![0.5; rows * 2];
            add(&trees, &of, &x, 2, &mut out);
            assert_eq!(out, expected);
            for rows in [1, 7, 8, 100] {
                let short: Vec<&[f64]> = columns.iter().map(|column| &column[..rows]).collect();
                let mut out = vec![0.5; rows * 2];
                add(&trees, &of, &Columns::new(short).unwrap(), 2, &mut out);
                assert_eq!(out, expected[..rows * 2]);
            }
        }
    }
}

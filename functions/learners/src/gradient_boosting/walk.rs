//! Sums of leaf values for many rows.
//!
//! Large tables go through a tournament: values become bins of the ensemble's own thresholds, and each split picks
//! for 64 rows at once the winner of its two sides, from the deepest splits up to the root. All splits are looked at,
//! but by vector instructions and without a branch. What does not suit it (categories, large trees, many thresholds,
//! few rows) walks down from the root, eight rows in step.

use super::trees::Tree;
use crate::Columns;
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
    let mut rows = vec![0.0; BLOCK * width];
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
        let rows = &rows[..count * width];
        for (tree, &slot) in trees.iter().zip(of) {
            let mut left_over = (rows, slot as usize);
            if !missing && !tree.has_categories() {
                let together = count / STEP * STEP;
                for (group, rows) in rows[..together * width].chunks_exact(STEP * width).enumerate() {
                    for (k, leaf) in walk_together(tree, rows, width).into_iter().enumerate() {
                        let at = (group * STEP + k) * slots + slot as usize;
                        out[at] += f64::from(tree.values[leaf as usize]);
                    }
                }
                left_over = (&rows[together * width..], together * slots + slot as usize);
            }
            let (rows, mut at) = left_over;
            for row in rows.chunks_exact(width) {
                out[at] += f64::from(tree.values[tree.leaf(row)]);
                at += slots;
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

/// Rows whose winners are picked at once.
const LANES: usize = 64;
/// Rows that are made bins of at a time.
const BINNED: usize = 1024;
/// Leaves of a tree at the most.
const LEAVES: usize = 64;

/// A split: its bins, and where the winners of its sides are. The first places are the leaves themselves.
struct Match {
    feature: u16,
    /// Bins up to it go left, after `shift`.
    last: u8,
    /// 1 brings the bin of missing values round to 0, so that they go left.
    shift: u8,
    left: u8,
    right: u8,
}

/// A tree, its deepest splits first.
struct Entrant {
    matches: Vec<Match>,
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
            // One bin is that of missing values, one is needed for the shift.
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
        winners.iter_mut().take(LEAVES).enumerate().for_each(|(leaf, own)| own.fill(leaf as u8));
        for (block, out) in out.chunks_mut(BINNED * slots).enumerate() {
            let first = block * BINNED;
            let count = out.len() / slots;
            for ((bins, search), column) in bins.iter_mut().zip(&self.searches).zip(x.iter()) {
                if let Some(search) = search {
                    search.bins(&column[first..first + count], bins);
                }
            }
            for entrant in &self.entrants {
                for (lanes, out) in out.chunks_mut(LANES * slots).enumerate() {
                    let leaves = entrant.play(&bins, lanes, &mut winners);
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
        let mut entrant = Self { matches: Vec::new(), values: [0.0; LEAVES], slot };
        // Of each node.
        let mut places = vec![0u8; tree.nodes.len()];
        let mut leaves = 0u8;
        for (at, node) in tree.nodes.iter().enumerate().rev() {
            if node.is_leaf() {
                entrant.values[leaves as usize] = f64::from(tree.values[at]);
                places[at] = leaves;
                leaves += 1;
                continue;
            }
            let own = &thresholds[node.feature as usize];
            let bin = own.partition_point(|threshold| *threshold < node.threshold) as u8;
            let shift = u8::from(node.missing_left());
            let child = node.child as usize;
            let (left, right) = (places[child], places[child + 1]);
            places[at] = (LEAVES + entrant.matches.len()) as u8;
            entrant.matches.push(Match { feature: node.feature, last: bin + shift, shift, left, right });
        }
        entrant
    }

    /// The leaves of the rows of one group.
    fn play<'w>(
        &self,
        bins: &[[u8; BINNED]],
        group: usize,
        winners: &'w mut [[u8; LANES]; 2 * LEAVES],
    ) -> &'w [u8; LANES] {
        for (number, own) in self.matches.iter().enumerate() {
            let Some((settled, [winner, ..])) = winners.split_at_mut_checked(LEAVES + number) else { break };
            let bins = bins[own.feature as usize].as_chunks::<LANES>().0[group];
            let (left, right) = (&settled[own.left as usize], &settled[own.right as usize]);
            for lane in 0..LANES {
                let goes_left = bins[lane].wrapping_add(own.shift) <= own.last;
                winner[lane] = if goes_left { left[lane] } else { right[lane] };
            }
        }
        // A tree of one leaf has no match.
        &winners[if self.matches.is_empty() { 0 } else { LEAVES + self.matches.len() - 1 }]
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
            let trees: Vec<Tree> =
                [1, 2, 5, 64, 33].iter().map(|&leaves| random_tree(&mut rng, leaves)).collect();
            let of = [0, 1, 0, 1, 1];
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
            let short: Vec<&[f64]> = columns.iter().map(|column| &column[..100]).collect();
            let mut out = vec![0.5; 200];
            add(&trees, &of, &Columns::new(short).unwrap(), 2, &mut out);
            assert_eq!(out, expected[..200]);
        }
    }
}

//! Sums of leaf values for many rows.
//!
//! Large tables go through a tournament. What does not suit it (categories, large trees, many thresholds, few rows)
//! walks down from the root, eight rows in step, or for a row that is left over eight trees.

use super::tournament::{Prepared, Tournament};
use super::trees::Tree;
use crate::Columns;

/// Rows that are copied row by row at a time.
const BLOCK: usize = 64;
/// Rows in step.
const STEP: usize = 8;
/// Tables of fewer rows do not pay for a tournament's preparation.
const MANY_ROWS: usize = 1024;

/// Adds leaf values to `out`, rows x `slots`; tree `t` adds to slot `of[t]`. Trees look at columns of `x` only, and
/// their nodes are in order of depth. `prepared` is of these trees.
pub(super) fn add(
    trees: &[Tree],
    of: &[u32],
    prepared: &Prepared,
    x: &Columns,
    slots: usize,
    out: &mut [f64],
) {
    if x.rows() >= MANY_ROWS
        && let Some(tournament) = prepared.get(|| Tournament::new(trees, of, x.width()))
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
            let prepared = Prepared::default();
            let mut out = vec![0.5; rows * 2];
            add(&trees, &of, &prepared, &x, 2, &mut out);
            assert_eq!(out, expected);
            for rows in [1, 7, 8, 100] {
                let short: Vec<&[f64]> = columns.iter().map(|column| &column[..rows]).collect();
                let mut out = vec![0.5; rows * 2];
                add(&trees, &of, &prepared, &Columns::new(short).unwrap(), 2, &mut out);
                assert_eq!(out, expected[..rows * 2]);
            }
            // All trees add to one sum.
            let mut one = vec![0.5; rows];
            add(&trees, &[0; 10], &Prepared::default(), &x, 1, &mut one);
            for (i, sum) in one.into_iter().enumerate() {
                x.read_row(i, &mut row);
                let values = trees.iter().map(|tree| f64::from(tree.values[tree.leaf(&row)]));
                assert_eq!(sum, values.fold(0.5, |sum, value| sum + value));
            }
        }
    }
}

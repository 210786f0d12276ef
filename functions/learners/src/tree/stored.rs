//! Trees as they are stored: seven bytes a split (column, cut, right child) and two a leaf beside its values.

use super::binning::{Cuts, MOST_COLUMNS};
use super::ensemble::{Ensemble, LEAF, Node, Tree};
use serde::{Deserialize, Serialize};

/// Set in a split's column if missing values go left.
const MISSING_LEFT: u16 = 0x8000;

#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    outputs: u32,
    #[serde(with = "crate::packed")]
    offsets: Vec<u32>,
    #[serde(with = "crate::packed")]
    cuts: Vec<f64>,
    /// Nodes of each tree.
    #[serde(with = "crate::packed")]
    sizes: Vec<u32>,
    /// One a node.
    #[serde(with = "crate::packed")]
    features: Vec<u16>,
    /// One a split: its cut.
    #[serde(with = "crate::packed")]
    bins: Vec<u8>,
    /// One a split: how far behind it its right child is.
    #[serde(with = "crate::packed")]
    rights: Vec<u32>,
    /// Leaves x outputs.
    #[serde(with = "crate::packed")]
    values: Vec<f32>,
}

impl From<Ensemble> for Stored {
    fn from(ensemble: Ensemble) -> Self {
        let mut stored = Self {
            outputs: ensemble.outputs as u32,
            offsets: ensemble.cuts.offsets,
            cuts: ensemble.cuts.values,
            sizes: Vec::new(),
            features: Vec::new(),
            bins: Vec::new(),
            rights: Vec::new(),
            values: Vec::new(),
        };
        for tree in ensemble.trees {
            stored.sizes.push(tree.nodes.len() as u32);
            for (place, node) in tree.nodes.iter().enumerate() {
                if node.feature == LEAF {
                    stored.features.push(LEAF);
                    continue;
                }
                stored.features.push(node.feature | if node.missing_left { MISSING_LEFT } else { 0 });
                stored.bins.push(node.bin);
                stored.rights.push(node.next - place as u32);
            }
            stored.values.extend(tree.values);
        }
        stored
    }
}

impl TryFrom<Stored> for Ensemble {
    type Error = &'static str;

    /// Checks everything that a walk relies on: a damaged file must not lead it astray.
    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        let ascending = stored.offsets.is_sorted() && stored.offsets.first().is_none_or(|&first| first == 0);
        if !ascending || stored.offsets.last().map_or(0, |&last| last as usize) != stored.cuts.len() {
            return Err("the cuts of the trees are damaged");
        }
        let mut ensemble = Self {
            cuts: Cuts { offsets: stored.offsets, values: stored.cuts },
            outputs: stored.outputs as usize,
            trees: Vec::with_capacity(stored.sizes.len()),
        };
        if ensemble.outputs == 0 || ensemble.width() > MOST_COLUMNS {
            return Err("the trees are damaged");
        }
        let mut features = stored.features.as_slice();
        let mut splits = stored.bins.iter().zip(&stored.rights);
        let mut values = stored.values.as_slice();
        for size in stored.sizes {
            let (own, rest) = features.split_at_checked(size as usize).ok_or("a tree is cut short")?;
            features = rest;
            let leaves = own.iter().filter(|feature| **feature == LEAF).count();
            let held = leaves.checked_mul(ensemble.outputs).ok_or("the trees are damaged")?;
            let (own_values, rest) = values.split_at_checked(held).ok_or("leaf values are missing")?;
            values = rest;
            let mut tree = Tree { nodes: Vec::with_capacity(own.len()), values: own_values.to_vec() };
            let mut next_value = 0;
            for (place, &feature) in own.iter().enumerate() {
                if feature == LEAF {
                    let (threshold, bin, missing_left) = (0.0, 0, false);
                    tree.nodes.push(Node { threshold, next: next_value, feature: LEAF, bin, missing_left });
                    next_value += ensemble.outputs as u32;
                    continue;
                }
                let (&bin, &right) = splits.next().ok_or("splits are missing")?;
                let column = feature & !MISSING_LEFT;
                if column as usize >= ensemble.width() {
                    return Err("a split looks at a column that is not there");
                }
                let threshold = ensemble.cuts.of(column as usize).get(bin as usize);
                let next = u32::try_from(place).ok().and_then(|place| place.checked_add(right));
                match (threshold, next) {
                    // Both children lie ahead, so that every walk ends.
                    (Some(&threshold), Some(next)) if right >= 2 && next < size => tree.nodes.push(Node {
                        threshold,
                        next,
                        feature: column,
                        bin,
                        missing_left: feature & MISSING_LEFT != 0,
                    }),
                    _ => return Err("a split leads nowhere"),
                }
            }
            if tree.nodes.last().is_none_or(|last| last.feature != LEAF) {
                return Err("a tree has no leaf at its end");
            }
            ensemble.trees.push(tree);
        }
        if !features.is_empty() || splits.next().is_some() || !values.is_empty() {
            return Err("the trees hold more than they say");
        }
        Ok(ensemble)
    }
}

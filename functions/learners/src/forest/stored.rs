//! Forests as they are stored: three bytes a split, two a leaf of one class, others two and their values.

use super::model::Forest;
use crate::cart::{Leaf, Preorder, Twins};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    classes: u32,
    offset: f64,
    oob_score: Option<f64>,
    #[serde(with = "crate::packed")]
    importances: Vec<f64>,
    twins: Twins,
    /// Cuts of each column.
    #[serde(with = "crate::packed")]
    counts: Vec<u8>,
    #[serde(with = "crate::packed")]
    cuts: Vec<f64>,
    /// Tests are the places of cuts.
    trees: Preorder<u8, f32>,
}

impl From<Forest> for Stored {
    fn from(forest: Forest) -> Self {
        let (outputs, shared) = (forest.outputs(), forest.shared());
        let leaf = |place: u32| match forest.leaves[place as usize] as usize {
            class if class < shared => Leaf::Class(class as u16),
            leaf => Leaf::Values(&forest.values[leaf * outputs..(leaf + 1) * outputs]),
        };
        Self {
            trees: Preorder::write(&forest.nodes, &forest.roots, leaf),
            classes: forest.classes,
            offset: forest.offset,
            oob_score: forest.oob_score,
            twins: forest.twins,
            counts: forest.cuts.iter().map(|cuts| cuts.len() as u8).collect(),
            cuts: forest.cuts.concat(),
            importances: forest.importances,
        }
    }
}

impl TryFrom<Stored> for Forest {
    type Error = &'static str;

    /// Checks everything that a walk relies on: a damaged file must not lead it astray.
    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        let mut cuts = stored.cuts.as_slice();
        let mut forest = Self {
            classes: stored.classes,
            offset: stored.offset,
            oob_score: stored.oob_score,
            importances: stored.importances,
            twins: stored.twins,
            ..Self::default()
        };
        for count in stored.counts {
            let (own, rest) = cuts.split_at_checked(count as usize).ok_or("cuts of the trees are missing")?;
            forest.cuts.push(own.to_vec());
            cuts = rest;
        }
        let sound = cuts.is_empty()
            && forest.cuts.iter().all(|cuts| cuts.windows(2).all(|two| two[0] < two[1]))
            && forest.twins.fit(forest.importances.len())
            && forest.importances.len() + forest.twins.len() == forest.cuts.len()
            && forest.classes != 1
            && forest.offset.is_finite();
        if !sound {
            return Err("the trees are damaged");
        }
        forest.share_values();
        let (mut leaves, outputs) = (vec![0; stored.trees.len()], forest.outputs());
        let cuts = std::mem::take(&mut forest.cuts);
        let fits =
            |feature, test| cuts.get(usize::from(feature)).is_some_and(|own| usize::from(test) < own.len());
        let leaf = |place: u32, leaf: Leaf<f32>| {
            // A damaged file may have more children than it has nodes.
            let Some(own_place) = leaves.get_mut(place as usize) else { return false };
            match leaf {
                Leaf::Class(class) => {
                    *own_place = u32::from(class);
                    usize::from(class) < forest.shared()
                }
                Leaf::Values(own) => {
                    *own_place = forest.place_values(own.iter().copied());
                    own.iter().all(|value| value.is_finite())
                }
            }
        };
        (forest.nodes, forest.roots) = stored.trees.read(outputs, fits, leaf)?;
        leaves.resize(forest.nodes.len(), 0);
        (forest.cuts, forest.leaves) = (cuts, leaves);
        Ok(forest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cart::{Grown, Node, Stats};

    fn forest(classes: usize) -> Forest {
        let mut forest = Forest::new(vec![vec![1.5, 2.5]], Twins::default(), classes);
        let outputs = forest.outputs();
        let split = |test, child| Node { test, child, feature: 0 };
        let mut values = vec![0.0; 5 * outputs];
        // Of one class, of all classes, and of one class again.
        values[outputs] = 1.0;
        values[3 * outputs..4 * outputs].fill(1.0 / outputs as f64 / 2.0);
        values[5 * outputs - 1] = 1.0;
        let nodes = vec![split(0, 1), Node::leaf(1), split(1, 3), Node::leaf(3), Node::leaf(4)];
        let tree = Grown { nodes, stats: vec![Stats::default(); 5], values, outputs };
        forest.push(&tree);
        forest.push(&tree);
        forest
    }

    #[test]
    fn survives_a_round_trip() {
        for classes in [0, 2, 3, 300] {
            let forest = forest(classes);
            let json = serde_json::to_string(&forest).unwrap();
            assert_eq!(serde_json::from_str::<Forest>(&json).unwrap(), forest, "{classes} classes");
        }
        assert_eq!(forest(3).values.len(), 9 + 2 * 3);
        assert_eq!(forest(3).leaves, [0, 0, 0, 3, 2, 0, 0, 0, 4, 2]);
    }

    #[test]
    fn refuses_damage() {
        let json = serde_json::to_value(forest(3)).unwrap();
        for (place, bytes) in [
            ("/trees/nodes", vec![1u8, 0, 255, 255, 255, 255]),
            (
                "/trees/nodes",
                vec![0, 0, 3, 128, 0, 0, 255, 255, 1, 128, 0, 0, 0, 128, 0, 0, 255, 255, 1, 128],
            ),
            ("/trees/tests", vec![200, 1, 0, 1]),
            ("/trees/tests", vec![0, 1, 0]),
            ("/trees/values", vec![]),
            ("/trees/values", vec![255; 24]),
            ("/counts", vec![3]),
            ("/counts", vec![1, 1]),
            ("/cuts", vec![0; 16]),
            ("/importances", vec![]),
            ("/twins", vec![0, 0]),
            ("/twins", vec![9, 0]),
        ] {
            let mut damaged = json.clone();
            *damaged.pointer_mut(place).unwrap() = serde_json::json!(bytes);
            assert!(serde_json::from_value::<Forest>(damaged).is_err(), "{place} {bytes:?}");
        }
        for classes in [1, 2, 7] {
            let mut damaged = json.clone();
            damaged["classes"] = serde_json::json!(classes);
            assert!(serde_json::from_value::<Forest>(damaged).is_err(), "{classes}");
        }
    }
}

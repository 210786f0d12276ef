//! Trees as they are stored: ten bytes a split, two a leaf of one class, others two and their values.

use super::algorithm::{DecisionTree, Tree};
use crate::cart::{Leaf, MOST, Preorder, Twins, only};
use crate::matrix::MOST_CLASSES;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    classes: u32,
    #[serde(with = "crate::packed")]
    importances: Vec<f64>,
    twins: Twins,
    tree: Preorder<f64, f64>,
}

/// Whether a leaf of one class has a number for it.
fn shared(classes: u32) -> u16 {
    if (classes as usize) < MOST { classes as u16 } else { 0 }
}

impl From<DecisionTree> for Stored {
    fn from(model: DecisionTree) -> Self {
        let (outputs, shared) = (model.outputs(), shared(model.classes));
        let leaf = |place: u32| {
            let values = &model.tree.values[place as usize * outputs..][..outputs];
            let class = match (shared, values) {
                (0, _) => None,
                (2, [p]) => [0.0, 1.0].iter().position(|one| one == p),
                (_, values) => only(values.iter().copied()),
            };
            class.map_or(Leaf::Values(values), |class| Leaf::Class(class as u16))
        };
        let roots: &[u32] = if model.tree.nodes.is_empty() { &[] } else { &[0] };
        let tree = Preorder::write(&model.tree.nodes, roots, leaf);
        Self { classes: model.classes, importances: model.importances, twins: model.twins, tree }
    }
}

impl TryFrom<Stored> for DecisionTree {
    type Error = &'static str;

    /// Checks everything that a walk relies on: a damaged file must not lead it astray.
    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        let Stored { classes, importances, twins, .. } = stored;
        let mut model = Self { classes, importances, twins, ..Self::default() };
        let (outputs, width, shared) = (model.outputs(), model.width(), shared(model.classes));
        // A leaf of one class is two bytes here, and a number for each class there.
        if width > MOST || !model.twins.fit(width) || model.classes == 1 || outputs > MOST_CLASSES {
            return Err("the tree is damaged");
        }
        let values = &mut model.tree.values;
        let leaf = |place: u32, leaf: Leaf<f64>| {
            let start = place as usize * outputs;
            values.resize(values.len().max(start + outputs), 0.0);
            let own = &mut values[start..start + outputs];
            match (leaf, own) {
                (Leaf::Values(from), own) => {
                    own.copy_from_slice(from);
                    from.iter().all(|value| value.is_finite())
                }
                (Leaf::Class(class), _) if class >= shared => false,
                (Leaf::Class(class), [own]) => {
                    *own = f64::from(class);
                    true
                }
                (Leaf::Class(class), own) => {
                    own[usize::from(class)] = 1.0;
                    true
                }
            }
        };
        // A second column has missing values below all numbers.
        let columns = width + model.twins.len();
        let fits = |column: u16, test: f64| match usize::from(column) < width {
            true => test.is_finite(),
            false => usize::from(column) < columns && test < f64::INFINITY,
        };
        let (nodes, roots) = stored.tree.read(outputs, fits, leaf)?;
        if roots.len() > 1 {
            return Err("there is more than one tree");
        }
        let count = nodes.len() * outputs;
        model.tree = Tree { nodes, values: std::mem::take(&mut model.tree.values) };
        model.tree.values.resize(count, 0.0);
        Ok(model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision_tree::Params;
    use crate::{Check, Matrix};

    #[test]
    fn survives_a_round_trip_and_refuses_damage() {
        let x = Matrix::from_rows(&[1.0, 2.0, 3.0, 4.0, 5.0, 5.0], 1).unwrap();
        let params = Params::default().check().unwrap();
        let models = [
            params.fit_classes(&x.columns(), &[0, 0, 1, 1, 1, 0], None).unwrap().0,
            params.fit_classes(&x.columns(), &[0, 2, 1, 1, 2, 0], None).unwrap().0,
            params.fit_numbers(&x.columns(), &[0.5, 2.5, 1.0, 0.0, 3.0, 0.0], None).unwrap().0,
            DecisionTree::default(),
        ];
        for model in &models {
            let json = serde_json::to_string(model).unwrap();
            let back: DecisionTree = serde_json::from_str(&json).unwrap();
            assert_eq!((back.classes, &back.importances), (model.classes, &model.importances));
            assert_eq!(back.tree.nodes.len(), model.tree.nodes.len());
            if !model.tree.nodes.is_empty() {
                assert_eq!(back.values(&x.columns()).unwrap(), model.values(&x.columns()).unwrap());
            }
        }
        let json = serde_json::to_value(&models[1]).unwrap();
        for (place, value) in [
            ("/classes", serde_json::json!(1)),
            ("/classes", serde_json::json!(2)),
            ("/classes", serde_json::json!(0)),
            ("/classes", serde_json::json!(30_000)),
            ("/importances", serde_json::json!([])),
            ("/twins", serde_json::json!([1, 0])),
            ("/tree/trees", serde_json::json!(2)),
            ("/tree/values", serde_json::json!([])),
            ("/tree/values", serde_json::json!(vec![255; 24])),
        ] {
            let mut damaged = json.clone();
            *damaged.pointer_mut(place).unwrap() = value;
            assert!(serde_json::from_value::<DecisionTree>(damaged).is_err(), "{place}");
        }
    }
}

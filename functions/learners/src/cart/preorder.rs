//! Trees as they are stored. Nodes follow one another in the order of a walk that goes left first, which says where
//! children are: two bytes a node, a test a split, and values for the leaves that need some.

use super::walk::{Node, Test};
use crate::packed::{self, Packed};
use serde::{Deserialize, Serialize};

/// Added to the class of a leaf of one class.
const CLASS: u16 = 0x8000;
/// A leaf with values of its own.
const LEAF: u16 = u16::MAX;
/// Columns at the most, and classes of leaves of one class.
pub(crate) const MOST: usize = 0x7fff;

/// Trees one after another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound = "T: Packed, V: Packed")]
pub(crate) struct Preorder<T, V> {
    trees: u32,
    /// One a node: a split's column, or what leaf it is.
    #[serde(with = "packed")]
    nodes: Vec<u16>,
    /// One a split.
    #[serde(with = "packed")]
    tests: Vec<T>,
    /// Leaves with values of their own x outputs.
    #[serde(with = "packed")]
    values: Vec<V>,
}

/// What a leaf says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Leaf<'a, V> {
    /// All rows are of this class, below [`MOST`].
    Class(u16),
    /// One value an output.
    Values(&'a [V]),
}

/// The one class that has rows, if the shares of the others are nothing at all.
pub(crate) fn only<V: PartialEq + From<u8>>(shares: impl Iterator<Item = V>) -> Option<usize> {
    let mut used = shares.enumerate().filter(|(_, share)| *share != V::from(0));
    let (class, share) = used.next()?;
    (share == V::from(1) && used.next().is_none()).then_some(class)
}

impl<T: Test, V: Copy> Preorder<T, V> {
    /// Nodes of all trees.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// `leaf` says what the leaf at a place holds.
    pub fn write<'a>(nodes: &[Node<T>], roots: &[u32], leaf: impl Fn(u32) -> Leaf<'a, V>) -> Self
    where
        V: 'a,
    {
        let mut stored = Self {
            trees: roots.len() as u32,
            nodes: Vec::with_capacity(nodes.len()),
            tests: Vec::new(),
            values: Vec::new(),
        };
        for root in roots {
            let mut pending = vec![*root];
            while let Some(place) = pending.pop() {
                let node = nodes[place as usize];
                if !node.is_leaf(place) {
                    stored.nodes.push(node.feature);
                    stored.tests.push(node.test);
                    pending.extend([node.child + 1, node.child]);
                    continue;
                }
                match leaf(place) {
                    Leaf::Class(class) => stored.nodes.push(CLASS + class),
                    Leaf::Values(values) => {
                        stored.nodes.push(LEAF);
                        stored.values.extend_from_slice(values);
                    }
                }
            }
        }
        stored
    }

    /// Nodes and roots. `fits` says whether a split may look at a column so; `leaf` takes what each leaf holds, in the
    /// order of their places' coming: every place from 0 on is a split or a leaf.
    ///
    /// # Errors
    /// For everything that could lead a walk astray.
    pub fn read(
        &self,
        outputs: usize,
        fits: impl Fn(u16, T) -> bool,
        mut leaf: impl FnMut(u32, Leaf<V>) -> bool,
    ) -> Result<(Vec<Node<T>>, Vec<u32>), &'static str> {
        if self.trees as usize > self.nodes.len()
            || outputs == 0
            || !self.values.len().is_multiple_of(outputs)
        {
            return Err("the trees are damaged");
        }
        let mut coded = self.nodes.iter();
        let mut tests = self.tests.iter();
        let mut values = self.values.chunks_exact(outputs);
        let mut nodes: Vec<Node<T>> = Vec::with_capacity(self.nodes.len());
        let mut roots = Vec::with_capacity(self.trees as usize);
        // Right children that wait until their left ones are done.
        let mut pending = Vec::new();
        for _ in 0..self.trees {
            let mut place = nodes.len() as u32;
            roots.push(place);
            nodes.push(Node::leaf(place));
            loop {
                let code = *coded.next().ok_or("a tree is cut short")?;
                let sound = if code < CLASS {
                    let test = *tests.next().ok_or("splits are missing")?;
                    let child = nodes.len() as u32;
                    nodes.extend([Node::leaf(child), Node::leaf(child + 1)]);
                    nodes[place as usize] = Node { test, child, feature: code };
                    pending.push(child + 1);
                    place = child;
                    if fits(code, test) {
                        continue;
                    }
                    false
                } else if code == LEAF {
                    leaf(place, Leaf::Values(values.next().ok_or("leaf values are missing")?))
                } else {
                    leaf(place, Leaf::Class(code - CLASS))
                };
                if !sound {
                    return Err("a node of the trees is damaged");
                }
                match pending.pop() {
                    Some(right) => place = right,
                    None => break,
                }
            }
        }
        if coded.next().is_some() || tests.next().is_some() || values.next().is_some() {
            return Err("the trees hold more than they say");
        }
        Ok((nodes, roots))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_class() {
        let of = |shares: [f32; 3]| only(shares.into_iter());
        assert_eq!(of([0.0, 1.0, 0.0]), Some(1));
        assert_eq!((of([1e-30, 1.0, 0.0]), of([0.0, 1.0, 1e-30])), (None, None));
        assert_eq!((of([0.5, 0.5, 0.0]), of([0.0; 3])), (None, None));
    }

    #[test]
    fn what_is_written_is_read() {
        let split = |test, child, feature| Node { test, child, feature };
        let nodes =
            [split(1.5, 1, 0), Node::leaf(1), split(-2.0, 3, 4), Node::leaf(3), Node::leaf(4), Node::leaf(5)];
        let values: Vec<[f32; 2]> = (0..6u8).map(|i| [f32::from(i); 2]).collect();
        let leaf = |place: u32| match place {
            3 => Leaf::Class(7),
            place => Leaf::Values(values[place as usize].as_slice()),
        };
        let stored = Preorder::write(&nodes, &[0, 5], leaf);
        let mut leaves = Vec::new();
        let note = |place: u32, own: Leaf<f32>| {
            leaves.push(place);
            own == leaf(place)
        };
        let read = stored.read(2, |feature, _| feature < 5, note);
        assert_eq!(read, Ok((nodes.to_vec(), vec![0, 5])));
        assert_eq!(leaves, [1, 3, 4, 5]);

        let refused = |stored: &Preorder<f64, f32>| stored.read(2, |f, _| f < 5, |_, _| true).is_err();
        assert!(!refused(&stored));
        assert!(stored.read(2, |f, _| f < 4, |_, _| true).is_err());
        assert!(stored.read(2, |_, _| true, |_, leaf| leaf != Leaf::Class(7)).is_err());
        let damaged = |damage: &dyn Fn(&mut Preorder<f64, f32>)| {
            let mut stored = stored.clone();
            damage(&mut stored);
            refused(&stored)
        };
        assert!(damaged(&|s| s.trees = 3));
        assert!(damaged(&|s| s.trees = 1));
        assert!(damaged(&|s| s.nodes.truncate(3)));
        assert!(damaged(&|s| s.nodes[1] = 0));
        assert!(damaged(&|s| s.tests.truncate(1)));
        assert!(damaged(&|s| s.tests.push(0.0)));
        assert!(damaged(&|s| s.values.truncate(4)));
        assert!(damaged(&|s| s.values.truncate(5)));
        assert!(damaged(&|s| s.values.extend([0.0; 2])));
    }
}

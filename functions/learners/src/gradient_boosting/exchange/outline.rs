//! A tree as other libraries write it, nodes in any order, and its way to ours.

use super::super::trees::{DEEPEST, Rule, Tree};
use crate::Error;
use crate::tree::binning::MOST_COLUMNS;

/// A node of a foreign tree.
pub(super) enum Outline {
    Leaf { value: f64, cover: f64 },
    Split { feature: usize, rule: Rule, missing_left: bool, gain: f64, cover: f64, left: usize, right: usize },
}

fn damaged(what: &str) -> Error {
    Error::data(format!("the model is damaged: {what}"))
}

/// Checks the number of features.
pub(super) fn check_width(width: usize) -> Result<(), Error> {
    if (1..=MOST_COLUMNS).contains(&width) {
        return Ok(());
    }
    Err(Error::data(format!("the model has {width} features; trees take 1 to {MOST_COLUMNS}")))
}

/// Builds a tree from the node that `node` says is its first, over features below `width`. A file of `size` nodes has no larger
/// tree, unless it goes in circles.
pub(super) fn tree(
    first: usize,
    size: usize,
    width: usize,
    node: impl Fn(usize) -> Result<Outline, Error>,
) -> Result<Tree, Error> {
    let cover_of = |outline: &Outline| match *outline {
        Outline::Leaf { cover, .. } | Outline::Split { cover, .. } => cover,
    };
    let root = node(first)?;
    let mut tree = Tree::new(cover_of(&root));
    let mut open = vec![(root, 0u32, 0u32)];
    while let Some((outline, at, depth)) = open.pop() {
        if !cover_of(&outline).is_finite() || cover_of(&outline) < 0.0 {
            return Err(damaged("a node's cover is no sum of weights"));
        }
        match outline {
            Outline::Leaf { value, .. } => {
                let single = value as f32;
                if !single.is_finite() {
                    return Err(damaged("a leaf's value is not finite"));
                }
                tree.values[at as usize] = single;
            }
            Outline::Split { feature, rule, missing_left, gain, left, right, .. } => {
                if feature >= width {
                    return Err(damaged(&format!("a split looks at feature {feature} of {width}")));
                }
                if matches!(rule, Rule::Below(threshold) if threshold.is_nan()) || !gain.is_finite() {
                    return Err(damaged("a split's number is not finite"));
                }
                if tree.nodes.len() + 2 > size || depth >= DEEPEST {
                    return Err(damaged("a tree goes in circles or is too deep"));
                }
                let (left, right) = (node(left)?, node(right)?);
                let covers = [cover_of(&left), cover_of(&right)];
                let child = tree.split(at, feature as u16, &rule, missing_left, gain, covers);
                open.extend([(left, child, depth + 1), (right, child + 1, depth + 1)]);
            }
        }
    }
    Ok(tree.by_depth())
}

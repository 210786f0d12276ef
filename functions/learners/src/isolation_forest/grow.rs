//! One tree: every node is split by a feature drawn at random, at a place drawn uniformly between its ends.

use crate::Columns;
use crate::cart::{Entered, Found, Splitter};
use crate::rng::Rng;
use std::ops::Range;

/// The rows of a tree, in the order of its nodes.
pub(super) struct Isolated<'a> {
    pub x: &'a Columns<'a>,
    /// Rows may come more than once.
    pub rows: Vec<u32>,
    /// Features to draw from.
    pub features: Vec<u32>,
    pub rng: Rng,
}

impl Splitter for Isolated<'_> {
    type Test = f64;

    fn enter(&mut self, rows: &Range<usize>) -> Entered {
        Entered { weight: rows.len() as f64, impurity: 0.0, pure: rows.len() == 1 }
    }

    /// What a leaf says depends on its depth, which is known later.
    fn values(&mut self, _: &Range<usize>, _: &mut [f64]) {}

    /// By the first feature drawn that is not constant in the node.
    fn search(&mut self, rows: &Range<usize>) -> Option<Found<f64>> {
        for drawn in 0..self.features.len() {
            self.rng.draw_to_front(&mut self.features[drawn..], 1);
            let feature = self.features[drawn];
            let column = self.x.column(feature as usize);
            let values = self.rows[rows.clone()].iter().map(|row| column[*row as usize]);
            let (low, high) =
                values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
            if low < high {
                let unit = self.rng.unit();
                let test = low * (1.0 - unit) + high * unit;
                // Rounding must not leave a side empty.
                let test = if test < high { test.max(low) } else { low };
                return Some(Found { feature, test, gain: 0.0 });
            }
        }
        None
    }

    fn part(&mut self, rows: &Range<usize>, found: &Found<f64>) -> usize {
        let column = self.x.column(found.feature as usize);
        let node = &mut self.rows[rows.clone()];
        let mut left = 0;
        for i in 0..node.len() {
            if column[node[i] as usize] <= found.test {
                node.swap(left, i);
                left += 1;
            }
        }
        left
    }
}

//! The shortest tree that spans all rows: joined by length, its edges are single linkage.
//!
//! R. C. Prim, Shortest connection networks, 1957, without a matrix of distances.

use crate::neighbours::{Metric, Rows};

/// Rows of the table, not in the tree yet, column by column.
pub(crate) struct Outside {
    columns: Vec<Vec<f64>>,
    rows: Vec<u32>,
    /// Reduced distance to the tree, and the row of the tree that it is to.
    nearest: Vec<(f64, u32)>,
}

/// Edges in the order in which Prim's algorithm finds them, with reduced lengths. `stretch` may lengthen the distance of
/// two rows.
pub(crate) fn edges(
    rows: &Rows,
    metric: Metric,
    stretch: impl Fn(f64, u32, u32) -> f64,
) -> Vec<(u32, u32, f64)> {
    let count = rows.len();
    let mut outside = Outside {
        columns: (0..rows.width).map(|j| rows.iter().skip(1).map(|row| row[j]).collect()).collect(),
        rows: (1..count as u32).collect(),
        nearest: vec![(f64::INFINITY, 0); count.saturating_sub(1)],
    };
    let mut edges = Vec::with_capacity(count.saturating_sub(1));
    let mut current = 0u32;
    let mut distances = Vec::new();
    while !outside.rows.is_empty() {
        outside.distances(rows.row(current as usize), metric, &mut distances);
        let mut best = 0;
        for (i, distance) in distances.iter().enumerate() {
            let length = stretch(*distance, current, outside.rows[i]);
            if length < outside.nearest[i].0 {
                outside.nearest[i] = (length, current);
            }
            let (own, least) = (outside.nearest[i].0, outside.nearest[best].0);
            if own < least || (own == least && outside.rows[i] < outside.rows[best]) {
                best = i;
            }
        }
        let (length, from) = outside.nearest[best];
        current = outside.rows[best];
        edges.push((from, current, length));
        outside.take(best);
    }
    edges
}

impl Outside {
    fn distances(&self, query: &[f64], metric: Metric, out: &mut Vec<f64>) {
        out.clear();
        out.resize(self.rows.len(), 0.0);
        for (column, q) in self.columns.iter().zip(query) {
            match metric {
                Metric::Euclidean => {
                    out.iter_mut().zip(column).for_each(|(out, v)| *out += (v - q) * (v - q))
                }
                Metric::Manhattan => out.iter_mut().zip(column).for_each(|(out, v)| *out += (v - q).abs()),
            }
        }
    }

    fn take(&mut self, place: usize) {
        self.columns.iter_mut().for_each(|column| {
            column.swap_remove(place);
        });
        self.rows.swap_remove(place);
        self.nearest.swap_remove(place);
    }
}

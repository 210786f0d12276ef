//! A k-d tree with the bounds of every node, for a few dimensions.
//!
//! J. H. Friedman, J. L. Bentley, R. A. Finkel, An algorithm for finding best matches in logarithmic expected time,
//! ACM TOMS 3 (1977).

use super::{Leaves, Metric, Nearest, Rows};

/// Rows in a leaf at the most.
const LEAF: usize = 32;

/// Rows cut in halves along their longest extent, down to leaves.
#[derive(Debug, Clone)]
pub struct KdTree {
    leaves: Leaves,
    nodes: Vec<Node>,
    /// Of each node in turn: the least values, then the largest.
    bounds: Vec<f64>,
    width: usize,
    metric: Metric,
}

/// A node and its rows' places; its left child is the next node.
#[derive(Debug, Clone, Copy)]
struct Node {
    start: u32,
    end: u32,
    /// The right child; 0 in a leaf.
    right: u32,
    leaf: u32,
    /// The least of its rows.
    first: u32,
}

struct Builder<'a> {
    rows: &'a Rows,
    order: Vec<u32>,
    starts: Vec<u32>,
    nodes: Vec<Node>,
    bounds: Vec<f64>,
}

impl Builder<'_> {
    fn grow(&mut self, start: usize, end: usize) {
        let width = self.rows.width;
        let (place, corner) = (self.nodes.len(), self.bounds.len());
        let own = &self.order[start..end];
        self.bounds.extend(std::iter::repeat_n(f64::INFINITY, width));
        self.bounds.extend(std::iter::repeat_n(f64::NEG_INFINITY, width));
        let (low, high) = self.bounds[corner..].split_at_mut(width);
        for &row in own {
            for ((v, low), high) in self.rows.row(row as usize).iter().zip(&mut *low).zip(&mut *high) {
                *low = if v < low { *v } else { *low };
                *high = if v > high { *v } else { *high };
            }
        }
        let extent = |j: usize| high[j] - low[j];
        let longest = (1..width).fold(0, |best, j| if extent(j) > extent(best) { j } else { best });
        let first = own.iter().copied().min().unwrap_or(0);
        let (start32, end32) = (start as u32, end as u32);
        self.nodes.push(Node { start: start32, end: end32, right: 0, leaf: u32::MAX, first });
        if end - start <= LEAF {
            self.nodes[place].leaf = (self.starts.len() - 1) as u32;
            self.starts.push(end32);
            return;
        }
        let middle = (end - start) / 2;
        let rows = self.rows;
        let key = |row: u32| rows.values[row as usize * width + longest];
        self.order[start..end]
            .select_nth_unstable_by(middle, |a, b| key(*a).total_cmp(&key(*b)).then(a.cmp(b)));
        self.grow(start, start + middle);
        self.nodes[place].right = self.nodes.len() as u32;
        self.grow(start + middle, end);
    }
}

impl KdTree {
    /// Of finite rows; there is one at least.
    pub fn new(rows: &Rows, metric: Metric) -> Self {
        let mut builder = Builder {
            rows,
            order: (0..rows.len() as u32).collect(),
            starts: vec![0],
            nodes: Vec::new(),
            bounds: Vec::new(),
        };
        builder.grow(0, rows.len());
        let Builder { mut order, starts, nodes, bounds, .. } = builder;
        // In a leaf the first row first.
        starts.windows(2).for_each(|ends| order[ends[0] as usize..ends[1] as usize].sort_unstable());
        Self { leaves: Leaves::pack(rows, order, starts), nodes, bounds, width: rows.width, metric }
    }

    /// The row at each place of the tree: neighbours in space are mostly neighbours here.
    pub fn order(&self) -> &[u32] {
        self.leaves.order()
    }

    /// The least reduced distance that a row of the node may have.
    #[inline]
    fn nearest_corner(&self, node: usize, query: &[f64]) -> f64 {
        let bounds = &self.bounds[node * 2 * self.width..(node + 1) * 2 * self.width];
        let (low, high) = bounds.split_at(self.width);
        let mut sum = 0.0;
        for ((q, low), high) in query.iter().zip(low).zip(high) {
            let (below, above) = (low - q, q - high);
            let outside = if below > above { below } else { above };
            sum += self.metric.part(if outside > 0.0 { outside } else { 0.0 });
        }
        // Sums are rounded in another order than distances are.
        sum * (1.0 - 1e-14)
    }

    /// The largest reduced distance that a row of the node may have.
    #[inline]
    fn farthest_corner(&self, node: usize, query: &[f64]) -> f64 {
        let bounds = &self.bounds[node * 2 * self.width..(node + 1) * 2 * self.width];
        let (low, high) = bounds.split_at(self.width);
        let mut sum = 0.0;
        for ((q, low), high) in query.iter().zip(low).zip(high) {
            let (a, b) = ((q - low).abs(), (q - high).abs());
            sum += self.metric.part(if a > b { a } else { b });
        }
        sum * (1.0 + 1e-14)
    }

    /// Adds the nearest rows to `query`.
    pub fn nearest(&self, query: &[f64], nearest: &mut Nearest) {
        self.descend(0, self.nearest_corner(0, query), query, nearest, &mut Vec::with_capacity(LEAF));
    }

    fn descend(
        &self,
        place: usize,
        corner: f64,
        query: &[f64],
        nearest: &mut Nearest,
        buffer: &mut Vec<f64>,
    ) {
        let node = self.nodes[place];
        if !nearest.wants(corner, node.first) {
            return;
        }
        if node.right == 0 {
            self.leaves.distances(node.leaf as usize, query, self.metric, buffer);
            for (distance, row) in buffer.iter().zip(self.leaves.rows(node.leaf as usize)) {
                if *distance <= nearest.limit() {
                    nearest.offer(*distance, *row);
                }
            }
            return;
        }
        let (left, right) = (place + 1, node.right as usize);
        let (a, b) = (self.nearest_corner(left, query), self.nearest_corner(right, query));
        match a <= b {
            true => {
                self.descend(left, a, query, nearest, buffer);
                self.descend(right, b, query, nearest, buffer);
            }
            false => {
                self.descend(right, b, query, nearest, buffer);
                self.descend(left, a, query, nearest, buffer);
            }
        }
    }

    /// Calls `found` with place and row of every row within the reduced `radius` whose place is at least `from`.
    pub fn within(&self, query: &[f64], radius: f64, from: usize, mut found: impl FnMut(usize, u32)) {
        let mut stack = vec![0usize];
        let mut buffer = Vec::with_capacity(LEAF);
        while let Some(place) = stack.pop() {
            let node = self.nodes[place];
            if (node.end as usize) <= from || self.nearest_corner(place, query) > radius {
                continue;
            }
            if node.right != 0 {
                stack.extend([node.right as usize, place + 1]);
                continue;
            }
            self.leaves.distances(node.leaf as usize, query, self.metric, &mut buffer);
            let rows = self.leaves.rows(node.leaf as usize);
            for (i, (distance, row)) in buffer.iter().zip(rows).enumerate() {
                if *distance <= radius && node.start as usize + i >= from {
                    found(node.start as usize + i, *row);
                }
            }
        }
    }

    /// How many rows are within the reduced `radius`; stops when there are `enough`.
    pub fn count_within(&self, query: &[f64], radius: f64, enough: usize) -> usize {
        let mut stack = vec![0usize];
        let mut buffer = Vec::with_capacity(LEAF);
        let mut count = 0;
        while let Some(place) = stack.pop() {
            let node = self.nodes[place];
            if self.nearest_corner(place, query) > radius {
                continue;
            }
            if self.farthest_corner(place, query) <= radius {
                count += (node.end - node.start) as usize;
            } else if node.right != 0 {
                // The nearer child last, so that it is looked at first.
                let (left, right) = (place + 1, node.right as usize);
                let left_first = self.nearest_corner(left, query) <= self.nearest_corner(right, query);
                stack.extend(if left_first { [right, left] } else { [left, right] });
            } else {
                self.leaves.distances(node.leaf as usize, query, self.metric, &mut buffer);
                count += buffer.iter().filter(|distance| **distance <= radius).count();
            }
            if count >= enough {
                break;
            }
        }
        count
    }
}

//! All rows, sifted in single precision; those that may be near are measured in double precision.

use super::{Metric, Nearest, Rows};
use crate::linalg::panels::{PANEL, POINTS, Panels, Points, products};
use crate::{Columns, Matrix};

/// Panels that stay in the cache while the queries of a batch pass by.
const CHUNK: usize = 32;
/// Queries that are searched for together.
const BATCH: usize = 64;

/// Packed rows, for Euclidean distances in many dimensions.
#[derive(Debug, Clone)]
pub struct Brute {
    panels: Panels,
    origin: Vec<f64>,
    /// Squared lengths, less what single precision may be wrong by; infinite past the last row.
    squares: Vec<f32>,
}

/// Four queries.
struct Group<'a> {
    points: Points,
    rows: [Option<&'a [f64]>; POINTS],
    /// Squared lengths in the panels' scale, less the doubt.
    squares: [f64; POINTS],
    nearest: [Nearest; POINTS],
    /// Too far off for single precision: every row is measured.
    far: [bool; POINTS],
}

impl Brute {
    /// Of finite rows; there is one at least.
    pub fn new(rows: &Rows) -> Self {
        let matrix = Matrix::from_rows(&rows.values, rows.width).expect("rows are whole");
        Self::of_columns(&matrix.columns())
    }

    fn of_columns(x: &Columns) -> Self {
        let origin: Vec<f64> =
            x.iter().map(|column| crate::linalg::mean(column, None, x.rows() as f64)).collect();
        let panels = Panels::pack(x, &origin);
        let mut squares = vec![0.0f64; x.rows()];
        for (column, origin) in x.iter().zip(&origin) {
            for (square, v) in squares.iter_mut().zip(column) {
                let d = (v - origin) * panels.scale();
                *square += d * d;
            }
        }
        let certain = 1.0 - 2.0 * panels.doubt();
        let mut squares: Vec<f32> = squares.into_iter().map(|s| (s * certain) as f32).collect();
        squares.resize(panels.count() * PANEL, f32::INFINITY);
        Self { panels, origin, squares }
    }

    /// Finds the `k` nearest rows to each query: calls `found` with its number, reduced distances and rows. `rows` are
    /// those that this was made of.
    pub fn nearest(
        &self,
        rows: &Rows,
        queries: &Rows,
        k: usize,
        mut found: impl FnMut(usize, &[(f64, u32)]),
    ) {
        let mut number = 0;
        for batch in queries.values.chunks(BATCH * queries.width) {
            let mut groups: Vec<Group> = batch
                .chunks(POINTS * queries.width)
                .map(|quad| self.group(quad.chunks_exact(queries.width), k))
                .collect();
            for start in (0..self.panels.count()).step_by(CHUNK) {
                for group in &mut groups {
                    for p in start..(start + CHUNK).min(self.panels.count()) {
                        self.sift(p, group, rows);
                    }
                }
            }
            for group in &groups {
                for nearest in group.nearest.iter().zip(&group.rows).filter(|(_, row)| row.is_some()) {
                    found(number, nearest.0.found());
                    number += 1;
                }
            }
        }
    }

    fn group<'a>(&self, queries: impl Iterator<Item = &'a [f64]>, k: usize) -> Group<'a> {
        let mut rows = [None; POINTS];
        rows.iter_mut().zip(queries).for_each(|(row, query)| *row = Some(query));
        let scale = self.panels.scale();
        let mut far = [false; POINTS];
        let mut moved = vec![vec![0.0; self.origin.len()]; POINTS];
        for ((moved, query), far) in moved.iter_mut().zip(rows).zip(&mut far) {
            for ((out, q), o) in moved.iter_mut().zip(query.unwrap_or_default()).zip(&self.origin) {
                *out = q - o;
                *far |= (q - o).abs() * scale > 1e15;
            }
            if *far {
                moved.fill(0.0);
            }
        }
        let square = |c: usize| moved[c].iter().map(|v| (v * scale) * (v * scale)).sum::<f64>();
        let certain = 1.0 - 2.0 * self.panels.doubt();
        Group {
            points: self.panels.points(moved.iter().map(Vec::as_slice)),
            rows,
            squares: [0, 1, 2, 3].map(|c| square(c) * certain),
            nearest: std::array::from_fn(|_| Nearest::new(k)),
            far,
        }
    }

    /// Measures those rows of a panel that may be nearer than what was found.
    #[inline]
    fn sift(&self, p: usize, group: &mut Group, rows: &Rows) {
        let dots = products(self.panels.panel(p), &group.points);
        let squares = &self.squares[p * PANEL..(p + 1) * PANEL];
        let scale = self.panels.scale() * self.panels.scale();
        let mut limits = [f32::NEG_INFINITY; POINTS];
        for (c, out) in limits.iter_mut().enumerate() {
            if group.far[c] {
                *out = f32::INFINITY;
            } else if group.rows[c].is_some() {
                let (limit, square) = (group.nearest[c].limit() * scale, group.squares[c]);
                *out = (limit - square + 3e-7 * (limit + square) + 1e-36) as f32;
            }
        }
        let mut hits = [0u32; PANEL];
        for c in 0..POINTS {
            for l in 0..PANEL {
                hits[l] |= u32::from(squares[l] - 2.0 * dots[c][l] <= limits[c]) << c;
            }
        }
        if hits.iter().fold(0, |any, hit| any | hit) == 0 {
            return;
        }
        for (l, hits) in hits.into_iter().enumerate() {
            let row = p * PANEL + l;
            if row >= rows.len() {
                break;
            }
            for (c, query) in group.rows.iter().enumerate() {
                if let Some(query) = query
                    && hits & (1 << c) != 0
                {
                    let distance = Metric::Euclidean.reduced(rows.row(row), query);
                    group.nearest[c].offer(distance, row as u32);
                }
            }
        }
    }
}

//! The nearest centre of every row: single precision where it is sure, double precision where it is not, and nothing
//! at all where it cannot have changed.

use super::bounds::Bounds;
use super::distances;
use crate::Columns;
use crate::linalg::panels::{PANEL, POINTS, Panels, Points, products};

/// The rows, relative to their means, so that distances keep their digits far from the origin.
pub(super) struct Data<'a> {
    pub x: &'a Columns<'a>,
    pub origin: &'a [f64],
    pub weights: Option<&'a [f64]>,
    pub panels: Panels,
    /// The squared length of each row in the panels' scale.
    squares: Vec<f32>,
}

/// Rows that are compared with all centres together.
struct Group<'a> {
    panel: &'a [f32],
    squares: &'a [f32; PANEL],
    /// Which rows they are; those that need no look have none.
    rows: [Option<u32>; PANEL],
}

/// What the panels are compared with.
struct Packed {
    points: Vec<Points>,
    /// Squared lengths; infinite for centres that only fill up the last four.
    squares: Vec<[f32; POINTS]>,
    /// Scores nearer to one another than `slope * length of the row + constant` are not told apart.
    slope: f32,
    constant: f32,
    /// The share of a row's squared length by which it may be off.
    doubt: f32,
}

impl<'a> Data<'a> {
    pub fn new(x: &'a Columns<'a>, origin: &'a [f64], weights: Option<&'a [f64]>) -> Self {
        let panels = Panels::pack(x, origin);
        let mut squares = vec![0.0f32; panels.count() * PANEL];
        for (p, squares) in squares.chunks_exact_mut(PANEL).enumerate() {
            for lanes in panels.panel(p).as_chunks::<PANEL>().0 {
                (0..PANEL).for_each(|l| squares[l] += lanes[l] * lanes[l]);
            }
        }
        Self { x, origin, weights, panels, squares }
    }

    pub fn rows(&self) -> usize {
        self.x.rows()
    }

    pub fn width(&self) -> usize {
        self.x.width()
    }

    pub fn weight(&self, i: usize) -> f64 {
        self.weights.map_or(1.0, |w| w[i])
    }

    /// Writes row `i`, less the origin.
    pub fn read_row(&self, i: usize, row: &mut [f64]) {
        self.x.read_row(i, row);
        row.iter_mut().zip(self.origin).for_each(|(v, o)| *v -= o);
    }

    pub fn row(&self, i: usize) -> Vec<f64> {
        let mut row = vec![0.0; self.width()];
        self.read_row(i, &mut row);
        row
    }

    /// The mean over the columns of their (plain) variances; infinite if it is too large for a number.
    pub fn mean_variance(&self) -> f64 {
        let squares: f64 = self.squares[..self.rows()].iter().map(|square| f64::from(*square)).sum();
        squares / (self.panels.scale() * self.panels.scale()) / (self.rows() * self.width()) as f64
    }

    fn pack(&self, centres: &[f64]) -> Packed {
        let quads = centres.chunks(self.width() * POINTS);
        let scale = self.panels.scale();
        let square = |centre: &[f64]| centre.iter().map(|v| (v * scale) * (v * scale)).sum::<f64>();
        let (mut points, mut squares, mut longest) = (Vec::new(), Vec::new(), 0.0f64);
        for quad in quads {
            points.push(self.panels.points(quad.chunks_exact(self.width())));
            let mut own = [f32::INFINITY; POINTS];
            for (own, centre) in own.iter_mut().zip(quad.chunks_exact(self.width())) {
                *own = square(centre) as f32;
                longest = longest.max(square(centre));
            }
            squares.push(own);
        }
        // Of two scores `|c|^2 - 2 x c`: twice the doubt of each, which is of the products and of `|c|^2`.
        let (doubt, longest) = (4.0 * self.panels.doubt(), longest.sqrt());
        let constant = doubt * longest * longest + 1e-36;
        Packed {
            points,
            squares,
            slope: (doubt * longest) as f32,
            constant: constant as f32,
            doubt: self.panels.doubt() as f32,
        }
    }

    /// Sets each row's label to its nearest centre, the first of equally near ones.
    pub fn assign(&self, centres: &[f64], labels: &mut [u32]) {
        let mut bounds = self.bounds(centres.len() / self.width());
        self.follow(centres, &mut bounds, labels, |_, _| {});
    }

    /// Bounds that know nothing yet.
    pub fn bounds(&self, clusters: usize) -> Bounds {
        Bounds::new(self.rows(), self.squares.len(), clusters)
    }

    /// The same for rows whose label may have changed since `bounds` heard of them; `changed` hears of every row whose
    /// label is another now, with the label that it had.
    pub fn follow(
        &self,
        centres: &[f64],
        bounds: &mut Bounds,
        labels: &mut [u32],
        mut changed: impl FnMut(usize, u32),
    ) {
        let packed = self.pack(centres);
        let mut row = vec![0.0; self.width()];
        let mut look = |group: &Group, bounds: &mut Bounds, labels: &mut [u32]| {
            let found = nearest_in(group, &packed);
            for (l, i) in group.rows.iter().enumerate() {
                let Some(i) = i.map(|i| i as usize) else { continue };
                let label = match found.sure[l] {
                    true => {
                        bounds.found(i, found.label[l], found.lead[l]);
                        found.label[l]
                    }
                    false => {
                        bounds.in_doubt(i);
                        self.read_row(i, &mut row);
                        distances::closest(&row, centres).0
                    }
                };
                if labels[i] != label {
                    changed(i, labels[i]);
                    labels[i] = label;
                }
            }
        };
        // Few rows of a panel are put aside, until there are enough for one.
        let mut aside = Aside::new(self.width());
        for p in 0..self.panels.count() {
            let start = p * PANEL;
            let label = |i: usize| labels.get(i).copied().unwrap_or_default();
            let open: [bool; PANEL] = std::array::from_fn(|l| bounds.open(start + l, label(start + l)));
            let count = open.iter().filter(|open| **open).count();
            let (panel, squares) = (self.panels.panel(p), self.squares.as_chunks::<PANEL>().0);
            if count > FEW {
                let rows = std::array::from_fn(|l| open[l].then_some((start + l) as u32));
                look(&Group { panel, squares: &squares[p], rows }, bounds, labels);
            } else if count > 0 {
                for l in (0..PANEL).filter(|l| open[*l]) {
                    aside.push(panel, l, squares[p][l], (start + l) as u32);
                    if let Some(group) = aside.full() {
                        look(&group, bounds, labels);
                        aside.clear();
                    }
                }
            }
        }
        look(&aside.group(), bounds, labels);
    }

    /// The squared distance of each row to the centre of its label.
    pub fn own_distances(&self, centres: &[f64], labels: &[u32]) -> Vec<f64> {
        let mut all = vec![0.0; self.rows()];
        let width = self.width();
        for (j, (column, origin)) in self.x.iter().zip(self.origin).enumerate() {
            for ((d, v), &label) in all.iter_mut().zip(column).zip(labels) {
                let difference = v - origin - centres[label as usize * width + j];
                *d += difference * difference;
            }
        }
        all
    }
}

/// A panel with more rows to look at is looked at as it lies.
const FEW: usize = 4;

/// A panel in the making.
struct Aside {
    panel: Vec<f32>,
    squares: [f32; PANEL],
    rows: [Option<u32>; PANEL],
    count: usize,
}

impl Aside {
    fn new(width: usize) -> Self {
        Self { panel: vec![0.0; PANEL * width], squares: [0.0; PANEL], rows: [None; PANEL], count: 0 }
    }

    /// Takes a row from its place in a panel.
    fn push(&mut self, panel: &[f32], lane: usize, square: f32, row: u32) {
        let to = self.count;
        let lanes = self.panel.as_chunks_mut::<PANEL>().0.iter_mut().zip(panel.as_chunks::<PANEL>().0);
        lanes.for_each(|(own, from)| own[to] = from[lane]);
        (self.squares[to], self.rows[to]) = (square, Some(row));
        self.count += 1;
    }

    fn full(&self) -> Option<Group<'_>> {
        (self.count == PANEL).then(|| self.group())
    }

    fn group(&self) -> Group<'_> {
        Group { panel: &self.panel, squares: &self.squares, rows: self.rows }
    }

    fn clear(&mut self) {
        (self.rows, self.count) = ([None; PANEL], 0);
    }
}

/// The nearest centres of a group's rows.
struct Nearest {
    label: [u32; PANEL],
    /// Whether single precision is enough to say so.
    sure: [bool; PANEL],
    /// By how much nearer it is than the next one, at least, if it is sure.
    lead: [f32; PANEL],
}

#[inline]
fn nearest_in(group: &Group, packed: &Packed) -> Nearest {
    let (mut best, mut second) = ([f32::INFINITY; PANEL], [f32::INFINITY; PANEL]);
    let mut label = [0u32; PANEL];
    for (quad, (points, squares)) in packed.points.iter().zip(&packed.squares).enumerate() {
        let dots = products(group.panel, points);
        for c in 0..POINTS {
            let number = (quad * POINTS + c) as u32;
            for l in 0..PANEL {
                let score = squares[c] - 2.0 * dots[c][l];
                let less = score < best[l];
                let rest = if score < second[l] { score } else { second[l] };
                second[l] = if less { best[l] } else { rest };
                best[l] = if less { score } else { best[l] };
                label[l] = if less { number } else { label[l] };
            }
        }
    }
    let (mut sure, mut lead) = ([false; PANEL], [0.0; PANEL]);
    for l in 0..PANEL {
        let square = group.squares[l];
        let doubt = packed.slope * (square.sqrt() * 1.001) + packed.constant;
        sure[l] = second[l] - best[l] > doubt;
        // Of a squared distance, to which the row's own length adds its part.
        let doubt = doubt + packed.doubt * square;
        let (near, far) = (square + best[l] + doubt, square + second[l] - doubt);
        let positive = |v: f32| if v > 0.0 { v } else { 0.0 };
        // One cluster alone has no next one.
        let far = if far < f32::MAX { positive(far).sqrt() * (1.0 - 1e-6) } else { f32::MAX };
        lead[l] = far - positive(near).sqrt() * (1.0 + 1e-6);
    }
    Nearest { label, sure, lead }
}

//! The nearest centre of every row: single precision where it is sure, double precision where it is not.

use super::distances;
use crate::Columns;
use crate::linalg::panels::{PANEL, POINTS, Panels, Points, products};

/// The rows, relative to their means, so that distances keep their digits far from the origin.
pub(super) struct Data<'a> {
    pub x: &'a Columns<'a>,
    pub origin: &'a [f64],
    pub weights: Option<&'a [f64]>,
    pub panels: Panels,
    /// The length of each row in the panels' scale.
    lengths: Vec<f32>,
}

/// What the panels are compared with.
struct Packed {
    points: Vec<Points>,
    /// Squared lengths; infinite for centres that only fill up the last four.
    squares: Vec<[f32; POINTS]>,
    /// Scores nearer to one another than `slope * length of the row + constant` are not told apart.
    slope: f32,
    constant: f32,
}

impl<'a> Data<'a> {
    pub fn new(x: &'a Columns<'a>, origin: &'a [f64], weights: Option<&'a [f64]>) -> Self {
        let panels = Panels::pack(x, origin);
        let mut lengths = vec![0.0f32; panels.count() * PANEL];
        for (p, lengths) in lengths.chunks_exact_mut(PANEL).enumerate() {
            for lanes in panels.panel(p).as_chunks::<PANEL>().0 {
                (0..PANEL).for_each(|l| lengths[l] += lanes[l] * lanes[l]);
            }
            lengths.iter_mut().for_each(|v| *v = v.sqrt() * 1.001);
        }
        Self { x, origin, weights, panels, lengths }
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

    /// The mean over the columns of their (plain) variances.
    pub fn mean_variance(&self) -> f64 {
        let of_column = |(column, o): (&[f64], &f64)| column.iter().map(|v| (v - o) * (v - o)).sum::<f64>();
        let squares: f64 = self.x.iter().zip(self.origin).map(of_column).sum();
        squares / (self.rows() * self.width()) as f64
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
        Packed { points, squares, slope: (doubt * longest) as f32, constant: constant as f32 }
    }

    /// Sets each row's label to its nearest centre, the first of equally near ones; `changed` hears of every row
    /// whose label is another now, with the label that it had.
    pub fn assign(&self, centres: &[f64], labels: &mut [u32], mut changed: impl FnMut(usize, u32, u32)) {
        let packed = self.pack(centres);
        let mut row = vec![0.0; self.width()];
        for (p, lengths) in self.lengths.chunks_exact(PANEL).enumerate() {
            let (nearest, gap) = nearest_in(self.panels.panel(p), &packed);
            let start = p * PANEL;
            for l in 0..PANEL.min(self.rows() - start) {
                let i = start + l;
                let sure = gap[l] > packed.slope * lengths[l] + packed.constant;
                let label = match sure {
                    true => nearest[l],
                    false => {
                        self.read_row(i, &mut row);
                        distances::closest(&row, centres).0
                    }
                };
                if labels[i] != label {
                    changed(i, labels[i], label);
                    labels[i] = label;
                }
            }
        }
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

/// The nearest centre of a panel's rows, and by how much the next one's score is larger.
#[inline]
fn nearest_in(panel: &[f32], packed: &Packed) -> ([u32; PANEL], [f32; PANEL]) {
    let (mut best, mut second) = ([f32::INFINITY; PANEL], [f32::INFINITY; PANEL]);
    let mut label = [0u32; PANEL];
    for (quad, (points, squares)) in packed.points.iter().zip(&packed.squares).enumerate() {
        let dots = products(panel, points);
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
    (label, std::array::from_fn(|l| second[l] - best[l]))
}

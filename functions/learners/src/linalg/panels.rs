//! Rows in single precision, packed so that the products of eight rows with several points stay in registers.
//!
//! Single precision is for sifting only: [`Panels::doubt`] bounds how far a product may be off, and whoever must
//! decide more finely than that computes the few cases left in double precision. Answers are then those of double
//! precision, at four lanes a vector.

use crate::Columns;

/// Rows in a panel.
pub const PANEL: usize = 8;
/// Points that a kernel takes at a time.
pub const POINTS: usize = 4;

/// Rows less an origin, scaled by a power of two so that no value is above 1; eight rows lie side by side.
#[derive(Debug, Clone)]
pub struct Panels {
    /// Panel after panel, column after column, row after row; rows past the end are 0.
    values: Vec<f32>,
    rows: usize,
    width: usize,
    scale: f64,
}

/// Four points, coordinate by coordinate; fewer are filled up with zeros.
pub type Points = Vec<[f32; POINTS]>;

impl Panels {
    /// Packs `x - origin`. All values are finite.
    pub fn pack(x: &Columns, origin: &[f64]) -> Self {
        let largest = x.iter().zip(origin).fold(0.0, |most: f64, (column, o)| {
            column.iter().fold(most, |most, v| if (v - o).abs() > most { (v - o).abs() } else { most })
        });
        // A power of two changes no digits; the exponent's bits alone make one just below `largest`.
        let power = f64::from_bits(largest.to_bits() & 0x7ff0_0000_0000_0000);
        let scale = if power.is_normal() && (0.5 / power).is_normal() { 0.5 / power } else { 1.0 };
        let (rows, width) = (x.rows(), x.width());
        let mut values = vec![0.0f32; rows.div_ceil(PANEL) * PANEL * width];
        for (p, panel) in values.chunks_exact_mut(PANEL * width.max(1)).enumerate() {
            let (start, end) = (p * PANEL, (p * PANEL + PANEL).min(rows));
            for (j, out) in panel.chunks_exact_mut(PANEL).enumerate() {
                for (out, v) in out.iter_mut().zip(&x.column(j)[start..end]) {
                    *out = ((v - origin[j]) * scale) as f32;
                }
            }
        }
        Self { values, rows, width, scale }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn count(&self) -> usize {
        self.rows.div_ceil(PANEL)
    }

    /// What values were multiplied by: a power of two.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// Panel `p`: width x [`PANEL`].
    pub fn panel(&self, p: usize) -> &[f32] {
        &self.values[p * PANEL * self.width..(p + 1) * PANEL * self.width]
    }

    /// Packs up to four points, which have the origin taken off already, by the same scale.
    pub fn points<'a>(&self, points: impl IntoIterator<Item = &'a [f64]>) -> Points {
        let mut packed = vec![[0.0; POINTS]; self.width];
        for (place, point) in points.into_iter().take(POINTS).enumerate() {
            packed.iter_mut().zip(point).for_each(|(out, v)| out[place] = (v * self.scale) as f32);
        }
        packed
    }

    /// Row `i` as all of four points.
    pub fn row(&self, i: usize) -> impl Iterator<Item = f32> + '_ {
        self.panel(i / PANEL).iter().skip(i % PANEL).step_by(PANEL).copied()
    }

    /// Up to four rows as points.
    pub fn rows_as_points(&self, rows: &[usize]) -> Points {
        let mut packed = vec![[0.0; POINTS]; self.width];
        for (place, &row) in rows.iter().take(POINTS).enumerate() {
            packed.iter_mut().zip(self.row(row)).for_each(|(out, v)| out[place] = v);
        }
        packed
    }

    /// The share of `(|x| + |p|)^2` by which `|x|^2 - 2 x p + |p|^2` in single precision may differ from the true
    /// value, the products' rounding and that of the values included.
    pub fn doubt(&self) -> f64 {
        (self.width as f64 + 16.0) * 0.5f64.powi(24)
    }
}

/// Products of a panel's rows with four points.
#[inline]
pub fn products(panel: &[f32], points: &[[f32; POINTS]]) -> [[f32; PANEL]; POINTS] {
    let mut sums = [[0.0f32; PANEL]; POINTS];
    for (lanes, point) in panel.as_chunks::<PANEL>().0.iter().zip(points) {
        for c in 0..POINTS {
            for l in 0..PANEL {
                sums[c][l] += lanes[l] * point[c];
            }
        }
    }
    sums
}

/// Squared distances of a panel's rows to four points, difference by difference: equal rows are at 0.
#[inline]
pub fn squares(panel: &[f32], points: &[[f32; POINTS]]) -> [[f32; PANEL]; POINTS] {
    let mut sums = [[0.0f32; PANEL]; POINTS];
    for (lanes, point) in panel.as_chunks::<PANEL>().0.iter().zip(points) {
        for c in 0..POINTS {
            for l in 0..PANEL {
                let d = lanes[l] - point[c];
                sums[c][l] += d * d;
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Matrix;

    #[test]
    fn products_are_within_the_doubt() {
        let (rows, width) = (21, 13);
        let values: Vec<f64> = (0..rows * width).map(|i| ((i * 37 % 101) as f64).sin() * 1e4).collect();
        let matrix = Matrix::from_rows(&values, width).unwrap();
        let panels = Panels::pack(&matrix.columns(), &vec![0.0; width]);
        assert!(panels.values.iter().all(|v| v.abs() <= 1.0));
        let point = |i: usize| &values[i * width..(i + 1) * width];
        let packed = panels.points([point(0), point(7), point(20)]);
        assert_eq!(packed, panels.rows_as_points(&[0, 7, 20]));
        for i in 0..rows {
            let dots = products(panels.panel(i / PANEL), &packed);
            let near = squares(panels.panel(i / PANEL), &packed);
            for (c, p) in [0, 7, 20].into_iter().enumerate() {
                let norm =
                    |i: usize| point(i).iter().map(|v| (v * panels.scale()).powi(2)).sum::<f64>().sqrt();
                let true_dot: f64 =
                    point(i).iter().zip(point(p)).map(|(a, b)| a * b * panels.scale().powi(2)).sum();
                let doubt = panels.doubt() * (norm(i) + norm(p)).powi(2);
                assert!((2.0 * f64::from(dots[c][i % PANEL]) - 2.0 * true_dot).abs() <= doubt);
                assert_eq!(near[c][i % PANEL] == 0.0, i == p);
            }
        }
    }
}

//! Half the squared error as a function of the coefficients, on the products of columns or on the residuals.

use crate::Columns;
use crate::linalg::{axpy, dot, mean, moments::Moments};

/// Half the squared error of current coefficients, which start at 0 and are moved one at a time.
pub(super) trait Quadratic {
    /// Squared length of column `j`.
    fn square(&self, j: usize) -> f64;
    /// The product of column `j` and the residuals.
    fn correlation(&self, j: usize) -> f64;
    /// Adds `delta` to coefficient `j`.
    fn shift(&mut self, j: usize, delta: f64);
    /// Squared length of the residuals, and their product with the target.
    fn residual_products(&self, coefficients: &[f64]) -> (f64, f64);
    /// Squared length of the target.
    fn target_squares(&self) -> f64;
}

/// On products of columns: a move costs as much as there are columns, whatever the rows.
pub(super) struct OnProducts {
    /// All pairs, row by row.
    products: Vec<f64>,
    /// Of each column with the target, and with the residuals.
    with_target: Vec<f64>,
    with_residuals: Vec<f64>,
    target_squares: f64,
}

impl OnProducts {
    pub fn new(moments: &Moments) -> Self {
        let width = moments.width();
        let with_target: Vec<f64> = (0..width).map(|j| moments.with_target(j)).collect();
        Self {
            products: moments.gram.select(&(0..width).collect::<Vec<_>>()).values,
            with_residuals: with_target.clone(),
            with_target,
            target_squares: moments.target_squares(),
        }
    }
}

impl Quadratic for OnProducts {
    fn square(&self, j: usize) -> f64 {
        self.products[j * (self.with_target.len() + 1)]
    }

    fn correlation(&self, j: usize) -> f64 {
        self.with_residuals[j]
    }

    fn shift(&mut self, j: usize, delta: f64) {
        let width = self.with_target.len();
        axpy(-delta, &self.products[j * width..(j + 1) * width], &mut self.with_residuals);
    }

    fn residual_products(&self, coefficients: &[f64]) -> (f64, f64) {
        let explained = dot(&self.with_target, coefficients);
        let left = self.target_squares - explained;
        ((left - dot(&self.with_residuals, coefficients)).max(0.0), left)
    }

    fn target_squares(&self) -> f64 {
        self.target_squares
    }
}

/// On residuals: a move costs as much as there are rows, whatever the columns.
pub(super) struct OnResiduals {
    /// Centred, times the roots of the weights, column after column.
    columns: Vec<f64>,
    squares: Vec<f64>,
    target: Vec<f64>,
    residuals: Vec<f64>,
    /// Of the columns and, last, the target.
    pub means: Vec<f64>,
}

impl OnResiduals {
    pub fn new(x: &Columns, y: &[f64], weights: Option<&[f64]>, center: bool) -> Self {
        let total = weights.map_or(x.rows() as f64, |w| w.iter().sum());
        let mut means = Vec::with_capacity(x.width() + 1);
        let mut columns = Vec::with_capacity(x.rows() * (x.width() + 1));
        for column in x.iter().chain([y]) {
            let mean = if center { mean(column, weights, total) } else { 0.0 };
            means.push(mean);
            match weights {
                None => columns.extend(column.iter().map(|v| v - mean)),
                Some(w) => columns.extend(column.iter().zip(w).map(|(v, w)| (v - mean) * w.sqrt())),
            }
        }
        let target = columns.split_off(x.rows() * x.width());
        let squares = columns.chunks_exact(x.rows()).zip(&means);
        let squares = squares.map(|(column, mean)| {
            let square = dot(column, column);
            // A constant column but for rounding.
            let noise = 1e-14 * mean.abs();
            if square <= total * noise * noise { 0.0 } else { square }
        });
        Self { squares: squares.collect(), columns, residuals: target.clone(), target, means }
    }

    fn column(&self, j: usize) -> &[f64] {
        let rows = self.target.len();
        &self.columns[j * rows..(j + 1) * rows]
    }
}

impl Quadratic for OnResiduals {
    fn square(&self, j: usize) -> f64 {
        self.squares[j]
    }

    fn correlation(&self, j: usize) -> f64 {
        dot(self.column(j), &self.residuals)
    }

    fn shift(&mut self, j: usize, delta: f64) {
        let rows = self.target.len();
        axpy(-delta, &self.columns[j * rows..(j + 1) * rows], &mut self.residuals);
    }

    fn residual_products(&self, _: &[f64]) -> (f64, f64) {
        (dot(&self.residuals, &self.residuals), dot(&self.residuals, &self.target))
    }

    fn target_squares(&self) -> f64 {
        dot(&self.target, &self.target)
    }
}

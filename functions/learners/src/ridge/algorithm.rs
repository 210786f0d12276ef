use super::{LinearModel, Params};
use crate::linear_model::solve;
use crate::{Checked, Columns, Error};

impl Checked<Params> {
    /// Minimises `sum w (y - x b)^2 + alpha |b|^2`. `x` is rows x features, `y` one value a row.
    ///
    /// Normal equations by Cholesky, in the rows if they are fewer than the columns; an orthogonal decomposition where
    /// the penalty is too small for the columns' dependence.
    ///
    /// # Errors
    /// For values that are not finite, or targets or weights that do not go with the rows.
    pub fn fit(&self, x: &Columns, y: &[f64], weights: Option<&[f64]>) -> Result<LinearModel, Error> {
        Ok(solve(x, y, weights, self.fit_intercept, self.alpha)?.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Check, Matrix};

    /// The gradient of the objective at the solution, the plain way.
    fn gradient(x: &Matrix, y: &[f64], w: &[f64], alpha: f64, model: &LinearModel) -> Vec<f64> {
        let residuals = model.predict(&x.columns()).unwrap();
        let slope =
            |column: &[f64]| -> f64 { (0..y.len()).map(|i| w[i] * (residuals[i] - y[i]) * column[i]).sum() };
        let penalized = |(column, b): (&[f64], &f64)| slope(column) + alpha * b;
        let mut all: Vec<f64> = x.columns().iter().zip(model.coefficients()).map(penalized).collect();
        all.push(slope(&vec![1.0; y.len()]));
        all
    }

    #[test]
    fn the_gradient_vanishes_on_every_way() {
        // Tall; wide (dual); a duplicate column with next to no penalty (orthogonal).
        for (rows, width, alpha) in [(300, 3, 2.0), (5, 40, 0.5), (300, 3, 1e-5)] {
            let mut values: Vec<f64> =
                (0..rows * width).map(|i| (i as f64 * 0.37).sin() * 3.0 + 5.0).collect();
            if alpha < 1e-3 {
                values.chunks_mut(width).for_each(|row| row[2] = row[0]);
            }
            let x = Matrix::from_rows(&values, width).unwrap();
            let y: Vec<f64> = (0..rows).map(|i| (i as f64 * 0.9).cos() + 2.0).collect();
            let w: Vec<f64> = (0..rows).map(|i| 0.5 + (i % 3) as f64).collect();
            let params = Params { alpha, ..Params::default() }.check().unwrap();
            let model = params.fit(&x.columns(), &y, Some(&w)).unwrap();
            for g in gradient(&x, &y, &w, alpha, &model) {
                assert!(g.abs() < 1e-8, "{rows} x {width}: {g}");
            }
            if alpha < 1e-3 {
                assert!((model.coefficients()[0] - model.coefficients()[2]).abs() < 1e-6, "{model:?}");
            }
        }
    }

    #[test]
    fn a_negative_penalty_is_refused() {
        assert_eq!(Params { alpha: -1.0, ..Params::default() }.check().unwrap_err().name, "alpha");
        assert!(Params { alpha: f64::INFINITY, ..Params::default() }.check().is_err());
    }
}

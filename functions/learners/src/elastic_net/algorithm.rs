use super::descent::{Penalty, descend};
use super::quadratic::{OnProducts, OnResiduals, Quadratic};
use super::{LinearModel, Params};
use crate::linalg::{dot, moments::Moments, standardize::Standardizer};
use crate::linear_model::{check_data, solve};
use crate::standardized::InUnits;
use crate::weights::Kept;
use crate::{Checked, Columns, Error};

/// With more columns the residuals are quicker than the products of columns, for one penalty and for a path of them.
const WIDEST: usize = 300;
const WIDEST_PATH: usize = 1500;

/// A fitted line, and how it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    pub model: LinearModel,
    /// The penalty's factor.
    pub alpha: f64,
    /// Rounds over the coefficients.
    pub iterations: u32,
    /// An upper bound of how far the loss, half the mean of squared errors and the penalty, is above the least.
    pub dual_gap: f64,
    /// Whether the gap closed to `tol` within `max_iter` rounds.
    pub converged: bool,
}

impl InUnits for Fit {
    fn in_units(self, standardizer: &Standardizer) -> Result<Self, Error> {
        Ok(Self { model: self.model.in_units(standardizer)?, ..self })
    }
}

impl Checked<Params> {
    /// Minimises `sum w (y - x b)^2 / (2 sum w) + alpha l1_ratio |b|_1 + alpha (1 - l1_ratio) |b|^2 / 2`. `x` is
    /// rows x features, `y` one value a row.
    ///
    /// # Errors
    /// For values that are not finite, or targets or weights that do not go with the rows.
    pub fn fit(&self, x: &Columns, y: &[f64], weights: Option<&[f64]>) -> Result<Fit, Error> {
        let mut path = self.fit_path(x, y, weights, &[self.alpha])?;
        Ok(path.remove(0))
    }

    /// The same for several penalties (finite, at least 0), each starting at the solution before: quickest from the
    /// largest to the smallest.
    ///
    /// # Errors
    /// As [`Self::fit`].
    pub fn fit_path(
        &self,
        x: &Columns,
        y: &[f64],
        weights: Option<&[f64]>,
        alphas: &[f64],
    ) -> Result<Vec<Fit>, Error> {
        if let Some(kept) = Kept::of(x, weights) {
            check_data(x, y, weights)?;
            return self.fit_path(&kept.columns(), &kept.pick(y), Some(kept.weights()), alphas);
        }
        let total = weights.map_or(x.rows() as f64, |w| w.iter().sum());
        if !self.positive && alphas.iter().all(|&alpha| alpha * self.l1_ratio == 0.0) {
            let ridge = |&alpha: &f64| {
                let (model, _) = solve(x, y, weights, self.fit_intercept, alpha * total)?;
                Ok(Fit { model, alpha, iterations: 0, dual_gap: 0.0, converged: true })
            };
            return alphas.iter().map(ridge).collect();
        }
        let widest = if alphas.len() > 1 { WIDEST_PATH } else { WIDEST };
        if x.width() <= widest && x.width() <= x.rows() {
            let moments = Moments::checked(x, y, weights, self.fit_intercept)?;
            return self.walk(OnProducts::new(&moments), &moments.means, total, alphas);
        }
        check_data(x, y, weights)?;
        let residuals = OnResiduals::new(x, y, weights, self.fit_intercept);
        let means = residuals.means.clone();
        self.walk(residuals, &means, total, alphas)
    }

    fn walk(
        &self,
        mut quadratic: impl Quadratic,
        means: &[f64],
        total: f64,
        alphas: &[f64],
    ) -> Result<Vec<Fit>, Error> {
        let (features, target) = means.split_at(means.len() - 1);
        let mut coefficients = vec![0.0; features.len()];
        let step = |&alpha: &f64| {
            let penalty = Penalty {
                l1: alpha * self.l1_ratio * total,
                l2: alpha * (1.0 - self.l1_ratio) * total,
                positive: self.positive,
            };
            let end = descend(&mut quadratic, &mut coefficients, penalty, self.tol, self.max_iter);
            let intercept = target[0] - dot(&coefficients, features);
            let model = LinearModel::new(coefficients.clone(), intercept)?;
            let (iterations, converged) = (end.iterations, end.converged);
            Ok(Fit { model, alpha, iterations, dual_gap: end.gap / total, converged })
        };
        alphas.iter().map(step).collect()
    }

    /// The penalties that scikit-learn's path takes: `n_alphas` of them, evenly on a logarithmic scale from the least
    /// that leaves no feature down to `eps` times that.
    ///
    /// # Errors
    /// As [`Self::fit`]; and for `l1_ratio = 0`, where no penalty leaves no feature.
    pub fn alphas(
        &self,
        x: &Columns,
        y: &[f64],
        weights: Option<&[f64]>,
        n_alphas: u32,
        eps: f64,
    ) -> Result<Vec<f64>, Error> {
        check_data(x, y, weights)?;
        if let Some(kept) = Kept::of(x, weights) {
            return self.alphas(&kept.columns(), &kept.pick(y), Some(kept.weights()), n_alphas, eps);
        }
        let total = weights.map_or(x.rows() as f64, |w| w.iter().sum());
        let largest = match x.width() <= WIDEST_PATH && x.width() <= x.rows() {
            true => {
                let moments = Moments::of(x, y, weights, self.fit_intercept);
                let pull = |j: usize| {
                    if self.positive { moments.with_target(j) } else { moments.with_target(j).abs() }
                };
                (0..x.width()).map(pull).fold(0.0, f64::max)
            }
            false => {
                let residuals = OnResiduals::new(x, y, weights, self.fit_intercept);
                let pull = |j: usize| {
                    let pull = residuals.correlation(j);
                    if self.positive { pull } else { pull.abs() }
                };
                (0..x.width()).map(pull).fold(0.0, f64::max)
            }
        };
        let highest = largest / (total * self.l1_ratio);
        if !highest.is_finite() {
            return Err(Error::data(
                "no path of penalties can be found: l1_ratio is 0, or the values are too large for a sum of squares",
            ));
        }
        let highest = highest.max(f64::EPSILON) * (1.0 + 4.0 * f64::EPSILON);
        let steps = f64::from(n_alphas.max(2) - 1);
        Ok((0..n_alphas).map(|i| highest * libm::pow(eps, f64::from(i) / steps)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Check, Matrix};

    fn data(rows: usize, width: usize) -> (Matrix, Vec<f64>, Vec<f64>) {
        let mut rng = crate::rng::Rng::new(3, 0);
        let values: Vec<f64> = (0..rows * width).map(|_| rng.unit() * 6.0 - 2.0).collect();
        let y = values.chunks(width).enumerate().map(|(i, r)| 2.0 * r[0] - r[1] + (i as f64).cos()).collect();
        let w = (0..rows).map(|i| 0.5 + (i % 4) as f64).collect();
        (Matrix::from_rows(&values, width).unwrap(), y, w)
    }

    fn tight(alpha: f64, l1_ratio: f64) -> Params {
        Params { alpha, l1_ratio, tol: 1e-12, max_iter: 100_000, ..Params::default() }
    }

    /// The conditions of Karush, Kuhn and Tucker of scikit-learn's objective.
    fn violation(x: &Matrix, y: &[f64], w: &[f64], p: &Params, model: &LinearModel) -> f64 {
        let predicted = model.predict(&x.columns()).unwrap();
        let total: f64 = w.iter().sum();
        let one = |(column, &b): (&[f64], &f64)| {
            let pull: f64 =
                (0..y.len()).map(|i| w[i] * (y[i] - predicted[i]) * column[i]).sum::<f64>() / total;
            let pull = pull - p.alpha * (1.0 - p.l1_ratio) * b;
            match b == 0.0 {
                true if p.positive => (pull - p.alpha * p.l1_ratio).max(0.0),
                true => (pull.abs() - p.alpha * p.l1_ratio).max(0.0),
                false => (pull - p.alpha * p.l1_ratio * b.signum()).abs(),
            }
        };
        x.columns().iter().zip(model.coefficients()).map(one).fold(0.0, f64::max)
    }

    #[test]
    fn the_solution_is_the_solution_on_both_ways() {
        for (rows, width) in [(200, 6), (40, 90), (320, 310)] {
            let (x, y, w) = data(rows, width);
            for (l1_ratio, positive) in [(1.0, false), (0.5, false), (0.3, true)] {
                let params = Params { positive, ..tight(0.2, l1_ratio) };
                let fit = params.clone().check().unwrap().fit(&x.columns(), &y, Some(&w)).unwrap();
                assert!(fit.converged, "{rows} x {width}, {l1_ratio}: {fit:?}");
                let violation = violation(&x, &y, &w, &params, &fit.model);
                assert!(violation < 1e-5, "{rows} x {width}, {l1_ratio}: {violation}");
                assert!(!positive || fit.model.coefficients().iter().all(|&c| c >= 0.0));
            }
        }
    }

    #[test]
    fn a_path_ends_where_single_fits_do() {
        let (x, y, _) = data(100, 8);
        let params = tight(1.0, 0.7).check().unwrap();
        let alphas = params.alphas(&x.columns(), &y, None, 5, 1e-2).unwrap();
        let path = params.fit_path(&x.columns(), &y, None, &alphas).unwrap();
        assert_eq!(path[0].model.nonzero(), 0);
        assert!(path[4].model.nonzero() > path[1].model.nonzero());
        for fit in &path {
            let alone = tight(fit.alpha, 0.7).check().unwrap().fit(&x.columns(), &y, None).unwrap();
            for (a, b) in fit.model.coefficients().iter().zip(alone.model.coefficients()) {
                assert!((a - b).abs() < 1e-6, "{}: {a} {b}", fit.alpha);
            }
        }
    }

    #[test]
    fn without_absolute_penalty_it_is_ridge() {
        let (x, y, w) = data(60, 4);
        let total: f64 = w.iter().sum();
        let net = tight(0.1, 0.0).check().unwrap().fit(&x.columns(), &y, Some(&w)).unwrap();
        let ridge = crate::ridge::Params { alpha: 0.1 * total, ..Default::default() }.check().unwrap();
        assert_eq!(net.model, ridge.fit(&x.columns(), &y, Some(&w)).unwrap());
    }

    #[test]
    fn coefficients_that_must_not_be_negative_are_not() {
        let (x, y, w) = data(60, 4);
        for alpha in [0.0, 0.5] {
            let params = Params { positive: true, ..tight(alpha, 0.0) };
            let fit = params.clone().check().unwrap().fit(&x.columns(), &y, Some(&w)).unwrap();
            assert!(fit.converged && fit.model.coefficients().iter().all(|&c| c >= 0.0), "{fit:?}");
            assert!(violation(&x, &y, &w, &params, &fit.model) < 1e-5);
        }
    }

    #[test]
    fn constant_columns_and_targets_get_nothing() {
        let x = Matrix::from_rows(&[0.1, 1.0, 0.1, 2.0, 0.1, 4.0], 2).unwrap();
        let params = Params::lasso().check().unwrap();
        let fit = params.fit(&x.columns(), &[7.0; 3], None).unwrap();
        assert!(fit.converged && fit.model.coefficients() == [0.0, 0.0] && fit.model.intercept() == 7.0);
        let fit = Params { alpha: 0.01, ..Params::lasso() }.check().unwrap();
        let fit = fit.fit(&x.columns(), &[1.0, 2.0, 4.0], None).unwrap();
        assert!(fit.model.coefficients()[0] == 0.0 && fit.model.coefficients()[1] > 0.9);
    }

    #[test]
    fn few_rounds_are_said_to_be_too_few() {
        let (x, y, _) = data(100, 8);
        let params = Params { max_iter: 1, ..tight(1e-4, 0.9) };
        assert!(!params.check().unwrap().fit(&x.columns(), &y, None).unwrap().converged);
    }
}

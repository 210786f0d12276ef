use super::objective::Objective;
use super::{Params, sigmoid, softmax};
use crate::linalg::{axpy, cholesky::Cholesky, gram::Gram, lbfgs, standardize::Standardizer};
use crate::matrix::{Missing, check_classes};
use crate::weights::{check_weights, combined};
use crate::{Checked, Columns, Error};
use serde::{Deserialize, Serialize};

/// With more columns the Hessian costs more than it saves.
const WIDEST_HESSIAN: usize = 400;

/// Fitted scores, linear in the features: one for two classes (that of the second), else one a class.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct LogisticRegression {
    /// Outputs x features, row after row.
    #[serde(with = "crate::packed")]
    coefficients: Vec<f64>,
    #[serde(with = "crate::packed")]
    intercepts: Vec<f64>,
    features: u32,
    iterations: u32,
    converged: bool,
}

/// [`LogisticRegression`] as it is read, before it is known to hold together.
#[derive(Deserialize)]
struct Stored {
    #[serde(with = "crate::packed")]
    coefficients: Vec<f64>,
    #[serde(with = "crate::packed")]
    intercepts: Vec<f64>,
    features: u32,
    iterations: u32,
    converged: bool,
}

impl TryFrom<Stored> for LogisticRegression {
    type Error = &'static str;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        let Stored { coefficients, intercepts, features, iterations, converged } = stored;
        match !intercepts.is_empty()
            && intercepts.len().checked_mul(features as usize) == Some(coefficients.len())
        {
            true => Ok(Self { coefficients, intercepts, features, iterations, converged }),
            false => Err("the coefficients are damaged"),
        }
    }
}

impl Checked<Params> {
    /// Minimises the penalised log loss. `x` is rows x features, `y` holds classes `0..n`, each in use.
    ///
    /// Two classes: Newton's method (iteratively reweighted least squares) with halved steps. More, or more than 400
    /// columns: L-BFGS. Both work on standardised columns, the penalty counts for the columns as they are.
    ///
    /// # Errors
    /// For values that are not finite, fewer than two classes, or weights that leave a class out altogether.
    pub fn fit(&self, x: &Columns, y: &[u32], weights: Option<&[f64]>) -> Result<LogisticRegression, Error> {
        x.check_features(Missing::Refused)?;
        let classes = check_classes(y, x.rows())?.len();
        check_weights(weights, x.rows())?;
        let weights = combined(self.class_weight, y, classes, weights);
        let weights = weights.as_deref();
        check_weights(weights, x.rows())?;
        let total = weights.map_or(x.rows() as f64, |w| w.iter().sum());
        let standardizer =
            Standardizer::centering(x, weights, total, self.fit_intercept).scaled(x, weights, total);
        let objective = Objective {
            x,
            y,
            weights,
            standardizer: &standardizer,
            outputs: if classes == 2 { 1 } else { classes },
            intercept: self.fit_intercept,
            total,
            lambda: self.lambda(),
        };
        let newton = objective.outputs == 1 && x.width() <= WIDEST_HESSIAN;
        let (beta, iterations, converged) = match newton {
            true => newton_steps(&objective, self.tol, self.max_iter),
            false => {
                let start = vec![0.0; objective.outputs * objective.stride()];
                let f = |beta: &[f64], gradient: &mut [f64]| objective.evaluate(beta, gradient, None);
                let minimum = lbfgs::minimize(f, start, self.tol, self.max_iter as usize);
                (minimum.x, minimum.iterations as u32, minimum.converged)
            }
        };
        let mut model =
            LogisticRegression { features: x.width() as u32, iterations, converged, ..Default::default() };
        for output in beta.chunks_exact(objective.stride()) {
            let (raw, shift) = standardizer.unscale(&output[..x.width()]);
            model.coefficients.extend(raw);
            model.intercepts.push(if self.fit_intercept { output[x.width()] + shift } else { 0.0 });
        }
        if model.coefficients.iter().chain(&model.intercepts).any(|c| !c.is_finite()) {
            return Err(Error::data(
                "the values or coefficients grow without end; scale the columns or add a penalty",
            ));
        }
        Ok(model)
    }
}

/// Newton's method from 0; a step that does not lower the loss is halved.
fn newton_steps(objective: &Objective, tol: f64, max_iter: u32) -> (Vec<f64>, u32, bool) {
    const MAX_HALVINGS: usize = 30;
    let n = objective.stride();
    let unknowns = if objective.intercept { n } else { n - 1 };
    let mut beta = vec![0.0; n];
    let (mut gradient, mut hessian) = (vec![0.0; n], Gram::new(n));
    let mut loss = objective.evaluate(&beta, &mut gradient, Some(&mut hessian));
    let reached = |gradient: &[f64]| gradient.iter().all(|g| g.abs() <= tol);
    for iteration in 0..max_iter {
        if reached(&gradient) {
            return (beta, iteration, true);
        }
        let mut step = gradient.clone();
        let Some(factor) = damped(&mut hessian, unknowns) else { return (beta, iteration, false) };
        factor.solve(&mut step[..unknowns]);
        let mut factor = 1.0;
        let mut lower = false;
        for _ in 0..MAX_HALVINGS {
            let mut trial = beta.clone();
            axpy(-factor, &step, &mut trial);
            let trial_loss = objective.evaluate(&trial, &mut gradient, Some(&mut hessian));
            if trial_loss <= loss {
                (beta, loss, lower) = (trial, trial_loss, true);
                break;
            }
            factor *= 0.5;
        }
        if !lower {
            // As low as the arithmetic gets; the gradient is that of the last trial, next to the minimum.
            return (beta, iteration, reached(&gradient));
        }
    }
    (beta, max_iter, reached(&gradient))
}

/// Factors the Hessian, with more and more added to its diagonal where columns depend on each other; `None` if it
/// is not finite.
fn damped(hessian: &mut Gram, unknowns: usize) -> Option<Cholesky> {
    let stride = hessian.width;
    let mut damping = 1e-12;
    while damping < 1e6 {
        if let Some(factor) = Cholesky::factor(hessian, unknowns, 1e-13) {
            return Some(factor);
        }
        for j in 0..unknowns {
            let diagonal = &mut hessian.values[j * stride + j];
            *diagonal = diagonal.max(1e-12) * (1.0 + damping);
        }
        damping *= 10.0;
    }
    None
}

impl LogisticRegression {
    /// Outputs x features, row after row; one output for two classes.
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    /// One an output.
    pub fn intercepts(&self) -> &[f64] {
        &self.intercepts
    }

    pub fn classes(&self) -> usize {
        if self.intercepts.len() == 1 { 2 } else { self.intercepts.len() }
    }

    /// Steps taken.
    pub fn iterations(&self) -> u32 {
        self.iterations
    }

    /// Whether the gradient fell below `tol` within `max_iter` steps.
    pub fn converged(&self) -> bool {
        self.converged
    }

    /// Probabilities, rows x classes, row after row.
    ///
    /// # Errors
    /// For another number of columns than at the fit, and for values that are not finite.
    pub fn predict_proba(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        x.check_width(self.features as usize)?;
        x.check_features(Missing::Refused)?;
        let (outputs, width, rows) = (self.intercepts.len(), self.features as usize, x.rows());
        let mut scores = vec![0.0; rows];
        let mut proba = vec![0.0; rows * self.classes()];
        for output in 0..outputs {
            scores.fill(self.intercepts[output]);
            for (j, column) in x.iter().enumerate() {
                axpy(self.coefficients[output * width + j], column, &mut scores);
            }
            match outputs {
                1 => proba.chunks_exact_mut(2).zip(&scores).for_each(|(row, &score)| {
                    row[1] = sigmoid(score);
                    row[0] = 1.0 - row[1];
                }),
                _ => proba.chunks_exact_mut(outputs).zip(&scores).for_each(|(row, &s)| row[output] = s),
            }
        }
        if outputs > 1 {
            proba.chunks_exact_mut(outputs).for_each(softmax);
        }
        Ok(proba)
    }

    /// The most probable class of each row.
    pub fn predict(&self, x: &Columns) -> Result<Vec<u32>, Error> {
        Ok(crate::metrics::most_probable(&self.predict_proba(x)?, self.classes()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Penalty;
    use super::*;
    use crate::weights::ClassWeight;
    use crate::{Check, Matrix, ParamError};

    fn wave(rows: usize) -> (Matrix, Vec<f64>) {
        let values: Vec<f64> = (0..rows * 2).map(|i| (i as f64 * 0.7).sin() * 3.0 + (i % 2) as f64).collect();
        (Matrix::from_rows(&values, 2).unwrap(), values)
    }

    /// The gradient of scikit-learn's objective at the solution, computed the plain way.
    fn plain_gradient(model: &LogisticRegression, values: &[f64], y: &[u32], c: f64) -> Vec<f64> {
        let x = Matrix::from_rows(values, 2).unwrap();
        let proba = model.predict_proba(&x.columns()).unwrap();
        let classes = model.classes();
        let outputs = model.intercepts().len();
        let mut gradient = Vec::new();
        for k in 0..outputs {
            let class = if outputs == 1 { 1 } else { k };
            let residual =
                |i: usize| proba[i * classes + class] - f64::from(u8::from(y[i] as usize == class));
            for j in 0..2 {
                let sum: f64 = (0..y.len()).map(|i| residual(i) * values[i * 2 + j]).sum();
                gradient.push(c * sum + model.coefficients()[k * 2 + j]);
            }
            gradient.push(c * (0..y.len()).map(residual).sum::<f64>());
        }
        gradient
    }

    #[test]
    fn the_gradient_vanishes_at_the_solution() {
        let (matrix, values) = wave(200);
        for classes in [2, 3] {
            let y: Vec<u32> = (0..200).map(|i| (i * i % 7) as u32 % classes).collect();
            let params = Params { c: 0.5, tol: 1e-9, max_iter: 500, ..Params::default() };
            let model = params.check().unwrap().fit(&matrix.columns(), &y, None).unwrap();
            assert!(model.converged());
            for g in plain_gradient(&model, &values, &y, 0.5) {
                assert!(g.abs() < 1e-5, "{classes} classes: {g}");
            }
        }
    }

    #[test]
    fn separable_classes_without_penalty_end_all_the_same() {
        let matrix = Matrix::from_rows(&[-2.0, -1.0, 1.0, 2.0], 1).unwrap();
        let params = Params { penalty: Penalty::None, max_iter: 50, ..Params::default() };
        let model = params.check().unwrap().fit(&matrix.columns(), &[0, 0, 1, 1], None).unwrap();
        assert_eq!(model.predict(&matrix.columns()).unwrap(), [0, 0, 1, 1]);
    }

    #[test]
    fn balanced_classes_move_the_border() {
        let (matrix, _) = wave(300);
        let y: Vec<u32> = (0..300).map(|i| u32::from(i % 10 == 0)).collect();
        let balanced = Params { class_weight: ClassWeight::Balanced, ..Params::default() };
        let mean = |params: Params| {
            let model = params.check().unwrap().fit(&matrix.columns(), &y, None).unwrap();
            let proba = model.predict_proba(&matrix.columns()).unwrap();
            proba.chunks(2).map(|row| row[1]).sum::<f64>() / 300.0
        };
        assert!((mean(Params::default()) - 0.1).abs() < 1e-3);
        assert!((mean(balanced) - 0.5).abs() < 0.02);
    }

    #[test]
    fn duplicate_and_constant_columns() {
        let matrix = Matrix::from_rows(&[1.0, 1.0, 7.0, 2.0, 2.0, 7.0, 3.0, 3.0, 7.0], 3).unwrap();
        for penalty in [Penalty::L2, Penalty::None] {
            let params = Params { penalty, ..Params::default() };
            let model = params.check().unwrap().fit(&matrix.columns(), &[0, 1, 0], None).unwrap();
            assert!((model.coefficients()[0] - model.coefficients()[1]).abs() < 1e-6);
        }
    }

    #[test]
    fn one_class_is_refused() {
        let matrix = Matrix::from_rows(&[1.0, 2.0], 1).unwrap();
        let params = Params::default().check().unwrap();
        assert!(params.fit(&matrix.columns(), &[0, 0], None).is_err());
        let bad: ParamError = Params { c: 0.0, ..Params::default() }.check().unwrap_err();
        assert_eq!(bad.name, "c");
    }
}

use super::objective::Objective;
use super::search::{End, minimize};
use super::{Params, sigmoid, softmax};
use crate::linalg::{axpy, standardize::Standardizer};
use crate::matrix::{Missing, check_classes};
use crate::standardized::InUnits;
use crate::weights::{Kept, check_weights, combined};
use crate::{Checked, Columns, Error};
use serde::{Deserialize, Serialize};

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
    /// Everything works on standardised columns, the penalty counts for the columns as they are. A share of many rows
    /// is searched first: it gives a start next to the solution, and a Hessian that makes L-BFGS on all rows converge
    /// in a few steps. Few rows take Newton's method (iteratively reweighted least squares). With a penalty on
    /// absolute coefficients: Newton's method with coordinate descent, or accelerated proximal steps where the Hessian
    /// would be large.
    ///
    /// # Errors
    /// For values that are not finite, fewer than two classes, or weights that leave a class out altogether.
    pub fn fit(&self, x: &Columns, y: &[u32], weights: Option<&[f64]>) -> Result<LogisticRegression, Error> {
        self.fit_with_curve(x, y, weights).map(|(model, _)| model)
    }

    /// The same with the loss after each step over all rows: the mean log loss and the penalty, per unit of weight.
    ///
    /// # Errors
    /// As [`Self::fit`].
    pub fn fit_with_curve(
        &self,
        x: &Columns,
        y: &[u32],
        weights: Option<&[f64]>,
    ) -> Result<(LogisticRegression, Vec<f64>), Error> {
        x.check_shape()?;
        let classes = check_classes(y, x.rows())?.len();
        check_weights(weights, x.rows())?;
        let weights = combined(self.class_weight, y, classes, weights);
        let weights = weights.as_deref();
        check_weights(weights, x.rows())?;
        let kept = Kept::of(x, weights);
        let (columns, picked) = kept.as_ref().map(|kept| (kept.columns(), kept.pick(y))).unzip();
        let (x, y, weights) = match (&kept, &columns, &picked) {
            (Some(kept), Some(columns), Some(picked)) => {
                x.check_squares()?;
                (columns, picked.as_slice(), Some(kept.weights()))
            }
            _ => (x, y, weights),
        };
        let total = weights.map_or(x.rows() as f64, |w| w.iter().sum());
        let Some(standardizer) = Standardizer::scaling(x, weights, total, self.fit_intercept) else {
            x.check_squares()?;
            return Err(Error::data("the values are too large for a sum of squares; scale the columns"));
        };
        let (l1, l2) = self.factors();
        let objective = Objective {
            x,
            y,
            weights,
            standardizer: &standardizer,
            outputs: if classes == 2 { 1 } else { classes },
            intercept: self.fit_intercept,
            total,
            l1,
            l2,
            step: 1,
        };
        let End { beta, iterations, converged, losses } = minimize(&objective, self.tol, self.max_iter);
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
        Ok((model, losses))
    }
}

impl InUnits for LogisticRegression {
    fn in_units(mut self, standardizer: &Standardizer) -> Result<Self, Error> {
        let width = self.features as usize;
        for (row, intercept) in self.coefficients.chunks_exact_mut(width.max(1)).zip(&mut self.intercepts) {
            let (raw, shift) = standardizer.unscale(row);
            row.copy_from_slice(&raw);
            *intercept += shift;
        }
        match self.coefficients.iter().chain(&self.intercepts).all(|c| c.is_finite()) {
            true => Ok(self),
            false => Err(Error::data("the coefficients are too large; scale the columns")),
        }
    }
}

impl LogisticRegression {
    /// A model of these coefficients (outputs x features, row after row) and intercepts (one an output), however they
    /// were found.
    ///
    /// # Errors
    /// If one is not finite.
    pub(crate) fn new(coefficients: Vec<f64>, intercepts: Vec<f64>) -> Result<Self, Error> {
        if coefficients.iter().chain(&intercepts).any(|c| !c.is_finite()) {
            return Err(Error::data("the coefficients grow without end; lower the learning rate"));
        }
        let features = (coefficients.len() / intercepts.len().max(1)) as u32;
        Ok(Self { coefficients, intercepts, features, iterations: 0, converged: true })
    }

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

    /// Scores, rows x outputs, row after row.
    ///
    /// # Errors
    /// For another number of columns than at the fit, and for values that are not finite.
    pub fn decision_function(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        x.check_width(self.features as usize)?;
        x.check_features(Missing::Refused)?;
        let (outputs, width, rows) = (self.intercepts.len(), self.features as usize, x.rows());
        let mut decisions = vec![0.0; rows * outputs];
        let mut scores = vec![0.0; rows];
        for output in 0..outputs {
            scores.fill(self.intercepts[output]);
            for (j, column) in x.iter().enumerate() {
                axpy(self.coefficients[output * width + j], column, &mut scores);
            }
            match outputs {
                1 => decisions.copy_from_slice(&scores),
                _ => decisions.chunks_exact_mut(outputs).zip(&scores).for_each(|(row, &s)| row[output] = s),
            }
        }
        Ok(decisions)
    }

    /// Probabilities, rows x classes, row after row.
    ///
    /// # Errors
    /// As [`Self::decision_function`].
    pub fn predict_proba(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        let mut decisions = self.decision_function(x)?;
        if self.intercepts.len() > 1 {
            decisions.chunks_exact_mut(self.intercepts.len()).for_each(softmax);
            return Ok(decisions);
        }
        let mut proba = vec![0.0; x.rows() * 2];
        proba.chunks_exact_mut(2).zip(&decisions).for_each(|(row, &score)| {
            row[1] = sigmoid(score);
            row[0] = 1.0 - row[1];
        });
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

    /// The conditions of the minimum with a penalty on absolute coefficients, for one output and several, on the way by
    /// the Hessian and on the way by proximal steps.
    #[test]
    fn a_sparse_solution_is_the_solution() {
        for (classes, width, rows) in [(2, 5, 400), (3, 5, 400), (3, 140, 300)] {
            let values: Vec<f64> =
                (0..rows * width).map(|i| (i as f64 * 1.7).sin() * 2.0 + (i % 3) as f64).collect();
            let y: Vec<u32> = values
                .chunks(width)
                .enumerate()
                .map(|(i, row)| ((row[0] - row[1] + (i as f64).cos() + 4.0) / 2.5) as u32 % classes)
                .collect();
            let matrix = Matrix::from_rows(&values, width).unwrap();
            let (c, ratio) = (0.1, 0.8);
            let params = Params {
                penalty: Penalty::ElasticNet,
                l1_ratio: Some(ratio),
                c,
                tol: 1e-7,
                max_iter: 5000,
                ..Params::default()
            };
            let model = params.check().unwrap().fit(&matrix.columns(), &y, None).unwrap();
            assert!(model.converged(), "{classes} {width}: {}", model.iterations());
            let proba = model.predict_proba(&matrix.columns()).unwrap();
            let zeros = model.coefficients().iter().filter(|&&b| b == 0.0).count();
            assert!(zeros > 0, "{:?}", model.coefficients());
            for (place, &b) in model.coefficients().iter().enumerate() {
                let class = if model.intercepts().len() == 1 { 1 } else { (place / width) as u32 };
                let residual = |i: usize| {
                    proba[i * model.classes() + class as usize] - f64::from(u8::from(y[i] == class))
                };
                let slope: f64 = (0..rows).map(|i| residual(i) * values[i * width + place % width]).sum();
                let pull = -c * slope - (1.0 - ratio) * b;
                let off = if b == 0.0 { pull.abs() - ratio } else { (pull - ratio * b.signum()).abs() };
                assert!(off < 1e-3, "{classes} {width} {place}: {b} {off}");
            }
        }
    }

    /// Many rows go another way than few; both end in the same place.
    #[test]
    fn a_start_from_a_share_of_the_rows_changes_nothing() {
        let rows = 20_000;
        let values: Vec<f64> = (0..rows * 2).map(|i| (i as f64 * 0.7).sin() * 3.0 + (i % 2) as f64).collect();
        let matrix = Matrix::from_rows(&values, 2).unwrap();
        for classes in [2, 3] {
            // Sorted: one class comes after the other.
            let y: Vec<u32> = (0..rows)
                .map(|i| if i % 5 == 0 { 0 } else { (i * classes as usize / rows) as u32 })
                .collect();
            let params = Params { tol: 1e-10, max_iter: 500, ..Params::default() };
            let model = params.check().unwrap().fit(&matrix.columns(), &y, None).unwrap();
            assert!(model.converged());
            for g in plain_gradient(&model, &values, &y, 1.0) {
                assert!(g.abs() < 1e-4, "{classes} classes: {g}");
            }
        }
    }

    /// A share of the rows may know nothing of a rare class.
    #[test]
    fn a_rare_class_is_found() {
        let rows = 50_000;
        let values: Vec<f64> = (0..rows).map(|i| (i as f64 * 0.7).sin()).collect();
        let matrix = Matrix::from_rows(&values, 1).unwrap();
        for classes in [2, 3] {
            let rare = |i: usize| i > 40_000 && i < 40_010;
            let y: Vec<u32> =
                (0..rows).map(|i| if rare(i) { 0 } else { 1 + (i as u32 % (classes - 1)) }).collect();
            let params = Params { tol: 1e-7, max_iter: 500, ..Params::default() };
            let model = params.check().unwrap().fit(&matrix.columns(), &y, None).unwrap();
            assert!(model.converged());
            let proba = model.predict_proba(&matrix.columns()).unwrap();
            let mean = proba.chunks(classes as usize).map(|row| row[0]).sum::<f64>() / rows as f64;
            assert!((mean * rows as f64 - 9.0).abs() < 0.1, "{mean}");
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

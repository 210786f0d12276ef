use super::Params;
use crate::linalg::standardize::Standardizer;
use crate::linear_model::{LinearModel, solve};
use crate::standardized::InUnits;
use crate::{Checked, Columns, Error};
use serde::{Deserialize, Serialize};
use std::ops::Deref;

/// A fitted line, and how many columns it took.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LinearRegression {
    line: LinearModel,
    rank: u32,
}

impl Checked<Params> {
    /// Minimises the weighted sum of squared errors. `x` is rows x features, `y` one value a row.
    ///
    /// Centred normal equations by Cholesky; where columns depend on each other (or there are more columns than
    /// rows), a complete orthogonal decomposition, which gives the shortest of the best coefficients as
    /// scikit-learn does.
    ///
    /// # Errors
    /// For values that are not finite, or targets or weights that do not go with the rows.
    pub fn fit(&self, x: &Columns, y: &[f64], weights: Option<&[f64]>) -> Result<LinearRegression, Error> {
        let (line, rank) = solve(x, y, weights, self.fit_intercept, 0.0)?;
        Ok(LinearRegression { line, rank: rank as u32 })
    }
}

impl LinearRegression {
    /// How many columns were independent.
    pub fn rank(&self) -> usize {
        self.rank as usize
    }

    /// See [`LinearModel::predict`].
    pub fn predict(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        self.line.predict(x)
    }
}

impl InUnits for LinearRegression {
    fn in_units(self, standardizer: &Standardizer) -> Result<Self, Error> {
        Ok(Self { line: self.line.in_units(standardizer)?, ..self })
    }
}

impl AsRef<LinearModel> for LinearRegression {
    fn as_ref(&self) -> &LinearModel {
        &self.line
    }
}

impl Deref for LinearRegression {
    type Target = LinearModel;

    fn deref(&self) -> &LinearModel {
        &self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Check, Matrix};

    fn fit(rows: &[f64], width: usize, y: &[f64], w: Option<&[f64]>) -> Result<LinearRegression, Error> {
        Params::default().check()?.fit(&Matrix::from_rows(rows, width)?.columns(), y, w)
    }

    #[test]
    fn recovers_a_line_far_from_the_origin() {
        let rows: Vec<f64> = (0..500).flat_map(|i| [1e8 + f64::from(i), f64::from(i * i % 17)]).collect();
        let y: Vec<f64> = rows.chunks(2).map(|r| 3.0 * (r[0] - 1e8) - 2.0 * r[1] + 5.0).collect();
        let model = fit(&rows, 2, &y, None).unwrap();
        assert!((model.coefficients()[0] - 3.0).abs() < 1e-9);
        assert!((model.coefficients()[1] + 2.0).abs() < 1e-9);
        assert_eq!(model.rank(), 2);
    }

    #[test]
    fn a_weight_counts_like_repeated_rows() {
        let (x, y) = ([0.0, 1.0, 2.0, 3.0], [1.0, 0.0, 4.0, 2.0]);
        let weighted = fit(&x, 1, &y, Some(&[1.0, 2.0, 0.0, 3.0])).unwrap();
        let repeated =
            fit(&[0.0, 1.0, 1.0, 3.0, 3.0, 3.0], 1, &[1.0, 0.0, 0.0, 2.0, 2.0, 2.0], None).unwrap();
        assert!((weighted.coefficients()[0] - repeated.coefficients()[0]).abs() < 1e-12);
        assert!((weighted.intercept() - repeated.intercept()).abs() < 1e-12);
    }

    #[test]
    fn constant_columns_and_targets_are_no_trouble() {
        let model = fit(&[5.0, 1.0, 5.0, 2.0, 5.0, 4.0], 2, &[7.0, 7.0, 7.0], None).unwrap();
        assert_eq!(model.coefficients(), [0.0, 0.0]);
        assert_eq!(model.intercept(), 7.0);
        assert_eq!(model.rank(), 1);
    }

    #[test]
    fn without_intercept_the_line_meets_the_origin() {
        let matrix = Matrix::from_rows(&[1.0, 2.0, 3.0], 1).unwrap();
        let params = Params { fit_intercept: false }.check().unwrap();
        let model = params.fit(&matrix.columns(), &[2.0, 4.0, 6.0], None).unwrap();
        assert!((model.coefficients()[0] - 2.0).abs() < 1e-12 && model.intercept() == 0.0);
    }

    #[test]
    fn bad_input_is_named() {
        assert!(matches!(
            fit(&[1.0, f64::NAN], 1, &[1.0, 2.0], None),
            Err(Error::Data { row: Some(1), column: Some(0), .. })
        ));
        assert!(matches!(fit(&[1.0, 2.0], 1, &[1.0, f64::NAN], None), Err(Error::Data { row: Some(1), .. })));
        let model = fit(&[1.0, 2.0], 1, &[1.0, 2.0], None).unwrap();
        assert!(model.predict(&Columns::new(vec![&[1.0], &[2.0]]).unwrap()).is_err());
    }
}

use super::Params;
use crate::linalg::standardize::{BLOCK, Standardizer};
use crate::linalg::{axpy, cholesky::Cholesky, gram::Gram, least_squares, mean};
use crate::matrix::{Missing, check_target};
use crate::weights::check_weights;
use crate::{Checked, Columns, Error};
use serde::{Deserialize, Serialize};

/// Below this share of a column that the others do not explain, the normal equations would cost more than seven
/// digits, and the orthogonal way is taken.
const NEARLY_DEPENDENT: f64 = 1e-7;

/// A fitted line: `prediction = intercept + sum coefficient_j x_j`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LinearRegression {
    #[serde(with = "crate::packed")]
    coefficients: Vec<f64>,
    intercept: f64,
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
        x.check_features(Missing::Refused)?;
        check_target(y, x.rows())?;
        check_weights(weights, x.rows())?;
        let total = weights.map_or(x.rows() as f64, |w| w.iter().sum());
        let standardizer = Standardizer::centering(x, weights, total, self.fit_intercept);
        let y_mean = if self.fit_intercept { mean(y, weights, total) } else { 0.0 };

        let (coefficients, rank) = normal_equations(x, y, weights, &standardizer, y_mean)
            .unwrap_or_else(|| least_squares::solve(x, y, weights, &standardizer, y_mean));
        let (coefficients, shift) = standardizer.unscale(&coefficients);
        let intercept = y_mean + shift;
        if coefficients.iter().chain([&intercept]).any(|c| !c.is_finite()) {
            return Err(Error::data("the values are too large for a sum of squares; scale the columns"));
        }
        Ok(LinearRegression { coefficients, intercept, rank: rank as u32 })
    }
}

/// Solves `X'X b = X'y`; `None` where the columns are (nearly) dependent.
fn normal_equations(
    x: &Columns,
    y: &[f64],
    weights: Option<&[f64]>,
    standardizer: &Standardizer,
    y_mean: f64,
) -> Option<(Vec<f64>, usize)> {
    let width = x.width();
    if width > x.rows() {
        return None;
    }
    // The target is one more column.
    let mut gram = Gram::new(width + 1);
    let mut block = vec![0.0; (width + 1) * BLOCK];
    for start in (0..x.rows()).step_by(BLOCK) {
        let (features, target) = block.split_at_mut(width * BLOCK);
        let rows = standardizer.read_block(x, start, features);
        target.fill(0.0);
        target.iter_mut().zip(&y[start..start + rows]).for_each(|(out, y)| *out = y - y_mean);
        if let Some(w) = weights {
            let w = &w[start..start + rows];
            for column in block.chunks_exact_mut(BLOCK) {
                column.iter_mut().zip(w).for_each(|(out, w)| *out *= w.sqrt());
            }
        }
        gram.add_block(&block);
    }
    let mut solution: Vec<f64> = (0..width).map(|j| gram.at(width, j)).collect();
    Cholesky::factor(&gram, width, NEARLY_DEPENDENT)?.solve(&mut solution);
    Some((solution, width))
}

impl LinearRegression {
    /// One coefficient a feature.
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    pub fn intercept(&self) -> f64 {
        self.intercept
    }

    /// How many columns were independent.
    pub fn rank(&self) -> usize {
        self.rank as usize
    }

    /// One value a row.
    ///
    /// # Errors
    /// For another number of columns than at the fit, and for values that are not finite.
    pub fn predict(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        x.check_width(self.coefficients.len())?;
        x.check_features(Missing::Refused)?;
        let mut y = vec![self.intercept; x.rows()];
        for (column, &coefficient) in x.iter().zip(&self.coefficients) {
            axpy(coefficient, column, &mut y);
        }
        Ok(y)
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

//! Columns of mean 0 and variance 1 to fit on, and what was fitted brought back to the columns' own units: as
//! scikit-learn's `StandardScaler` before the fit, but that the model takes the columns as they are.

use crate::linalg::standardize::Standardizer;
use crate::matrix::Missing;
use crate::weights::check_weights;
use crate::{Columns, Error, Matrix};

/// A copy of a table in units of the columns' standard deviations.
#[derive(Debug, Clone)]
pub struct Standardized {
    values: Matrix,
    standardizer: Standardizer,
}

/// A model that is linear in its columns.
pub trait InUnits: Sized {
    /// The same model of the columns that `standardizer` was made of.
    ///
    /// # Errors
    /// If a coefficient is not finite then.
    fn in_units(self, standardizer: &Standardizer) -> Result<Self, Error>;
}

impl Standardized {
    /// Takes weighted means off (not without `center`, as a model that must meet the origin has nothing to put them
    /// into) and divides by weighted standard deviations; a constant column is not divided.
    ///
    /// # Errors
    /// For values that are not finite or too large for a sum of squares, and for weights that do not go with the rows.
    pub fn of(x: &Columns, weights: Option<&[f64]>, center: bool) -> Result<Self, Error> {
        x.check_shape()?;
        check_weights(weights, x.rows())?;
        let total = weights.map_or(x.rows() as f64, |w| w.iter().sum());
        let Some(mut standardizer) = Standardizer::scaling(x, weights, total, true) else {
            x.check_features(Missing::Refused)?;
            return Err(Error::data("the values are too large for a sum of squares; scale the columns"));
        };
        if !center {
            standardizer.means.fill(0.0);
        }
        let mut values = Vec::with_capacity(x.rows() * x.width());
        for (column, (mean, scale)) in x.iter().zip(standardizer.means.iter().zip(&standardizer.scales)) {
            values.extend(column.iter().map(|v| (v - mean) / scale));
        }
        Ok(Self { values: Matrix::from_columns(values, x.rows(), x.width()), standardizer })
    }

    /// The columns to fit on.
    pub fn columns(&self) -> Columns<'_> {
        self.values.columns()
    }

    /// The standard deviations; 1 of a constant column. A coefficient times its own is that of the standardised column.
    pub fn scales(&self) -> &[f64] {
        &self.standardizer.scales
    }

    /// The same model of the columns as they are.
    ///
    /// # Errors
    /// If a coefficient is not finite then.
    pub fn restore<M: InUnits>(&self, model: M) -> Result<M, Error> {
        model.in_units(&self.standardizer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Check, elastic_net, linear_regression, logistic_regression, ridge};

    /// Two columns of very different units and a constant one; the first two standardised by hand.
    fn tables(w: &[f64]) -> (Matrix, Matrix) {
        let rows = w.len();
        let a: Vec<f64> = (0..rows).map(|i| 1e5 + 1e3 * (i as f64 * 0.9).sin()).collect();
        let b: Vec<f64> = (0..rows).map(|i| 1e-3 * (i * i % 13) as f64).collect();
        let by_hand = |column: &[f64]| -> Vec<f64> {
            let total: f64 = w.iter().sum();
            let mean = column.iter().zip(w).map(|(v, w)| v * w).sum::<f64>() / total;
            let variance = column.iter().zip(w).map(|(v, w)| w * (v - mean).powi(2)).sum::<f64>() / total;
            column.iter().map(|v| (v - mean) / variance.sqrt()).collect()
        };
        let scaled = [by_hand(&a), by_hand(&b), vec![0.0; rows]].concat();
        let raw = [a, b, vec![7.5; rows]].concat();
        (Matrix::from_columns(raw, rows, 3), Matrix::from_columns(scaled, rows, 3))
    }

    #[test]
    fn it_is_the_fit_on_columns_standardised_by_hand() {
        let w: Vec<f64> = (0..80).map(|i| 0.5 + f64::from(i % 3)).collect();
        let (raw, scaled) = tables(&w);
        let y: Vec<f64> = (0..80).map(|i| (f64::from(i) * 0.9).sin() + f64::from(i * i % 13) * 0.2).collect();
        let classes: Vec<u32> = y.iter().map(|y| u32::from(*y > 0.5) + u32::from(*y > 1.5)).collect();
        let w = Some(&w[..]);
        let standardized = Standardized::of(&raw.columns(), w, true).unwrap();
        let check = |own: Vec<f64>, plain: Vec<f64>| {
            for (own, plain) in own.iter().zip(&plain) {
                assert!((own - plain).abs() < 1e-7, "{own} {plain}");
            }
        };
        let predicted = |model: &elastic_net::LinearModel, x: &Matrix| model.predict(&x.columns()).unwrap();

        let params = ridge::Params { alpha: 5.0, ..Default::default() }.check().unwrap();
        let fit = params.fit(&standardized.columns(), &y, w).unwrap();
        let model = standardized.restore(fit).unwrap();
        let plain = params.fit(&scaled.columns(), &y, w).unwrap();
        check(predicted(&model, &raw), predicted(&plain, &scaled));
        let own = model.coefficients().iter().zip(standardized.scales()).map(|(c, s)| c * s);
        check(own.collect(), plain.coefficients().to_vec());
        assert_eq!(model.coefficients()[2], 0.0);

        let params = elastic_net::Params { alpha: 0.1, tol: 1e-12, ..Default::default() }.check().unwrap();
        let fit = params.fit(&standardized.columns(), &y, w).unwrap();
        let model = standardized.restore(fit.model).unwrap();
        let plain = params.fit(&scaled.columns(), &y, w).unwrap().model;
        check(predicted(&model, &raw), predicted(&plain, &scaled));

        let params = linear_regression::Params::default().check().unwrap();
        let model = standardized.restore(params.fit(&standardized.columns(), &y, w).unwrap()).unwrap();
        let plain = params.fit(&scaled.columns(), &y, w).unwrap();
        check(predicted(&model, &raw), predicted(&plain, &scaled));

        let params = logistic_regression::Params { c: 0.2, tol: 1e-9, ..Default::default() };
        let params = params.check().unwrap();
        let fit = params.fit(&standardized.columns(), &classes, w).unwrap();
        let model = standardized.restore(fit).unwrap();
        let plain = params.fit(&scaled.columns(), &classes, w).unwrap();
        let proba = |model: &logistic_regression::LogisticRegression, x: &Matrix| {
            model.predict_proba(&x.columns()).unwrap()
        };
        check(proba(&model, &raw), proba(&plain, &scaled));
    }

    #[test]
    fn without_centring_the_origin_stays() {
        let w = vec![1.0; 40];
        let (raw, _) = tables(&w);
        let standardized = Standardized::of(&raw.columns(), None, false).unwrap();
        let params = ridge::Params { alpha: 1.0, fit_intercept: false }.check().unwrap();
        let fit = params.fit(&standardized.columns(), &vec![1.0; 40], None).unwrap();
        assert_eq!(standardized.restore(fit).unwrap().intercept(), 0.0);
        assert_eq!(standardized.scales()[2], 1.0);
    }

    #[test]
    fn bad_values_are_named() {
        let bad = [1.0, f64::NAN, 2.0];
        let error = Standardized::of(&Columns::new(vec![&bad]).unwrap(), None, true).unwrap_err();
        assert!(matches!(error, Error::Data { row: Some(1), column: Some(0), .. }), "{error:?}");
        let large = [1e200, -1e200];
        assert!(Standardized::of(&Columns::new(vec![&large]).unwrap(), None, true).is_err());
    }
}

//! What ridge, lasso and elastic net have in common: their models are lines, and a quadratic penalty alone has a
//! closed solution.

mod penalized;

pub(crate) use penalized::{check_data, solve};

use crate::linalg::{combinations, standardize::Standardizer};
use crate::matrix::Missing;
use crate::standardized::InUnits;
use crate::{Columns, Error};
use serde::{Deserialize, Serialize};

/// A fitted line: `prediction = intercept + sum coefficient_j x_j`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LinearModel {
    #[serde(with = "crate::packed")]
    coefficients: Vec<f64>,
    intercept: f64,
}

impl AsRef<Self> for LinearModel {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl InUnits for LinearModel {
    fn in_units(self, standardizer: &Standardizer) -> Result<Self, Error> {
        let (coefficients, shift) = standardizer.unscale(&self.coefficients);
        Self::new(coefficients, self.intercept + shift)
    }
}

impl LinearModel {
    /// A line of these coefficients.
    ///
    /// # Errors
    /// If one is not finite.
    pub fn new(coefficients: Vec<f64>, intercept: f64) -> Result<Self, Error> {
        if coefficients.iter().chain([&intercept]).any(|c| !c.is_finite()) {
            return Err(Error::data("the values are too large for a sum of squares; scale the columns"));
        }
        Ok(Self { coefficients, intercept })
    }

    /// One coefficient a feature, in the target's unit per the feature's.
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    pub fn intercept(&self) -> f64 {
        self.intercept
    }

    /// Features that count.
    pub fn nonzero(&self) -> usize {
        self.coefficients.iter().filter(|&&c| c != 0.0).count()
    }

    /// One value a row.
    ///
    /// # Errors
    /// For another number of columns than at the fit, and for values that are not finite.
    pub fn predict(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        x.check_width(self.coefficients.len())?;
        x.check_shape()?;
        let y = combinations(x, &self.coefficients, self.intercept);
        // Whatever is not finite shows in the sums, so that sound values are read once only.
        if y.iter().any(|v| !v.is_finite()) {
            x.check_features(Missing::Refused)?;
        }
        Ok(y)
    }
}

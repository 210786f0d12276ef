use super::LogisticRegression;
use crate::calibration::{Calibration, Method};
use crate::{Columns, Error};
use serde::{Deserialize, Serialize};
use std::ops::Deref;

/// A logistic regression whose probabilities may have been calibrated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
pub struct Calibrated {
    model: LogisticRegression,
    calibration: Option<Calibration>,
}

/// [`Calibrated`] as it is read, before it is known to hold together.
#[derive(Deserialize)]
struct Stored {
    model: LogisticRegression,
    calibration: Option<Calibration>,
}

impl TryFrom<Stored> for Calibrated {
    type Error = &'static str;

    fn try_from(Stored { model, calibration }: Stored) -> Result<Self, Self::Error> {
        match calibration.as_ref().is_none_or(|own| own.outputs() == model.intercepts().len()) {
            true => Ok(Self { model, calibration }),
            false => Err("the calibration is damaged"),
        }
    }
}

impl From<LogisticRegression> for Calibrated {
    /// Its probabilities as they are.
    fn from(model: LogisticRegression) -> Self {
        Self { model, calibration: None }
    }
}

impl Deref for Calibrated {
    type Target = LogisticRegression;

    fn deref(&self) -> &LogisticRegression {
        &self.model
    }
}

impl LogisticRegression {
    /// Learns what decisions are worth on rows that it was not fitted on.
    ///
    /// # Errors
    /// For values that are not finite, another number of columns than at the fit, and a class without rows.
    pub fn calibrate(
        self,
        method: Method,
        x: &Columns,
        y: &[u32],
        weights: Option<&[f64]>,
    ) -> Result<Calibrated, Error> {
        let decisions = self.decision_function(x)?;
        let calibration = Calibration::fit(method, &decisions, self.intercepts().len(), y, weights)?;
        Ok(Calibrated { model: self, calibration: Some(calibration) })
    }
}

impl Calibrated {
    /// Probabilities, rows x classes, row after row.
    ///
    /// # Errors
    /// For another number of columns than at the fit, and for values that are not finite.
    pub fn predict_proba(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        match &self.calibration {
            None => self.model.predict_proba(x),
            Some(calibration) => Ok(calibration.probabilities(&self.model.decision_function(x)?)),
        }
    }
}

//! The parameter `standardize` of the linear models: fitted on standardised columns, given back in the columns' units.

use crate::Labelled;
use millstream_learners::standardized::{InUnits, Standardized};
use millstream_learners::{Columns, Error};
use millstream_sdk::Failure;

/// What became of the columns before the fit.
pub struct Scaling(Option<Standardized>);

impl Scaling {
    /// Columns as they are.
    pub fn none() -> Self {
        Self(None)
    }

    /// Standardises the rows' columns, by their weights, if it is asked for. Without an intercept they are not centred.
    pub fn of(train: &Labelled, standardize: bool, fit_intercept: bool) -> Result<Self, Failure> {
        if !standardize {
            return Ok(Self(None));
        }
        let standardized = Standardized::of(&train.x()?, train.rows.weights(), fit_intercept);
        standardized.map(|done| Self(Some(done))).map_err(|error| train.rows.blame(error))
    }

    /// The columns to fit on: `plain` where they are not standardised.
    pub fn columns<'a>(&'a self, plain: Columns<'a>) -> Columns<'a> {
        self.0.as_ref().map_or(plain, Standardized::columns)
    }

    /// The model of the columns as they are.
    pub fn restore<M: InUnits>(&self, model: M) -> Result<M, Error> {
        match &self.0 {
            Some(standardized) => standardized.restore(model),
            None => Ok(model),
        }
    }

    /// The coefficient of the standardised column `j` from that of the column itself, if it was standardised.
    pub fn standardized(&self, j: usize, coefficient: f64) -> Option<f64> {
        self.0.as_ref().map(|done| coefficient * done.scales()[j])
    }

    /// What the report ranks features by.
    pub fn method(&self) -> &'static str {
        if self.0.is_some() { "standardized coefficient" } else { "coefficient" }
    }
}

use super::hyperparams::Objective;
use crate::matrix::Missing;
use crate::metrics::most_probable;
use crate::tree::Ensemble;
use crate::{Columns, Error};
use serde::{Deserialize, Serialize};

/// A fitted ensemble.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct GradientBoosting {
    /// Tree `t` adds to margin `t % slots`.
    ensemble: Ensemble,
    objective: Objective,
    /// The margins before the first tree, one a slot.
    base: Vec<f64>,
    importances: Vec<Importance>,
    best_iteration: Option<u32>,
}

/// How much a feature is used.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Importance {
    /// The mean gain of its splits; 0 without one.
    pub gain: f64,
    /// The sum of the gains.
    pub total_gain: f64,
    pub splits: u32,
}

impl GradientBoosting {
    pub(super) fn new(
        ensemble: Ensemble,
        objective: Objective,
        base: Vec<f64>,
        gains: &[Vec<(u32, f64)>],
        best_iteration: Option<u32>,
    ) -> Self {
        let mut importances = vec![Importance::default(); ensemble.width()];
        for &(feature, gain) in gains.iter().flatten() {
            let importance = &mut importances[feature as usize];
            importance.total_gain += gain;
            importance.splits += 1;
        }
        for importance in importances.iter_mut().filter(|importance| importance.splits > 0) {
            importance.gain = importance.total_gain / f64::from(importance.splits);
        }
        Self { ensemble, objective, base, importances, best_iteration }
    }

    pub fn objective(&self) -> Objective {
        self.objective
    }

    /// One a feature.
    pub fn importances(&self) -> &[Importance] {
        &self.importances
    }

    /// The round (from 0) that did best on the validation data, if there were any.
    pub fn best_iteration(&self) -> Option<u32> {
        self.best_iteration
    }

    /// Rounds that the ensemble holds.
    pub fn rounds(&self) -> usize {
        self.ensemble.trees.len() / self.base.len().max(1)
    }

    /// The number of classes; 0 for numbers.
    pub fn classes(&self) -> usize {
        match self.objective {
            Objective::SquaredError => 0,
            Objective::BinaryLogistic => 2,
            Objective::MultiSoftprob => self.base.len(),
        }
    }

    /// The sums of leaf values, rows x slots.
    fn margins(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        x.check_width(self.ensemble.width())?;
        x.check_features(Missing::Allowed)?;
        let slots = self.base.len();
        let fits = if self.objective == Objective::MultiSoftprob { slots >= 2 } else { slots == 1 };
        if !fits || self.ensemble.outputs != 1 {
            return Err(Error::data("the model holds no whole ensemble; fit it first"));
        }
        let mut margins = self.base.repeat(x.rows());
        self.ensemble.add_predictions(&self.ensemble.trees, x, slots, &mut margins);
        Ok(margins)
    }

    /// One number a row; for `binary:logistic` the probability of class 1.
    ///
    /// # Errors
    /// For several classes, another number of columns than at the fit, and infinite values.
    pub fn predict_numbers(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        if self.objective == Objective::MultiSoftprob {
            return Err(Error::data("this ensemble predicts several classes"));
        }
        let mut margins = self.margins(x)?;
        self.objective.transform(&mut margins, 1);
        Ok(margins)
    }

    /// Probabilities, rows x classes, row after row.
    ///
    /// # Errors
    /// For an ensemble of numbers; otherwise as [`GradientBoosting::predict_numbers`].
    pub fn predict_proba(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        match self.objective {
            Objective::SquaredError => Err(Error::data("this ensemble predicts numbers")),
            Objective::BinaryLogistic => {
                Ok(self.predict_numbers(x)?.iter().flat_map(|p| [1.0 - p, *p]).collect())
            }
            Objective::MultiSoftprob => {
                let mut margins = self.margins(x)?;
                self.objective.transform(&mut margins, self.base.len());
                Ok(margins)
            }
        }
    }

    /// The most probable class of each row.
    pub fn predict(&self, x: &Columns) -> Result<Vec<u32>, Error> {
        Ok(most_probable(&self.predict_proba(x)?, self.classes()))
    }
}

use super::hyperparams::Objective;
use super::stored::Stored;
use super::tournament::Prepared;
use super::trees::Tree;
use super::{shap, walk};
use crate::matrix::Missing;
use crate::metrics::most_probable;
use crate::{Columns, Error};
use serde::{Deserialize, Serialize};

/// A fitted ensemble.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct GradientBoosting(Parts, Prepared);

/// What an ensemble is made of. Trees look at columns below `width`, slots are below the length of `base`, all
/// numbers are finite but thresholds, which may be infinite.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Parts {
    pub width: usize,
    pub objective: Objective,
    /// What the objective's shape depends on; 0 where there is nothing.
    pub shape: f64,
    /// The margins before the first tree, one a slot.
    pub base: Vec<f64>,
    /// To which margin each tree adds.
    pub slots: Vec<u32>,
    /// Nodes in order of depth.
    pub trees: Vec<Tree>,
    pub rounds: usize,
    pub best_iteration: Option<u32>,
}

/// How much a feature is used; names are those of XGBoost's importance types.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Importance {
    /// The mean gain of its splits; 0 without one.
    pub gain: f64,
    /// The sum of the gains.
    pub total_gain: f64,
    /// The mean cover of its splits: the sum of second derivatives (for squared error: of weights) that they part.
    pub cover: f64,
    /// The sum of the covers.
    pub total_cover: f64,
    /// The number of its splits.
    pub weight: u32,
}

impl GradientBoosting {
    pub(super) fn new(parts: Parts) -> Self {
        Self(parts, Prepared::default())
    }

    pub(super) fn parts(&self) -> &Parts {
        &self.0
    }

    pub(super) fn into_parts(self) -> Parts {
        self.0
    }

    /// Lets go of the rounds after the first `rounds`.
    pub fn keep_rounds(&mut self, rounds: usize) {
        self.1 = Prepared::default();
        let parts = &mut self.0;
        if rounds < parts.rounds && rounds > 0 {
            let kept = parts.trees.len() / parts.rounds * rounds;
            parts.trees.truncate(kept);
            parts.slots.truncate(kept);
            parts.rounds = rounds;
        }
    }

    pub fn objective(&self) -> Objective {
        self.0.objective
    }

    /// The number of features.
    pub fn width(&self) -> usize {
        self.0.width
    }

    /// One a feature.
    pub fn importances(&self) -> Vec<Importance> {
        let mut importances = vec![Importance::default(); self.0.width];
        for tree in &self.0.trees {
            for (at, node) in tree.nodes.iter().enumerate().filter(|(_, node)| !node.is_leaf()) {
                let importance = &mut importances[node.feature as usize];
                importance.total_gain += f64::from(tree.gains[at]);
                importance.total_cover += f64::from(tree.covers[at]);
                importance.weight += 1;
            }
        }
        for importance in importances.iter_mut().filter(|importance| importance.weight > 0) {
            importance.gain = importance.total_gain / f64::from(importance.weight);
            importance.cover = importance.total_cover / f64::from(importance.weight);
        }
        importances
    }

    /// The round (from 0) that did best on the validation data, if there were any.
    pub fn best_iteration(&self) -> Option<u32> {
        self.0.best_iteration
    }

    /// Rounds that the ensemble holds.
    pub fn rounds(&self) -> usize {
        self.0.rounds
    }

    /// Trees of all rounds.
    pub fn trees(&self) -> usize {
        self.0.trees.len()
    }

    /// The number of classes; 0 for numbers.
    pub fn classes(&self) -> usize {
        match self.0.objective {
            Objective::BinaryLogistic => 2,
            Objective::MultiSoftprob => self.0.base.len(),
            _ => 0,
        }
    }

    /// Margins of a row: as many as classes for `multi:softprob`, else 1.
    pub fn slots(&self) -> usize {
        self.0.base.len()
    }

    fn check(&self, x: &Columns) -> Result<(), Error> {
        if self.0.width == 0 {
            return Err(Error::data("the model holds no whole ensemble; fit it first"));
        }
        x.check_width(self.0.width)?;
        x.check_features(Missing::Allowed)
    }

    /// The sums of leaf values, rows x [`GradientBoosting::slots`]: what XGBoost gives with `output_margin`.
    ///
    /// # Errors
    /// For another number of columns than at the fit, and infinite values.
    pub fn margins(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        self.check(x)?;
        let mut margins = self.0.base.repeat(x.rows());
        walk::add(&self.0.trees, &self.0.slots, &self.1, x, self.slots(), &mut margins);
        Ok(margins)
    }

    /// What each feature contributes to each margin: rows x slots x (features + 1), the last being what a row of
    /// unknown features would get. A row's contributions to a margin add up to it.
    ///
    /// TreeSHAP, weighing paths by the rows that took them in the fit (S. Lundberg et al., From local explanations to
    /// global understanding with explainable AI for trees, 2020); XGBoost's `pred_contribs`.
    ///
    /// # Errors
    /// As [`GradientBoosting::margins`].
    pub fn contributions(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        self.check(x)?;
        Ok(shap::contributions(&self.0, x))
    }

    /// One number a row; for `binary:logistic` the probability of class 1.
    ///
    /// # Errors
    /// For several classes, another number of columns than at the fit, and infinite values.
    pub fn predict_numbers(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        if self.0.objective == Objective::MultiSoftprob {
            return Err(Error::data("this ensemble predicts several classes"));
        }
        let mut margins = self.margins(x)?;
        self.0.objective.transform(&mut margins, 1);
        Ok(margins)
    }

    /// Probabilities, rows x classes, row after row.
    ///
    /// # Errors
    /// For an ensemble of numbers; otherwise as [`GradientBoosting::predict_numbers`].
    pub fn predict_proba(&self, x: &Columns) -> Result<Vec<f64>, Error> {
        match self.0.objective {
            Objective::BinaryLogistic => {
                Ok(self.predict_numbers(x)?.iter().flat_map(|p| [1.0 - p, *p]).collect())
            }
            Objective::MultiSoftprob => {
                let mut margins = self.margins(x)?;
                self.0.objective.transform(&mut margins, self.slots());
                Ok(margins)
            }
            _ => Err(Error::data("this ensemble predicts numbers")),
        }
    }

    /// The most probable class of each row.
    pub fn predict(&self, x: &Columns) -> Result<Vec<u32>, Error> {
        Ok(most_probable(&self.predict_proba(x)?, self.classes()))
    }
}

use super::metric::EvalMetric;
use crate::param_guard::{ABOVE_ZERO, FINITE, within};
use crate::{Check, ParamError};
use serde::{Deserialize, Serialize};
use std::ops::Bound;

/// What is predicted, and the loss that is lowered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Objective {
    /// The probability of class 1 of two.
    #[serde(rename = "binary:logistic")]
    BinaryLogistic,
    /// A probability for each of several classes.
    #[serde(rename = "multi:softprob")]
    MultiSoftprob,
    /// A number, by squared error.
    #[default]
    #[serde(rename = "reg:squarederror")]
    SquaredError,
}

/// What shapes a boosted ensemble; names and defaults are XGBoost's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    pub objective: Objective,
    /// Rounds of boosting. At least 1.
    pub num_round: u32,
    /// How much of each tree's step is taken: smaller learns slower and better. Above 0, at most 1.
    pub eta: f64,
    /// Splits from the root to a leaf at the most: 1 to 64.
    pub max_depth: u32,
    /// The least sum of second derivatives in a leaf (for squared error: of weights). At least 0.
    pub min_child_weight: f64,
    /// The share of rows each round sees. Above 0, at most 1.
    pub subsample: f64,
    /// The share of columns each tree sees. Above 0, at most 1.
    pub colsample_bytree: f64,
    /// L2 penalty on leaf values. At least 0.
    pub lambda: f64,
    /// L1 penalty on leaf values. At least 0.
    pub alpha: f64,
    /// The least gain of a split. At least 0.
    pub gamma: f64,
    /// What a row of class 1 weighs beside one of class 0. Above 0; `binary:logistic` only.
    pub scale_pos_weight: f64,
    /// The prediction before the first tree; none: the mean of the target. A probability for `binary:logistic`;
    /// not for `multi:softprob`.
    pub base_score: Option<f64>,
    /// Bins a feature is cut into at the most: 2 to 255.
    pub max_bin: u32,
    /// What is computed after each round; empty: the objective's loss. The last one decides about stopping.
    pub eval_metric: Vec<EvalMetric>,
    /// Ends when the last metric has not improved on the validation data for so many rounds, and keeps the rounds
    /// up to the best. At least 1.
    pub early_stopping_rounds: Option<u32>,
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            objective: Objective::SquaredError,
            num_round: 100,
            eta: 0.3,
            max_depth: 6,
            min_child_weight: 1.0,
            subsample: 1.0,
            colsample_bytree: 1.0,
            lambda: 1.0,
            alpha: 0.0,
            gamma: 0.0,
            scale_pos_weight: 1.0,
            base_score: None,
            max_bin: 255,
            eval_metric: Vec::new(),
            early_stopping_rounds: None,
            seed: 0,
        }
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        let share = (ABOVE_ZERO, Bound::Included(1.0));
        within("num_round", self.num_round, 1..)?;
        within("eta", self.eta, share)?;
        within("max_depth", self.max_depth, 1..=64)?;
        within("min_child_weight", self.min_child_weight, 0.0..=f64::MAX)?;
        within("subsample", self.subsample, share)?;
        within("colsample_bytree", self.colsample_bytree, share)?;
        within("lambda", self.lambda, 0.0..=f64::MAX)?;
        within("alpha", self.alpha, 0.0..=f64::MAX)?;
        within("gamma", self.gamma, 0.0..=f64::MAX)?;
        within("scale_pos_weight", self.scale_pos_weight, (ABOVE_ZERO, FINITE))?;
        within("max_bin", self.max_bin, 2..=255)?;
        within("early_stopping_rounds", self.early_stopping_rounds.unwrap_or(1), 1..)?;
        match (self.objective, self.base_score) {
            (_, None) => {}
            (Objective::BinaryLogistic, Some(score)) => {
                within("base_score", score, (ABOVE_ZERO, Bound::Excluded(1.0)))?;
            }
            (Objective::SquaredError, Some(score)) => within("base_score", score, f64::MIN..=f64::MAX)?,
            (Objective::MultiSoftprob, Some(_)) => {
                let message = "several classes start at their shares in the data";
                return Err(ParamError::new("base_score", message, "nothing with multi:softprob"));
            }
        }
        match self.eval_metric.iter().find(|metric| !metric.suits(self.objective)) {
            None => Ok(()),
            Some(metric) => {
                let message = format!("{} does not go with the objective", metric.name());
                Err(ParamError::new("eval_metric", message, EvalMetric::for_objective(self.objective)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_out_of_range_are_named() {
        let name = |params: Params| params.check().unwrap_err().name;
        assert_eq!(name(Params { eta: 0.0, ..Params::default() }), "eta");
        assert_eq!(name(Params { subsample: 1.1, ..Params::default() }), "subsample");
        assert_eq!(name(Params { lambda: f64::INFINITY, ..Params::default() }), "lambda");
        assert_eq!(name(Params { eval_metric: vec![EvalMetric::Auc], ..Params::default() }), "eval_metric");
        let objective = Objective::BinaryLogistic;
        assert_eq!(name(Params { objective, base_score: Some(1.0), ..Params::default() }), "base_score");
        assert!(Params::default().check().is_ok());
    }
}

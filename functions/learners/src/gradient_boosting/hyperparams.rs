use super::metric::EvalMetric;
use crate::param_guard::{ABOVE_ZERO, FINITE, within};
use crate::{Check, ParamError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::ops::Bound;

/// What is predicted, and the loss that is lowered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Objective {
    /// The probability of class 1 of two.
    #[serde(rename = "binary:logistic")]
    BinaryLogistic,
    /// The log-odds of 1 against 0.
    #[serde(rename = "binary:logitraw")]
    BinaryLogitraw,
    /// A probability for each of several classes.
    #[serde(rename = "multi:softprob")]
    MultiSoftprob,
    /// A number, by squared error.
    #[default]
    #[serde(rename = "reg:squarederror")]
    SquaredError,
    /// A number above -1, by the squared error of logarithms of 1 and the number.
    #[serde(rename = "reg:squaredlogerror")]
    SquaredLogError,
    /// A number from 0 to 1, by the logistic loss.
    #[serde(rename = "reg:logistic")]
    RegLogistic,
    /// A number, by absolute error: a median.
    #[serde(rename = "reg:absoluteerror")]
    AbsoluteError,
    /// A number, by an error that grows like the square near 0 and evenly beyond `huber_slope`.
    #[serde(rename = "reg:pseudohubererror")]
    PseudoHuberError,
    /// The quantile `quantile_alpha` of a number.
    #[serde(rename = "reg:quantileerror")]
    QuantileError,
    /// The mean of a count, at least 0.
    #[serde(rename = "count:poisson")]
    Poisson,
    /// The mean of a number above 0 whose spread grows with it.
    #[serde(rename = "reg:gamma")]
    Gamma,
    /// The mean of a number that is often 0 and never below.
    #[serde(rename = "reg:tweedie")]
    Tweedie,
    /// A score by which the rows of a group are ranked.
    #[serde(rename = "rank:ndcg")]
    RankNdcg,
    /// A score by which the rows of a group are ranked, all pairs counting alike.
    #[serde(rename = "rank:pairwise")]
    RankPairwise,
}

/// Which node is split next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GrowPolicy {
    /// The one nearest to the root.
    #[default]
    Depthwise,
    /// The one whose split gains most.
    Lossguide,
}

/// What shapes a boosted ensemble; names and defaults are XGBoost's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    pub objective: Objective,
    /// Rounds of boosting. At least 1.
    pub num_round: u32,
    /// Trees of a round, each on rows and columns of its own; together they take one step. At least 1.
    pub num_parallel_tree: u32,
    /// How much of each tree's step is taken: smaller learns slower and better. Above 0, at most 1.
    pub eta: f64,
    /// Splits from the root to a leaf at the most: 0 to 64; 0 is no limit (but 512).
    pub max_depth: u32,
    /// Leaves of a tree at the most; 0 is no limit.
    pub max_leaves: u32,
    pub grow_policy: GrowPolicy,
    /// The least sum of second derivatives in a leaf (for squared error: of weights). At least 0.
    pub min_child_weight: f64,
    /// The least rows in a leaf, as LightGBM counts them: a side's share of its node's second derivatives stands for its share of
    /// the rows. 0 is no limit.
    pub min_data_in_leaf: u32,
    /// The largest step of a leaf, before `eta`; 0 is no limit, but 0.7 for `count:poisson`. At least 0.
    pub max_delta_step: f64,
    /// The share of rows each round sees. Above 0, at most 1.
    pub subsample: f64,
    /// The share of columns each tree sees. Above 0, at most 1.
    pub colsample_bytree: f64,
    /// The share of the tree's columns each level sees. Above 0, at most 1.
    pub colsample_bylevel: f64,
    /// The share of the level's columns each node sees. Above 0, at most 1.
    pub colsample_bynode: f64,
    /// L2 penalty on leaf values. At least 0.
    pub lambda: f64,
    /// L1 penalty on leaf values. At least 0.
    pub alpha: f64,
    /// The least gain of a split. At least 0.
    pub gamma: f64,
    /// What a row of class 1 weighs beside one of class 0. Above 0; for the logistic objectives of two classes only.
    pub scale_pos_weight: f64,
    /// The prediction before the first tree; none: that of a model without features. A probability for
    /// `binary:logistic` and `reg:logistic`, a mean above 0 for `count:poisson`, `reg:gamma` and `reg:tweedie`; not for
    /// `multi:softprob`.
    pub base_score: Option<f64>,
    /// Bins a feature is cut into at the most: 2 to 255.
    pub max_bin: u32,
    /// For each feature 1 where predictions must not fall with it, -1 where they must not rise, 0 where they are
    /// free. Empty: all are free. Features beyond the end are free.
    pub monotone_constraints: Vec<i8>,
    /// Sets of features that may meet on a way from the root to a leaf. A feature of no set meets none. Empty: all may
    /// meet.
    pub interaction_constraints: Vec<Vec<u32>>,
    /// Columns that hold categories as codes 0, 1, 2, ... instead of numbers. The 254 most frequent of a column are
    /// told apart.
    pub categorical_features: Vec<u32>,
    /// Features of fewer categories are split one category against the rest; others into two sets.
    pub max_cat_to_onehot: u32,
    /// Categories in the smaller part of a split at the most. At least 1.
    pub max_cat_threshold: u32,
    /// For `reg:quantileerror`: above 0, below 1.
    pub quantile_alpha: f64,
    /// For `reg:pseudohubererror`: where the square ends. Above 0.
    pub huber_slope: f64,
    /// For `reg:tweedie`: above 1, below 2; near 1 like counts, near 2 like a gamma distribution.
    pub tweedie_variance_power: f64,
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
            num_parallel_tree: 1,
            eta: 0.3,
            max_depth: 6,
            max_leaves: 0,
            grow_policy: GrowPolicy::Depthwise,
            min_child_weight: 1.0,
            min_data_in_leaf: 0,
            max_delta_step: 0.0,
            subsample: 1.0,
            colsample_bytree: 1.0,
            colsample_bylevel: 1.0,
            colsample_bynode: 1.0,
            lambda: 1.0,
            alpha: 0.0,
            gamma: 0.0,
            scale_pos_weight: 1.0,
            base_score: None,
            max_bin: 255,
            monotone_constraints: Vec::new(),
            interaction_constraints: Vec::new(),
            categorical_features: Vec::new(),
            max_cat_to_onehot: 4,
            max_cat_threshold: 64,
            quantile_alpha: 0.5,
            huber_slope: 1.0,
            tweedie_variance_power: 1.5,
            eval_metric: Vec::new(),
            early_stopping_rounds: None,
            seed: 0,
        }
    }
}

impl Params {
    /// The number that the objective's shape depends on; 0 where there is none.
    pub(super) fn shape(&self) -> f64 {
        match self.objective {
            Objective::QuantileError => self.quantile_alpha,
            Objective::PseudoHuberError => self.huber_slope,
            Objective::Tweedie => self.tweedie_variance_power,
            _ => 0.0,
        }
    }

    /// The largest step of a leaf; 0: no limit.
    pub(super) fn max_delta_step(&self) -> f64 {
        // Without a limit the exponential runs away; XGBoost's number.
        if self.max_delta_step == 0.0 && self.objective == Objective::Poisson {
            0.7
        } else {
            self.max_delta_step
        }
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        let share = (ABOVE_ZERO, Bound::Included(1.0));
        let inside = (ABOVE_ZERO, Bound::Excluded(1.0));
        within("num_round", self.num_round, 1..)?;
        within("num_parallel_tree", self.num_parallel_tree, 1..=100_000)?;
        within("eta", self.eta, share)?;
        within("max_depth", self.max_depth, 0..=64)?;
        within("min_child_weight", self.min_child_weight, 0.0..=f64::MAX)?;
        within("max_delta_step", self.max_delta_step, 0.0..=f64::MAX)?;
        within("subsample", self.subsample, share)?;
        within("colsample_bytree", self.colsample_bytree, share)?;
        within("colsample_bylevel", self.colsample_bylevel, share)?;
        within("colsample_bynode", self.colsample_bynode, share)?;
        within("lambda", self.lambda, 0.0..=f64::MAX)?;
        within("alpha", self.alpha, 0.0..=f64::MAX)?;
        within("gamma", self.gamma, 0.0..=f64::MAX)?;
        within("scale_pos_weight", self.scale_pos_weight, (ABOVE_ZERO, FINITE))?;
        within("max_bin", self.max_bin, 2..=255)?;
        within("max_cat_threshold", self.max_cat_threshold, 1..)?;
        within("quantile_alpha", self.quantile_alpha, inside)?;
        within("huber_slope", self.huber_slope, (ABOVE_ZERO, FINITE))?;
        let power = (Bound::Excluded(1.0), Bound::Excluded(2.0));
        within("tweedie_variance_power", self.tweedie_variance_power, power)?;
        within("early_stopping_rounds", self.early_stopping_rounds.unwrap_or(1), 1..)?;
        self.verify_constraints()?;
        match (self.objective, self.base_score) {
            (_, None) => {}
            (objective, Some(score)) if objective.is_logistic() => within("base_score", score, inside)?,
            (Objective::SquaredLogError, Some(score)) => {
                within("base_score", score, (Bound::Excluded(-1.0), FINITE))?;
            }
            (Objective::Poisson | Objective::Gamma | Objective::Tweedie, Some(score)) => {
                within("base_score", score, (ABOVE_ZERO, FINITE))?;
            }
            (Objective::MultiSoftprob, Some(_)) => {
                let message = "several classes start at their shares in the data";
                return Err(ParamError::new("base_score", message, "nothing with multi:softprob"));
            }
            (_, Some(score)) => within("base_score", score, f64::MIN..=f64::MAX)?,
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

impl Params {
    fn verify_constraints(&self) -> Result<(), ParamError> {
        const NAME: &str = "monotone_constraints";
        if let Some(direction) = self.monotone_constraints.iter().find(|d| !(-1..=1).contains(*d)) {
            return Err(ParamError::new(NAME, format!("{direction} is no direction"), "-1, 0 and 1"));
        }
        let constrained =
            |j: usize| self.monotone_constraints.get(j).is_some_and(|&direction| direction != 0);
        if let Some(j) = self.categorical_features.iter().find(|&&j| constrained(j as usize)) {
            let message = format!("feature {j} holds categories, which have no order");
            return Err(ParamError::new(NAME, message, "0 for features of categories"));
        }
        let refit = matches!(self.objective, Objective::AbsoluteError | Objective::QuantileError);
        if refit && (0..self.monotone_constraints.len()).any(constrained) {
            let message = "leaves of this objective are quantiles, which no constraint reaches";
            return Err(ParamError::new(NAME, message, "none with reg:absoluteerror and reg:quantileerror"));
        }
        Ok(())
    }

    /// Checks parameters that name columns against a table of so many.
    pub(super) fn check_columns(&self, width: usize) -> Result<(), ParamError> {
        if let Some(j) = self.categorical_features.iter().find(|&&j| j as usize >= width) {
            let message = format!("there is no feature {j}");
            return Err(ParamError::new("categorical_features", message, format!("0 to {}", width - 1)));
        }
        if let Some(j) = self.interaction_constraints.iter().flatten().find(|&&j| j as usize >= width) {
            let message = format!("there is no feature {j}");
            return Err(ParamError::new("interaction_constraints", message, format!("0 to {}", width - 1)));
        }
        if self.monotone_constraints.len() > width {
            let message = format!("there are {} for {width} features", self.monotone_constraints.len());
            return Err(ParamError::new("monotone_constraints", message, "one a feature at the most"));
        }
        Ok(())
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
        assert_eq!(
            name(Params { monotone_constraints: vec![2], ..Params::default() }),
            "monotone_constraints"
        );
        let monotone_constraints = vec![0, 1];
        let objective = Objective::AbsoluteError;
        assert_eq!(
            name(Params { monotone_constraints, objective, ..Params::default() }),
            "monotone_constraints"
        );
        assert_eq!(
            name(Params { tweedie_variance_power: 2.0, ..Params::default() }),
            "tweedie_variance_power"
        );
        let columns = Params { categorical_features: vec![3], ..Params::default() };
        assert_eq!(columns.check_columns(3).unwrap_err().name, "categorical_features");
        let columns = Params { interaction_constraints: vec![vec![0], vec![1, 3]], ..Params::default() };
        assert_eq!(columns.check_columns(3).unwrap_err().name, "interaction_constraints");
        assert_eq!(name(Params { num_parallel_tree: 0, ..Params::default() }), "num_parallel_tree");
        assert!(Params::default().check().is_ok());
    }
}

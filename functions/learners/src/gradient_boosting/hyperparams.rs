use super::metric::EvalMetric;
use super::overrides::Overrides;
use crate::param_guard::{ABOVE_ZERO, FINITE, hyperparams, within};
use crate::{Check, ParamError};
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use std::ops::Bound;

/// What is predicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = with_softmax)]
pub enum Objective {
    /// The probabilities of two classes.
    #[serde(rename = "binary:logistic")]
    BinaryLogistic,
    /// The log-odds of 1 against 0, as a number; the target holds 0 and 1.
    #[serde(rename = "binary:logitraw")]
    BinaryLogitraw,
    /// The probabilities of several classes.
    #[serde(rename = "multi:softprob", alias = "multi:softmax")]
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
    /// A number, by absolute error: its median.
    #[serde(rename = "reg:absoluteerror")]
    AbsoluteError,
    /// A number, by an error that grows like the square near 0 and evenly beyond `huber_slope`.
    #[serde(rename = "reg:pseudohubererror")]
    PseudoHuberError,
    /// The quantile `quantile_alpha` of a number.
    #[serde(rename = "reg:quantileerror")]
    QuantileError,
    /// The mean of a count.
    #[serde(rename = "count:poisson")]
    Poisson,
    /// The mean of a number above 0 whose spread grows with it.
    #[serde(rename = "reg:gamma")]
    Gamma,
    /// The mean of a number that is often 0 and never below.
    #[serde(rename = "reg:tweedie")]
    Tweedie,
    /// A score by which the rows of a `group` are ranked; the target holds grades from 0 to 31.
    #[serde(rename = "rank:ndcg")]
    RankNdcg,
    /// The same, but all pairs of a group count alike.
    #[serde(rename = "rank:pairwise")]
    RankPairwise,
}

/// XGBoost has a second name for the model of several classes, which only says what its predictions are.
fn with_softmax(schema: &mut Schema) {
    let softmax = serde_json::json!({
        "description": "The same model: the class is predicted, beside which the probabilities stand.",
        "type": "string",
        "const": "multi:softmax",
    });
    if let Some(all) = schema.get_mut("oneOf").and_then(|all| all.as_array_mut()) {
        let place =
            all.iter().position(|one| one["const"] == "multi:softprob").map_or(all.len(), |place| place + 1);
        all.insert(place, softmax);
    }
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

hyperparams! {
    /// What shapes a boosted ensemble; names and defaults are XGBoost's. What a preset chooses is described, with its range, in
    /// [`Overrides`].
    pub struct Params {
        /// Users may leave it to the target.
        #[schemars(skip)]
        pub objective: Objective = Objective::SquaredError;
        #[schemars(skip)]
        pub num_round: u32 = 100;
        /// Trees of a round, each on rows and columns of its own; together they take one step. With one round, `eta` 1 and
        /// samples of rows and columns: a random forest.
        pub num_parallel_tree: u32 = 1, "minimum" = 1, "maximum" = 100_000;
        #[schemars(skip)]
        pub eta: f64 = 0.3;
        #[schemars(skip)]
        pub max_depth: u32 = 6;
        #[schemars(skip)]
        pub max_leaves: u32 = 0;
        #[schemars(skip)]
        pub grow_policy: GrowPolicy = GrowPolicy::Depthwise;
        #[schemars(skip)]
        pub min_child_weight: f64 = 1.0;
        #[schemars(skip)]
        pub min_data_in_leaf: u32 = 0;
        /// The largest step of a leaf, before `eta`; 0 is no limit, but 0.7 for `count:poisson`.
        pub max_delta_step: f64 = 0.0, "minimum" = 0;
        #[schemars(skip)]
        pub subsample: f64 = 1.0;
        #[schemars(skip)]
        pub colsample_bytree: f64 = 1.0;
        /// The share of the tree's columns that each level sees.
        pub colsample_bylevel: f64 = 1.0, "exclusiveMinimum" = 0, "maximum" = 1;
        /// The share of the level's columns that each split sees.
        pub colsample_bynode: f64 = 1.0, "exclusiveMinimum" = 0, "maximum" = 1;
        #[schemars(skip)]
        pub lambda: f64 = 1.0;
        #[schemars(skip)]
        pub alpha: f64 = 0.0;
        #[schemars(skip)]
        pub gamma: f64 = 0.0;
        /// What a row of the positive class weighs beside one of the other; two classes only.
        pub scale_pos_weight: f64 = 1.0, "exclusiveMinimum" = 0;
        /// The prediction before the first tree; if not given, that of a model without features. A probability for
        /// `binary:logistic` and `reg:logistic`; not for several classes.
        // Above 0 for `count:poisson`, `reg:gamma` and `reg:tweedie`.
        pub base_score: Option<f64> = None;
        /// Bins that a feature is cut into at the most. More than 255 are taken as 255, since a bin is kept in a byte;
        /// XGBoost's default of 256 is one of them.
        pub max_bin: u32 = 255, "minimum" = 2;
        /// For each feature 1 where predictions must not fall with it, -1 where they must not rise, 0 where they are
        /// free. Empty: all are free. Features beyond the end are free. Users name features.
        #[schemars(skip)]
        pub monotone_constraints: Vec<i8> = Vec::new();
        /// Sets of features that may meet on a way from the root to a leaf. A feature of no set meets none. Empty: all may
        /// meet. Users name features.
        #[schemars(skip)]
        pub interaction_constraints: Vec<Vec<u32>> = Vec::new();
        /// Columns that hold categories as codes 0, 1, 2, ... instead of numbers. The 254 most frequent of a column are
        /// told apart. Users name columns.
        #[schemars(skip)]
        pub categorical_features: Vec<u32> = Vec::new();
        /// Features of fewer categories are split one category against the rest; others into two sets.
        pub max_cat_to_onehot: u32 = 4;
        #[schemars(skip)]
        pub max_cat_threshold: u32 = 64;
        /// For `reg:quantileerror`: which quantile is predicted.
        pub quantile_alpha: f64 = 0.5, "exclusiveMinimum" = 0, "exclusiveMaximum" = 1;
        /// For `reg:pseudohubererror`: errors beyond it count evenly.
        pub huber_slope: f64 = 1.0, "exclusiveMinimum" = 0;
        /// For `reg:tweedie`: near 1 like counts, near 2 like a gamma distribution.
        pub tweedie_variance_power: f64 = 1.5, "exclusiveMinimum" = 1, "exclusiveMaximum" = 2;
        /// What is computed after each round; empty: the objective's loss. The last one decides about stopping. Users may write
        /// one name.
        #[schemars(skip)]
        pub eval_metric: Vec<EvalMetric> = Vec::new();
        /// Ends when the last metric has not improved on the `validation` rows for so many rounds, and keeps the rounds
        /// up to the best.
        pub early_stopping_rounds: Option<u32> = None, "minimum" = 1;
        /// Users may leave it to the step.
        #[schemars(skip)]
        pub seed: u64 = 0;
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
        Overrides::of(self).verify()?;
        self.verify_ranges()?;
        self.verify_constraints()?;
        match (self.objective, self.base_score) {
            (_, None) => {}
            (objective, Some(score)) if objective.is_logistic() => {
                within("base_score", score, (ABOVE_ZERO, Bound::Excluded(1.0)))?;
            }
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
            return Err(ParamError::new(NAME, format!("{direction} is not a direction"), "-1, 0 and 1"));
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

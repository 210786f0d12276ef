//! What the user may set.

use crate::choices::{EvalMetric, GrowPolicy, Objective};
use millstream_learners::{Check, Checked, gradient_boosting as kernel};
use millstream_sdk::failure::listing;
use millstream_sdk::{Failure, Table, invalid_input, invalid_parameter};
use millstream_training::foreign::ClassName;
use millstream_training::{Goal, Target, blame};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Names and defaults are XGBoost's.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Params {
    /// The column to predict: classes or numbers. Training needs it; for a `model` that is read it may be left out.
    #[serde(default)]
    pub target: Option<String>,
    /// The columns to learn from; all others than target and weight if not given. For a `model` that is read: the names
    /// of its columns, in its order; those of the file, or `f0`, `f1`, ..., if not given.
    #[serde(default)]
    pub features: Option<Vec<String>>,
    /// For a `model` that is read: the names of the classes that it calls 0, 1, 2, ..., in this order.
    #[serde(default)]
    pub classes: Option<Vec<ClassName>>,
    /// A column of sample weights: a row of weight 2 counts like two rows.
    #[serde(default)]
    pub weight: Option<String>,
    /// A column that says which rows belong together: with `rank:ndcg`, rows of equal value are ranked among one
    /// another.
    #[serde(default)]
    pub group: Option<String>,
    /// Features that hold categories as codes 0, 1, 2, ... instead of numbers. The 254 most frequent of a feature are
    /// told apart.
    #[serde(default)]
    categorical_features: Vec<String>,
    /// What is predicted. If not given: classes for text, booleans, and integers of at most 20 distinct values, else a
    /// number.
    #[serde(default)]
    objective: Option<Objective>,
    /// Rounds of boosting.
    #[serde(default = "hundred")]
    #[schemars(range(min = 1, max = 100_000))]
    num_round: u32,
    /// How much of each tree's step is taken: smaller learns slower and better.
    #[serde(default = "eta")]
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    eta: f64,
    /// Splits from the root to a leaf at the most; 0 is no limit.
    #[serde(default = "six")]
    #[schemars(range(max = 64))]
    max_depth: u32,
    /// Leaves of a tree at the most; 0 is no limit.
    #[serde(default)]
    max_leaves: u32,
    /// Which node is split next.
    #[serde(default)]
    grow_policy: GrowPolicy,
    /// The least sum of second derivatives in a leaf; for `reg:squarederror`, of weights.
    #[serde(default = "one")]
    #[schemars(range(min = 0))]
    min_child_weight: f64,
    /// The largest step of a leaf, before `eta`; 0 is no limit, but 0.7 for `count:poisson`.
    #[serde(default)]
    #[schemars(range(min = 0))]
    max_delta_step: f64,
    /// The share of rows that each round sees.
    #[serde(default = "one")]
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    subsample: f64,
    /// The share of columns that each tree sees.
    #[serde(default = "one")]
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    colsample_bytree: f64,
    /// The share of the tree's columns that each level sees.
    #[serde(default = "one")]
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    colsample_bylevel: f64,
    /// The share of the level's columns that each split sees.
    #[serde(default = "one")]
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    colsample_bynode: f64,
    /// L2 penalty on leaf values.
    #[serde(default = "one")]
    #[schemars(range(min = 0))]
    lambda: f64,
    /// L1 penalty on leaf values.
    #[serde(default)]
    #[schemars(range(min = 0))]
    alpha: f64,
    /// The least gain of a split.
    #[serde(default)]
    #[schemars(range(min = 0))]
    gamma: f64,
    /// What a row of the positive class weighs beside one of the other; two classes only.
    #[serde(default = "one")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    scale_pos_weight: f64,
    /// The prediction before the first tree; if not given, that of a model without features. A probability for
    /// `binary:logistic`; not for `multi:softprob`.
    #[serde(default)]
    base_score: Option<f64>,
    /// Bins that a feature is cut into at the most.
    #[serde(default = "bins")]
    #[schemars(range(min = 2, max = 255))]
    max_bin: u32,
    /// By feature 1 where predictions must not fall as it rises, -1 where they must not rise.
    #[serde(default)]
    monotone_constraints: BTreeMap<String, i8>,
    /// Features of fewer categories are split one category against the rest; others into two sets.
    #[serde(default = "four")]
    max_cat_to_onehot: u32,
    /// Categories in the smaller part of a split at the most.
    #[serde(default = "sixty_four")]
    #[schemars(range(min = 1))]
    max_cat_threshold: u32,
    /// For `reg:quantileerror`: which quantile is predicted.
    #[serde(default = "half")]
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    quantile_alpha: f64,
    /// For `reg:pseudohubererror`: errors beyond it count evenly.
    #[serde(default = "one")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    huber_slope: f64,
    /// For `reg:tweedie`: near 1 like counts, near 2 like a gamma distribution.
    #[serde(default = "one_and_a_half")]
    #[schemars(extend("exclusiveMinimum" = 1, "exclusiveMaximum" = 2))]
    tweedie_variance_power: f64,
    /// Adds to the model's predictions what each feature contributed: columns `contribution_<feature>` and `bias`, for
    /// several classes `contribution_<class>_<feature>` and `bias_<class>`. A row's contributions add up to its margin:
    /// the log-odds for two classes, the logarithm for `count:poisson`, `reg:gamma` and `reg:tweedie`.
    #[serde(default)]
    pub pred_contribs: bool,
    /// Writes the model in XGBoost's JSON format too: output `xgboost`.
    #[serde(default)]
    pub export_xgboost: bool,
    /// What is reported after each round; if not given, the objective's loss. The last one decides about stopping.
    #[serde(default)]
    eval_metric: Vec<EvalMetric>,
    /// Ends when the last metric has not improved on the `validation` rows for so many rounds, and keeps the rounds
    /// up to the best.
    #[serde(default)]
    #[schemars(range(min = 1))]
    early_stopping_rounds: Option<u32>,
    /// The seed of row and column samples; the step's seed if not given.
    #[serde(default)]
    seed: Option<u64>,
}

fn hundred() -> u32 {
    100
}

fn eta() -> f64 {
    0.3
}

fn six() -> u32 {
    6
}

fn one() -> f64 {
    1.0
}

fn half() -> f64 {
    0.5
}

fn one_and_a_half() -> f64 {
    1.5
}

fn four() -> u32 {
    4
}

fn sixty_four() -> u32 {
    64
}

fn bins() -> u32 {
    255
}

impl Params {
    /// The column to predict.
    pub fn target_name(&self) -> Result<&str, Failure> {
        let missing = || {
            invalid_parameter("target", "training needs to know what to predict")
                .allowed("the name of a column")
        };
        self.target.as_deref().ok_or_else(missing)
    }

    /// Reads the target for the objective, or for what the column suggests.
    pub fn target(&self, table: &Table) -> Result<Target, Failure> {
        let goal = match self.objective {
            Some(Objective::BinaryLogistic | Objective::MultiSoftprob) => Goal::Classes,
            Some(_) => Goal::Numbers,
            None => Goal::suggested(table, self.target_name()?)?,
        };
        let target = Target::read(table, self.target_name()?, goal)?;
        let classes = target.classes().map_or(0, |classes| classes.len());
        if self.objective == Some(Objective::BinaryLogistic) && classes > 2 {
            let message = format!("`{}` has {classes} classes", self.target_name()?);
            return Err(invalid_parameter("objective", message).allowed("multi:softprob"));
        }
        Ok(target)
    }

    /// The columns to learn from.
    pub fn features(&self, table: &Table) -> Result<Vec<String>, Failure> {
        let weight = self.weight.as_deref();
        let mut features = table.features(self.features.as_deref(), self.target.as_deref(), weight)?;
        if let (Some(group), None) = (&self.group, &self.features) {
            features.retain(|name| name != group);
            if features.is_empty() {
                return Err(invalid_input("the table has no column to learn from").channel(table.channel()));
            }
        }
        Ok(features)
    }

    /// Which group each row is in, where groups are asked for.
    pub fn groups(&self, table: &Table) -> Result<Option<Vec<u32>>, Failure> {
        let ranks = self.objective == Some(Objective::RankNdcg);
        match &self.group {
            Some(group) if ranks => Ok(Some(table.labels(group)?.codes)),
            None if ranks => {
                let message = "rank:ndcg needs to know which rows belong together";
                Err(invalid_parameter("group", message).allowed("the name of a column"))
            }
            Some(_) => Err(invalid_parameter("group", "the objective ranks nothing").allowed("rank:ndcg")),
            None => Ok(None),
        }
    }

    /// Whether there are rankings to judge rather than predictions.
    pub fn ranks(&self) -> bool {
        self.objective == Some(Objective::RankNdcg)
    }

    /// The place of a feature that a parameter names.
    fn place(parameter: &str, name: &str, features: &[String]) -> Result<usize, Failure> {
        features.iter().position(|feature| feature == name).ok_or_else(|| {
            invalid_parameter(parameter, format!("`{name}` is no feature")).allowed(listing(features))
        })
    }

    /// What the kernel takes.
    pub fn kernel(
        &self,
        target: &Target,
        features: &[String],
        seed: u64,
    ) -> Result<Checked<kernel::Params>, Failure> {
        let several = self.objective == Some(Objective::MultiSoftprob);
        let categorical = self.categorical_features.iter();
        let categorical_features = categorical
            .map(|name| Ok(Self::place("categorical_features", name, features)? as u32))
            .collect::<Result<_, Failure>>()?;
        let mut monotone_constraints =
            vec![0; if self.monotone_constraints.is_empty() { 0 } else { features.len() }];
        for (name, &direction) in &self.monotone_constraints {
            monotone_constraints[Self::place("monotone_constraints", name, features)?] = direction;
        }
        let params = kernel::Params {
            objective: match target.classes().map(|classes| classes.len()) {
                None => self.objective.map_or(kernel::Objective::SquaredError, kernel::Objective::from),
                Some(2) if !several => kernel::Objective::BinaryLogistic,
                Some(_) => kernel::Objective::MultiSoftprob,
            },
            num_round: self.num_round,
            eta: self.eta,
            max_depth: self.max_depth,
            max_leaves: self.max_leaves,
            grow_policy: self.grow_policy.into(),
            min_child_weight: self.min_child_weight,
            max_delta_step: self.max_delta_step,
            subsample: self.subsample,
            colsample_bytree: self.colsample_bytree,
            colsample_bylevel: self.colsample_bylevel,
            colsample_bynode: self.colsample_bynode,
            lambda: self.lambda,
            alpha: self.alpha,
            gamma: self.gamma,
            scale_pos_weight: self.scale_pos_weight,
            base_score: self.base_score,
            max_bin: self.max_bin,
            monotone_constraints,
            categorical_features,
            max_cat_to_onehot: self.max_cat_to_onehot,
            max_cat_threshold: self.max_cat_threshold,
            quantile_alpha: self.quantile_alpha,
            huber_slope: self.huber_slope,
            tweedie_variance_power: self.tweedie_variance_power,
            eval_metric: self.eval_metric.iter().map(|&metric| metric.into()).collect(),
            early_stopping_rounds: self.early_stopping_rounds,
            seed: self.seed.unwrap_or(seed),
        };
        params.check().map_err(blame::parameter)
    }
}

//! What the user may set.

use crate::choices::{Booster, Export, Objective, TreeMethod};
use crate::metrics::EvalMetrics;
use millstream_learners::gradient_boosting::{GrowPolicy, Preset};
use millstream_training::ClassWeights;
use millstream_training::foreign::ClassName;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Names are XGBoost's; of several names of a parameter one may be given. What is not given is chosen by `preset`.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Params {
    /// The column to predict: classes or numbers. Training needs it; for a `model` that is read it may be left out.
    #[serde(default)]
    pub target: Option<String>,
    /// The columns to learn from; all others than target and weight if not given. For a `model` that is read: the names
    /// of its columns, in its order; those of the file, or `f0`, `f1`, ..., if not given.
    #[serde(default)]
    pub features: Option<Vec<String>>,
    /// Columns to leave out, such as identifiers, in place of a list of all others in `features`.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// For a `model` that is read: the names of the classes that it calls 0, 1, 2, ..., in this order.
    #[serde(default)]
    pub classes: Option<Vec<ClassName>>,
    /// A column of sample weights: a row of weight 2 counts like two rows.
    #[serde(default)]
    pub weight: Option<String>,
    /// `balanced`, or a weight for each class by its name: rows count by their class, too.
    #[serde(default)]
    pub class_weight: Option<ClassWeights>,
    /// A column that says which rows belong together: with `rank:ndcg` and `rank:pairwise`, rows of equal value are
    /// ranked among one another.
    #[serde(default)]
    pub group: Option<String>,
    /// Features that hold categories: text, booleans, or codes 0, 1, 2, ... The 254 most frequent of a feature are told
    /// apart. A text that training has not seen counts as missing.
    #[serde(default)]
    pub categorical_features: Vec<String>,
    /// What is predicted. If not given: classes for text, booleans, and integers of at most 20 distinct values, else a
    /// number.
    #[serde(default)]
    pub objective: Option<Objective>,
    /// The number of classes. Training counts them itself, and refuses another number.
    #[serde(default)]
    pub num_class: Option<u32>,
    /// What `num_round`, `eta`, `max_depth`, `max_leaves`, `grow_policy`, `min_child_weight`, `min_data_in_leaf`, `subsample`,
    /// `colsample_bytree`, `lambda` and `max_cat_threshold` are where they are not given. `auto`: chosen by how many rows
    /// there are; with fewer rounds than it takes, `eta` is larger. `xgboost`: its defaults, 100 rounds, `eta` 0.3, `max_depth`
    /// 6, `min_child_weight` 1, `lambda` 1, all rows and columns. `lightgbm`: its defaults, 100 rounds, `eta` 0.1, 31 leaves
    /// grown by gain, `min_data_in_leaf` 20, `min_child_weight` 0.001, `lambda` 0. What was chosen is logged.
    #[serde(default)]
    pub preset: Preset,
    /// What is boosted: trees, and nothing else.
    #[serde(default)]
    #[allow(dead_code, reason = "there is one")]
    booster: Booster,
    /// How splits are found: on histograms, whichever is given; `exact` and `approx` are not there.
    #[serde(default)]
    #[allow(dead_code, reason = "there is one")]
    tree_method: TreeMethod,
    /// Rounds of boosting; chosen by `preset` if not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    pub num_round: Option<u32>,
    /// The same as `num_round`.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    pub n_estimators: Option<u32>,
    /// The same as `num_round`.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    pub num_boost_round: Option<u32>,
    /// Trees of a round, each on rows and columns of its own; together they take one step. With one round, `eta` 1 and
    /// samples of rows and columns: a random forest.
    #[serde(default = "single")]
    #[schemars(range(min = 1, max = 100_000))]
    pub num_parallel_tree: u32,
    /// How much of each round's step is taken: smaller learns slower and better. Chosen by `preset` if not given.
    #[serde(default)]
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    pub eta: Option<f64>,
    /// The same as `eta`.
    #[serde(default)]
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    pub learning_rate: Option<f64>,
    /// Splits from the root to a leaf at the most; 0 is no limit. Chosen by `preset` if not given; `auto` takes 6 where
    /// `max_leaves` or `grow_policy` is given.
    #[serde(default)]
    #[schemars(range(max = 64))]
    pub max_depth: Option<u32>,
    /// Leaves of a tree at the most; 0 is no limit. Chosen by `preset` if not given.
    #[serde(default)]
    pub max_leaves: Option<u32>,
    /// Which node is split next. Chosen by `preset` if not given.
    #[serde(default)]
    pub grow_policy: Option<GrowPolicy>,
    /// The least sum of second derivatives in a leaf; for `reg:squarederror`, of weights. Chosen by `preset` if not given.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub min_child_weight: Option<f64>,
    /// The least rows in a leaf, as LightGBM counts them: a side's share of its node's second derivatives stands for its share
    /// of the rows. 0 is no limit. Chosen by `preset` if not given.
    #[serde(default)]
    pub min_data_in_leaf: Option<u32>,
    /// The largest step of a leaf, before `eta`; 0 is no limit, but 0.7 for `count:poisson`.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub max_delta_step: f64,
    /// The share of rows that each round sees. Chosen by `preset` if not given; `auto` takes all where a parameter of the rounds
    /// or trees is given.
    #[serde(default)]
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    pub subsample: Option<f64>,
    /// The share of columns that each tree sees. Chosen by `preset` if not given; `auto` takes all where a parameter of the
    /// rounds or trees is given.
    #[serde(default)]
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    pub colsample_bytree: Option<f64>,
    /// The share of the tree's columns that each level sees.
    #[serde(default = "one")]
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    pub colsample_bylevel: f64,
    /// The share of the level's columns that each split sees.
    #[serde(default = "one")]
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    pub colsample_bynode: f64,
    /// L2 penalty on leaf values; chosen by `preset` if not given.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub lambda: Option<f64>,
    /// The same as `lambda`.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub reg_lambda: Option<f64>,
    /// L1 penalty on leaf values; 0 if not given.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub alpha: Option<f64>,
    /// The same as `alpha`.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub reg_alpha: Option<f64>,
    /// The least gain of a split; 0 if not given.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub gamma: Option<f64>,
    /// The same as `gamma`.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub min_split_loss: Option<f64>,
    /// What a row of the positive class weighs beside one of the other; two classes only.
    #[serde(default = "one")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub scale_pos_weight: f64,
    /// The prediction before the first tree; if not given, that of a model without features. A probability for
    /// `binary:logistic` and `reg:logistic`; not for several classes.
    #[serde(default)]
    pub base_score: Option<f64>,
    /// Bins that a feature is cut into at the most. More than 255 are taken as 255, since a bin is kept in a byte;
    /// XGBoost's default of 256 is one of them.
    #[serde(default = "bins")]
    #[schemars(range(min = 2))]
    pub max_bin: u32,
    /// By feature 1 where predictions must not fall as it rises, -1 where they must not rise.
    #[serde(default)]
    pub monotone_constraints: BTreeMap<String, i8>,
    /// Lists of features that may meet on a way from the root of a tree to a leaf, such as `[[age, income], [rooms,
    /// area]]`. A feature in none meets no other. If not given, all may meet.
    #[serde(default)]
    pub interaction_constraints: Vec<Vec<String>>,
    /// Features of fewer categories are split one category against the rest; others into two sets.
    #[serde(default = "four")]
    pub max_cat_to_onehot: u32,
    /// Categories in the smaller part of a split at the most; chosen by `preset` if not given.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub max_cat_threshold: Option<u32>,
    /// For `reg:quantileerror`: which quantile is predicted.
    #[serde(default = "half")]
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub quantile_alpha: f64,
    /// For `reg:pseudohubererror`: errors beyond it count evenly.
    #[serde(default = "one")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub huber_slope: f64,
    /// For `reg:tweedie`: near 1 like counts, near 2 like a gamma distribution.
    #[serde(default = "one_and_a_half")]
    #[schemars(extend("exclusiveMinimum" = 1, "exclusiveMaximum" = 2))]
    pub tweedie_variance_power: f64,
    /// Adds to the model's predictions what each feature contributed: columns `contribution_<feature>` and `bias`, for
    /// several classes `contribution_<class>_<feature>` and `bias_<class>`. A row's contributions add up to its margin:
    /// the log-odds for two classes, the logarithm for `count:poisson`, `reg:gamma` and `reg:tweedie`.
    #[serde(default)]
    pub pred_contribs: bool,
    /// Writes the model as XGBoost's file too, output `xgboost`: `json` or `ubj`; true is `json`.
    #[serde(default)]
    pub export_xgboost: Export,
    /// What is reported after each round: one metric or a list; if not given, the objective's loss. The last one decides
    /// about stopping. Numbers go behind an `@`: `error@0.7`, `ndcg@5`, `map@5`, `tweedie-nloglik@1.4`.
    #[serde(default)]
    pub eval_metric: EvalMetrics,
    /// Ends when the last metric has not improved on the `validation` rows for so many rounds, and keeps the rounds
    /// up to the best.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub early_stopping_rounds: Option<u32>,
    /// The seed of row and column samples; the step's seed if not given.
    #[serde(default)]
    pub seed: Option<u64>,
    /// The same as `seed`.
    #[serde(default)]
    pub random_state: Option<u64>,
}

fn single() -> u32 {
    1
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

fn bins() -> u32 {
    255
}

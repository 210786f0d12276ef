//! What the user may set.

use crate::choices::{Booster, Categorical, Export, TreeMethod};
use crate::metrics::EvalMetrics;
use millstream_learners::gradient_boosting::{self, Objective, Overrides, Preset};
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
    /// Features that hold categories: text, booleans, or codes 0, 1, 2, ...; `auto`: all of text and booleans. The 254 most frequent of a feature are told
    /// apart. A text that training has not seen counts as missing.
    #[serde(default)]
    pub categorical_features: Categorical,
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
    // Before the learner, which has the same names: what is given here is not seen there.
    #[serde(flatten)]
    pub overrides: Overrides,
    #[serde(flatten)]
    pub learner: gradient_boosting::Params,
    /// By feature 1 where predictions must not fall as it rises, -1 where they must not rise.
    #[serde(default)]
    pub monotone_constraints: BTreeMap<String, i8>,
    /// Lists of features that may meet on a way from the root of a tree to a leaf, such as `[[age, income], [rooms,
    /// area]]`. A feature in none meets no other. If not given, all may meet.
    #[serde(default)]
    pub interaction_constraints: Vec<Vec<String>>,
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
    /// The seed of row and column samples; the step's seed if not given.
    #[serde(default)]
    pub seed: Option<u64>,
    /// The same as `seed`.
    #[serde(default)]
    pub random_state: Option<u64>,
}

//! `cross-validate:`, a model that is measured in folds before it is fitted to all rows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Trains and measures in folds before it trains on all rows.
///
/// The rows of `train` are divided into `k` folds. For each of them a task trains on the others and measures on it, as its
/// `validation`; then one task trains on all rows: its outputs are the step's. Of each metric of the validation rows the step has the
/// mean and the standard deviation of the folds, `validation:auc_mean` and `validation:auc_std`; `fold_models` are the models of the
/// folds. The step `STEP-folds` divides the rows; the output `predictions` of the step `STEP-predictions` has the true value and the
/// prediction of every row, by the model that has not seen it. With `tune` each trial is measured so, and its objective is the mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CrossValidate {
    /// How many folds.
    #[schemars(range(min = 2, max = 100))]
    pub k: u32,
    /// A column: each fold has its share of each class in it.
    #[serde(default)]
    pub stratify: Option<String>,
    /// A column: all rows of one value are in one fold.
    #[serde(default)]
    pub group: Option<String>,
    /// Divides the rows so often, each time by another seed, and measures in all of these folds.
    #[serde(default = "once")]
    #[schemars(range(min = 1, max = 100))]
    pub repeats: u32,
}

fn once() -> u32 {
    1
}

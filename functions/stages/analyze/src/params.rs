//! What a workflow may set.

use schemars::JsonSchema;
use serde::Deserialize;

/// Parameters of `analyze`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The column to predict: adds class balance, how each column goes with it, and a search for leaks.
    #[serde(default)]
    pub target: Option<String>,
    /// Profile these columns only (and the target). Default: all.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub columns: Option<Vec<String>>,
    /// Bins of a histogram.
    #[serde(default = "default_bins")]
    #[schemars(range(min = 2, max = 200))]
    pub bins: usize,
    /// Most frequent values that are listed for a column.
    #[serde(default = "default_top")]
    #[schemars(range(min = 1, max = 100))]
    pub top: usize,
    /// Correlate at most this many columns of numbers: the target, then the first ones.
    #[serde(default = "default_correlations")]
    #[schemars(range(min = 0, max = 100))]
    pub max_correlation_columns: usize,
}

fn default_bins() -> usize {
    20
}

fn default_top() -> usize {
    10
}

fn default_correlations() -> usize {
    40
}

impl Default for Params {
    fn default() -> Self {
        Self {
            target: None,
            columns: None,
            bins: default_bins(),
            top: default_top(),
            max_correlation_columns: default_correlations(),
        }
    }
}

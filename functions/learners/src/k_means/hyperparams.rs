use crate::param_guard::hyperparams;
use crate::{Check, ParamError};
use serde::{Deserialize, Serialize};

/// How the first centres are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Init {
    /// One after the other, far from those before: the best of a few rows drawn by their squared distance.
    #[default]
    #[serde(rename = "k-means++")]
    PlusPlus,
    /// Many at a time by their squared distance, in five rounds, and k-means++ among them: for many clusters.
    #[serde(rename = "k-means||")]
    Parallel,
    /// Rows drawn at random.
    #[serde(rename = "random")]
    Random,
}

/// How centres move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// All rows at each step.
    #[default]
    Lloyd,
    /// A few rows at each step: much faster on large tables, a little less exact.
    MiniBatch,
}

hyperparams! {
    /// What shapes a k-means clustering; names and defaults are scikit-learn's.
    pub struct Params {
        /// How many clusters; at most as many as rows.
        pub n_clusters: u32 = 8, "minimum" = 1;
        /// Where centres start: `k-means++` (far from one another), `k-means||` (the same, for many clusters), `random`.
        #[schemars(with = "String", extend("enum" = ["k-means++", "k-means||", "random"]))]
        pub init: Init = Init::PlusPlus;
        /// `lloyd` (all rows at each step) or `mini-batch` (a few rows at each step: much faster on large tables, a little
        /// less exact).
        #[schemars(with = "String", extend("enum" = ["lloyd", "mini-batch"]))]
        pub algorithm: Algorithm = Algorithm::Lloyd;
        /// Rows in a mini-batch.
        pub batch_size: u32 = 1024, "minimum" = 1;
        /// Mini-batches end when their smoothed inertia has not improved for so many.
        pub max_no_improvement: u32 = 10, "minimum" = 1;
        /// How many starts are tried; the one with the least inertia stays.
        pub n_init: u32 = 1, "minimum" = 1;
        /// Steps of one start at the most; for mini-batches passes over the rows.
        pub max_iter: u32 = 300, "minimum" = 1;
        /// A start ends when the centres move less than this, squared, relative to the mean variance of the columns.
        pub tol: f64 = 1e-4, "minimum" = 0;
        /// Draws the starts. Users may leave it to the step.
        #[schemars(skip)]
        pub seed: u64 = 0;
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        self.verify_ranges()
    }
}

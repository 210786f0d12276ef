use crate::param_guard::within;
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

/// What shapes a k-means clustering; names and defaults are scikit-learn's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// How many clusters: at least 1, at most as many as rows.
    pub n_clusters: u32,
    pub init: Init,
    pub algorithm: Algorithm,
    /// How many starts are tried; the one with the least inertia stays. At least 1.
    pub n_init: u32,
    /// Steps of one start at the most (for mini-batches: passes over the rows). At least 1.
    pub max_iter: u32,
    /// A start ends when the centres move less than this, squared, relative to the mean variance of the columns.
    pub tol: f64,
    /// Rows in a mini-batch. At least 1.
    pub batch_size: u32,
    /// Mini-batches end when their smoothed inertia has not improved for so many. At least 1.
    pub max_no_improvement: u32,
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            n_clusters: 8,
            init: Init::PlusPlus,
            algorithm: Algorithm::Lloyd,
            n_init: 1,
            max_iter: 300,
            tol: 1e-4,
            batch_size: 1024,
            max_no_improvement: 10,
            seed: 0,
        }
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        within("n_clusters", self.n_clusters, 1..)?;
        within("n_init", self.n_init, 1..)?;
        within("max_iter", self.max_iter, 1..)?;
        within("tol", self.tol, 0.0..=f64::MAX)?;
        within("batch_size", self.batch_size, 1..)?;
        within("max_no_improvement", self.max_no_improvement, 1..)
    }
}

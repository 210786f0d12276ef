use crate::param_guard::within;
use crate::{Check, ParamError};
use serde::{Deserialize, Serialize};

/// What shapes a k-means clustering; names and defaults are scikit-learn's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// How many clusters: at least 1, at most as many as rows.
    pub n_clusters: u32,
    /// How many starts are tried; the one with the least inertia stays. At least 1.
    pub n_init: u32,
    /// Steps of one start at the most. At least 1.
    pub max_iter: u32,
    /// A start ends when the centres move less than this, squared, relative to the mean variance of the columns.
    pub tol: f64,
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self { n_clusters: 8, n_init: 1, max_iter: 300, tol: 1e-4, seed: 0 }
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        within("n_clusters", self.n_clusters, 1..)?;
        within("n_init", self.n_init, 1..)?;
        within("max_iter", self.max_iter, 1..)?;
        within("tol", self.tol, 0.0..=f64::MAX)
    }
}

use crate::neighbours::Metric;
use crate::param_guard::{ABOVE_ZERO, within};
use crate::{Check, ParamError};
use serde::{Deserialize, Serialize};
use std::ops::Bound;

/// What shapes the clusters; names and defaults are scikit-learn's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Rows at this distance or nearer are neighbours. Above 0, at most 1e150.
    pub eps: f64,
    /// A row with so many neighbours, itself included, is the core of a cluster; with sample weights the neighbours'
    /// weights are added up. At least 1.
    pub min_samples: u32,
    pub metric: Metric,
}

impl Default for Params {
    fn default() -> Self {
        Self { eps: 0.5, min_samples: 5, metric: Metric::Euclidean }
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        within("eps", self.eps, (ABOVE_ZERO, Bound::Included(1e150)))?;
        within("min_samples", self.min_samples, 1..)
    }
}

use crate::neighbours::Metric;
use crate::param_guard::within;
use crate::{Check, ParamError};
use serde::{Deserialize, Serialize};

/// How far two clusters are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Linkage {
    /// By how much the sum of squares within clusters grows when they are joined. Euclidean only.
    #[default]
    Ward,
    /// The distance of their farthest rows.
    Complete,
    /// The mean distance of their rows.
    Average,
    /// The distance of their nearest rows.
    Single,
}

/// What shapes the clusters; names and defaults are scikit-learn's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// How many clusters are left: at least 1, at most as many as rows. None with `distance_threshold`.
    pub n_clusters: Option<u32>,
    /// Clusters this far apart, or farther, are not joined. At least 0. None with `n_clusters`.
    pub distance_threshold: Option<f64>,
    pub linkage: Linkage,
    pub metric: Metric,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            n_clusters: Some(2),
            distance_threshold: None,
            linkage: Linkage::Ward,
            metric: Metric::Euclidean,
        }
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        if self.linkage == Linkage::Ward && self.metric != Metric::Euclidean {
            let message = "ward linkage is defined by squared differences";
            return Err(ParamError::new("metric", message, "euclidean with ward linkage"));
        }
        match (self.n_clusters, self.distance_threshold) {
            (Some(count), None) => within("n_clusters", count, 1..),
            (None, Some(distance)) => within("distance_threshold", distance, 0.0..=f64::MAX),
            _ => {
                let message = "n_clusters or distance_threshold decides how many clusters there are";
                Err(ParamError::new("n_clusters", message, "one of the two"))
            }
        }
    }
}

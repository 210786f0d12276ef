use crate::neighbours::Metric;
use crate::param_guard::within;
use crate::{Check, ParamError};
use serde::{Deserialize, Serialize};

/// Which clusters of the tree are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Selection {
    /// Those that last longest ("excess of mass").
    #[default]
    Eom,
    /// The smallest, which hold no others.
    Leaf,
}

/// What shapes the clusters; names and defaults are scikit-learn's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Fewer rows are no cluster. At least 2.
    pub min_cluster_size: u32,
    /// How many rows, itself included, must be near for a row to be dense; none: `min_cluster_size`. At least 1, at most as
    /// many as rows.
    pub min_samples: Option<u32>,
    pub cluster_selection_method: Selection,
    /// Whether all rows may be one cluster.
    pub allow_single_cluster: bool,
    pub metric: Metric,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            min_cluster_size: 5,
            min_samples: None,
            cluster_selection_method: Selection::Eom,
            allow_single_cluster: false,
            metric: Metric::Euclidean,
        }
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        within("min_cluster_size", self.min_cluster_size, 2..)?;
        within("min_samples", self.min_samples.unwrap_or(1), 1..)
    }
}

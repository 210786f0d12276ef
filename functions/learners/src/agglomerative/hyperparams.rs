use crate::neighbours::Metric;
use crate::param_guard::hyperparams;
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

hyperparams! {
    /// What shapes the clusters; names and defaults are scikit-learn's.
    pub struct Params {
        /// How many clusters are left, at most as many as rows. None with `distance_threshold`. Users may leave both open.
        #[schemars(skip)]
        pub n_clusters: Option<u32> = Some(2), "minimum" = 1;
        /// Clusters this far apart, or farther, are not joined; in place of `n_clusters`.
        pub distance_threshold: Option<f64> = None, "minimum" = 0;
        /// How far two clusters are apart: `ward` (by how much the sum of squares within clusters grows), `complete` (their
        /// farthest rows), `average` (the mean of their rows' distances), `single` (their nearest rows).
        #[schemars(with = "String", extend("enum" = ["ward", "complete", "average", "single"]))]
        pub linkage: Linkage = Linkage::Ward;
        /// `euclidean` or `manhattan` (not with `ward`).
        #[schemars(with = "String", extend("enum" = ["euclidean", "manhattan"]))]
        pub metric: Metric = Metric::Euclidean;
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        if self.linkage == Linkage::Ward && self.metric != Metric::Euclidean {
            let message = "ward linkage is defined by squared differences";
            return Err(ParamError::new("metric", message, "euclidean with ward linkage"));
        }
        if self.n_clusters.is_some() == self.distance_threshold.is_some() {
            let message = "n_clusters or distance_threshold decides how many clusters there are";
            return Err(ParamError::new("n_clusters", message, "one of the two"));
        }
        self.verify_ranges()
    }
}

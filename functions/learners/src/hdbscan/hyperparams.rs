use crate::neighbours::Metric;
use crate::param_guard::hyperparams;
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

hyperparams! {
    /// What shapes the clusters; names and defaults are scikit-learn's.
    pub struct Params {
        /// Fewer rows are no cluster.
        pub min_cluster_size: u32 = 5, "minimum" = 2;
        /// How many rows, itself included, must be near for a row to be dense: more make more noise. `min_cluster_size` if not
        /// given.
        pub min_samples: Option<u32> = None, "minimum" = 1;
        /// Which clusters are taken: `eom` (those that last longest) or `leaf` (the smallest).
        #[schemars(with = "String", extend("enum" = ["eom", "leaf"]))]
        pub cluster_selection_method: Selection = Selection::Eom;
        /// Whether all rows may be one cluster.
        pub allow_single_cluster: bool = false;
        /// `euclidean` or `manhattan`.
        #[schemars(with = "String", extend("enum" = ["euclidean", "manhattan"]))]
        pub metric: Metric = Metric::Euclidean;
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        self.verify_ranges()
    }
}

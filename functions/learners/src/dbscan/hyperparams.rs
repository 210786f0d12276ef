use crate::neighbours::Metric;
use crate::param_guard::{hyperparams, within};
use crate::{Check, ParamError};

hyperparams! {
    /// What shapes the clusters; names and defaults are scikit-learn's.
    pub struct Params {
        /// Rows at this distance or nearer are neighbours.
        pub eps: f64 = 0.5, "exclusiveMinimum" = 0;
        /// A row with so many neighbours, itself included, is the core of a cluster.
        pub min_samples: u32 = 5, "minimum" = 1;
        /// `euclidean` or `manhattan`.
        #[schemars(with = "String", extend("enum" = ["euclidean", "manhattan"]))]
        pub metric: Metric = Metric::Euclidean;
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        self.verify_ranges()?;
        // The square of a distance is a number too.
        within("eps", self.eps, ..=1e150)
    }
}

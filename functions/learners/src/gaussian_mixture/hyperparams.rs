use crate::param_guard::hyperparams;
use crate::{Check, ParamError};
use serde::{Deserialize, Serialize};

/// What shape the components may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CovarianceType {
    /// Each component any ellipsoid of its own.
    #[default]
    Full,
    /// All components the same ellipsoid.
    Tied,
    /// Each component an ellipsoid along the axes.
    Diag,
    /// Each component a ball.
    Spherical,
}

/// Where the components start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InitParams {
    /// At the clusters of k-means.
    #[default]
    Kmeans,
    /// Rows belong to components at random.
    Random,
}

hyperparams! {
    /// What shapes the mixture; names and defaults are scikit-learn's.
    pub struct Params {
        /// How many normal distributions; at most as many as rows.
        pub n_components: u32 = 1, "minimum" = 1;
        /// Their shapes: `full` (each any ellipsoid), `tied` (all the same ellipsoid), `diag` (ellipsoids along the axes),
        /// `spherical` (balls).
        #[schemars(with = "String", extend("enum" = ["full", "tied", "diag", "spherical"]))]
        pub covariance_type: CovarianceType = CovarianceType::Full;
        /// A start ends when the mean log likelihood rises by less.
        pub tol: f64 = 1e-3, "minimum" = 0;
        /// Added to every variance, so that none is 0.
        pub reg_covar: f64 = 1e-6, "minimum" = 0;
        /// Steps of one start at the most.
        pub max_iter: u32 = 100, "minimum" = 1;
        /// How many starts are tried; the likeliest stays.
        pub n_init: u32 = 1, "minimum" = 1;
        /// Where components start: at the clusters of `kmeans`, or at `random`.
        #[schemars(with = "String", extend("enum" = ["kmeans", "random"]))]
        pub init_params: InitParams = InitParams::Kmeans;
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

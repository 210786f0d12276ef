use crate::param_guard::within;
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

/// What shapes the mixture; names and defaults are scikit-learn's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// At least 1, at most as many as rows.
    pub n_components: u32,
    pub covariance_type: CovarianceType,
    /// A start ends when the mean log likelihood rises by less. At least 0.
    pub tol: f64,
    /// Added to every variance, so that none is 0. At least 0.
    pub reg_covar: f64,
    /// Steps of one start at the most. At least 1.
    pub max_iter: u32,
    /// How many starts are tried; the likeliest stays. At least 1.
    pub n_init: u32,
    pub init_params: InitParams,
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            n_components: 1,
            covariance_type: CovarianceType::Full,
            tol: 1e-3,
            reg_covar: 1e-6,
            max_iter: 100,
            n_init: 1,
            init_params: InitParams::Kmeans,
            seed: 0,
        }
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        within("n_components", self.n_components, 1..)?;
        within("tol", self.tol, 0.0..=f64::MAX)?;
        within("reg_covar", self.reg_covar, 0.0..=f64::MAX)?;
        within("max_iter", self.max_iter, 1..)?;
        within("n_init", self.n_init, 1..)
    }
}

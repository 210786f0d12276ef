use crate::param_guard::within;
use crate::{Check, ParamError};
use serde::{Deserialize, Serialize};
use std::ops::Bound;

/// How many components are kept.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Components {
    /// As many as rows or columns, whichever are fewer.
    #[default]
    All,
    /// So many.
    Count(u32),
    /// As many as explain this share of the variance: above 0, below 1.
    Share(f64),
}

/// How the components are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Solver {
    /// `randomized` for few components of many rows and more than 1,000 columns, else `covariance_eigh`.
    #[default]
    Auto,
    /// All of them, from the covariance of columns (of rows, if there are fewer). Variances less than about 1e-15 of
    /// the largest are noise.
    CovarianceEigh,
    /// The leading ones, from a few random combinations of the columns: for wide tables.
    Randomized,
}

/// What shapes the decomposition; names and defaults are scikit-learn's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    pub n_components: Components,
    /// Whether components are scaled to variance 1.
    pub whiten: bool,
    pub svd_solver: Solver,
    /// Whether column means are taken off: principal components; else the truncated singular value decomposition.
    pub center: bool,
    /// Random combinations more than components. At least 1.
    pub n_oversamples: u32,
    /// Power iterations of the randomized solver; none: 7 for few components, else 4.
    pub n_iter: Option<u32>,
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            n_components: Components::All,
            whiten: false,
            svd_solver: Solver::Auto,
            center: true,
            n_oversamples: 10,
            n_iter: None,
            seed: 0,
        }
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        match self.n_components {
            Components::All => {}
            Components::Count(count) => within("n_components", count, 1..)?,
            Components::Share(share) => {
                within("n_components", share, (Bound::Excluded(0.0), Bound::Excluded(1.0)))?;
                if self.svd_solver == Solver::Randomized {
                    let message = "the randomized solver does not know the variance that it leaves";
                    return Err(ParamError::new("n_components", message, "a whole number with `randomized`"));
                }
            }
        }
        within("n_oversamples", self.n_oversamples, 1..=100_000)?;
        within("n_iter", self.n_iter.unwrap_or(0), 0..=1000)
    }
}

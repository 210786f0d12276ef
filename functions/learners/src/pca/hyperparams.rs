use crate::param_guard::{hyperparams, within};
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

hyperparams! {
    /// What shapes the decomposition; names and defaults are scikit-learn's.
    pub struct Params {
        /// Users write a number.
        #[schemars(skip)]
        pub n_components: Components = Components::All;
        /// Whether components are scaled to variance 1.
        pub whiten: bool = false;
        /// `covariance_eigh` (all, exact), `randomized` (the leading ones of wide tables), or `auto`.
        #[schemars(with = "String", extend("enum" = ["auto", "covariance_eigh", "randomized"]))]
        pub svd_solver: Solver = Solver::Auto;
        /// Whether column means are taken off: principal components; else the truncated singular value decomposition.
        #[schemars(skip)]
        pub center: bool = true;
        /// Random combinations of the `randomized` solver, more than components.
        pub n_oversamples: u32 = 10, "minimum" = 1, "maximum" = 100_000;
        /// Power iterations of the randomized solver; none: 7 for few components, else 4. Functions have other names for it.
        #[schemars(skip)]
        pub n_iter: Option<u32> = None, "maximum" = 1000;
        /// Of the randomized solver. Users may leave it to the step.
        #[schemars(skip)]
        pub seed: u64 = 0;
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
        self.verify_ranges()
    }
}

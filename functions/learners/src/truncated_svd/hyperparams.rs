use crate::param_guard::hyperparams;
use crate::pca::{self, Components, Solver};
use crate::{Check, ParamError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the components are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// `randomized` for more than 1,000 columns and rows, else `exact`.
    #[default]
    Auto,
    /// From the products of all columns.
    Exact,
    /// From random combinations of the columns.
    Randomized,
}

hyperparams! {
    /// What shapes the decomposition; names and defaults are scikit-learn's.
    pub struct Params {
        /// How many components.
        pub n_components: u32 = 2, "minimum" = 1;
        /// `exact` (from the products of all columns), `randomized` (for wide tables), or `auto`.
        pub algorithm: Algorithm = Algorithm::Auto;
        /// Power iterations of `randomized`; more are more exact.
        pub n_iter: u32 = 5, "maximum" = 1000;
        /// Random combinations of `randomized`, more than components.
        pub n_oversamples: u32 = 10, "minimum" = 1, "maximum" = 100_000;
        /// Of `randomized`. Users may leave it to the step.
        #[schemars(skip)]
        pub seed: u64 = 0;
    }
}

impl Check for Params {
    fn verify(&self) -> Result<(), ParamError> {
        self.verify_ranges()
    }
}

impl From<Params> for pca::Params {
    fn from(params: Params) -> Self {
        Self {
            n_components: Components::Count(params.n_components),
            whiten: false,
            svd_solver: match params.algorithm {
                Algorithm::Auto => Solver::Auto,
                Algorithm::Exact => Solver::CovarianceEigh,
                Algorithm::Randomized => Solver::Randomized,
            },
            center: false,
            n_oversamples: params.n_oversamples,
            n_iter: Some(params.n_iter),
            seed: params.seed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_decomposition_that_is_not_centred() {
        let params = pca::Params::from(Params { algorithm: Algorithm::Exact, seed: 3, ..Params::default() });
        assert_eq!((params.n_components, params.n_iter, params.seed), (Components::Count(2), Some(5), 3));
        assert!(!params.center && !params.whiten && params.svd_solver == Solver::CovarianceEigh);
        assert!(params.check().is_ok());
        let name = |params: Params| params.check().unwrap_err().name;
        assert_eq!(name(Params { n_components: 0, ..Params::default() }), "n_components");
        assert_eq!(name(Params { n_oversamples: 0, ..Params::default() }), "n_oversamples");
    }
}

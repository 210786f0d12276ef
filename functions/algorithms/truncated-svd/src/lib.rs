//! Truncated singular value decomposition: principal components of columns that are not centred.

use millstream_learners::pca::{self, Components, Solver};
use millstream_sdk::{Context, Failure, Job, Manifest, Summary};
use millstream_training::columns::{FeatureColumns, OfComponents};
use millstream_training::transform::{self, Transformer};
use schemars::JsonSchema;
use serde::Deserialize;

const NAME: &str = "truncated-svd";

/// The job.
pub struct Train;

/// Names and defaults are scikit-learn's.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Params {
    #[serde(flatten)]
    columns: FeatureColumns<OfComponents>,
    /// A column that passes through unchanged.
    #[serde(default)]
    target: Option<String>,
    /// How many components.
    #[serde(default = "two")]
    #[schemars(range(min = 1))]
    n_components: u32,
    /// `exact` (from the products of all columns), `randomized` (for wide tables), or `auto`.
    #[serde(default)]
    algorithm: Algorithm,
    /// Power iterations of `randomized`; more are more exact.
    #[serde(default = "five")]
    #[schemars(range(max = 1000))]
    n_iter: u32,
    /// Random combinations of `randomized`, more than components.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 100_000))]
    n_oversamples: u32,
    /// The seed of `randomized`; the step's seed if not given.
    #[serde(default)]
    seed: Option<u64>,
}

/// How the components are found.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Algorithm {
    /// `randomized` for more than 1,000 columns and rows, else `exact`.
    #[default]
    Auto,
    /// From the products of all columns.
    Exact,
    /// From random combinations of the columns.
    Randomized,
}

fn two() -> u32 {
    2
}

fn five() -> u32 {
    5
}

fn ten() -> u32 {
    10
}

impl Job for Train {
    type Params = Params;

    fn manifest() -> Manifest {
        let manifest = Manifest::new(NAME, env!("CARGO_PKG_VERSION"), "Turns columns into fewer by singular value decomposition.")
            .description(
                "Truncated singular value decomposition, as scikit-learn's `TruncatedSVD`: as `pca`, but columns are not \
                 centred, as suits counts and other columns that are mostly 0.",
            );
        transform::declare::<Self, Params>(manifest)
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let kernel = pca::Params {
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
            seed: params.seed.unwrap_or_else(|| context.seed()),
        };
        transform::run::<Self>(context, params.columns.choice(), params.target.as_deref(), kernel)
    }
}

impl Transformer for Train {
    const NAME: &'static str = NAME;
    const PREFIX: &'static str = "truncatedsvd";
}

/// The stage.
pub type Stage = transform::Stage<Train>;

millstream_sdk::export!(algorithm: Train, model: Stage);

#[cfg(test)]
mod tests;

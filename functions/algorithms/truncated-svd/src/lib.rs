//! Truncated singular value decomposition: principal components of columns that are not centred.

use millstream_learners::{Check, pca, truncated_svd};
use millstream_sdk::{Context, Failure, Job, Manifest, Summary};
use millstream_training::blame;
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
    #[serde(flatten)]
    svd: truncated_svd::Params,
    /// The seed of `randomized`; the step's seed if not given.
    #[serde(default)]
    seed: Option<u64>,
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
        let seed = params.seed.unwrap_or_else(|| context.seed());
        let svd = truncated_svd::Params { seed, ..params.svd }.check().map_err(blame::parameter)?;
        let kernel = pca::Params::from(svd.into_inner());
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

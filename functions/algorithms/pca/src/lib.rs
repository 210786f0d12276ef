//! Principal components: few columns that keep most of what many say.

use millstream_learners::pca;
use millstream_sdk::{Context, Failure, Job, Manifest, Summary};
use millstream_training::columns::{FeatureColumns, OfComponents};
use millstream_training::transform::{self, Transformer};
use schemars::JsonSchema;
use serde::Deserialize;

const NAME: &str = "pca";

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
    /// How many components: a whole number, or the share of the variance that they explain together (below 1); as many as
    /// columns or rows if not given.
    #[serde(default)]
    #[schemars(extend("exclusiveMinimum" = 0))]
    n_components: Option<f64>,
    #[serde(flatten)]
    pca: pca::Params,
    /// Power iterations of the `randomized` solver; more are more exact. 7 for few components, else 4, if not given.
    #[serde(default)]
    #[schemars(range(max = 1000))]
    iterated_power: Option<u32>,
    /// The seed of the `randomized` solver; the step's seed if not given.
    #[serde(default)]
    seed: Option<u64>,
}

impl Job for Train {
    type Params = Params;

    fn manifest() -> Manifest {
        let manifest = Manifest::new(NAME, env!("CARGO_PKG_VERSION"), "Turns columns into fewer that keep most of the variance.")
            .description(
                "Principal component analysis, as scikit-learn's `PCA`. Columns of larger units count for more: \
                 standardise them in a `features` step. The model goes before whatever is trained on the output.",
            );
        transform::declare::<Self, Params>(manifest)
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let kernel = pca::Params {
            n_components: transform::components(params.n_components)?,
            n_iter: params.iterated_power,
            seed: params.seed.unwrap_or_else(|| context.seed()),
            ..params.pca
        };
        transform::run::<Self>(context, params.columns.choice(), params.target.as_deref(), kernel)
    }
}

impl Transformer for Train {
    const NAME: &'static str = NAME;
    const PREFIX: &'static str = "pca";
}

/// The stage.
pub type Stage = transform::Stage<Train>;

millstream_sdk::export!(algorithm: Train, model: Stage);

#[cfg(test)]
mod tests;

//! Principal components: few columns that keep most of what many say.

use arrow_array::RecordBatch;
use millstream_learners::pca::{self, Solver};
use millstream_sdk::{
    Channel, Context, Description, Direction, Failure, Job, Kind, Manifest, Model, Output, State, Summary,
};
use millstream_training::transform::{self, Loaded};
use schemars::JsonSchema;
use serde::Deserialize;

const NAME: &str = "pca";

/// The job.
pub struct Train;

/// Names and defaults are scikit-learn's.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Params {
    /// The columns to reduce; all but the target if not given. Others do not come out.
    #[serde(default)]
    features: Option<Vec<String>>,
    /// A column that passes through unchanged.
    #[serde(default)]
    target: Option<String>,
    /// How many components: a whole number, or the share of the variance that they explain together (below 1); as many as
    /// columns or rows if not given.
    #[serde(default)]
    #[schemars(extend("exclusiveMinimum" = 0))]
    n_components: Option<f64>,
    /// Whether components are scaled to variance 1.
    #[serde(default)]
    whiten: bool,
    /// `covariance_eigh` (all, exact), `randomized` (the leading ones of wide tables), or `auto`.
    #[serde(default)]
    #[schemars(with = "String", extend("enum" = ["auto", "covariance_eigh", "randomized"]))]
    svd_solver: Solver,
    /// Power iterations of the `randomized` solver; more are more exact. 7 for few components, else 4, if not given.
    #[serde(default)]
    #[schemars(range(max = 1000))]
    iterated_power: Option<u32>,
    /// Random combinations of the `randomized` solver, more than components.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 100_000))]
    n_oversamples: u32,
    /// The seed of the `randomized` solver; the step's seed if not given.
    #[serde(default)]
    seed: Option<u64>,
}

fn ten() -> u32 {
    10
}

impl Job for Train {
    type Params = Params;

    fn manifest() -> Manifest {
        Manifest::new(NAME, env!("CARGO_PKG_VERSION"), "Turns columns into fewer that keep most of the variance.")
            .description(
                "Principal component analysis, as scikit-learn's `PCA`. Columns of larger units count for more: \
                 standardise them in a `features` step. The model goes before whatever is trained on the output.",
            )
            .channel(Channel::required(transform::TABLE, Kind::Table, "The rows to learn from: numeric columns."))
            .output(
                Output::table(transform::TABLE, "The rows' components `pca0`, `pca1`, ..., and the target.")
                    .follows_through_model(transform::TABLE),
            )
            .output(Output::model("model", "The components.").follows(transform::TABLE))
            .output(Output::report(
                "components",
                "application/json",
                "What each component explains, and its weights of the columns.",
            ))
            .metric("components", Direction::Neither, "columns that come out, the target not counted")
            .metric("explained_variance_ratio", Direction::Maximize, "share of the variance that they explain")
            .parameters::<Params>()
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let kernel = pca::Params {
            n_components: transform::components(params.n_components)?,
            whiten: params.whiten,
            svd_solver: params.svd_solver,
            center: true,
            n_oversamples: params.n_oversamples,
            n_iter: params.iterated_power,
            seed: params.seed.unwrap_or_else(|| context.seed()),
        };
        let (features, target) = (params.features.as_deref(), params.target.as_deref());
        transform::Job { prefix: "pca", features, target, kernel }.run::<Stage>(context)
    }
}

/// The stage.
pub struct Stage(Loaded);

impl Model for Stage {
    const FUNCTION: &'static str = NAME;
    const FORMAT: u16 = 1;

    fn load(state: State<'_>) -> Result<Self, Failure> {
        Loaded::open(state).map(Self)
    }

    fn describe(&self) -> Description {
        self.0.describe()
    }

    fn predict_table(&self, rows: &RecordBatch) -> Result<RecordBatch, Failure> {
        self.0.answer(rows)
    }
}

millstream_sdk::export!(algorithm: Train, model: Stage);

#[cfg(test)]
mod tests;

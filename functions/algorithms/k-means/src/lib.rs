//! k-means: rows to the nearest of k centres.

use arrow_array::RecordBatch;
use millstream_learners::k_means::{self, KMeans};
use millstream_learners::{Check, Columns, metrics::clustering};
use millstream_sdk::{
    Channel, Context, Description, Direction, Failure, Job, Kind, Manifest, Model, Output, State, Summary,
    Task,
};
use millstream_training::columns::ClusterColumns;
use millstream_training::unlabelled::LoadedUnlabelled;
use millstream_training::{answer, blame, labelled};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

const NAME: &str = "k-means";
/// Rows that the silhouette looks at, at most.
const SILHOUETTE_ROWS: usize = 1_000;

/// The training job.
pub struct Train;

/// What the user may set; names and defaults are scikit-learn's.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Params {
    #[serde(flatten)]
    columns: ClusterColumns,
    #[serde(flatten)]
    k_means: k_means::Params,
    /// The seed of the starts; the step's seed if not given.
    #[serde(default)]
    seed: Option<u64>,
    /// Whether to put out the rows with their `cluster` in the output `table`.
    #[serde(default)]
    labels: bool,
}

impl Job for Train {
    type Params = Params;

    fn manifest() -> Manifest {
        Manifest::new(NAME, env!("CARGO_PKG_VERSION"), "Groups rows around k centres.")
            .description(
                "Lloyd's algorithm, as scikit-learn's `KMeans`, or mini-batches, as its `MiniBatchKMeans`, from k-means++, \
                 k-means|| or random starts. Distances depend on the features' units: standardise them in a `features` \
                 step.",
            )
            .channel(Channel::required("train", Kind::Table, "Rows to cluster: numeric features."))
            .output(Output::model("model", "The centres.").follows("train"))
            .output(
                Output::table("table", "The rows with their `cluster`, if `labels` asks for it.").follows("train").optional(),
            )
            .output(Output::report("centres", "application/json", "Each cluster's size and centre."))
            .metric("train:inertia", Direction::Minimize, "sum of squared distances to the nearest centre")
            .metric("train:silhouette", Direction::Maximize, "how well rows lie in their clusters, from -1 to 1")
            .metric("iterations", Direction::Neither, "steps of the start that was kept")
            .parameters::<Params>()
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let (table, rows) = params.columns.rows(context)?;
        let seed = params.seed.unwrap_or_else(|| context.seed());
        let kernel = k_means::Params { seed, ..params.k_means };
        let x = rows.columns()?;
        let kernel = kernel.check().map_err(blame::parameter)?;
        let fitted = context.phase("fit", || kernel.fit_with_curve(&x, rows.weights()));
        let (model, labels, curve) = fitted.map_err(|error| rows.blame(error))?;
        for (step, inertia) in curve.iter().enumerate() {
            context.metric("train:inertia", *inertia, step as u64 + 1);
        }
        if !model.converged() {
            context
                .warn(format!("the centres still moved after {} steps: raise max_iter", model.iterations()));
        }
        let distinct = distinct_rows(&x, model.clusters());
        if distinct < model.clusters() {
            context.warn(format!(
                "there are {} clusters, but only {distinct} distinct rows: the other clusters are empty; lower n_clusters",
                model.clusters()
            ));
        }
        let silhouette = context.phase("score", || clustering::silhouette(&x, &labels, SILHOUETTE_ROWS));
        let silhouette = silhouette.map_err(|error| rows.blame(error))?;
        if params.labels {
            context.put_table("table", &labelled::with_clusters(&table, &labels)?)?;
        }
        context.put_json("centres", &centres(&model, &labels, rows.names()))?;
        context.put_model::<Clusters>("model", &rows.matrix().seen_schema(), &model)?;
        let message = format!(
            "{} clusters of {} rows in {} steps",
            model.clusters(),
            table.num_rows(),
            model.iterations()
        );
        let mut summary = Summary::new(message).metric("train:inertia", model.inertia());
        if let Some(silhouette) = silhouette {
            summary = summary.metric("train:silhouette", silhouette);
        }
        Ok(summary.metric("iterations", f64::from(model.iterations())))
    }
}

/// How many rows differ from all before them; the count ends at `enough`.
fn distinct_rows(x: &Columns, enough: usize) -> usize {
    let mut seen = BTreeSet::new();
    for row in 0..x.rows() {
        if seen.len() >= enough {
            break;
        }
        // 0 and -0 are the same place.
        seen.insert(x.iter().map(|column| (column[row] + 0.0).to_bits()).collect::<Vec<_>>());
    }
    seen.len()
}

#[derive(Serialize)]
struct Centres {
    features: Vec<String>,
    clusters: Vec<Centre>,
}

#[derive(Serialize)]
struct Centre {
    cluster: usize,
    rows: usize,
    centre: Vec<f64>,
}

fn centres(model: &KMeans, labels: &[u32], names: &[String]) -> Centres {
    let mut sizes = vec![0; model.clusters()];
    labels.iter().for_each(|&label| sizes[label as usize] += 1);
    let centre = |(cluster, rows): (usize, usize)| Centre { cluster, rows, centre: model.centre(cluster) };
    Centres { features: names.to_vec(), clusters: sizes.into_iter().enumerate().map(centre).collect() }
}

/// The predictor.
pub struct Clusters(LoadedUnlabelled<KMeans>);

impl Model for Clusters {
    const FUNCTION: &'static str = NAME;
    const FORMAT: u16 = 1;

    fn load(state: State<'_>) -> Result<Self, Failure> {
        // A model without a centre has no columns that a state could have.
        let width = |model: &KMeans| if model.clusters() == 0 { usize::MAX } else { model.width() };
        LoadedUnlabelled::open(state, width).map(Self)
    }

    fn describe(&self) -> Description {
        self.0.describe(Task::Clustering)
    }

    fn predict_table(&self, batch: &RecordBatch) -> Result<RecordBatch, Failure> {
        let answer = self.0.ask(batch, |model, x| model.predict_with_distances(x))?;
        let (nearest, distances) = answer.unwrap_or_default();
        answer::clusters(&nearest, &distances, self.0.kernel().clusters())
    }
}

millstream_sdk::export!(algorithm: Train, model: Clusters);

#[cfg(test)]
mod tests;

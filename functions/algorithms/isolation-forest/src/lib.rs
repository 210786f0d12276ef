//! Isolation forests: rows unlike the others.

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use millstream_learners::cart::{MaxFeatures, MaxSamples};
use millstream_learners::isolation_forest::{self, IsolationForest};
use millstream_learners::{Check, Columns};
use millstream_sdk::{
    Channel, Context, Description, Direction, Failure, Job, Kind, Manifest, Model, Output, State, Summary,
    Task, table::batch_of,
};
use millstream_training::columns::{Described, FeatureColumns};
use millstream_training::unlabelled::LoadedUnlabelled;
use millstream_training::{Rows, blame};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use std::sync::Arc;

const NAME: &str = "isolation-forest";
/// Rows that the share of anomalies is taken from at the most, where the threshold does not need all.
const MOST_SCORED: usize = 100_000;

/// The training job.
pub struct Train;

/// What the user may set; names and defaults are scikit-learn's.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Params {
    #[serde(flatten)]
    columns: FeatureColumns<Looked>,
    /// A column of sample weights: a row of weight 2 is drawn twice as readily.
    #[serde(default)]
    weight: Option<String>,
    #[serde(flatten)]
    forest: isolation_forest::Params,
    /// Rows each tree is grown on: `auto` (256, or all if there are fewer), a number (2 and more), or a share of the
    /// rows (0 to 1).
    #[serde(default = "auto_samples")]
    #[schemars(schema_with = "max_samples")]
    max_samples: Samples,
    /// The share of anomalies in the table, above 0 and up to 0.5: the threshold is set so that as many are found in it.
    /// `auto`: the threshold of the paper, a score of -0.5.
    #[serde(default = "auto_contamination")]
    #[schemars(schema_with = "contamination")]
    contamination: Contamination,
    /// Features each tree is grown on: `sqrt`, `log2`, `all`, a number of them (2 and more), or a share of them
    /// (0 to 1).
    #[serde(default = "all")]
    #[schemars(schema_with = "MaxFeatures::optional_schema")]
    max_features: Option<MaxFeatures>,
    /// The seed of rows, features and places; the step's seed if not given.
    #[serde(default)]
    seed: Option<u64>,
}

/// Columns are looked at.
#[derive(Debug)]
struct Looked;

impl Described for Looked {
    const FEATURES: &'static str = "The columns to look at; all but the weight if not given.";
}

/// `auto`, or a number of rows.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged, expecting = "expected \"auto\", a number of rows, or a share of them between 0 and 1")]
enum Samples {
    Auto(Auto),
    Rows(MaxSamples),
}

/// `auto`, or a share of the rows.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged, expecting = "expected \"auto\", or a share above 0 and up to 0.5")]
enum Contamination {
    Auto(Auto),
    Share(f64),
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Auto {
    Auto,
}

fn max_samples(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [
            { "const": "auto" },
            { "type": "integer", "minimum": 1 },
            { "type": "number", "exclusiveMinimum": 0, "maximum": 1 },
        ],
        "default": "auto",
    })
}

fn contamination(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "anyOf": [{ "const": "auto" }, { "type": "number", "exclusiveMinimum": 0, "maximum": 0.5 }],
        "default": "auto",
    })
}

fn auto_samples() -> Samples {
    Samples::Auto(Auto::Auto)
}

fn auto_contamination() -> Contamination {
    Contamination::Auto(Auto::Auto)
}

fn all() -> Option<MaxFeatures> {
    None
}

impl Job for Train {
    type Params = Params;

    fn manifest() -> Manifest {
        Manifest::new(NAME, env!("CARGO_PKG_VERSION"), "Finds anomalies: rows that random splits part early.")
            .description(
                "Isolation forests with scikit-learn's parameters and scores (`IsolationForest`): `score_samples` is \
                 minus the anomaly score, the lower the more abnormal; `decision_function` is the same less the \
                 threshold; `prediction` is -1 for an anomaly and 1 for others. Who looks for Amazon SageMaker's random \
                 cut forest (RCF) finds its task here. Features need no scaling; missing values must be imputed.",
            )
            .channel(Channel::required("train", Kind::Table, "Rows to learn from: numeric features."))
            .output(Output::model("model", "The forest.").follows("train"))
            .parameters::<Params>()
            .metric("threshold", Direction::Neither, "rows of a lower score are anomalies")
            .metric("train:anomalies", Direction::Neither, "share of anomalies in up to 100,000 of the train rows")
            .metric("train:score_samples", Direction::Neither, "mean score of the same rows")
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let weight = params.weight.as_deref();
        let (table, rows) = Rows::of_channel(context, "train", params.columns.choice(), None, weight)?;
        let kernel = isolation_forest::Params {
            max_samples: match params.max_samples {
                Samples::Auto(_) => None,
                Samples::Rows(rows) => Some(rows),
            },
            contamination: match params.contamination {
                Contamination::Auto(_) => None,
                Contamination::Share(share) => Some(share),
            },
            max_features: params.max_features.unwrap_or(MaxFeatures::All),
            seed: params.seed.unwrap_or_else(|| context.seed()),
            ..params.forest
        };
        let total = u64::from(kernel.n_estimators);
        let kernel = kernel.check().map_err(blame::parameter)?;
        let x = rows.columns()?;
        let mut on_tree = |trees: u32| context.progress(u64::from(trees), Some(total));
        let model = context
            .phase("fit", || kernel.fit(&x, rows.weights(), &mut on_tree))
            .map_err(|error| rows.blame(error))?;

        // As many rows from the start, which is as good as any if the table is in no order, and cheap.
        let scored: Vec<&[f64]> = x.iter().map(|column| &column[..x.rows().min(MOST_SCORED)]).collect();
        let scored = Columns::new(scored).map_err(|error| rows.blame(error))?;
        let scores = model.score_samples(&scored).map_err(|error| rows.blame(error))?;
        let count = scores.len() as f64;
        let anomalies = scores.iter().filter(|score| **score < model.offset()).count() as f64 / count;

        context.put_model::<Anomalies>("model", &rows.matrix().seen_schema(), &model)?;
        let (trees, rows_of) = (model.trees(), model.max_samples());
        let message = format!("{trees} trees on {rows_of} of {} rows each", table.num_rows());
        Ok(Summary::new(message)
            .metric("threshold", model.offset())
            .metric("train:anomalies", anomalies)
            .metric("train:score_samples", scores.iter().sum::<f64>() / count))
    }
}

/// The predictor.
pub struct Anomalies(LoadedUnlabelled<IsolationForest>);

impl Model for Anomalies {
    const FUNCTION: &'static str = NAME;
    const FORMAT: u16 = 1;

    fn load(state: State<'_>) -> Result<Self, Failure> {
        // A forest without a tree has no columns that a state could have.
        let width = |model: &IsolationForest| if model.trees() == 0 { usize::MAX } else { model.width() };
        LoadedUnlabelled::open(state, width).map(Self)
    }

    fn describe(&self) -> Description {
        self.0.describe(Task::AnomalyDetection)
    }

    fn predict_table(&self, batch: &RecordBatch) -> Result<RecordBatch, Failure> {
        let scores = self.0.ask(batch, |model, x| model.score_samples(x))?.unwrap_or_default();
        let offset = self.0.kernel().offset();
        let margins: Vec<f64> = scores.iter().map(|score| score - offset).collect();
        let labels: Int64Array = margins.iter().map(|margin| if *margin < 0.0 { -1 } else { 1 }).collect();
        batch_of([
            ("prediction", Arc::new(labels) as ArrayRef),
            ("score_samples", Arc::new(Float64Array::from(scores))),
            ("decision_function", Arc::new(Float64Array::from(margins))),
        ])
    }
}

millstream_sdk::export!(algorithm: Train, model: Anomalies);

#[cfg(test)]
mod tests;

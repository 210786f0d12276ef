//! HDBSCAN: clusters of any density, and noise.

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use millstream_learners::Check;
use millstream_learners::hdbscan::{self, Hdbscan};
use millstream_sdk::table::batch_of;
use millstream_sdk::{
    Channel, Context, Description, Direction, Failure, Job, Kind, Manifest, Model, Output, State, Summary,
    Table, Task,
};
use millstream_training::columns::{FeatureColumns, OfUnweighted};
use millstream_training::unlabelled::LoadedUnlabelled;
use millstream_training::{Rows, blame, labelled};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

const NAME: &str = "hdbscan";

/// The job.
pub struct Train;

/// Names and defaults are scikit-learn's.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Params {
    #[serde(flatten)]
    columns: FeatureColumns<OfUnweighted>,
    #[serde(flatten)]
    hdbscan: hdbscan::Params,
}

impl Job for Train {
    type Params = Params;

    fn manifest() -> Manifest {
        Manifest::new(NAME, env!("CARGO_PKG_VERSION"), "Groups rows of any density; the others are noise.")
            .description(
                "HDBSCAN, as scikit-learn's: as DBSCAN, but clusters may be of several densities and there is no `eps` to \
                 choose. The model gives new rows the cluster that they would have joined with the tree as it is \
                 (`approximate_predict`). Time grows with the square of the rows. Distances depend on the features' units: standardise them in a `features` step.",
            )
            .channel(Channel::required("train", Kind::Table, "Rows to cluster: numeric features."))
            .output(
                Output::table("table", "The rows with their `cluster` (-1 is noise) and its `probability`.")
                    .follows("train"),
            )
            .output(Output::model("model", "The rows in their tree of clusters.").follows("train"))
            .metric("clusters", Direction::Neither, "clusters that were found")
            .metric("noise", Direction::Neither, "rows that belong to no cluster")
            .parameters::<Params>()
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let (table, rows) = Rows::of_channel(context, "train", params.columns.choice(), None, None)?;
        let kernel = params.hdbscan.check().map_err(blame::parameter)?;
        let x = rows.columns()?;
        let (model, found) = context.phase("fit", || kernel.fit(&x)).map_err(|error| rows.blame(error))?;
        let labels = numbers(&found.labels);
        let out = labelled::with_column(&table, "cluster", labels)?;
        let firm: ArrayRef = Arc::new(Float64Array::from(found.probabilities));
        let out = labelled::with_column(&Table::new("train", out), "probability", firm)?;
        context.put_table("table", &out)?;
        context.put_model::<Clusters>("model", &rows.matrix().seen_schema(), &model)?;
        if found.clusters == 0 {
            context.warn("no cluster was found: lower min_cluster_size or min_samples");
        }
        let noise = found.labels.iter().filter(|label| **label == hdbscan::NOISE).count();
        let message =
            format!("{} clusters of {} rows, {noise} rows are noise", found.clusters, table.num_rows());
        Ok(Summary::new(message).metric("clusters", found.clusters as f64).metric("noise", noise as f64))
    }
}

fn numbers(labels: &[i32]) -> ArrayRef {
    Arc::new(labels.iter().map(|&label| i64::from(label)).collect::<Int64Array>())
}

/// The predictor.
pub struct Clusters(LoadedUnlabelled<Hdbscan>);

impl Model for Clusters {
    const FUNCTION: &'static str = NAME;
    const FORMAT: u16 = 1;

    fn load(state: State<'_>) -> Result<Self, Failure> {
        LoadedUnlabelled::open(state, Hdbscan::width).map(Self)
    }

    fn describe(&self) -> Description {
        self.0.describe(Task::Clustering)
    }

    fn predict_table(&self, batch: &RecordBatch) -> Result<RecordBatch, Failure> {
        let placed = self.0.ask(batch, |model, x| model.predict(x))?.unwrap_or_default();
        let firm: ArrayRef = Arc::new(Float64Array::from(placed.probabilities));
        batch_of([("prediction", numbers(&placed.labels)), ("probability", firm)])
    }
}

millstream_sdk::export!(algorithm: Train, model: Clusters);

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float64Type, Int64Type};
    use millstream_sdk::testing::{Host, rows};

    const TRAIN: &str = "x,y\n0,0\n0,1\n1,0\n50,50\n50,52\n52,50\n999,0\n";

    #[test]
    fn finds_groups_and_noise() {
        let host = Host::new().csv("train", TRAIN);
        let summary = host.run::<Train>(r#"{"min_cluster_size": 3, "min_samples": 2}"#).unwrap();
        assert_eq!(summary.metrics, [("clusters".into(), 2.0), ("noise".into(), 1.0)]);
        let out = host.table("table");
        assert_eq!(out.schema().field(3).name(), "probability");
        assert_eq!(out.column(2).as_primitive::<Int64Type>().values(), &[0, 0, 0, 1, 1, 1, -1]);
        let model = host.load::<Clusters>("model").unwrap();
        let answer = model.predict_batch(&rows("x,y\n0.5,0.5\n51,51\n300,7\n")).unwrap();
        assert_eq!(answer.column(0).as_primitive::<Int64Type>().values(), &[0, 1, -1]);
        let firm = answer.column(1).as_primitive::<Float64Type>().values().to_vec();
        assert!(firm[0] > 0.5 && firm[1] > 0.5 && firm[2] == 0.0, "{firm:?}");
    }

    #[test]
    fn bad_input_is_named() {
        let run = |csv: &str, params: &str| {
            Host::new().csv("train", csv).run::<Train>(params).unwrap_err().to_string()
        };
        assert!(run(TRAIN, r#"{"min_samples": 8}"#).contains("parameter `min_samples`"));
        let few = run("x,y\n1,1\n2,2\n", "{}");
        assert!(few.contains("input `train`") && few.contains("2 rows, too few"), "{few}");
        assert!(run(TRAIN, r#"{"min_cluster_size": 1}"#).contains("parameter `min_cluster_size`"));
        assert!(run("x,y\n1,1\n,2\n", "{}").contains("row 2, column `x`"));
    }
}

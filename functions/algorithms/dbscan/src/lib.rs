//! DBSCAN: clusters where rows are dense, noise where they are not.

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use millstream_learners::Check;
use millstream_learners::dbscan::{self, Dbscan};
use millstream_sdk::table::batch_of;
use millstream_sdk::{
    Channel, Context, Description, Direction, Failure, Job, Kind, Manifest, Model, Output, State, Summary,
    Task,
};
use millstream_training::columns::ClusterColumns;
use millstream_training::unlabelled::LoadedUnlabelled;
use millstream_training::{blame, labelled};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

const NAME: &str = "dbscan";

/// The training job.
pub struct Train;

/// Names and defaults are scikit-learn's.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Params {
    #[serde(flatten)]
    columns: ClusterColumns,
    #[serde(flatten)]
    dbscan: dbscan::Params,
}

impl Job for Train {
    type Params = Params;

    fn manifest() -> Manifest {
        Manifest::new(NAME, env!("CARGO_PKG_VERSION"), "Groups rows that lie densely; the others are noise.")
            .description(
                "DBSCAN, as scikit-learn's: clusters of any shape, as many as there are; -1 is noise. It is defined for the \
                 rows that it is fitted on. The model gives new rows the cluster of the nearest core row within `eps`, or -1. \
                 Distances depend on the features' units: standardise them in a `features` step.",
            )
            .channel(Channel::required("train", Kind::Table, "Rows to cluster: numeric features."))
            .output(
                Output::table("table", "The rows with their `cluster`; -1 is noise.").follows("train"),
            )
            .output(Output::model("model", "The core rows.").follows("train"))
            .metric("clusters", Direction::Neither, "clusters that were found")
            .metric("noise", Direction::Neither, "rows that belong to no cluster")
            .metric("core", Direction::Neither, "core rows")
            .parameters::<Params>()
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let (table, rows) = params.columns.rows(context)?;
        let kernel = params.dbscan.check().map_err(blame::parameter)?;
        let x = rows.columns()?;
        let fitted = context.phase("fit", || kernel.fit(&x, rows.weights()));
        let (model, clustered) = fitted.map_err(|error| rows.blame(error))?;
        let out = labelled::with_column(&table, "cluster", numbers(&clustered.labels))?;
        context.put_table("table", &out)?;
        context.put_model::<Clusters>("model", &rows.matrix().seen_schema(), &model)?;
        let noise = clustered.labels.iter().filter(|label| **label == dbscan::NOISE).count();
        let core = clustered.core.iter().filter(|core| **core).count();
        if model.clusters() == 0 {
            context.warn("no cluster was found: raise eps or lower min_samples");
        }
        let message =
            format!("{} clusters of {} rows, {noise} rows are noise", model.clusters(), table.num_rows());
        Ok(Summary::new(message)
            .metric("clusters", model.clusters() as f64)
            .metric("noise", noise as f64)
            .metric("core", core as f64))
    }
}

fn numbers(labels: &[i32]) -> ArrayRef {
    Arc::new(labels.iter().map(|&label| i64::from(label)).collect::<Int64Array>())
}

/// The predictor.
pub struct Clusters(LoadedUnlabelled<Dbscan>);

impl Model for Clusters {
    const FUNCTION: &'static str = NAME;
    const FORMAT: u16 = 1;

    fn load(state: State<'_>) -> Result<Self, Failure> {
        LoadedUnlabelled::open(state, Dbscan::width).map(Self)
    }

    fn describe(&self) -> Description {
        self.0.describe(Task::Clustering)
    }

    fn predict_table(&self, batch: &RecordBatch) -> Result<RecordBatch, Failure> {
        let labels = self.0.ask(batch, |model, x| model.predict(x))?.unwrap_or_default();
        batch_of([("prediction", numbers(&labels))])
    }
}

millstream_sdk::export!(algorithm: Train, model: Clusters);

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;
    use millstream_sdk::testing::{Host, rows};

    const TRAIN: &str = "x,y\n0,0\n0,1\n1,0\n50,50\n50,51\n51,50\n99,0\n";

    #[test]
    fn finds_groups_and_noise() {
        let host = Host::new().csv("train", TRAIN);
        let summary = host.run::<Train>(r#"{"eps": 1.5, "min_samples": 3}"#).unwrap();
        assert_eq!(summary.metrics, [("clusters".into(), 2.0), ("noise".into(), 1.0), ("core".into(), 6.0)]);
        let out = host.table("table");
        assert_eq!(out.schema().field(2).name(), "cluster");
        assert_eq!(out.column(2).as_primitive::<Int64Type>().values(), &[0, 0, 0, 1, 1, 1, -1]);
        let model = host.load::<Clusters>("model").unwrap();
        let answer = model.predict_batch(&rows("x,y\n1,1\n51,51\n7,7\n")).unwrap();
        assert_eq!(answer.column(0).as_primitive::<Int64Type>().values(), &[0, 1, -1]);
    }

    #[test]
    fn nothing_but_noise_warns() {
        let host = Host::new().csv("train", TRAIN);
        host.run::<Train>(r#"{"eps": 0.1}"#).unwrap();
        assert!(host.logs()[0].1.contains("eps"));
        let model = host.load::<Clusters>("model").unwrap();
        assert_eq!(model.predict_batch(&rows("x,y\n0,0\n")).unwrap().num_rows(), 1);
    }

    #[test]
    fn bad_input_is_named() {
        let run = |csv: &str, params: &str| {
            Host::new().csv("train", csv).run::<Train>(params).unwrap_err().to_string()
        };
        assert!(run(TRAIN, r#"{"eps": 0}"#).contains("parameter `eps`"));
        assert!(run("x,y\n1,1\n,2\n", "{}").contains("row 2, column `x`"));
        assert!(run("x,cluster\n1,1\n1,2\n", "{}").contains("column `cluster`"));
    }
}

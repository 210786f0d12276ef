//! Agglomerative clustering: the nearest two clusters are joined until few are left.

use arrow_array::{Float64Array, Int64Array};
use millstream_learners::Check;
use millstream_learners::agglomerative::{self, Dendrogram};
use millstream_learners::metrics::clustering;
use millstream_sdk::table::batch_of;
use millstream_sdk::{Channel, Context, Direction, Failure, Job, Kind, Manifest, Output, Summary};
use millstream_training::columns::{FeatureColumns, OfUnweighted};
use millstream_training::{Rows, blame, labelled};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

const NAME: &str = "agglomerative";
/// Rows that the silhouette looks at, at most.
const SILHOUETTE_ROWS: usize = 2_000;

/// The job.
pub struct Train;

/// Names and defaults are scikit-learn's.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Params {
    #[serde(flatten)]
    columns: FeatureColumns<OfUnweighted>,
    /// How many clusters are left, at most as many as rows; 2 if neither this nor `distance_threshold` is given.
    #[serde(default)]
    #[schemars(range(min = 1))]
    n_clusters: Option<u32>,
    #[serde(flatten)]
    agglomerative: agglomerative::Params,
}

impl Job for Train {
    type Params = Params;

    fn manifest() -> Manifest {
        Manifest::new(NAME, env!("CARGO_PKG_VERSION"), "Groups rows by joining the nearest two clusters again and again.")
            .description(
                "Agglomerative clustering, as scikit-learn's `AgglomerativeClustering`; the tree of merges comes out too. It \
                 is defined for the rows that it sees: there is no model for new ones. Time grows with the square of the \
                 rows; `complete` and `average` linkage take 20,000 rows at most. Distances depend on the features' units: \
                 standardise them in a `features` step.",
            )
            .channel(Channel::required("train", Kind::Table, "Rows to cluster: numeric features."))
            .output(Output::table("table", "The rows with their `cluster`.").follows("train"))
            .output(Output::table(
                "merges",
                "The tree, from the nearest merge to the farthest: rows are clusters from 0, then each merge is one.",
            ))
            .metric("clusters", Direction::Neither, "clusters that are left")
            .metric("train:silhouette", Direction::Maximize, "how well rows lie in their clusters, from -1 to 1")
            .parameters::<Params>()
    }

    fn run(params: Params, context: &mut Context) -> Result<Summary, Failure> {
        let (table, rows) = Rows::of_channel(context, "train", params.columns.choice(), None, None)?;
        let two = params.agglomerative.distance_threshold.is_none().then_some(2);
        let n_clusters = params.n_clusters.or(two);
        let kernel = agglomerative::Params { n_clusters, ..params.agglomerative };
        let kernel = kernel.check().map_err(blame::parameter)?;
        let x = rows.columns()?;
        let tree = context.phase("fit", || kernel.fit(&x)).map_err(|error| rows.blame(error))?;
        let labels: Int64Array = tree.labels.iter().map(|&label| i64::from(label)).collect();
        context.put_table("table", &labelled::with_column(&table, "cluster", Arc::new(labels))?)?;
        context.put_table("merges", &merges(&tree)?)?;
        let silhouette = context.phase("score", || clustering::silhouette(&x, &tree.labels, SILHOUETTE_ROWS));
        let silhouette = silhouette.map_err(|error| rows.blame(error))?;
        let mut summary = Summary::new(format!("{} clusters of {} rows", tree.clusters, table.num_rows()))
            .metric("clusters", tree.clusters as f64);
        if let Some(silhouette) = silhouette {
            summary = summary.metric("train:silhouette", silhouette);
        }
        Ok(summary)
    }
}

fn merges(tree: &Dendrogram) -> Result<arrow_array::RecordBatch, Failure> {
    let whole = |of: fn(&agglomerative::Merge) -> u32| -> Arc<Int64Array> {
        Arc::new(tree.merges.iter().map(|merge| i64::from(of(merge))).collect())
    };
    let distances: Float64Array = tree.merges.iter().map(|merge| Some(merge.distance)).collect();
    batch_of([
        ("a", whole(|merge| merge.a) as _),
        ("b", whole(|merge| merge.b) as _),
        ("distance", Arc::new(distances) as _),
        ("rows", whole(|merge| merge.size) as _),
    ])
}

millstream_sdk::export!(stage: Train);

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;
    use millstream_sdk::testing::Host;

    const TRAIN: &str = "x,y\n0,0\n0,1\n50,50\n50,51\n51,50\n";

    #[test]
    fn finds_the_groups_by_every_linkage() {
        for linkage in ["ward", "complete", "average", "single"] {
            let host = Host::new().csv("train", TRAIN);
            let summary = host.run::<Train>(&format!(r#"{{"linkage": "{linkage}"}}"#)).unwrap();
            assert_eq!(summary.metrics[0], ("clusters".into(), 2.0));
            assert!(summary.metrics[1].1 > 0.9);
            assert_eq!(host.table("table").column(2).as_primitive::<Int64Type>().values(), &[0, 0, 1, 1, 1]);
            assert_eq!(host.table("merges").num_rows(), 4);
            let threshold = format!(r#"{{"linkage": "{linkage}", "distance_threshold": 5}}"#);
            assert_eq!(host.run::<Train>(&threshold).unwrap().metrics[0].1, 2.0);
        }
    }

    #[test]
    fn bad_input_is_named() {
        let run = |csv: &str, params: &str| {
            Host::new().csv("train", csv).run::<Train>(params).unwrap_err().to_string()
        };
        assert!(run(TRAIN, r#"{"n_clusters": 6}"#).contains("n_clusters is 6, but the table has 5 rows"));
        assert!(run("x,y\n1,1\n", "{}").contains("the table has 1 row;"));
        assert!(
            run(TRAIN, r#"{"n_clusters": 2, "distance_threshold": 1}"#).contains("parameter `n_clusters`")
        );
        assert!(run(TRAIN, r#"{"metric": "manhattan"}"#).contains("parameter `metric`"));
        assert!(run("x,y\n1,1\n,2\n", "{}").contains("row 2, column `x`"));
    }
}

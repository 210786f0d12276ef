//! Groups.

use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use millstream_learners::{
    Columns,
    metrics::{clustering, partition},
};
use millstream_sdk::{Failure, Labels, Table, column, failure::internal, invalid_input, invalid_parameter};

use crate::{
    evaluation::{Clustering, Metrics},
    model::{Model, refused},
    params::Params,
};

/// The metrics of a clustering: how tight and far apart the clusters are in the table's own columns and, with a
/// target, how far they agree with its classes.
pub fn evaluate(
    model: &Model,
    test: &Table,
    predictions: &RecordBatch,
    params: &Params,
) -> Result<(Metrics, Clustering), Failure> {
    if params.weight.is_some() {
        return Err(invalid_parameter("weight", "figures of clusters do not weigh rows")
            .allowed("none for a model that clusters"));
    }
    let target = model.target.as_deref();
    let answer = |failure: Failure| internal(format!("the model's answer: {failure}"));
    let labels = Labels::from_column(predictions, "prediction").map_err(answer)?;
    let features = match &params.features {
        Some(features) => features.clone(),
        None => {
            let schema = test.schema();
            let is_number = |name: &String| {
                schema.column_with_name(name).is_some_and(|(_, field)| column::is_numeric(field.data_type()))
            };
            let numeric = schema.fields().iter().filter(|field| column::is_numeric(field.data_type()));
            let numeric =
                numeric.map(|field| field.name().clone()).filter(|name| Some(name.as_str()) != target);
            // After a features step the model's columns have other names: then the table's own have to do.
            let own = !model.features.is_empty() && model.features.iter().all(is_number);
            if own { model.features.clone() } else { numeric.collect() }
        }
    };
    if features.is_empty() {
        return Err(
            invalid_input("the table has no columns of numbers to measure distances in").channel("test")
        );
    }
    let columns = features.iter().map(|name| complete(test, name)).collect::<Result<Vec<_>, _>>()?;
    let columns = Columns::new(columns.iter().map(Vec::as_slice).collect()).map_err(refused)?;
    let scores = clustering::scores(&columns, &labels.codes, params.silhouette_rows).map_err(refused)?;
    let mut metrics = Metrics::default();
    metrics.add("silhouette", scores.silhouette);
    metrics.add("davies_bouldin", scores.davies_bouldin);
    metrics.add("calinski_harabasz", scores.calinski_harabasz);

    let names = labels.classes.names();
    let mut sizes = vec![0; names.len()];
    labels.codes.iter().for_each(|code| sizes[*code as usize] += 1);
    let classes = match target {
        None => None,
        Some(target) => {
            let truth = test.labels(target)?;
            metrics.add("ari", partition::adjusted_rand(&truth.codes, &labels.codes).map_err(refused)?);
            metrics.add(
                "nmi",
                partition::normalized_mutual_information(&truth.codes, &labels.codes).map_err(refused)?,
            );
            let mut counts: BTreeMap<(u32, u32), f64> = BTreeMap::new();
            for pair in truth.codes.iter().copied().zip(labels.codes.iter().copied()) {
                *counts.entry(pair).or_default() += 1.0;
            }
            let class_names = truth.classes.names();
            let row = |class: usize| {
                (0..names.len())
                    .map(|cluster| counts.get(&(class as u32, cluster as u32)).copied().unwrap_or(0.0))
                    .collect()
            };
            let table = (0..class_names.len()).map(row).collect();
            Some((class_names, table))
        }
    };
    Ok((metrics, Clustering { features, sizes: names.into_iter().zip(sizes).collect(), classes }))
}

fn complete(test: &Table, name: &str) -> Result<Vec<f64>, Failure> {
    let values = test.numbers(name)?;
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(values),
        Some(row) => {
            let message = "distances need a finite number here; name the columns to use in `features`, or drop such rows";
            Err(invalid_input(message).channel(test.channel()).column(name).row(row as u64 + 1))
        }
    }
}

//! Rankings within groups.

use arrow_array::RecordBatch;
use millstream_learners::metrics::ranking;
use millstream_sdk::{Failure, Table, column, failure::internal};

use crate::{
    evaluation::{Metrics, Ranking},
    model::refused,
    params::Params,
};

/// The metrics of the order in which predictions put the rows of each group.
pub fn evaluate(
    target: &str,
    group: &str,
    test: &Table,
    predictions: &RecordBatch,
    params: &Params,
) -> Result<(Metrics, Ranking), Failure> {
    let grades = test.target_numbers(target)?;
    let groups = test.labels(group)?;
    let answer = |failure: Failure| internal(format!("the model's answer: {failure}"));
    let predicted = column::numbers(predictions, "prediction").map_err(answer)?;
    let weights = params.weight.as_deref().map(|weight| test.weights(Some(weight))).transpose()?;
    let scores = ranking::scores(&groups.codes, &grades, &predicted, weights.as_deref(), params.top);
    let scores = scores.map_err(refused)?;
    let mut metrics = Metrics::default();
    metrics.add("ndcg", scores.ndcg);
    metrics.add("ndcg_at_k", scores.ndcg_at);
    metrics.add("map", scores.map);
    let groups = groups.classes.len() as u64;
    Ok((metrics, Ranking { group: group.to_owned(), groups, top: params.top as u64 }))
}

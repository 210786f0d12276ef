//! Predicted numbers.

use arrow_array::RecordBatch;
use millstream_learners::metrics::regression;
use millstream_sdk::{Failure, Table, column, failure::internal};

use crate::{
    evaluation::{Metrics, Miss, Regression},
    model::refused,
    params::Params,
};

/// Rows with the largest errors that are listed.
const WORST: usize = 10;

/// The metrics of a regression.
pub fn evaluate(
    target: &str,
    test: &Table,
    predictions: &RecordBatch,
    params: &Params,
) -> Result<(Metrics, Regression), Failure> {
    let truth = test.target_numbers(target)?;
    let answer = |failure: Failure| internal(format!("the model's answer: {failure}"));
    let predicted = column::numbers(predictions, "prediction").map_err(answer)?;
    let weights = params.weight.as_deref().map(|weight| test.weights(Some(weight))).transpose()?;
    let scores = regression::scores(&truth, &predicted, weights.as_deref()).map_err(refused)?;
    let mut metrics = Metrics::default();
    metrics.add("rmse", scores.rmse);
    metrics.add("mae", scores.mae);
    metrics.add("r2", scores.r2);
    metrics.add("median_ae", scores.median_ae);
    metrics.add("mape", scores.mape);
    metrics.add("explained_variance", scores.explained_variance);
    metrics.add("max_error", scores.max_error);
    metrics.add("mse", scores.mse);

    let residuals: Vec<f64> =
        truth.iter().zip(&predicted).map(|(truth, predicted)| truth - predicted).collect();
    let mut sorted = residuals.clone();
    sorted.sort_by(f64::total_cmp);
    let quantile = |share: f64| {
        let place = share * (sorted.len() - 1) as f64;
        let (below, weight) = (place.floor() as usize, place.fract());
        sorted[below] + weight * (sorted[(below + 1).min(sorted.len() - 1)] - sorted[below])
    };
    let named = [(0.05, "p05"), (0.25, "p25"), (0.5, "p50"), (0.75, "p75"), (0.95, "p95")];
    let mut order: Vec<usize> = (0..residuals.len()).collect();
    order.sort_by(|a, b| residuals[*b].abs().total_cmp(&residuals[*a].abs()).then(a.cmp(b)));
    let worst = order.into_iter().take(WORST);
    let details = Regression {
        residual_mean: residuals.iter().sum::<f64>() / residuals.len() as f64,
        residual_quantiles: named
            .into_iter()
            .map(|(share, name)| (name.to_owned(), quantile(share).into()))
            .collect(),
        worst: worst
            .map(|at| Miss { row: at as u64 + 1, truth: truth[at], predicted: predicted[at] })
            .collect(),
        truth,
        predicted,
    };
    Ok((metrics, details))
}

//! Rows unlike the others.

use arrow_array::RecordBatch;
use millstream_learners::metrics::{Confusion, curves};
use millstream_sdk::{
    Failure, Labels, Table, column,
    failure::{internal, invalid_parameter, listing},
};

use crate::{
    classification,
    evaluation::{Anomalies, Classification, Details, Metrics, Odd},
    model::{Model, refused},
    params::Params,
};

/// Rows that are listed.
const LISTED: usize = 10;
/// What a model answers for an anomaly, as scikit-learn's do.
const ANOMALY: &str = "-1";

/// The share of anomalies and, with a target, how well they are told from the other rows.
pub fn evaluate(
    model: &Model,
    test: &Table,
    predictions: &RecordBatch,
    params: &Params,
) -> Result<(Metrics, Details), Failure> {
    let answer = |failure: Failure| internal(format!("the model's answer: {failure}"));
    let labels = Labels::from_column(predictions, "prediction").map_err(answer)?;
    let margins = column::numbers(predictions, "decision_function").map_err(answer)?;
    let names = labels.classes.names();
    let found: Vec<u32> =
        labels.codes.iter().map(|&code| u32::from(names[code as usize] == ANOMALY)).collect();
    let weights = params.weight.as_deref().map(|weight| test.weights(Some(weight))).transpose()?;
    let weight = |row: usize| weights.as_ref().map_or(1.0, |w| w[row]);
    let total: f64 = (0..found.len()).map(weight).sum();
    let count: f64 = (0..found.len()).filter(|&row| found[row] == 1).map(weight).sum();
    let Some(target) = model.target.as_deref() else {
        let mut metrics = Metrics::default();
        metrics.add("anomalies", count / total);
        return Ok((metrics, Details::Anomalies(listed(&found, &margins))));
    };
    let truth = test.labels(target)?;
    let (positive, classes) = classes(&truth, params)?;
    let names = truth.classes.names();
    let truth: Vec<u32> =
        truth.codes.iter().map(|&code| u32::from(names[code as usize] == positive)).collect();
    // The lower the margin, the more of an anomaly.
    let scores: Vec<f64> = margins.iter().map(|margin| -margin).collect();
    let (metrics, details) = against(&truth, &found, &scores, weights.as_deref(), count / total, classes)?;
    Ok((metrics, Details::Classification(Box::new(details))))
}

/// The class of anomalies, and what both sides are called, it last.
fn classes(truth: &Labels, params: &Params) -> Result<(String, Vec<String>), Failure> {
    let names = truth.classes.names();
    let refused = |message: String| Err(invalid_parameter("positive", message).allowed(listing(&names)));
    let positive = match &params.positive {
        Some(positive) if names.contains(positive) || names.len() == 1 => positive.clone(),
        Some(positive) => return refused(format!("no row has the class `{positive}`")),
        // As scikit-learn has them.
        None if names == [ANOMALY, "1"] => ANOMALY.to_owned(),
        None if names.len() == 2 => names[1].clone(),
        None => {
            return refused(format!(
                "say which class the anomalies are: the rows have {} of them",
                names.len()
            ));
        }
    };
    let others: Vec<&String> = names.iter().filter(|name| **name != positive).collect();
    let other = if let [one] = others[..] { one.clone() } else { "others".to_owned() };
    Ok((positive.clone(), vec![other, positive]))
}

/// What is called an anomaly against what is one.
fn against(
    truth: &[u32],
    found: &[u32],
    scores: &[f64],
    weights: Option<&[f64]>,
    share: f64,
    classes: Vec<String>,
) -> Result<(Metrics, Classification), Failure> {
    let confusion = Confusion::new(truth, found, 2, weights).map_err(refused)?;
    let rates = confusion.rates(1);
    let positive: Vec<bool> = truth.iter().map(|&class| class == 1).collect();
    let mut metrics = Metrics::default();
    metrics.add("auc", curves::roc_auc(&positive, scores, weights).ok());
    metrics.add("average_precision", curves::average_precision(&positive, scores, weights).ok());
    metrics.add("precision", rates.precision);
    metrics.add("recall", rates.recall);
    metrics.add("f1", rates.f1);
    metrics.add("accuracy", confusion.accuracy());
    metrics.add("balanced_accuracy", confusion.balanced_accuracy());
    metrics.add("anomalies", share);
    let mut details = classification::details(&classes, &confusion);
    details.positive = classes.last().cloned();
    details.curves =
        classification::curves_of(&classes[1], &positive, scores, weights)?.into_iter().collect();
    Ok((metrics, details))
}

/// The rows that are most unlike the others.
fn listed(found: &[u32], margins: &[f64]) -> Anomalies {
    let mut order: Vec<usize> = (0..margins.len()).collect();
    order.sort_by(|&a, &b| margins[a].total_cmp(&margins[b]).then(a.cmp(&b)));
    let odd = |&row: &usize| Odd { row: row as u64 + 1, decision_function: margins[row] };
    Anomalies {
        anomalies: found.iter().filter(|&&one| one == 1).count() as u64,
        most: order.iter().take(LISTED).map(odd).collect(),
    }
}

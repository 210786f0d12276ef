//! The evaluation as a page.

mod anomalies;
mod classification;
mod clustering;
mod regression;

use maud::{Markup, html};
use millstream_charts::{
    Page,
    format::{counted, figure, percent, score},
    parts::{Tile, tiles},
};
use millstream_sdk::{
    Direction,
    unseen::{Tally, Unseen},
};

use crate::{
    evaluation::{Details, Evaluation, METRICS},
    params::Task,
};

/// One self-contained HTML page. `unseen` are the values that the model has not seen in training.
pub fn render(evaluation: &Evaluation, unseen: &Tally) -> String {
    let task = match evaluation.task {
        Task::Binary => "Two classes",
        Task::Multiclass => "Several classes",
        Task::Regression => "Regression",
        Task::Clustering => "Clustering",
        Task::Ranking => "Ranking",
        Task::AnomalyDetection => "Anomalies",
    };
    let target = evaluation.target.as_ref().map_or(String::new(), |target| format!(", target {target}"));
    let page = Page::new("Model evaluation")
        .lead(format!("{task}{target}, {}.", counted(evaluation.rows, "test row", "test rows")))
        .top(headline(evaluation));
    let page = match &evaluation.details {
        Details::Classification(details) => classification::sections(page, details, evaluation),
        Details::Regression(details) => regression::sections(page, details, evaluation),
        Details::Clustering(details) => clustering::sections(page, details),
        // All that there is to say is in the metrics.
        Details::Ranking(_) => page,
        Details::Anomalies(details) => anomalies::sections(page, details),
    };
    let page = match unseen.found() {
        [] => page,
        found => page.section("unseen", "Not seen in training", not_seen(unseen, found)),
    };
    page.section("metrics", "All metrics", all_metrics(evaluation))
        .colophon(concat!("Millstream evaluate ", env!("CARGO_PKG_VERSION")))
        .render()
}

fn not_seen(tally: &Tally, found: &[Unseen]) -> Markup {
    const SHOWN: usize = 100;
    html! {
        div.card {
            ul {
                @for one in found.iter().take(SHOWN) {
                    li { (tally.line(one)) }
                }
                @if found.len() > SHOWN {
                    li { "and " (found.len() - SHOWN) " more; the JSON has them all" }
                }
            }
        }
    }
}

fn headline(evaluation: &Evaluation) -> Markup {
    let chosen: &[(&str, &str)] = match evaluation.task {
        Task::Binary => &[
            ("auc", "AUC"),
            ("accuracy", "Accuracy"),
            ("precision", "Precision"),
            ("recall", "Recall"),
            ("f1", "F1"),
        ],
        Task::Multiclass => &[
            ("accuracy", "Accuracy"),
            ("balanced_accuracy", "Balanced accuracy"),
            ("f1_macro", "F1, macro"),
            ("auc_ovr", "AUC, one vs. rest"),
            ("log_loss", "Log loss"),
        ],
        Task::Regression => {
            &[("rmse", "RMSE"), ("mae", "MAE"), ("r2", "R²"), ("median_ae", "Median error"), ("mape", "MAPE")]
        }
        Task::Clustering => &[
            ("silhouette", "Silhouette"),
            ("davies_bouldin", "Davies–Bouldin"),
            ("calinski_harabasz", "Calinski–Harabasz"),
            ("ari", "Adjusted Rand"),
            ("nmi", "Mutual information"),
        ],
        Task::Ranking => {
            &[("ndcg", "NDCG"), ("ndcg_at_k", "NDCG of the top"), ("map", "Mean average precision")]
        }
        Task::AnomalyDetection => &[
            ("anomalies", "Anomalies"),
            ("auc", "AUC"),
            ("average_precision", "Average precision"),
            ("precision", "Precision"),
            ("recall", "Recall"),
            ("f1", "F1"),
        ],
    };
    let of: Vec<Tile> = chosen
        .iter()
        .filter(|(name, _)| evaluation.metrics.0.iter().any(|(known, _)| known == name))
        .map(|(name, label)| {
            let value = evaluation.metrics.get(name).map_or("–".to_owned(), |value| {
                if matches!(*name, "mape" | "anomalies") {
                    percent(value)
                } else {
                    shown(evaluation.task, value)
                }
            });
            Tile::new(*label, value).note(note(name, evaluation))
        })
        .collect();
    tiles(&of)
}

fn note(metric: &str, evaluation: &Evaluation) -> String {
    let Details::Classification(details) = &evaluation.details else { return String::new() };
    match (metric, &details.positive) {
        ("accuracy", _) => format!("majority class: {}", percent(details.majority)),
        ("precision" | "recall" | "f1", Some(positive)) => format!("of class {positive}"),
        _ => String::new(),
    }
}

fn all_metrics(evaluation: &Evaluation) -> Markup {
    let about = |name: &str| METRICS.iter().find(|(known, ..)| *known == name);
    html! {
        div.card { div.scroll { table {
            thead { tr { th scope="col" { "Metric" } th.number scope="col" { "Value" } th scope="col" { "Better" } th scope="col" { "What it says" } } }
            tbody {
                @for (name, value) in &evaluation.metrics.0 {
                    tr {
                        th scope="row" { code { (name) } }
                        td.number { (value.map_or("undefined".to_owned(), |value| shown(evaluation.task, value))) }
                        @if let Some((_, direction, what)) = about(name) {
                            td { (match direction { Direction::Maximize => "higher", Direction::Minimize => "lower", Direction::Neither => "" }) }
                            td { (what) }
                        }
                    }
                }
            }
        } } }
    }
}

/// Metrics of classes lie between -1 and 1, mostly, and are compared digit by digit; others have units.
fn shown(task: Task, value: f64) -> String {
    if task == Task::Regression { figure(value) } else { score(value) }
}

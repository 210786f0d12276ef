//! What is found out about a model: what the JSON output holds.

use millstream_learners::metrics::curves::{CalibrationBin, Curve};
use millstream_sdk::Direction::{self, Maximize, Minimize, Neither};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::params::Task;

/// Version of the JSON's shape; grows when a reader of the old one would misread it.
pub const FORMAT: u32 = 1;

/// All figures of one model on one table.
#[derive(Debug, Serialize)]
pub struct Evaluation {
    pub format: u32,
    pub task: Task,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    pub rows: u64,
    /// Figures by name; null where the rows leave one undefined.
    pub metrics: Metrics,
    /// Values that the model has not seen in training, the columns with most rows first: `column`, `novelty` (`category`,
    /// `out-of-range`, `missing`), `rows`, `share` of the rows, `example`, `near` (the known category that was likely meant).
    pub unseen: Value,
    #[serde(flatten)]
    pub details: Details,
}

/// What there is beside the metrics, by task.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Details {
    Classification(Box<Classification>),
    Regression(Regression),
    Clustering(Clustering),
    Ranking(Ranking),
    /// Without a target; with one they are two classes.
    Anomalies(Anomalies),
}

/// Figures in the order in which people should see them.
#[derive(Debug, Default)]
pub struct Metrics(pub Vec<(&'static str, Option<f64>)>);

impl Metrics {
    /// One more figure; what is not finite is undefined.
    pub fn add(&mut self, name: &'static str, value: impl Into<Option<f64>>) {
        self.0.push((name, value.into().filter(|value| value.is_finite())));
    }

    /// The figure of that name, if it is defined.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|(known, _)| *known == name).and_then(|(_, value)| *value)
    }
}

impl Serialize for Metrics {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let map: Map<String, Value> =
            self.0.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        map.serialize(serializer)
    }
}

/// Figures of a classifier.
#[derive(Debug, Serialize)]
pub struct Classification {
    pub classes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub positive: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Share of the rows of the most frequent class: the accuracy of always saying it.
    pub majority: f64,
    /// Rows (their weights) of each true class (outer) by predicted class (inner).
    pub confusion: Vec<Vec<f64>>,
    pub per_class: Vec<OfClass>,
    /// For two classes that of the positive one; for more, of each of the first [`MOST_CURVES`] against the rest.
    pub curves: Vec<Curves>,
    /// Two classes with probabilities only.
    pub calibration: Vec<Calibration>,
    /// Two classes with probabilities only: what other thresholds would give.
    pub thresholds: Vec<AtThreshold>,
    /// Rows by probability of the positive class, in bins of one twentieth: of the negative and the positive class.
    pub scores: Vec<[u64; 2]>,
}

/// Figures of one class against the rest.
#[derive(Debug, Serialize)]
pub struct OfClass {
    pub class: String,
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
    /// Rows (their weights) of the class.
    pub support: f64,
    /// Rows (their weights) predicted as the class.
    pub predicted: f64,
    pub auc: Option<f64>,
}

/// The curves of one class against the rest, thinned to [`MOST_POINTS`] points.
#[derive(Debug, Serialize)]
pub struct Curves {
    pub class: String,
    pub auc: f64,
    pub average_precision: f64,
    pub roc: Points,
    pub precision_recall: Points,
}

/// Most classes whose curves are kept.
pub const MOST_CURVES: usize = 20;

/// Most points of a curve in the JSON.
pub const MOST_POINTS: usize = 512;

/// Points of a curve: for ROC false (x) and true positive rate (y), for precision-recall recall (x) and precision (y).
#[derive(Debug, Serialize)]
pub struct Points {
    pub x: Vec<f64>,
    pub y: Vec<f64>,
    /// From which probability on rows count as positive; null for none of them.
    pub thresholds: Vec<Option<f64>>,
}

impl Points {
    /// An even selection of the curve's points, with both ends.
    pub fn of(curve: &Curve) -> Self {
        let n = curve.x.len();
        let taken = n.min(MOST_POINTS);
        let at = |i: usize| if taken < 2 { i } else { i * (n - 1) / (taken - 1) };
        let pick = |of: &[f64]| (0..taken).map(|i| of[at(i)]).collect::<Vec<f64>>();
        let thresholds =
            pick(&curve.thresholds).into_iter().map(|t| Some(t).filter(|t| t.is_finite())).collect();
        Self { x: pick(&curve.x), y: pick(&curve.y), thresholds }
    }

    /// As points of a chart.
    pub fn pairs(&self) -> Vec<(f64, f64)> {
        self.x.iter().copied().zip(self.y.iter().copied()).collect()
    }
}

/// Predicted probability against what happened, in one bin.
#[derive(Debug, Serialize)]
pub struct Calibration {
    pub predicted: f64,
    pub observed: f64,
    pub rows: f64,
}

impl From<CalibrationBin> for Calibration {
    fn from(bin: CalibrationBin) -> Self {
        Self { predicted: bin.predicted, observed: bin.observed, rows: bin.weight }
    }
}

/// What a threshold gives.
#[derive(Debug, Serialize)]
pub struct AtThreshold {
    pub threshold: f64,
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
    pub accuracy: f64,
}

/// Figures of a regression, in the target's unit.
#[derive(Debug, Serialize)]
pub struct Regression {
    /// True minus predicted: mean, and quantiles.
    pub residual_mean: f64,
    pub residual_quantiles: Map<String, Value>,
    /// The rows with the largest absolute residuals, largest first; rows count from 1.
    pub worst: Vec<Miss>,
    #[serde(skip)]
    pub truth: Vec<f64>,
    #[serde(skip)]
    pub predicted: Vec<f64>,
}

/// A row that was predicted badly.
#[derive(Debug, Serialize)]
pub struct Miss {
    pub row: u64,
    pub truth: f64,
    pub predicted: f64,
}

/// Figures of a clustering.
#[derive(Debug, Serialize)]
pub struct Clustering {
    /// The columns in which distances were measured.
    pub features: Vec<String>,
    /// Clusters and their rows, by number.
    pub sizes: Vec<(String, u64)>,
    /// With a target: rows of each true class (outer) by cluster (inner).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<(Vec<String>, Vec<Vec<f64>>)>,
}

/// Figures of rankings.
#[derive(Debug, Serialize)]
pub struct Ranking {
    /// The column that says which rows are ranked against one another.
    pub group: String,
    pub groups: u64,
    /// The rows of each group that `ndcg_at_k` looks at.
    pub top: u64,
}

/// Rows unlike the others, where nobody knows which they are.
#[derive(Debug, Serialize)]
pub struct Anomalies {
    /// Rows beyond the model's threshold.
    pub anomalies: u64,
    /// Those that are most unlike the others, the oddest first; rows count from 1.
    pub most: Vec<Odd>,
}

/// A row and how far it is from the threshold: below 0 it is an anomaly.
#[derive(Debug, Serialize)]
pub struct Odd {
    pub row: u64,
    pub decision_function: f64,
}

/// Every metric, which way it is better, and what it says.
pub const METRICS: [(&str, Direction, &str); 33] = [
    ("accuracy", Maximize, "Share of the rows that are predicted right, 0 to 1."),
    ("balanced_accuracy", Maximize, "Mean of the recalls of all classes, 0 to 1."),
    (
        "precision",
        Maximize,
        "Share of the rows predicted as a class that are of it: of the positive class, or averaged.",
    ),
    (
        "recall",
        Maximize,
        "Share of the rows of a class that are predicted as it: of the positive class, or averaged.",
    ),
    ("f1", Maximize, "Harmonic mean of precision and recall: of the positive class, or averaged."),
    ("auc", Maximize, "Two classes, or anomalies: area under the ROC curve, 0 to 1."),
    (
        "average_precision",
        Maximize,
        "Two classes, or anomalies: area under the precision-recall curve, 0 to 1.",
    ),
    ("log_loss", Minimize, "Mean negative logarithm of the probability of the true class, from 0."),
    ("brier", Minimize, "Two classes: mean squared difference of probability and outcome, 0 to 1."),
    ("mcc", Maximize, "Matthews' correlation coefficient, -1 to 1."),
    ("kappa", Maximize, "Cohen's kappa, agreement beyond chance, up to 1."),
    ("auc_ovr", Maximize, "More classes: mean of the areas under the ROC curves of each against the rest."),
    ("f1_macro", Maximize, "More classes: plain mean of F1."),
    ("precision_macro", Maximize, "More classes: plain mean of the precisions."),
    ("recall_macro", Maximize, "More classes: plain mean of the recalls."),
    ("f1_weighted", Maximize, "More classes: mean of F1 by rows."),
    ("rmse", Minimize, "Root of the mean squared error, in the target's unit."),
    ("mse", Minimize, "Mean squared error."),
    ("mae", Minimize, "Mean absolute error, in the target's unit."),
    ("median_ae", Minimize, "Median absolute error, in the target's unit."),
    ("mape", Minimize, "Mean absolute error relative to the true value; 0.1 is ten per cent."),
    ("r2", Maximize, "Share of the variance explained, up to 1."),
    ("explained_variance", Maximize, "As r2, but blind to a constant error."),
    ("max_error", Minimize, "Largest absolute error, in the target's unit."),
    ("silhouette", Maximize, "How much nearer rows are to their own cluster than to the next, -1 to 1."),
    ("davies_bouldin", Minimize, "Mean likeness of each cluster to its nearest, from 0."),
    ("calinski_harabasz", Maximize, "Spread between clusters over spread within."),
    ("ari", Maximize, "With a target: adjusted Rand index of clusters and classes, 1 for equal partitions."),
    ("nmi", Maximize, "With a target: normalised mutual information of clusters and classes, 0 to 1."),
    ("ndcg", Maximize, "Rankings: normalised discounted cumulative gain, mean over the groups, 0 to 1."),
    ("ndcg_at_k", Maximize, "The same of the first `top` rows of each group."),
    ("map", Maximize, "Rankings: mean average precision, where grades above 0 are relevant, 0 to 1."),
    ("anomalies", Neither, "Anomalies: share of the rows that the model calls so, 0 to 1."),
];

//! What is measured: our functions with their parameters, and who does the same.

use serde_json::{Value, json};

use super::Size;

const SKLEARN: &[&str] = &["scikit-learn"];
const BOOSTERS: &[&str] = &["xgboost", "lightgbm", "scikit-learn"];

/// One row of a table.
pub struct Case {
    pub name: &'static str,
    pub function: &'static str,
    /// The column to predict: `label` has two classes, `value` numbers.
    pub target: Option<&'static str>,
    /// The metric that says how good the model is: of `evaluate`, or of the training step where there is nothing to predict.
    pub metric: &'static str,
    /// The columns of the predictions that the peer's `predict` gives too; all if none.
    pub predicted: Option<&'static [&'static str]>,
    pub peers: &'static [&'static str],
    /// Left out where there are more rows, as the time grows with their square or the peer needs hours.
    pub most: usize,
    /// Trains on the first rows only.
    pub limit: Option<usize>,
}

const CASE: Case = Case {
    name: "",
    function: "",
    target: Some("label"),
    metric: "auc",
    predicted: None,
    peers: SKLEARN,
    most: usize::MAX,
    limit: None,
};
const LINE: Case = Case { target: Some("value"), metric: "r2", ..CASE };

pub const CASES: [Case; 16] = [
    Case { name: "gradient-boosting, classes", function: "gradient-boosting", peers: BOOSTERS, ..CASE },
    Case { name: "gradient-boosting, numbers", function: "gradient-boosting", peers: BOOSTERS, ..LINE },
    Case { name: "random-forest", function: "random-forest", ..CASE },
    Case { name: "extra-trees", function: "extra-trees", most: 100_000, ..CASE },
    Case { name: "decision-tree", function: "decision-tree", ..CASE },
    Case { name: "linear-regression", function: "linear-regression", ..LINE },
    Case { name: "ridge", function: "ridge", ..LINE },
    Case { name: "lasso", function: "lasso", ..LINE },
    Case { name: "elastic-net", function: "elastic-net", ..LINE },
    Case { name: "logistic-regression", function: "logistic-regression", ..CASE },
    Case {
        name: "k-means",
        function: "k-means",
        target: None,
        metric: "train:inertia",
        predicted: Some(&["prediction"]),
        ..CASE
    },
    Case { name: "pca", function: "pca", target: None, metric: "explained_variance_ratio", ..CASE },
    Case {
        name: "truncated-svd",
        function: "truncated-svd",
        target: None,
        metric: "explained_variance_ratio",
        most: 100_000,
        ..CASE
    },
    Case { name: "naive-bayes", function: "naive-bayes", ..CASE },
    Case { name: "knn", function: "knn", most: 10_000, ..CASE },
    Case {
        name: "svm, 2,000 rows",
        function: "svm",
        metric: "accuracy",
        most: 10_000,
        limit: Some(2_000),
        ..CASE
    },
];

/// The algorithms of the catalogue that have no row yet.
pub const NOT_YET: [&str; 8] = [
    "agglomerative",
    "dbscan",
    "factorization-machines",
    "forecasting",
    "gaussian-mixture",
    "hdbscan",
    "isolation-forest",
    "linear-learner",
];

impl Case {
    /// Our parameters. What is not here is the default on both sides, or stands in the script.
    pub fn with(&self, size: Size) -> Value {
        match self.function {
            "gradient-boosting" => {
                json!({ "preset": "xgboost", "num_round": 100, "max_depth": 6, "eta": 0.1 })
            }
            "random-forest" | "extra-trees" => {
                json!({ "n_estimators": if size.rows < 1_000_000 { 100 } else { 10 } })
            }
            "ridge" => json!({ "alpha": 1.0 }),
            "lasso" => json!({ "alpha": 0.01 }),
            "elastic-net" => json!({ "alpha": 0.01, "l1_ratio": 0.5 }),
            "logistic-regression" => json!({ "C": 1.0 }),
            "k-means" => json!({ "n_clusters": 10 }),
            "pca" | "truncated-svd" => json!({ "n_components": 10 }),
            "knn" => json!({ "n_neighbors": 5 }),
            "svm" => json!({ "kernel": "rbf", "C": 1.0, "probability": false }),
            _ => json!({}),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CASES, NOT_YET};
    use std::collections::BTreeSet;

    #[test]
    fn every_algorithm_of_the_catalogue_is_measured_or_known_to_be_missing() {
        let measured: BTreeSet<&str> = CASES.iter().map(|case| case.function).collect();
        let missing = BTreeSet::from(NOT_YET);
        assert!(measured.is_disjoint(&missing));
        let catalogue: BTreeSet<String> =
            millstream_catalog::algorithms().into_iter().map(|function| function.name).collect();
        let known: BTreeSet<String> = measured.union(&missing).map(|name| (*name).to_owned()).collect();
        assert_eq!(catalogue, known);
    }
}

//! Every algorithm: how it is trained natively, and how what it has learnt is asked. A new one is a line in [`all`].

// Each test that has this module uses its share.
#![allow(dead_code)]

use millstream_sdk::arrow_array::RecordBatch;
use millstream_sdk::arrow_array::cast::AsArray;
use millstream_sdk::arrow_array::types::Float64Type;
use millstream_sdk::{Failure, Job, Model, Summary, model::Loaded, testing::Host};
use serde_json::{Value, json};

/// What an algorithm makes of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learns {
    /// Classes of the column `y`.
    Classes,
    /// Two classes of the column `y`, not more.
    Two,
    /// Numbers of the column `y`.
    Numbers,
    /// There is no target.
    Rows,
    /// Numbers of the column `y` at the times of the column `t`.
    Series,
}

type Answer = Box<dyn Fn(&RecordBatch) -> Result<RecordBatch, Failure>>;
type Load = fn(&Host) -> Result<Answer, Failure>;

/// A function with parameters, and how to run it here.
pub struct Algorithm {
    pub name: &'static str,
    pub learns: Learns,
    /// Takes missing values as they are.
    pub takes_missing: bool,
    /// The schema of its parameters.
    pub parameters: Value,
    with: Value,
    channel: String,
    run: fn(&Host, &str) -> Result<Summary, Failure>,
    load: Option<Load>,
}

/// What came of a training.
pub struct Trained {
    pub summary: Summary,
    /// Nothing if the function writes no model.
    pub model: Option<Answer>,
    pub host: Host,
}

impl Algorithm {
    /// Whether there is such a parameter.
    pub fn has(&self, parameter: &str) -> bool {
        self.parameters["properties"].get(parameter).is_some()
    }

    /// Trains on a table; `more` are parameters beside its own, which win.
    pub fn train(&self, table: &RecordBatch, more: &Value) -> Result<Trained, Failure> {
        let mut with = self.with.clone();
        with.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let host = Host::new().rows(&self.channel, table).seed(7);
        let summary = (self.run)(&host, &with.to_string())?;
        let model = self.load.map(|load| load(&host)).transpose()?;
        Ok(Trained { summary, model, host })
    }

    /// The channel of the table.
    pub fn channel(&self) -> &str {
        &self.channel
    }

    /// Its own parameters.
    pub fn with(&self) -> &Value {
        &self.with
    }
}

impl Trained {
    /// What is wrong with what was learnt: figures, and answers to these rows, must be finite.
    pub fn unsound(&self, rows: &RecordBatch) -> Option<String> {
        if let Some((name, value)) = self.summary.metrics.iter().find(|(_, value)| !value.is_finite()) {
            return Some(format!("the metric {name} is {value}"));
        }
        if let Some(model) = &self.model {
            return match model(rows) {
                Ok(answer) if answer.num_rows() != rows.num_rows() => {
                    Some(format!("{} answers to {} rows", answer.num_rows(), rows.num_rows()))
                }
                Ok(answer) => not_finite(&answer),
                Err(failure) => Some(format!("its own rows are refused: {failure}")),
            };
        }
        ["table", "forecasts"]
            .iter()
            .find(|output| self.host.wrote(output))
            .and_then(|output| not_finite(&self.host.table(output)))
    }
}

/// The first column of a table that holds a number that is none.
pub fn not_finite(table: &RecordBatch) -> Option<String> {
    let schema = table.schema();
    schema.fields().iter().zip(table.columns()).find_map(|(field, column)| {
        let numbers = column.as_primitive_opt::<Float64Type>()?;
        let bad = numbers.iter().position(|value| value.is_none_or(|value| !value.is_finite()))?;
        Some(format!("row {} of {} is {:?}", bad + 1, field.name(), numbers.value(bad)))
    })
}

fn algorithm<J: Job>(name: &'static str, learns: Learns, more: Value, load: Option<Load>) -> Algorithm {
    let manifest = J::manifest();
    let mut with = match learns {
        Learns::Rows => json!({}),
        Learns::Series => json!({ "target": "y", "time": "t", "horizon": 3 }),
        _ => json!({ "target": "y" }),
    };
    with.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Algorithm {
        name,
        learns,
        takes_missing: false,
        channel: manifest.channels[0].name.clone(),
        parameters: manifest.parameters,
        with,
        run: |host, params| host.run::<J>(params),
        load,
    }
}

/// One with a model.
fn fits<J: Job, M: Model>(name: &'static str, learns: Learns, more: Value) -> Algorithm {
    let load: fn(&Host) -> Result<Answer, Failure> = |host| {
        let model: Loaded<M> = host.load("model")?;
        Ok(Box::new(move |rows| model.predict_batch(rows)))
    };
    algorithm::<J>(name, learns, more, Some(load))
}

fn takes_missing(algorithm: Algorithm) -> Algorithm {
    Algorithm { takes_missing: true, ..algorithm }
}

/// All of them, small.
pub fn all() -> Vec<Algorithm> {
    use Learns::{Classes, Numbers, Rows, Series, Two};
    let trees = |task: &str| json!({ "n_estimators": 5, "task": task });
    let task = |task: &str| json!({ "task": task });
    let boosting = |objective: &str| json!({ "num_round": 5, "objective": objective, "min_child_weight": 0 });
    let epochs = |kind: &str| json!({ "predictor_type": kind, "epochs": 5 });
    vec![
        takes_missing(fits::<fn_gradient_boosting::Train, fn_gradient_boosting::Ensemble>(
            "gradient-boosting",
            Classes,
            boosting("multi:softprob"),
        )),
        takes_missing(fits::<fn_gradient_boosting::Train, fn_gradient_boosting::Ensemble>(
            "gradient-boosting",
            Two,
            boosting("binary:logistic"),
        )),
        takes_missing(fits::<fn_gradient_boosting::Train, fn_gradient_boosting::Ensemble>(
            "gradient-boosting",
            Numbers,
            boosting("reg:squarederror"),
        )),
        takes_missing(fits::<fn_random_forest::Train, fn_random_forest::Forest>(
            "random-forest",
            Classes,
            trees("classification"),
        )),
        takes_missing(fits::<fn_random_forest::Train, fn_random_forest::Forest>(
            "random-forest",
            Numbers,
            trees("regression"),
        )),
        takes_missing(fits::<fn_extra_trees::Train, fn_extra_trees::Forest>(
            "extra-trees",
            Classes,
            trees("classification"),
        )),
        takes_missing(fits::<fn_extra_trees::Train, fn_extra_trees::Forest>(
            "extra-trees",
            Numbers,
            trees("regression"),
        )),
        takes_missing(fits::<fn_decision_tree::Train, fn_decision_tree::Tree>(
            "decision-tree",
            Classes,
            task("classification"),
        )),
        takes_missing(fits::<fn_decision_tree::Train, fn_decision_tree::Tree>(
            "decision-tree",
            Numbers,
            task("regression"),
        )),
        fits::<fn_linear_regression::Train, fn_linear_regression::Line>(
            "linear-regression",
            Numbers,
            json!({}),
        ),
        fits::<fn_ridge::Train, fn_ridge::Line>("ridge", Numbers, json!({})),
        fits::<fn_lasso::Train, fn_lasso::Line>("lasso", Numbers, json!({ "alpha": 0.01 })),
        fits::<fn_elastic_net::Train, fn_elastic_net::Line>("elastic-net", Numbers, json!({ "alpha": 0.01 })),
        fits::<fn_logistic_regression::Train, fn_logistic_regression::Classifier>(
            "logistic-regression",
            Classes,
            json!({}),
        ),
        fits::<fn_linear_learner::Train, fn_linear_learner::Learnt>(
            "linear-learner",
            Numbers,
            epochs("regressor"),
        ),
        fits::<fn_linear_learner::Train, fn_linear_learner::Learnt>(
            "linear-learner",
            Classes,
            epochs("multiclass_classifier"),
        ),
        fits::<fn_linear_learner::Train, fn_linear_learner::Learnt>(
            "linear-learner",
            Two,
            epochs("binary_classifier"),
        ),
        fits::<fn_factorization_machines::Train, fn_factorization_machines::Learnt>(
            "factorization-machines",
            Numbers,
            epochs("regressor"),
        ),
        fits::<fn_factorization_machines::Train, fn_factorization_machines::Learnt>(
            "factorization-machines",
            Two,
            epochs("binary_classifier"),
        ),
        fits::<fn_svm::Train, fn_svm::Border>(
            "svm",
            Classes,
            json!({ "task": "classification", "probability": true }),
        ),
        fits::<fn_svm::Train, fn_svm::Border>("svm", Numbers, task("regression")),
        fits::<fn_knn::Train, fn_knn::Neighbours>("knn", Classes, task("classification")),
        fits::<fn_knn::Train, fn_knn::Neighbours>("knn", Numbers, task("regression")),
        fits::<fn_naive_bayes::Train, fn_naive_bayes::Classifier>("naive-bayes", Classes, json!({})),
        fits::<fn_k_means::Train, fn_k_means::Clusters>("k-means", Rows, json!({ "n_clusters": 3 })),
        fits::<fn_gaussian_mixture::Train, fn_gaussian_mixture::Mixture>(
            "gaussian-mixture",
            Rows,
            json!({ "n_components": 2 }),
        ),
        fits::<fn_dbscan::Train, fn_dbscan::Clusters>(
            "dbscan",
            Rows,
            json!({ "eps": 1.0, "min_samples": 2 }),
        ),
        fits::<fn_hdbscan::Train, fn_hdbscan::Clusters>("hdbscan", Rows, json!({})),
        algorithm::<fn_agglomerative::Train>("agglomerative", Rows, json!({ "n_clusters": 3 }), None),
        fits::<fn_isolation_forest::Train, fn_isolation_forest::Anomalies>(
            "isolation-forest",
            Rows,
            json!({ "n_estimators": 5 }),
        ),
        fits::<fn_pca::Train, fn_pca::Stage>("pca", Rows, json!({ "n_components": 2 })),
        fits::<fn_truncated_svd::Train, fn_truncated_svd::Stage>(
            "truncated-svd",
            Rows,
            json!({ "n_components": 2 }),
        ),
        // Its model is asked about times ahead, in its own tests.
        algorithm::<fn_forecasting::Train>("forecasting", Series, json!({}), None),
    ]
}

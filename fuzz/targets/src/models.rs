//! Every function that fits something: how a state of it comes about, and how it is loaded.

use millstream_sdk::arrow_array::RecordBatch;
use millstream_sdk::arrow_schema::DataType;
use millstream_sdk::predict::{Request, parse};
use millstream_sdk::table::{schema_of, sparse_type};
use millstream_sdk::testing::Host;
use millstream_sdk::{Failure, Job, Model, model::Loaded};

/// Twelve rows of two features, sparse ones and one with gaps, and targets of every type.
const ROWS: &str = "a,b,label,y,flag,day,pairs,c\n0.5,3,red,1.5,true,2024-01-31,7:1,1\n\
    1.5,1,green,2.25,false,2024-02-29,0:2 7:1,\n-2,4,blue,0.5,true,1969-12-31,4000000000:1,2\n\
    0.25,1,red,-1,true,,,\n3,5,green,8,false,2024-03-01,0:-1,3\n-1,9,blue,2,false,2024-01-01,7:0.5 9:2,1\n\
    0,2,red,1,true,2024-01-02,0:1,\n2,6,green,5.5,false,2024-01-03,9:1,2\n\
    -3,5,blue,-2,true,2024-01-04,7:1 4000000000:-1,5\n1,0,red,1,true,2024-01-05,0:3,1\n\
    4,7,green,9,false,2024-01-06,9:-1,0\n-2.5,8,blue,0,true,2024-01-07,7:2,3\n";

/// A state, loaded.
pub trait Sound {
    fn describe(&self) -> String;
    fn predict(&self, rows: &RecordBatch) -> Result<usize, Failure>;
}

impl<M: Model> Sound for Loaded<M> {
    fn describe(&self) -> String {
        Self::describe(self)
    }

    fn predict(&self, rows: &RecordBatch) -> Result<usize, Failure> {
        self.predict_batch(rows).map(|answer| answer.num_rows())
    }
}

/// Makes a model of a state.
type Load = fn(&[u8]) -> Result<Box<dyn Sound>, Failure>;

/// A function that fits something.
pub struct Fits {
    pub name: &'static str,
    /// The format that its states are written in.
    pub format: u16,
    pub load: Load,
    fit: fn(&str) -> Vec<u8>,
    parameters: &'static [&'static str],
    bring: fn(&str) -> Vec<u8>,
    /// Files of the repository that another tool wrote, and that the function makes a state of.
    foreign: &'static [&'static str],
}

impl Fits {
    /// A state for each of the shapes that its models have.
    pub fn states(&self) -> impl Iterator<Item = Vec<u8>> {
        let fitted = self.parameters.iter().map(|parameters| (self.fit)(parameters));
        fitted.chain(self.foreign.iter().map(|file| (self.bring)(file)))
    }
}

fn fit<J: Job>(parameters: &str) -> Vec<u8> {
    let channel = J::manifest().channels[0].name.clone();
    let columns = schema_of([
        ("a", DataType::Float64),
        ("b", DataType::Int64),
        ("label", DataType::Utf8),
        ("y", DataType::Float64),
        ("flag", DataType::Boolean),
        ("day", DataType::Date32),
        ("pairs", sparse_type()),
        ("c", DataType::Float64),
    ]);
    let csv = Request { content_type: "text/csv".into(), accept: None, body: ROWS.into() };
    let rows = parse(&csv, &columns).expect("sound CSV").rows;
    let host = Host::new().rows(&channel, &rows);
    if let Err(failure) = host.run::<J>(parameters) {
        panic!("{}, {parameters}: {failure}", J::manifest().name);
    }
    host.output("model")
}

fn bring<J: Job>(file: &str) -> Vec<u8> {
    let host = Host::new().file("model", file, crate::seeds::file(file));
    if let Err(failure) = host.run::<J>("{}") {
        panic!("{}, {file}: {failure}", J::manifest().name);
    }
    host.output("model")
}

fn load<M: Model>(bytes: &[u8]) -> Result<Box<dyn Sound>, Failure> {
    Ok(Box::new(Loaded::<M>::load(bytes)?))
}

macro_rules! fits {
    ($($job:path, $model:path: [$($parameters:literal),* $(,)?] $(+ [$($file:literal),+ $(,)?])?),+ $(,)?) => {
        [$(Fits {
            name: <$model>::FUNCTION,
            format: <$model>::FORMAT,
            load: load::<$model>,
            fit: fit::<$job>,
            parameters: &[$($parameters),*],
            bring: bring::<$job>,
            foreign: &[$($($file),+)?],
        }),+]
    };
}

/// All of them.
pub const ALL: [Fits; 24] = fits![
    fn_dbscan::Train, fn_dbscan::Clusters: [r#"{"features": ["a", "b"], "eps": 2.5, "min_samples": 2}"#],
    fn_decision_tree::Train, fn_decision_tree::Tree: [
        r#"{"target": "label", "features": ["a", "b"]}"#,
        r#"{"target": "y", "features": ["a", "b"], "task": "regression"}"#,
        r#"{"target": "label", "features": ["a", "c"]}"#,
    ],
    fn_elastic_net::Train, fn_elastic_net::Line: [r#"{"target": "y", "features": ["a", "b"]}"#],
    fn_extra_trees::Train, fn_extra_trees::Forest: [
        r#"{"target": "label", "features": ["a", "b"], "n_estimators": 3}"#,
        r#"{"target": "y", "features": ["a", "c"], "n_estimators": 2, "task": "regression"}"#,
    ],
    fn_factorization_machines::Train, fn_factorization_machines::Learnt: [
        r#"{"target": "y", "features": ["a", "b"], "predictor_type": "regressor", "num_factors": 2, "epochs": 2}"#,
        r#"{"target": "flag", "features": ["a", "b"], "predictor_type": "binary_classifier", "num_factors": 1, "epochs": 2}"#,
        r#"{"target": "y", "features": ["pairs", "a"], "predictor_type": "regressor", "num_factors": 2, "epochs": 2}"#,
    ],
    fn_features::Features, fn_features::Fitted: [
        r#"{"target": "y", "columns": {"a": "min-max", "b": "impute:mean", "label": "one-hot", "day": "date-parts"}}"#,
        r#"{"columns": {"label": "ordinal", "day": "drop", "flag": "passthrough"}, "handle_unknown": "error"}"#,
    ],
    fn_forecasting::Train, fn_forecasting::Forecasts: [
        r#"{"target": "y", "time": "b", "item_id": "flag", "frequency": "1", "missing": "zero", "horizon": 2, "method": "ets"}"#,
    ],
    fn_gaussian_mixture::Train, fn_gaussian_mixture::Mixture: [
        r#"{"features": ["a", "b"], "n_components": 2}"#,
        r#"{"features": ["a", "b"], "n_components": 2, "covariance_type": "tied"}"#,
        r#"{"features": ["a", "b"], "n_components": 2, "covariance_type": "diag"}"#,
    ],
    fn_gradient_boosting::Train, fn_gradient_boosting::Ensemble: [
        r#"{"target": "label", "features": ["a", "b"], "objective": "multi:softprob", "num_round": 2, "min_child_weight": 0}"#,
        r#"{"target": "y", "features": ["a", "b"], "objective": "reg:squarederror", "num_round": 3, "max_depth": 2}"#,
        r#"{"target": "flag", "features": ["a", "b"], "objective": "binary:logistic", "num_round": 2, "min_child_weight": 0}"#,
        // With categories that are text, and such that are numbers.
    ] + ["tests/reference/import/binary.json", "tests/reference/import/binary.txt"],
    fn_hdbscan::Train, fn_hdbscan::Clusters: [r#"{"features": ["a", "b"], "min_cluster_size": 3, "min_samples": 2}"#],
    fn_isolation_forest::Train, fn_isolation_forest::Anomalies: [r#"{"features": ["a", "b"], "n_estimators": 3}"#],
    fn_k_means::Train, fn_k_means::Clusters: [r#"{"features": ["a", "b"], "n_clusters": 3}"#],
    fn_knn::Train, fn_knn::Neighbours: [
        r#"{"target": "label", "features": ["a", "b"], "n_neighbors": 2}"#,
        r#"{"target": "y", "features": ["a", "b"], "n_neighbors": 2, "task": "regression", "algorithm": "ivf"}"#,
    ],
    fn_lasso::Train, fn_lasso::Line: [r#"{"target": "y", "features": ["a", "b"]}"#],
    fn_linear_learner::Train, fn_linear_learner::Learnt: [
        r#"{"target": "y", "features": ["a", "b"], "predictor_type": "regressor", "epochs": 2}"#,
        r#"{"target": "label", "features": ["a", "b"], "predictor_type": "multiclass_classifier", "epochs": 2}"#,
        r#"{"target": "flag", "features": ["b", "pairs"], "predictor_type": "binary_classifier", "epochs": 2}"#,
    ],
    fn_linear_regression::Train, fn_linear_regression::Line: [r#"{"target": "y", "features": ["a", "b"]}"#],
    fn_logistic_regression::Train, fn_logistic_regression::Classifier: [
        r#"{"target": "label", "features": ["a", "b"]}"#,
        r#"{"target": "flag", "features": ["a", "b"]}"#,
    ],
    fn_naive_bayes::Train, fn_naive_bayes::Classifier: [
        r#"{"target": "label", "features": ["a", "b"]}"#,
        r#"{"target": "flag", "features": ["a", "b"], "kind": "bernoulli"}"#,
        r#"{"target": "label", "features": ["b"], "kind": "multinomial"}"#,
        r#"{"target": "label", "features": ["b"], "kind": "categorical"}"#,
    ],
    fn_onnx::Import, fn_onnx::Imported: [] + [
        "functions/stages/onnx/tests/reference/logistic.onnx",
        "functions/stages/onnx/tests/reference/tree.onnx",
        "functions/stages/onnx/tests/reference/mixed.onnx",
    ],
    fn_pca::Train, fn_pca::Stage: [r#"{"features": ["a", "b", "y"], "n_components": 2}"#],
    fn_random_forest::Train, fn_random_forest::Forest: [
        r#"{"target": "label", "features": ["a", "b"], "n_estimators": 3}"#,
        r#"{"target": "y", "features": ["a", "c"], "n_estimators": 2, "task": "regression"}"#,
    ],
    fn_ridge::Train, fn_ridge::Line: [r#"{"target": "y", "features": ["a", "b"]}"#],
    fn_svm::Train, fn_svm::Border: [
        r#"{"target": "label", "features": ["a", "b"], "probability": true}"#,
        r#"{"target": "y", "features": ["a", "b"], "task": "regression", "kernel": "poly"}"#,
    ],
    fn_truncated_svd::Train, fn_truncated_svd::Stage: [r#"{"features": ["a", "b", "y"], "n_components": 1}"#],
];

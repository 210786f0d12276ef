//! The algorithms.

use crate::function::{Function, Learns};
use serde_json::json;

use Learns::{Classes, Numbers, Rows, Series, Two};

/// All that train.
pub fn algorithms() -> Vec<Function> {
    vec![
        gradient_boosting(),
        random_forest(),
        extra_trees(),
        decision_tree(),
        Function::algorithm::<fn_linear_regression::Train>()
            .model::<fn_linear_regression::Line>()
            .example(Numbers, json!({})),
        Function::algorithm::<fn_ridge::Train>().model::<fn_ridge::Line>().example(Numbers, json!({})),
        Function::algorithm::<fn_lasso::Train>()
            .model::<fn_lasso::Line>()
            .shrinks()
            .example(Numbers, json!({ "alpha": 0.01 })),
        Function::algorithm::<fn_elastic_net::Train>()
            .model::<fn_elastic_net::Line>()
            .shrinks()
            .example(Numbers, json!({ "alpha": 0.01 })),
        Function::algorithm::<fn_logistic_regression::Train>()
            .model::<fn_logistic_regression::Classifier>()
            .example(Classes, json!({}))
            .variant(Two, json!({}))
            .variant(Classes, json!({ "penalty": "l1", "C": 0.5 })),
        Function::algorithm::<fn_linear_learner::Train>()
            .model::<fn_linear_learner::Learnt>()
            .example(Numbers, json!({ "predictor_type": "regressor", "epochs": 5 }))
            .example(Classes, json!({ "predictor_type": "multiclass_classifier", "epochs": 5 }))
            .example(Two, json!({ "predictor_type": "binary_classifier", "epochs": 5 }))
            .variant(
                Two,
                json!({ "features": ["b", "pairs"], "predictor_type": "binary_classifier", "epochs": 2 }),
            ),
        Function::algorithm::<fn_factorization_machines::Train>()
            .model::<fn_factorization_machines::Learnt>()
            .example(Numbers, json!({ "predictor_type": "regressor", "epochs": 5 }))
            .example(Two, json!({ "predictor_type": "binary_classifier", "epochs": 5 }))
            .variant(
                Numbers,
                json!({ "features": ["pairs", "a"], "predictor_type": "regressor", "num_factors": 2, "epochs": 2 }),
            ),
        svm(),
        Function::algorithm::<fn_knn::Train>()
            .model::<fn_knn::Neighbours>()
            .example(Classes, json!({ "task": "classification" }))
            .example(Numbers, json!({ "task": "regression" }))
            .variant(Numbers, json!({ "algorithm": "ivf" })),
        naive_bayes(),
        k_means(),
        gaussian_mixture(),
        Function::algorithm::<fn_dbscan::Train>()
            .model::<fn_dbscan::Clusters>()
            .example(Rows, json!({ "eps": 1.0, "min_samples": 2 })),
        Function::algorithm::<fn_hdbscan::Train>().model::<fn_hdbscan::Clusters>().example(Rows, json!({})),
        Function::algorithm::<fn_agglomerative::Train>().example(Rows, json!({ "n_clusters": 3 })),
        Function::algorithm::<fn_isolation_forest::Train>()
            .model::<fn_isolation_forest::Anomalies>()
            .example(Rows, json!({ "n_estimators": 5 })),
        Function::algorithm::<fn_pca::Train>()
            .model::<fn_pca::Stage>()
            .example(Rows, json!({ "n_components": 2 }))
            .variant(Rows, json!({ "n_components": 2, "svd_solver": "randomized" })),
        Function::algorithm::<fn_truncated_svd::Train>()
            .model::<fn_truncated_svd::Stage>()
            .example(Rows, json!({ "n_components": 2 })),
        forecasting(),
    ]
}

fn gradient_boosting() -> Function {
    let few = |objective: &str| json!({ "num_round": 5, "objective": objective, "min_child_weight": 0 });
    let mut function = Function::algorithm::<fn_gradient_boosting::Train>()
        .model::<fn_gradient_boosting::Ensemble>()
        .takes_missing()
        .example(Classes, few("multi:softprob"))
        .example(Two, few("binary:logistic"))
        .example(Numbers, few("reg:squarederror"))
        .variant(Classes, json!({ "num_round": 20 }))
        .variant(Numbers, json!({ "num_round": 20, "subsample": 0.7, "objective": "reg:pseudohubererror" }));
    for (target, objective) in [
        ("count", "count:poisson"),
        ("count", "reg:squarederror"),
        ("count", "reg:absoluteerror"),
        ("count", "reg:quantileerror"),
        ("above", "reg:gamma"),
        ("count", "reg:tweedie"),
    ] {
        function =
            function.variant(Numbers, json!({ "target": target, "num_round": 10, "objective": objective }));
    }
    function
        .variant(
            Numbers,
            json!({ "target": "count", "group": "query", "num_round": 10, "objective": "rank:ndcg" }),
        )
        // With categories that are text, and such that are numbers.
        .foreign("tests/reference/import/binary.json")
        .foreign("tests/reference/import/binary.txt")
}

fn random_forest() -> Function {
    Function::algorithm::<fn_random_forest::Train>()
        .model::<fn_random_forest::Forest>()
        .takes_missing()
        .example(Classes, json!({ "n_estimators": 5, "task": "classification" }))
        .example(Numbers, json!({ "n_estimators": 5, "task": "regression" }))
        .variant(Classes, json!({ "n_estimators": 10, "features": ["a", "gaps", "c"] }))
}

fn extra_trees() -> Function {
    Function::algorithm::<fn_extra_trees::Train>()
        .model::<fn_extra_trees::Forest>()
        .takes_missing()
        .example(Classes, json!({ "n_estimators": 5, "task": "classification" }))
        .example(Numbers, json!({ "n_estimators": 5, "task": "regression" }))
        .variant(Numbers, json!({ "n_estimators": 10, "features": ["a", "gaps", "c"] }))
}

fn decision_tree() -> Function {
    Function::algorithm::<fn_decision_tree::Train>()
        .model::<fn_decision_tree::Tree>()
        .takes_missing()
        .example(Classes, json!({ "task": "classification" }))
        .example(Numbers, json!({ "task": "regression" }))
        .variant(Classes, json!({ "features": ["a", "gaps", "c"] }))
}

fn svm() -> Function {
    Function::algorithm::<fn_svm::Train>()
        .model::<fn_svm::Border>()
        .shrinks()
        .example(Classes, json!({ "task": "classification", "probability": true }))
        .example(Numbers, json!({ "task": "regression" }))
        .variant(Numbers, json!({ "kernel": "linear" }))
        .variant(Numbers, json!({ "kernel": "poly" }))
}

fn naive_bayes() -> Function {
    let mut function = Function::algorithm::<fn_naive_bayes::Train>()
        .model::<fn_naive_bayes::Classifier>()
        .example(Classes, json!({}));
    for kind in ["multinomial", "bernoulli", "categorical"] {
        function = function.variant(Classes, json!({ "features": ["count"], "kind": kind }));
    }
    function
}

fn k_means() -> Function {
    Function::algorithm::<fn_k_means::Train>()
        .model::<fn_k_means::Clusters>()
        .example(Rows, json!({ "n_clusters": 3 }))
        .variant(Rows, json!({ "n_clusters": 4, "algorithm": "mini-batch" }))
        .variant(Rows, json!({ "n_clusters": 4, "init": "k-means||" }))
}

fn gaussian_mixture() -> Function {
    let mut function = Function::algorithm::<fn_gaussian_mixture::Train>()
        .model::<fn_gaussian_mixture::Mixture>()
        .example(Rows, json!({ "n_components": 2 }));
    for covariance in ["tied", "diag", "spherical"] {
        function = function.variant(Rows, json!({ "n_components": 3, "covariance_type": covariance }));
    }
    function
}

fn forecasting() -> Function {
    let by_row = json!({
        "time": "row", "item_id": "flag", "frequency": "1", "missing": "zero", "horizon": 2, "method": "ets",
    });
    Function::algorithm::<fn_forecasting::Train>()
        .model::<fn_forecasting::Forecasts>()
        .example(Series, json!({}))
        .variant(Series, json!({ "horizon": 7, "method": "ets" }))
        .variant(Series, json!({ "horizon": 7, "method": "boosted-lags" }))
        .variant(Series, by_row)
}

//! The estimators behind smartcore's traits, for any of its matrices: smartcore's model selection and whatever else
//! is written against the traits works with them.
//!
//! Classes are `u32` from 0. The matrix is copied into columns; the inherent methods take columns without a copy.

use crate::agglomerative::{self, Dendrogram};
use crate::dbscan::{self, Dbscan};
use crate::decision_tree::{self, DecisionTree};
use crate::elastic_net;
use crate::extra_trees::{self, ExtraTrees};
use crate::gaussian_mixture::{self, GaussianMixture};
use crate::gradient_boosting::{self, GradientBoosting};
use crate::hdbscan::{self, Hdbscan};
use crate::isolation_forest::{self, IsolationForest};
use crate::k_means::{self, KMeans};
use crate::knn::{self, Knn};
use crate::linear_model::LinearModel;
use crate::linear_regression::{self, LinearRegression};
use crate::logistic_regression::{self, LogisticRegression};
use crate::metrics::most_probable;
use crate::naive_bayes::{self, NaiveBayes};
use crate::pca::{self, Pca};
use crate::random_forest::{self, RandomForest};
use crate::ridge;
use crate::svm::{self, SupportVectorClassifier, SupportVectorRegressor};
use crate::{Check, Error, Matrix};
use smartcore::api::{Predictor, SupervisedEstimator, Transformer, UnsupervisedEstimator};
use smartcore::error::Failed;
use smartcore::linalg::basic::arrays::Array2;
use std::ops::ControlFlow;

fn fit_failed(error: Error) -> Failed {
    Failed::fit(&error.to_string())
}

fn predict_failed(error: Error) -> Failed {
    Failed::predict(&error.to_string())
}

/// An estimator that learns from labels: what they are, how it is fitted.
macro_rules! supervised {
    ($model:ty, $params:ty, $value:ty, $fit:expr) => {
        impl<X: Array2<f64>> SupervisedEstimator<X, Vec<$value>, $params> for $model {
            fn new() -> Self {
                Self::default()
            }

            fn fit(x: &X, y: &Vec<$value>, parameters: $params) -> Result<Self, Failed> {
                let fit: fn(&Matrix, &[$value], $params) -> Result<$model, Error> = $fit;
                fit(&Matrix::from_array(x), y, parameters).map_err(fit_failed)
            }
        }
    };
    ($model:ty, $params:ty, $value:ty, $fit:expr, $predict:expr) => {
        supervised!($model, $params, $value, $fit);
        predictor!($model, $value, $predict);
    };
}

/// An estimator that learns from rows alone.
macro_rules! unsupervised {
    ($model:ty, $params:ty, $fit:expr) => {
        impl<X: Array2<f64>> UnsupervisedEstimator<X, $params> for $model {
            fn fit(x: &X, parameters: $params) -> Result<Self, Failed> {
                let fit: fn(&Matrix, $params) -> Result<$model, Error> = $fit;
                fit(&Matrix::from_array(x), parameters).map_err(fit_failed)
            }
        }
    };
}

/// What a fitted model says of rows.
macro_rules! predictor {
    ($model:ty, $value:ty, $predict:expr) => {
        impl<X: Array2<f64>> Predictor<X, Vec<$value>> for $model {
            fn predict(&self, x: &X) -> Result<Vec<$value>, Failed> {
                let predict: fn(&$model, &Matrix) -> Result<Vec<$value>, Error> = $predict;
                predict(self, &Matrix::from_array(x)).map_err(predict_failed)
            }
        }
    };
}

supervised!(
    LinearRegression,
    linear_regression::Params,
    f64,
    |x, y, params| params.check()?.fit(&x.columns(), y, None),
    |model, x| model.predict(&x.columns())
);

supervised!(LinearModel, ridge::Params, f64, |x, y, params| params.check()?.fit(&x.columns(), y, None));

supervised!(
    LinearModel,
    elastic_net::Params,
    f64,
    |x, y, params| Ok(params.check()?.fit(&x.columns(), y, None)?.model),
    |model, x| model.predict(&x.columns())
);

supervised!(
    LogisticRegression,
    logistic_regression::Params,
    u32,
    |x, y, params| params.check()?.fit(&x.columns(), y, None),
    |model, x| model.predict(&x.columns())
);

supervised!(
    SupportVectorClassifier,
    svm::Params,
    u32,
    |x, y, params| params.check()?.fit_classes(&x.columns(), y, None),
    |model, x| model.predict(&x.columns())
);

supervised!(
    SupportVectorRegressor,
    svm::Params,
    f64,
    |x, y, params| params.check()?.fit_numbers(&x.columns(), y, None),
    |model, x| model.predict(&x.columns())
);

supervised!(
    RandomForest,
    random_forest::Params,
    u32,
    |x, y, params| params.check()?.fit_classes(&x.columns(), y, None, &mut |_| {}),
    |model, x| (**model).predict(&x.columns())
);

supervised!(
    RandomForest,
    random_forest::Params,
    f64,
    |x, y, params| params.check()?.fit_numbers(&x.columns(), y, None, &mut |_| {}),
    |model, x| model.predict_numbers(&x.columns())
);

supervised!(
    ExtraTrees,
    extra_trees::Params,
    u32,
    |x, y, params| params.check()?.fit_classes(&x.columns(), y, None, &mut |_| {}),
    |model, x| (**model).predict(&x.columns())
);

supervised!(
    ExtraTrees,
    extra_trees::Params,
    f64,
    |x, y, params| params.check()?.fit_numbers(&x.columns(), y, None, &mut |_| {}),
    |model, x| model.predict_numbers(&x.columns())
);

supervised!(
    DecisionTree,
    decision_tree::Params,
    u32,
    |x, y, params| Ok(params.check()?.fit_classes(&x.columns(), y, None)?.0),
    |model, x| model.predict(&x.columns())
);

supervised!(
    DecisionTree,
    decision_tree::Params,
    f64,
    |x, y, params| Ok(params.check()?.fit_numbers(&x.columns(), y, None)?.0),
    |model, x| model.predict_numbers(&x.columns())
);

fn boost(x: &Matrix, y: &[f64], params: gradient_boosting::Params) -> Result<GradientBoosting, Error> {
    let x = x.columns();
    let data = gradient_boosting::Data { x: &x, y, weights: None, groups: None };
    params.check()?.fit(data, None, &mut |_| ControlFlow::Continue(()))
}

supervised!(GradientBoosting, gradient_boosting::Params, f64, boost, |model, x| {
    model.predict_numbers(&x.columns())
});

supervised!(
    GradientBoosting,
    gradient_boosting::Params,
    u32,
    |x, y, params| {
        if !params.objective.has_classes() {
            return Err(Error::data("classes need the objective binary:logistic or multi:softprob"));
        }
        boost(x, &y.iter().map(|&class| f64::from(class)).collect::<Vec<_>>(), params)
    },
    |model, x| model.predict(&x.columns())
);

supervised!(
    NaiveBayes,
    naive_bayes::Params,
    u32,
    |x, y, params| params.check()?.fit(&x.columns(), y, None),
    |model, x| model.predict(&x.columns())
);

supervised!(
    Knn,
    knn::Params,
    u32,
    |x, y, params| params.check()?.fit_classes(&x.columns(), y),
    |model, x| model.predict(&x.columns())
);

supervised!(
    Knn,
    knn::Params,
    f64,
    |x, y, params| params.check()?.fit_numbers(&x.columns(), y),
    |model, x| model.predict_numbers(&x.columns())
);

unsupervised!(KMeans, k_means::Params, |x, params| Ok(params.check()?.fit(&x.columns(), None)?.0));
predictor!(KMeans, u32, |model, x| model.predict(&x.columns()));

unsupervised!(Dbscan, dbscan::Params, |x, params| Ok(params.check()?.fit(&x.columns(), None)?.0));
predictor!(Dbscan, i32, |model, x| model.predict(&x.columns()));

// It says nothing of other rows than those it was fitted on.
unsupervised!(Dendrogram, agglomerative::Params, |x, params| params.check()?.fit(&x.columns()));

unsupervised!(Hdbscan, hdbscan::Params, |x, params| Ok(params.check()?.fit(&x.columns())?.0));
predictor!(Hdbscan, i32, |model, x| Ok(model.predict(&x.columns())?.labels));

unsupervised!(GaussianMixture, gaussian_mixture::Params, |x, params| {
    params.check()?.fit(&x.columns(), None, &mut |_| {})
});
predictor!(GaussianMixture, u32, |model, x| {
    Ok(most_probable(&model.predict_proba(&x.columns())?.0, model.len()))
});

unsupervised!(IsolationForest, isolation_forest::Params, |x, params| {
    params.check()?.fit(&x.columns(), None, &mut |_| {})
});
predictor!(IsolationForest, i8, |model, x| model.predict(&x.columns()));

unsupervised!(Pca, pca::Params, |x, params| params.check()?.fit(&x.columns()));

impl<X: Array2<f64>> Transformer<X> for Pca {
    fn transform(&self, x: &X) -> Result<X, Failed> {
        let columns = self.transform(&Matrix::from_array(x).columns());
        let columns = columns.map_err(|error| Failed::transform(&error.to_string()))?;
        let values = columns.iter().flatten().copied();
        Ok(X::from_iterator(values, x.shape().0, columns.len(), 1))
    }
}

//! The estimators behind smartcore's traits, for any of its matrices: smartcore's model selection and whatever else
//! is written against the traits works with them.
//!
//! Classes are `u32` from 0. The matrix is copied into columns; the inherent methods take columns without a copy.

use crate::decision_tree::{self, DecisionTree};
use crate::elastic_net;
use crate::extra_trees::{self, ExtraTrees};
use crate::gradient_boosting::{self, GradientBoosting};
use crate::k_means::{self, KMeans};
use crate::linear_model::LinearModel;
use crate::linear_regression::{self, LinearRegression};
use crate::logistic_regression::{self, LogisticRegression};
use crate::random_forest::{self, RandomForest};
use crate::ridge;
use crate::svm::{self, SupportVectorClassifier, SupportVectorRegressor};
use crate::{Check, Error, Matrix};
use smartcore::api::{Predictor, SupervisedEstimator, UnsupervisedEstimator};
use smartcore::error::Failed;
use smartcore::linalg::basic::arrays::Array2;
use std::ops::ControlFlow;

fn fit_failed(error: Error) -> Failed {
    Failed::fit(&error.to_string())
}

fn predict_failed(error: Error) -> Failed {
    Failed::predict(&error.to_string())
}

/// Both traits for an estimator: what `y` holds, how it is fitted, how it predicts.
macro_rules! supervised {
    ($model:ty, $params:ty, $value:ty, $fit:expr, $predict:expr) => {
        impl<X: Array2<f64>> SupervisedEstimator<X, Vec<$value>, $params> for $model {
            fn new() -> Self {
                Self::default()
            }

            fn fit(x: &X, y: &Vec<$value>, parameters: $params) -> Result<Self, Failed> {
                let fit: fn(&Matrix, &[$value], $params) -> Result<$model, Error> = $fit;
                fit(&Matrix::from_array(x), y, parameters).map_err(fit_failed)
            }
        }

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

impl<X: Array2<f64>> SupervisedEstimator<X, Vec<f64>, ridge::Params> for LinearModel {
    fn new() -> Self {
        Self::default()
    }

    fn fit(x: &X, y: &Vec<f64>, parameters: ridge::Params) -> Result<Self, Failed> {
        let fit = |x: &Matrix| parameters.check()?.fit(&x.columns(), y, None);
        fit(&Matrix::from_array(x)).map_err(fit_failed)
    }
}

impl<X: Array2<f64>> SupervisedEstimator<X, Vec<f64>, elastic_net::Params> for LinearModel {
    fn new() -> Self {
        Self::default()
    }

    fn fit(x: &X, y: &Vec<f64>, parameters: elastic_net::Params) -> Result<Self, Failed> {
        let fit = |x: &Matrix| Ok(parameters.check()?.fit(&x.columns(), y, None)?.model);
        fit(&Matrix::from_array(x)).map_err(fit_failed)
    }
}

impl<X: Array2<f64>> Predictor<X, Vec<f64>> for LinearModel {
    fn predict(&self, x: &X) -> Result<Vec<f64>, Failed> {
        self.predict(&Matrix::from_array(x).columns()).map_err(predict_failed)
    }
}

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

impl<X: Array2<f64>> UnsupervisedEstimator<X, k_means::Params> for KMeans {
    fn fit(x: &X, parameters: k_means::Params) -> Result<Self, Failed> {
        let fit = |x: &Matrix| Ok(parameters.check()?.fit(&x.columns(), None)?.0);
        fit(&Matrix::from_array(x)).map_err(fit_failed)
    }
}

impl<X: Array2<f64>> Predictor<X, Vec<u32>> for KMeans {
    fn predict(&self, x: &X) -> Result<Vec<u32>, Failed> {
        self.predict(&Matrix::from_array(x).columns()).map_err(predict_failed)
    }
}

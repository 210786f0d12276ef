//! Whatever the matrix: a model that predicts, or an error; never a panic, never an endless loop, never a prediction
//! that is not finite.

use millstream_learners::gradient_boosting::{self, Data, Objective};
use millstream_learners::metrics::clustering;
use millstream_learners::{
    Check, Columns, Error, Matrix, decision_tree, elastic_net, extra_trees, isolation_forest, k_means,
    linear_regression, logistic_regression, random_forest, ridge,
};
use proptest::prelude::*;
use std::ops::ControlFlow;

/// A table with labels and weights that may or may not go with one another.
#[derive(Debug, Clone)]
struct Table {
    values: Vec<f64>,
    width: usize,
    y: Vec<f64>,
    weights: Option<Vec<f64>>,
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        20 => (-3i8..=3).prop_map(f64::from),
        20 => -1e3..1e3f64,
        2 => prop_oneof![Just(1e120), Just(1e155), Just(-1e155), Just(1e308), Just(-1e308), Just(1e-310), Just(-0.0)],
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY)],
    ]
}

fn label() -> impl Strategy<Value = f64> {
    prop_oneof![30 => (0u8..3).prop_map(f64::from), 1 => value()]
}

fn table() -> impl Strategy<Value = Table> {
    (1usize..5, 1usize..20).prop_flat_map(|(width, rows)| {
        let weight = prop_oneof![20 => 0.0..3.0f64, 5 => Just(0.0), 1 => Just(-1.0), 1 => Just(1e300)];
        let weights = prop::option::of(prop::collection::vec(weight, rows));
        (
            prop::collection::vec(value(), rows * width),
            prop_oneof![20 => prop::collection::vec(label(), rows), 1 => prop::collection::vec(label(), 0..4)],
            weights,
        )
            .prop_map(move |(values, y, weights)| Table { values, width, y, weights })
    })
}

impl Table {
    fn matrix(&self) -> Matrix {
        Matrix::from_rows(&self.values, self.width).unwrap()
    }

    fn classes(&self) -> Vec<u32> {
        // NaN and infinities saturate.
        self.y.iter().map(|&y| y as u32).collect()
    }

    fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }
}

/// Predictions of a fitted model are finite; errors say something.
fn sound(fitted: Result<Vec<f64>, Error>) -> Result<(), TestCaseError> {
    match fitted {
        Ok(predicted) => prop_assert!(predicted.iter().all(|p| p.is_finite()), "{predicted:?}"),
        Err(error) => prop_assert!(!error.to_string().is_empty()),
    }
    Ok(())
}

/// Shares of each row: between 0 and 1, and 1 together.
fn sound_shares(fitted: Result<Vec<f64>, Error>, rows: usize) -> Result<(), TestCaseError> {
    if let Ok(proba) = &fitted {
        for row in proba.chunks(proba.len() / rows) {
            prop_assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-5, "{row:?}");
            prop_assert!(row.iter().all(|p| (-1e-6..=1.0 + 1e-6).contains(p)), "{row:?}");
        }
    }
    sound(fitted)
}

/// A line with an intercept is no worse on its own rows than their mean.
fn beats_the_mean(
    predicted: Result<Vec<f64>, Error>,
    y: &[f64],
    weights: Option<&[f64]>,
) -> Result<(), TestCaseError> {
    let predicted = predicted.map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert!(predicted.iter().all(|p| p.is_finite()), "{predicted:?}");
    let w = |i: usize| weights.map_or(1.0, |w| w[i]);
    let total: f64 = (0..y.len()).map(w).sum();
    let mean = (0..y.len()).map(|i| w(i) / total * y[i]).sum::<f64>();
    let largest = y.iter().fold(0.0, |most: f64, y| most.max(y.abs()));
    let error = |of: &dyn Fn(usize) -> f64| {
        (0..y.len()).filter(|&i| w(i) > 0.0).map(|i| w(i) / total * (y[i] - of(i)).powi(2)).sum::<f64>()
    };
    let (own, of_mean) = (error(&|i| predicted[i]), error(&|_| mean));
    prop_assert!(own <= of_mean * (1.0 + 1e-6) + 1e-12 * largest * largest, "{own} over {of_mean}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn linear(table in table(), fit_intercept: bool) {
        let x = table.matrix();
        let params = linear_regression::Params { fit_intercept }.check().unwrap();
        let fitted = params.fit(&x.columns(), &table.y, table.weights());
        if let Ok(model) = fitted {
            prop_assert!(model.coefficients().iter().all(|c| c.is_finite()) && model.intercept().is_finite());
            prop_assert!(model.predict(&x.columns()).is_ok());
            if fit_intercept {
                beats_the_mean(model.predict(&x.columns()), &table.y, table.weights())?;
            }
        }
    }

    #[test]
    fn penalised_lines(table in table(), l1_ratio in prop_oneof![Just(0.0), Just(0.5), Just(1.0)], few: bool) {
        let x = table.matrix();
        let params = elastic_net::Params { alpha: 0.1, l1_ratio, max_iter: if few { 2 } else { 1000 }, ..Default::default() };
        if let Ok(fit) = params.check().unwrap().fit(&x.columns(), &table.y, table.weights()) {
            beats_the_mean(fit.model.predict(&x.columns()), &table.y, table.weights())?;
        }
        let params = ridge::Params { alpha: 0.1, ..Default::default() }.check().unwrap();
        if let Ok(model) = params.fit(&x.columns(), &table.y, table.weights()) {
            beats_the_mean(model.predict(&x.columns()), &table.y, table.weights())?;
        }
    }

    #[test]
    fn logistic(table in table(), fit_intercept: bool, balanced: bool, free: bool) {
        use millstream_learners::{logistic_regression::Penalty, weights::ClassWeight};
        let x = table.matrix();
        let params = logistic_regression::Params {
            fit_intercept,
            class_weight: if balanced { ClassWeight::Balanced } else { ClassWeight::None },
            penalty: if free { Penalty::None } else { Penalty::L2 },
            max_iter: 30,
            ..Default::default()
        };
        let fitted = params.check().unwrap().fit(&x.columns(), &table.classes(), table.weights());
        if let Ok(model) = fitted {
            prop_assert!(model.coefficients().iter().chain(model.intercepts()).all(|c| c.is_finite()));
            if table.values.iter().all(|v| v.abs() < 1e6) {
                sound_shares(model.predict_proba(&x.columns()), x.columns().rows())?;
            }
        }
    }

    #[test]
    fn clusters(table in table(), n_clusters in 1u32..6) {
        let x = table.matrix();
        let params = k_means::Params { n_clusters, n_init: 2, max_iter: 20, ..Default::default() }.check().unwrap();
        if let Ok((model, labels)) = params.fit(&x.columns(), table.weights()) {
            prop_assert!(model.inertia() >= 0.0);
            prop_assert!(labels.iter().all(|&label| label < n_clusters));
            prop_assert_eq!(model.predict(&x.columns()).unwrap(), labels.clone());
            prop_assert!(clustering::scores(&x.columns(), &labels, 10).is_ok());
        }
    }

    #[test]
    fn forest(table in table(), seed: u64, bootstrap: bool, min_samples_leaf in 1u32..4) {
        let x = table.matrix();
        let params = random_forest::Params {
            n_estimators: 3, bootstrap, oob_score: bootstrap, min_samples_leaf, seed, ..Default::default()
        };
        let params = params.check().unwrap();
        let rows = x.columns().rows();
        let classes = params.fit_classes(&x.columns(), &table.classes(), table.weights(), &mut |_| {});
        sound_shares(classes.and_then(|forest| forest.predict_proba(&x.columns())), rows)?;
        let numbers = params.fit_numbers(&x.columns(), &table.y, table.weights(), &mut |_| {});
        sound(numbers.and_then(|forest| forest.predict_numbers(&x.columns())))?;
    }

    #[test]
    fn extra(table in table(), seed: u64, oob: bool, min_samples_leaf in 1u32..4, leaves in prop::option::of(2u32..9)) {
        let x = table.matrix();
        let params = extra_trees::Params {
            n_estimators: 3,
            bootstrap: oob,
            oob_score: oob,
            min_samples_leaf,
            max_leaf_nodes: leaves,
            ccp_alpha: if oob { 0.01 } else { 0.0 },
            criterion: oob.then_some(extra_trees::Criterion::Entropy),
            seed,
            ..Default::default()
        };
        let rows = x.columns().rows();
        let fitted = params.clone().check().unwrap();
        let classes = fitted.fit_classes(&x.columns(), &table.classes(), table.weights(), &mut |_| {});
        sound_shares(classes.and_then(|forest| forest.predict_proba(&x.columns())), rows)?;
        let fitted = extra_trees::Params { criterion: None, ..params }.check().unwrap();
        let numbers = fitted.fit_numbers(&x.columns(), &table.y, table.weights(), &mut |_| {});
        sound(numbers.and_then(|forest| forest.predict_numbers(&x.columns())))?;
    }

    #[test]
    fn single_trees(table in table(), seed: u64, few: bool, leaves in prop::option::of(2u32..9), odd: bool) {
        use decision_tree::{Criterion, MaxFeatures, Names};
        let x = table.matrix();
        let params = |criterion| decision_tree::Params {
            criterion: Some(criterion),
            max_features: few.then_some(MaxFeatures::Sqrt),
            max_leaf_nodes: leaves,
            ccp_alpha: if few { 0.01 } else { 0.0 },
            seed,
            ..Default::default()
        };
        let names = Names { features: &[], classes: &[] };
        let criterion = if odd { Criterion::Entropy } else { Criterion::Gini };
        let fitted = params(criterion).check().unwrap().fit_classes(&x.columns(), &table.classes(), table.weights());
        let proba = fitted.and_then(|(tree, export)| {
            assert!(export.text(names, 10).matches("class: ").count() >= 1 && export.dot(names, 2).ends_with("}\n"));
            let json = serde_json::to_string(&tree).unwrap();
            let back: decision_tree::DecisionTree = serde_json::from_str(&json).unwrap();
            assert_eq!(back.predict_proba(&x.columns()), tree.predict_proba(&x.columns()));
            tree.predict_proba(&x.columns())
        });
        sound_shares(proba, x.columns().rows())?;
        let criterion = if odd { Criterion::AbsoluteError } else { Criterion::SquaredError };
        let fitted = params(criterion).check().unwrap().fit_numbers(&x.columns(), &table.y, table.weights());
        sound(fitted.and_then(|(tree, _)| tree.predict_numbers(&x.columns())))?;
    }

    #[test]
    fn isolation(table in table(), seed: u64, bootstrap: bool, contamination in prop::option::of(0.01..=0.5f64)) {
        let x = table.matrix();
        let params = isolation_forest::Params { n_estimators: 3, bootstrap, contamination, seed, ..Default::default() };
        let fitted = params.check().unwrap().fit(&x.columns(), table.weights(), &mut |_| {});
        if let Ok(forest) = &fitted {
            let json = serde_json::to_string(forest).unwrap();
            let back: isolation_forest::IsolationForest = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(back.score_samples(&x.columns()), forest.score_samples(&x.columns()));
            prop_assert!(forest.score_samples(&x.columns()).unwrap().iter().all(|s| (-1.0..=0.0).contains(s)));
        }
        sound(fitted.and_then(|forest| forest.decision_function(&x.columns())))?;
    }

    #[test]
    fn boosting(table in table(), seed: u64, subsample in 0.3..=1.0f64, loose: bool) {
        let x = table.matrix();
        let x = x.columns();
        let params = gradient_boosting::Params {
            num_round: 4,
            subsample,
            colsample_bytree: subsample,
            lambda: if loose { 0.0 } else { 1.0 },
            min_child_weight: if loose { 0.0 } else { 1.0 },
            seed,
            ..Default::default()
        };
        let data = Data { x: &x, y: &table.y, weights: table.weights(), groups: None };
        let fit = |objective| {
            let params = gradient_boosting::Params { objective, ..params.clone() }.check().unwrap();
            params.fit(data, None, &mut |_| ControlFlow::Continue(()))
        };
        sound(fit(Objective::SquaredError).and_then(|model| model.predict_numbers(&x)))?;
        for objective in [Objective::BinaryLogistic, Objective::MultiSoftprob] {
            sound_shares(fit(objective).and_then(|model| model.predict_proba(&x)), x.rows())?;
        }
    }

    #[test]
    fn a_models_bytes_bring_it_back(table in table()) {
        let x = table.matrix();
        let params = random_forest::Params { n_estimators: 2, ..Default::default() }.check().unwrap();
        if let Ok(forest) = params.fit_numbers(&x.columns(), &table.y, table.weights(), &mut |_| {}) {
            let json = serde_json::to_string(&forest).unwrap();
            let back: random_forest::RandomForest = serde_json::from_str(&json).unwrap();
            // Values that are missing only in rows of weight 0 were never there in training: both refuse them.
            let predicted = |forest: &random_forest::RandomForest| {
                forest.predict_numbers(&x.columns()).map_err(|error| error.to_string())
            };
            prop_assert_eq!(predicted(&back), predicted(&forest));
        }
    }
}

/// smartcore's traits reach the same models.
#[test]
fn behind_smartcores_traits() {
    use smartcore::api::{Predictor, SupervisedEstimator, UnsupervisedEstimator};
    use smartcore::linalg::basic::matrix::DenseMatrix;

    let x = DenseMatrix::from_2d_array(&[&[1.0, 0.0], &[2.0, 1.0], &[3.0, 0.0], &[4.0, 1.0]]).unwrap();
    let (y, c): (Vec<f64>, Vec<u32>) = (vec![2.0, 4.0, 6.0, 8.0], vec![0, 0, 1, 1]);
    let line: linear_regression::LinearRegression =
        SupervisedEstimator::fit(&x, &y, linear_regression::Params::default()).unwrap();
    let predicted: Vec<f64> = Predictor::predict(&line, &x).unwrap();
    assert!(predicted.iter().zip(&y).all(|(p, y)| (p - y).abs() < 1e-9));
    let logit: logistic_regression::LogisticRegression =
        SupervisedEstimator::fit(&x, &c, logistic_regression::Params::default()).unwrap();
    let classes: Vec<u32> = Predictor::predict(&logit, &x).unwrap();
    assert_eq!(classes, c);
    let forest: random_forest::RandomForest =
        SupervisedEstimator::fit(&x, &c, random_forest::Params::default()).unwrap();
    let classes: Vec<u32> = Predictor::predict(&forest, &x).unwrap();
    assert_eq!(classes, c);
    let params = gradient_boosting::Params { min_child_weight: 0.0, ..Default::default() };
    let boosted: gradient_boosting::GradientBoosting =
        SupervisedEstimator::fit(&x, &y, params.clone()).unwrap();
    let numbers: Vec<f64> = Predictor::predict(&boosted, &x).unwrap();
    assert!(numbers[0] < numbers[3]);
    let refused: Result<gradient_boosting::GradientBoosting, _> = SupervisedEstimator::fit(&x, &c, params);
    assert!(refused.unwrap_err().to_string().contains("binary:logistic"));
    let means = k_means::Params { n_clusters: 2, ..Default::default() };
    let means: k_means::KMeans = UnsupervisedEstimator::fit(&x, means).unwrap();
    let clusters: Vec<u32> = Predictor::predict(&means, &x).unwrap();
    assert_eq!(clusters.len(), 4);
}

/// Columns of other lengths cannot be made.
#[test]
fn ragged_columns_are_refused() {
    assert!(Columns::new(vec![&[1.0], &[1.0, 2.0]]).is_err());
}

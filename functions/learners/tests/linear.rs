//! Lines, sparse logistic regression and support vector machines against scikit-learn's, as
//! `reference/make_linear.py` wrote them down; and on whatever table.

mod common;

use common::close;
use millstream_learners::svm::{self, Gamma, Kernel};
use millstream_learners::weights::ClassWeight;
use millstream_learners::{Check, Columns, Error, Matrix, elastic_net, logistic_regression, ridge};
use proptest::prelude::*;
use serde_json::Value;

fn linear() -> Value {
    serde_json::from_str(include_str!("reference/linear.json")).expect("the reference is JSON")
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|v| v.as_f64().expect("a number")).collect()
}

/// The small table of the reference: features, weights, numbers, two classes, three classes.
struct Small {
    x: Matrix,
    w: Vec<f64>,
    y: Vec<f64>,
    two: Vec<u32>,
    three: Vec<u32>,
}

fn small() -> Small {
    let data = &common::reference()["data"];
    let classes = |name: &str| numbers(&data[name]).into_iter().map(|v| v as u32).collect();
    Small {
        x: Matrix::from_rows(&numbers(&data["x"]), 4).unwrap(),
        w: numbers(&data["weights"]),
        y: numbers(&data["number"]),
        two: classes("two"),
        three: classes("three"),
    }
}

fn first_three(x: &Matrix) -> Columns<'_> {
    Columns::new((0..3).map(|j| x.columns().column(j)).collect()).unwrap()
}

#[test]
fn lines_are_theirs() {
    let (small, reference) = (small(), linear());
    let x = small.x.columns();
    let expected = &reference["lines"];
    let check = |name: &str, model: &elastic_net::LinearModel, tolerance: f64| {
        for (ours, theirs) in model.coefficients().iter().zip(numbers(&expected[name]["coefficients"])) {
            close(*ours, theirs, tolerance, name);
        }
        close(model.intercept(), expected[name]["intercept"].as_f64().unwrap(), tolerance, name);
    };
    for (name, weights, fit_intercept) in
        [("ridge", None, true), ("ridge_weighted", Some(&small.w[..]), true), ("ridge_origin", None, false)]
    {
        let params = ridge::Params { alpha: 0.7, fit_intercept }.check().unwrap();
        check(name, &params.fit(&x, &small.y, weights).unwrap(), 1e-10);
    }
    let net = elastic_net::Params { alpha: 0.2, tol: 1e-13, max_iter: 100_000, ..Default::default() };
    for (name, weights, params) in [
        ("lasso", None, elastic_net::Params { l1_ratio: 1.0, ..net.clone() }),
        ("lasso_weighted", Some(&small.w[..]), elastic_net::Params { l1_ratio: 1.0, ..net.clone() }),
        ("lasso_positive", None, elastic_net::Params { l1_ratio: 1.0, positive: true, ..net.clone() }),
        ("net", None, elastic_net::Params { l1_ratio: 0.4, ..net.clone() }),
        ("net_weighted", Some(&small.w[..]), elastic_net::Params { l1_ratio: 0.4, ..net.clone() }),
        ("net_origin", None, elastic_net::Params { l1_ratio: 0.4, fit_intercept: false, ..net.clone() }),
    ] {
        let fit = params.check().unwrap().fit(&x, &small.y, weights).unwrap();
        check(name, &fit.model, 1e-5);
    }
    let params = elastic_net::Params { l1_ratio: 0.4, ..net }.check().unwrap();
    let alphas = params.alphas(&x, &small.y, None, 5, 0.01).unwrap();
    for (ours, theirs) in alphas.iter().zip(numbers(&expected["alphas"])) {
        close(*ours, theirs, 1e-10, "alphas");
    }
}

#[test]
fn sparse_logistic_regression_is_theirs() {
    use logistic_regression::{Params, Penalty};
    let (small, reference) = (small(), linear());
    let x = first_three(&small.x);
    let base = Params { penalty: Penalty::L1, c: 0.3, tol: 1e-9, max_iter: 1000, ..Default::default() };
    for (name, y, weights, params) in [
        ("l1", &small.two, None, base.clone()),
        (
            "net",
            &small.two,
            Some(&small.w[..]),
            Params { penalty: Penalty::ElasticNet, l1_ratio: Some(0.4), ..base.clone() },
        ),
        ("l1_multinomial", &small.three, None, base),
    ] {
        let model = params.check().unwrap().fit(&x, y, weights).unwrap();
        assert!(model.converged(), "{name}");
        let expected = &reference["sparse"][name];
        for (ours, theirs) in model.coefficients().iter().zip(numbers(&expected["coefficients"])) {
            close(*ours, theirs, 1e-5, name);
        }
        let theirs = numbers(&expected["intercepts"]);
        for (ours, expected) in model.intercepts().iter().zip(&theirs) {
            // Several intercepts are only fixed up to a constant.
            let several = theirs.len() > 1;
            let (ours_first, first) = if several { (model.intercepts()[0], theirs[0]) } else { (0.0, 0.0) };
            close(ours - ours_first, expected - first, 1e-5, name);
        }
    }
}

#[test]
fn machines_are_theirs() {
    use svm::Params;
    let (small, reference) = (small(), linear());
    let x = first_three(&small.x);
    let base = Params { tol: 1e-9, ..Default::default() };
    let compare = |name: &str, ours: &[f64], support: usize, sign: f64| {
        let expected = &reference["machines"][name];
        let theirs = numbers(&expected["values"]);
        assert_eq!(ours.len(), theirs.len(), "{name}");
        // Kernel values are held in single precision.
        ours.iter().zip(theirs).for_each(|(ours, theirs)| close(sign * ours, theirs, 2e-5, name));
        assert_eq!(support as u64, expected["support"].as_u64().unwrap(), "{name}");
    };
    for (name, y, weights, params) in [
        ("rbf", &small.two, None, base.clone()),
        (
            "rbf_weighted",
            &small.two,
            Some(&small.w[..]),
            Params { c: 2.0, gamma: Gamma::Value(0.3), ..base.clone() },
        ),
        ("linear", &small.two, None, Params { kernel: Kernel::Linear, ..base.clone() }),
        (
            "sigmoid",
            &small.two,
            None,
            Params { kernel: Kernel::Sigmoid, gamma: Gamma::Value(0.2), coef0: -0.3, ..base.clone() },
        ),
        ("poly", &small.two, None, Params { kernel: Kernel::Poly, degree: 2, coef0: 1.0, ..base.clone() }),
        ("balanced", &small.two, None, Params { class_weight: ClassWeight::Balanced, ..base.clone() }),
        ("three", &small.three, None, base.clone()),
    ] {
        let model = params.check().unwrap().fit_classes(&x, y, weights).unwrap();
        // Of two classes theirs speaks for the second.
        let sign = if model.classes() == 2 { -1.0 } else { 1.0 };
        compare(name, &model.decision_function(&x).unwrap(), model.support_vectors(), sign);
    }
    for (name, weights, params) in [
        ("svr", None, base.clone()),
        ("svr_weighted", Some(&small.w[..]), Params { c: 3.0, epsilon: 0.3, ..base.clone() }),
        ("svr_linear", None, Params { kernel: Kernel::Linear, ..base }),
    ] {
        let model = params.check().unwrap().fit_numbers(&x, &small.y, weights).unwrap();
        compare(name, &model.predict(&x).unwrap(), model.support_vectors(), 1.0);
    }
}

#[test]
fn little_room_for_kernel_values_changes_nothing() {
    let small = small();
    let x = first_three(&small.x);
    let fit = |cache_size| {
        let params = svm::Params { cache_size, probability: true, ..Default::default() };
        params.check().unwrap().fit_classes(&x, &small.three, None).unwrap()
    };
    assert_eq!(fit(200.0), fit(1e-6));
}

fn classes(y: &[f64]) -> Vec<u32> {
    y.iter().map(|&class| class as u32).collect()
}

/// Any table: values, width, targets, weights.
fn any_table() -> impl Strategy<Value = (Vec<f64>, usize, Vec<f64>, Option<Vec<f64>>)> {
    let value = prop_oneof![
        20 => (-3i8..=3).prop_map(f64::from),
        20 => -1e3..1e3f64,
        2 => prop_oneof![Just(1e155), Just(-1e155), Just(1e308), Just(1e-310), Just(-0.0)],
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY)],
    ];
    (1usize..5, 1usize..20).prop_flat_map(move |(width, rows)| {
        let label = prop_oneof![30 => (0u8..3).prop_map(f64::from), 1 => value.clone()];
        let weight = prop_oneof![20 => 0.0..3.0f64, 5 => Just(0.0), 1 => Just(-1.0), 1 => Just(1e300)];
        (
            prop::collection::vec(value.clone(), rows * width),
            Just(width),
            prop::collection::vec(label, rows),
            prop::option::of(prop::collection::vec(weight, rows)),
        )
    })
}

fn finite(fitted: Result<Vec<f64>, Error>) -> Result<(), TestCaseError> {
    match fitted {
        Ok(values) => prop_assert!(values.iter().all(|v| v.is_finite()), "{values:?}"),
        Err(error) => prop_assert!(!error.to_string().is_empty()),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_line((values, width, y, weights) in any_table(), fit_intercept: bool, positive: bool, alpha in 0.0..2.0f64) {
        let x = Matrix::from_rows(&values, width).unwrap();
        let (x, weights) = (x.columns(), weights.as_deref());
        let coefficients = |model: elastic_net::LinearModel| [model.coefficients(), &[model.intercept()]].concat();
        let params = ridge::Params { alpha, fit_intercept }.check().unwrap();
        finite(params.fit(&x, &y, weights).map(coefficients))?;
        let params = elastic_net::Params { alpha, l1_ratio: alpha / 2.0, fit_intercept, positive, max_iter: 50, ..Default::default() };
        finite(params.check().unwrap().fit(&x, &y, weights).map(|fit| coefficients(fit.model)))?;
    }

    #[test]
    fn any_sparse_logistic((values, width, y, weights) in any_table(), l1_ratio in 0.0..=1.0f64, c in 0.01..10.0f64) {
        let x = Matrix::from_rows(&values, width).unwrap();
        let params = logistic_regression::Params {
            penalty: logistic_regression::Penalty::ElasticNet, l1_ratio: Some(l1_ratio), c, max_iter: 20, ..Default::default()
        };
        let model = params.check().unwrap().fit(&x.columns(), &classes(&y), weights.as_deref());
        finite(model.map(|model| [model.coefficients(), model.intercepts()].concat()))?;
    }

    #[test]
    fn any_machine((values, width, y, weights) in any_table(), kernel in 0..3, c in 0.01..10.0f64) {
        let x = Matrix::from_rows(&values, width).unwrap();
        let kernel = [Kernel::Linear, Kernel::Poly, Kernel::Rbf][kernel as usize];
        let params = svm::Params { kernel, c, probability: true, max_iter: Some(200), ..Default::default() };
        let params = params.check().unwrap();
        let model = params.fit_classes(&x.columns(), &classes(&y), weights.as_deref());
        if let Ok(model) = &model {
            // Rows of weight 0 may be too large for the kernel.
            let proba = model.predict_proba(&x.columns()).unwrap_or_default();
            for row in proba.chunks(model.classes()) {
                prop_assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{row:?}");
            }
            let json = serde_json::to_string(model).unwrap();
            prop_assert_eq!(&serde_json::from_str::<svm::SupportVectorClassifier>(&json).unwrap(), model);
        }
        finite(model.and_then(|model| model.decision_function(&x.columns())))?;
        let model = params.fit_numbers(&x.columns(), &y, weights.as_deref());
        finite(model.and_then(|model| model.predict(&x.columns())))?;
    }
}

#[test]
fn a_damaged_machine_is_refused() {
    let small = small();
    let model =
        svm::Params::default().check().unwrap().fit_numbers(&small.x.columns(), &small.y, None).unwrap();
    let sound = serde_json::to_value(&model).unwrap();
    let load = |value: Value| serde_json::from_value::<svm::SupportVectorRegressor>(value).is_ok();
    assert!(load(sound.clone()));
    for (part, value) in [
        ("places", serde_json::json!([255, 255, 0, 0])),
        ("ends", serde_json::json!([])),
        ("vectors", serde_json::json!([0, 0, 0, 0, 0, 0, 0, 0])),
        ("intercepts", serde_json::json!([0, 0, 0, 0, 0, 0, 240, 127])),
        ("shifts", serde_json::json!([])),
    ] {
        let mut damaged = sound.clone();
        damaged["machine"][part] = value;
        assert!(!load(damaged), "{part}");
    }
}

/// smartcore's traits reach the same models.
#[test]
fn behind_smartcores_traits() {
    use smartcore::api::{Predictor, SupervisedEstimator};
    use smartcore::linalg::basic::matrix::DenseMatrix;

    let x = DenseMatrix::from_2d_array(&[&[1.0, 0.0], &[2.0, 1.0], &[3.0, 0.0], &[4.0, 1.0]]).unwrap();
    let (y, c): (Vec<f64>, Vec<u32>) = (vec![2.0, 4.0, 6.0, 8.0], vec![0, 0, 1, 1]);
    let line: elastic_net::LinearModel =
        SupervisedEstimator::fit(&x, &y, ridge::Params { alpha: 1e-6, ..Default::default() }).unwrap();
    let predicted: Vec<f64> = Predictor::predict(&line, &x).unwrap();
    assert!(predicted.iter().zip(&y).all(|(p, y)| (p - y).abs() < 1e-4));
    let sparse: elastic_net::LinearModel =
        SupervisedEstimator::fit(&x, &y, elastic_net::Params::lasso()).unwrap();
    assert_eq!(sparse.nonzero(), 1);
    let border: svm::SupportVectorClassifier =
        SupervisedEstimator::fit(&x, &c, svm::Params::default()).unwrap();
    let classes: Vec<u32> = Predictor::predict(&border, &x).unwrap();
    assert_eq!(classes, c);
    let tube: svm::SupportVectorRegressor =
        SupervisedEstimator::fit(&x, &y, svm::Params { c: 100.0, ..Default::default() }).unwrap();
    let predicted: Vec<f64> = Predictor::predict(&tube, &x).unwrap();
    assert!(predicted.iter().zip(&y).all(|(p, y)| (p - y).abs() < 0.2));
}

//! Our kernels and metrics against scikit-learn's and XGBoost's, as `reference/make.py` wrote them down.

mod common;

use common::{close, reference};
use millstream_learners::linear_regression;
use millstream_learners::logistic_regression::{self, Penalty};
use millstream_learners::metrics::{binary, clustering, curves, multiclass, partition, regression};
use millstream_learners::weights::ClassWeight;
use millstream_learners::{Check, Columns, Matrix};
use serde_json::Value;

/// The small tables of the reference.
struct Small {
    x: Matrix,
    weights: Vec<f64>,
    number: Vec<f64>,
    two: Vec<u32>,
    three: Vec<u32>,
}

fn numbers(value: &Value) -> Vec<f64> {
    let list = value.as_array().unwrap_or_else(|| panic!("{value} is no list"));
    list.iter().map(|number| number.as_f64().expect("a number")).collect()
}

fn labels(value: &Value) -> Vec<u32> {
    numbers(value).into_iter().map(|label| label as u32).collect()
}

fn small(reference: &Value) -> Small {
    let data = &reference["data"];
    Small {
        x: Matrix::from_rows(&numbers(&data["x"]), data["width"].as_u64().unwrap() as usize).unwrap(),
        weights: numbers(&data["weights"]),
        number: numbers(&data["number"]),
        two: labels(&data["two"]),
        three: labels(&data["three"]),
    }
}

/// The first columns and rows.
fn part<'a>(x: &Columns<'a>, width: usize, rows: usize) -> Columns<'a> {
    Columns::new(x.iter().take(width).map(|column| &column[..rows]).collect()).unwrap()
}

#[test]
fn linear_coefficients() {
    let reference = reference();
    let small = small(&reference);
    let x = small.x.columns();
    let check = |name: &str, x: &Columns, fit_intercept: bool, weights: Option<&[f64]>| {
        let params = linear_regression::Params { fit_intercept }.check().unwrap();
        let model = params.fit(x, &small.number[..x.rows()], weights).unwrap();
        let expected = &reference["linear"][name];
        for (ours, theirs) in model.coefficients().iter().zip(numbers(&expected["coefficients"])) {
            close(*ours, theirs, 1e-9, name);
        }
        close(model.intercept(), expected["intercept"].as_f64().unwrap(), 1e-9, name);
    };
    check("plain", &part(&x, 3, 60), true, None);
    check("weighted", &part(&x, 3, 60), true, Some(&small.weights));
    check("origin", &part(&x, 3, 60), false, None);
    check("wide", &part(&x, 4, 3), true, None);
}

/// The fourth column is the first less twice the second, but for rounding to three digits of decimals that binary
/// numbers do not hold: what is left decides about the rank, not the algorithm.
#[test]
fn linear_coefficients_of_dependent_columns() {
    let reference = reference();
    let small = small(&reference);
    let x = small.x.columns();
    let model = linear_regression::Params::default().check().unwrap().fit(&x, &small.number, None).unwrap();
    assert_eq!(model.rank(), 3);
    for (ours, theirs) in
        model.coefficients().iter().zip(numbers(&reference["linear"]["dependent"]["coefficients"]))
    {
        close(*ours, theirs, 1e-9, "dependent");
    }
}

#[test]
fn logistic_coefficients() {
    let reference = reference();
    let small = small(&reference);
    let x = part(&small.x.columns(), 3, 60);
    let plain = logistic_regression::Params { tol: 1e-10, max_iter: 10_000, ..Default::default() };
    let check = |name: &str, y: &[u32], weights: Option<&[f64]>, params: logistic_regression::Params| {
        let model = params.check().unwrap().fit(&x, y, weights).unwrap();
        assert!(model.converged(), "{name}");
        let expected = &reference["logistic"][name];
        for (ours, theirs) in model.coefficients().iter().zip(numbers(&expected["coefficients"])) {
            close(*ours, theirs, 1e-6, name);
        }
        // Several intercepts are only fixed up to a constant.
        let theirs = numbers(&expected["intercepts"]);
        for (ours, expected) in model.intercepts().iter().zip(&theirs) {
            let (ours_first, theirs_first) =
                if theirs.len() > 1 { (model.intercepts()[0], theirs[0]) } else { (0.0, 0.0) };
            close(ours - ours_first, expected - theirs_first, 1e-6, name);
        }
    };
    let weights = Some(small.weights.as_slice());
    check("binary", &small.two, None, plain.clone());
    check("strong", &small.two, None, logistic_regression::Params { c: 0.05, ..plain.clone() });
    check("weighted", &small.two, weights, plain.clone());
    let balanced = logistic_regression::Params { class_weight: ClassWeight::Balanced, ..plain.clone() };
    check("balanced", &small.two, None, balanced);
    check("origin", &small.two, None, logistic_regression::Params { fit_intercept: false, ..plain.clone() });
    check("multinomial", &small.three, None, plain.clone());
    check("multinomial_weighted", &small.three, weights, logistic_regression::Params { c: 3.0, ..plain });
}

/// Next to no penalty is no penalty.
#[test]
fn logistic_without_penalty() {
    let small = small(&reference());
    let x = part(&small.x.columns(), 3, 60);
    let fit = |penalty, c| {
        let params = logistic_regression::Params { penalty, c, tol: 1e-10, ..Default::default() };
        params.check().unwrap().fit(&x, &small.two, None).unwrap().coefficients().to_vec()
    };
    for (a, b) in fit(Penalty::None, 1.0).iter().zip(fit(Penalty::L2, 1e9)) {
        close(*a, b, 1e-6, "no penalty");
    }
}

fn check_figures(expected: &Value, figures: &[(&str, f64)]) {
    for (name, ours) in figures {
        close(*ours, expected[name].as_f64().unwrap_or_else(|| panic!("no {name}")), 1e-10, name);
    }
    assert_eq!(
        expected.as_object().unwrap().len(),
        figures.len(),
        "all figures of the reference are compared"
    );
}

#[test]
fn scores() {
    let reference = reference();
    let small = small(&reference);
    let expected = &reference["scores"];
    let (guess, p, q) = (numbers(&expected["guess"]), numbers(&expected["p"]), numbers(&expected["q"]));
    let two: Vec<bool> = small.two.iter().map(|&label| label == 1).collect();
    for (i, weights) in [None, Some(small.weights.as_slice())].into_iter().enumerate() {
        let s = regression::scores(&small.number, &guess, weights).unwrap();
        check_figures(
            &expected["regression"][i],
            &[
                ("mse", s.mse),
                ("rmse", s.rmse),
                ("mae", s.mae),
                ("median_ae", s.median_ae),
                ("mape", s.mape),
                ("max_error", s.max_error),
                ("r2", s.r2),
                ("explained_variance", s.explained_variance),
            ],
        );
        let s = binary::scores(&two, &p, 0.5, weights).unwrap();
        check_figures(
            &expected["binary"][i],
            &[
                ("accuracy", s.accuracy),
                ("balanced_accuracy", s.balanced_accuracy),
                ("precision", s.precision),
                ("recall", s.recall),
                ("f1", s.f1),
                ("mcc", s.mcc),
                ("log_loss", s.log_loss),
                ("brier", s.brier),
                ("roc_auc", s.roc_auc.unwrap()),
                ("pr_auc", s.pr_auc.unwrap()),
            ],
        );
        let s = multiclass::scores(&small.three, &q, 3, weights).unwrap();
        check_figures(
            &expected["multiclass"][i],
            &[
                ("accuracy", s.accuracy),
                ("balanced_accuracy", s.balanced_accuracy),
                ("log_loss", s.log_loss),
                // scikit-learn's kappa takes weights too.
                ("kappa", s.kappa.unwrap()),
                ("mcc", s.mcc),
                ("roc_auc", s.roc_auc.unwrap()),
                ("macro_precision", s.macro_average.precision),
                ("macro_recall", s.macro_average.recall),
                ("macro_f1", s.macro_average.f1),
                ("micro_precision", s.micro_average.precision),
                ("micro_recall", s.micro_average.recall),
                ("micro_f1", s.micro_average.f1),
                ("weighted_precision", s.weighted_average.precision),
                ("weighted_recall", s.weighted_average.recall),
                ("weighted_f1", s.weighted_average.f1),
            ],
        );
    }
    for (name, curve) in [
        ("roc", curves::roc(&two, &p, None).unwrap()),
        ("precision_recall", curves::precision_recall(&two, &p, None).unwrap()),
    ] {
        for (axis, ours) in [("x", &curve.x), ("y", &curve.y)] {
            let theirs = numbers(&expected[name][axis]);
            assert_eq!(ours.len(), theirs.len(), "{name}");
            ours.iter().zip(theirs).for_each(|(ours, theirs)| close(*ours, theirs, 1e-12, name));
        }
    }
}

#[test]
fn cluster_scores() {
    let reference = reference();
    let small = small(&reference);
    let expected = &reference["clusters"];
    let (own, other) = (labels(&expected["labels"]), labels(&expected["other"]));
    let scores = clustering::scores(&small.x.columns(), &own, 1000).unwrap();
    for (name, ours) in [
        ("silhouette", scores.silhouette.unwrap()),
        ("davies_bouldin", scores.davies_bouldin.unwrap()),
        ("calinski_harabasz", scores.calinski_harabasz.unwrap()),
        ("adjusted_rand", partition::adjusted_rand(&other, &own).unwrap()),
        ("nmi", partition::normalized_mutual_information(&other, &own).unwrap()),
    ] {
        close(ours, expected[name].as_f64().unwrap(), 1e-10, name);
    }
}

//! Calibrated probabilities against those of scikit-learn's `CalibratedClassifierCV`, as `reference/make_calibration.py`
//! wrote them down.

mod common;

use common::close;
use millstream_learners::calibration::Method;
use millstream_learners::logistic_regression::Params;
use millstream_learners::{Check, Matrix};
use serde_json::Value;

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|v| v.as_f64().expect("a number")).collect()
}

#[test]
fn probabilities_are_theirs() {
    let expected: Value =
        serde_json::from_str(include_str!("reference/calibration.json")).expect("the reference is JSON");
    let data = &common::reference()["data"];
    let (x, w) = (numbers(&data["x"]), numbers(&data["weights"]));
    let every_other = |values: &[f64], width: usize, from: usize| -> Vec<f64> {
        values.chunks(width).skip(from).step_by(2).flatten().copied().collect()
    };
    let all = Matrix::from_rows(&x, 4).unwrap();
    let [fitted, calibrated] = [0, 1].map(|from| Matrix::from_rows(&every_other(&x, 4, from), 4).unwrap());
    for name in ["two", "three"] {
        let y = numbers(&data[name]);
        let [train, validation] = [0, 1]
            .map(|from| -> Vec<u32> { every_other(&y, 1, from).into_iter().map(|y| y as u32).collect() });
        let params = Params { c: 0.5, tol: 1e-10, max_iter: 1000, ..Params::default() }.check().unwrap();
        let model = params.fit(&fitted.columns(), &train, None).unwrap();
        let weights = every_other(&w, 1, 1);
        for (suffix, weights) in [("", None), ("_weighted", Some(&weights[..]))] {
            for (method, how) in [(Method::Sigmoid, "sigmoid"), (Method::Isotonic, "isotonic")] {
                let key = format!("{name}_{how}{suffix}");
                let own =
                    model.clone().calibrate(method, &calibrated.columns(), &validation, weights).unwrap();
                let proba = own.predict_proba(&all.columns()).unwrap();
                let theirs = numbers(&expected[&key]);
                assert_eq!(proba.len(), theirs.len());
                // Their search for the sigmoid ends at a gradient of 1e-6.
                let tolerance = if method == Method::Sigmoid { 1e-5 } else { 1e-7 };
                for (ours, theirs) in proba.iter().zip(theirs) {
                    close(*ours, theirs, tolerance, &key);
                }
            }
        }
    }
}

//! How well our kernels predict real data, against scikit-learn and XGBoost on the same folds.
//!
//! Boosting differs from theirs in its random draws and bins, so that figures may lie a little apart:
//! a percent of accuracy, a tenth of log loss, three hundredths of R2 below at the most.

mod common;

use common::{close, reference};
use millstream_learners::gradient_boosting::{self, Data, Objective};
use millstream_learners::metrics::{multiclass, regression};
use millstream_learners::{Check, Columns, Matrix, k_means, linear_regression, logistic_regression};
use smartcore::dataset::{Dataset, breast_cancer, diabetes, digits, iris};
use std::ops::ControlFlow;

const FOLDS: usize = 5;

/// Rows of a table, and what they are labelled.
struct Table {
    rows: Vec<Vec<f64>>,
    y: Vec<f64>,
}

impl Table {
    fn new<Y: Copy + Into<f64>>(data: &Dataset<f32, Y>) -> Self {
        let rows = data.data.chunks(data.num_features);
        Self {
            rows: rows.map(|row| row.iter().map(|v| f64::from(*v)).collect()).collect(),
            y: data.target.iter().map(|&y| y.into()).collect(),
        }
    }

    /// Columns of mean 0 and variance 1; constant ones stay.
    fn standardized(mut self) -> Self {
        let n = self.rows.len() as f64;
        for j in 0..self.rows[0].len() {
            let mean = self.rows.iter().map(|row| row[j]).sum::<f64>() / n;
            let variance = self.rows.iter().map(|row| (row[j] - mean).powi(2)).sum::<f64>() / n;
            let scale = if variance > 0.0 { variance.sqrt() } else { 1.0 };
            self.rows.iter_mut().for_each(|row| row[j] = (row[j] - mean) / scale);
        }
        self
    }

    fn select(&self, wanted: impl Fn(usize) -> bool) -> (Matrix, Vec<f64>) {
        let rows: Vec<usize> = (0..self.y.len()).filter(|&i| wanted(i)).collect();
        let values: Vec<f64> = rows.iter().flat_map(|&i| self.rows[i].iter().copied()).collect();
        let matrix = Matrix::from_rows(&values, self.rows[0].len()).unwrap();
        (matrix, rows.iter().map(|&i| self.y[i]).collect())
    }

    /// The mean over the folds of what `figures` says of predictions for the left-out rows.
    fn crossed<const N: usize>(
        &self,
        predict: impl Fn(&Columns, &[f64], &Columns) -> Vec<f64>,
        figures: impl Fn(&[f64], &[f64]) -> [f64; N],
    ) -> [f64; N] {
        let mut means = [0.0; N];
        for fold in 0..FOLDS {
            let (train, y) = self.select(|i| i % FOLDS != fold);
            let (test, truth) = self.select(|i| i % FOLDS == fold);
            let predicted = predict(&train.columns(), &y, &test.columns());
            let own = figures(&truth, &predicted);
            means.iter_mut().zip(own).for_each(|(mean, value)| *mean += value / FOLDS as f64);
        }
        means
    }
}

fn classes(y: &[f64]) -> Vec<u32> {
    y.iter().map(|&class| class as u32).collect()
}

/// Accuracy and log loss.
fn class_figures(truth: &[f64], proba: &[f64]) -> [f64; 2] {
    let scores = multiclass::scores(&classes(truth), proba, proba.len() / truth.len(), None).unwrap();
    [scores.accuracy, scores.log_loss]
}

fn number_figures(truth: &[f64], predicted: &[f64]) -> [f64; 1] {
    [regression::scores(truth, predicted, None).unwrap().r2]
}

fn theirs(set: &str, method: &str, figure: &str) -> f64 {
    reference()["quality"][set][method][figure].as_f64().unwrap()
}

#[track_caller]
fn as_good(set: &str, method: &str, [accuracy, log_loss]: [f64; 2]) {
    let (their_accuracy, their_loss) = (theirs(set, method, "accuracy"), theirs(set, method, "log_loss"));
    assert!(
        accuracy >= their_accuracy - 0.01,
        "{set}, {method}: accuracy {accuracy}, theirs {their_accuracy}"
    );
    assert!(log_loss <= their_loss * 1.1, "{set}, {method}: log loss {log_loss}, theirs {their_loss}");
}

fn boost(
    objective: Objective,
    x: &Columns,
    y: &[f64],
    params: gradient_boosting::Params,
) -> gradient_boosting::GradientBoosting {
    let params = gradient_boosting::Params { objective, ..params }.check().unwrap();
    params.fit(Data { x, y, weights: None, groups: None }, None, &mut |_| ControlFlow::Continue(())).unwrap()
}

fn sets() -> [(&'static str, Dataset<f32, u32>); 3] {
    [
        ("breast_cancer", breast_cancer::load_dataset()),
        ("iris", iris::load_dataset()),
        ("digits", {
            let Dataset { data, target, num_samples, num_features, feature_names, target_names, description } =
                digits::load_dataset();
            let target = target.into_iter().map(|class| class as u32).collect();
            Dataset { data, target, num_samples, num_features, feature_names, target_names, description }
        }),
    ]
}

#[test]
fn logistic_regression_is_theirs() {
    for (name, data) in sets() {
        let params = logistic_regression::Params { tol: 1e-8, max_iter: 5000, ..Default::default() };
        let params = params.check().unwrap();
        let [accuracy, log_loss] = Table::new(&data).standardized().crossed(
            |x, y, test| params.fit(x, &classes(y), None).unwrap().predict_proba(test).unwrap(),
            class_figures,
        );
        close(accuracy, theirs(name, "logistic", "accuracy"), 1e-9, name);
        close(log_loss, theirs(name, "logistic", "log_loss"), 1e-4, name);
    }
}

#[test]
fn linear_regression_is_theirs() {
    let params = linear_regression::Params::default().check().unwrap();
    let [r2] = Table::new(&diabetes::load_dataset())
        .crossed(|x, y, test| params.fit(x, y, None).unwrap().predict(test).unwrap(), number_figures);
    // smartcore holds the data in single precision.
    close(r2, theirs("diabetes", "linear", "r2"), 1e-5, "diabetes");
}

#[test]
fn boosting_is_as_good() {
    for (name, data) in sets() {
        let objective =
            if name == "breast_cancer" { Objective::BinaryLogistic } else { Objective::MultiSoftprob };
        let figures = Table::new(&data).crossed(
            |x, y, test| {
                let params = gradient_boosting::Params::default();
                boost(objective, x, y, params).predict_proba(test).unwrap()
            },
            class_figures,
        );
        as_good(name, "boosting", figures);
    }
    let params = gradient_boosting::Params { eta: 0.1, max_depth: 3, ..Default::default() };
    let [r2] = Table::new(&diabetes::load_dataset()).crossed(
        |x, y, test| boost(Objective::SquaredError, x, y, params.clone()).predict_numbers(test).unwrap(),
        number_figures,
    );
    let their = theirs("diabetes", "boosting", "r2");
    assert!(r2 >= their - 0.03, "{r2}, theirs {their}");
}

#[test]
fn k_means_finds_centres_as_good() {
    for (name, data) in sets().into_iter().filter(|(name, _)| *name != "breast_cancer") {
        let n_clusters = if name == "iris" { 3 } else { 10 };
        let params = k_means::Params { n_clusters, n_init: 10, ..Default::default() }.check().unwrap();
        let (matrix, _) = Table::new(&data).select(|_| true);
        let (model, _) = params.fit(&matrix.columns(), None).unwrap();
        let their = theirs(name, "k_means", "inertia");
        assert!(model.inertia() <= their * 1.005, "{name}: {}, theirs {their}", model.inertia());
    }
}

//! Lines, logistic regression, and what learns them batch by batch, beside scikit-learn's.

use crate::hold::{Beside, Case, hold, scored};
use crate::table::Fold;
use crate::{CLASSES, NUMBERS, TWO_CLASSES};
use millstream_learners::streaming::{Batch, PredictorType, Streaming};
use millstream_learners::{
    Check, Columns, elastic_net, factorization_machines, linear_learner, linear_regression,
    logistic_regression, ridge,
};

/// Epochs of the functions that learn batch by batch, and when these stop, by default.
const EPOCHS: usize = 15;
const PATIENCE: usize = 3;
const TOLERANCE: f64 = 1e-3;

/// What the function makes of a learner by default, reading the table in one batch.
fn streamed<S: Streaming>(mut learner: S, x: &Columns, y: &[f64]) -> S::Model {
    let batch = Batch { x, y, weights: None };
    learner.observe(batch).unwrap();
    learner.start().unwrap();
    let (mut least, mut waited) = (f64::INFINITY, 0);
    for _ in 0..EPOCHS {
        learner.learn(batch).unwrap();
        let loss = learner.end_epoch();
        waited += 1;
        if least.is_infinite() || loss < least - TOLERANCE * least.abs() {
            (least, waited) = (loss, 0);
        }
        if waited == PATIENCE {
            break;
        }
    }
    learner.model().unwrap()
}

fn predictor(fold: &Fold) -> PredictorType {
    match fold.classes() {
        0 => PredictorType::Regressor,
        2 => PredictorType::BinaryClassifier,
        _ => PredictorType::MulticlassClassifier,
    }
}

/// A penalised line over the features and products of their pairs is what a factorization machine is of a lower rank.
fn machines(sets: &'static [&'static str]) -> Case {
    let case = Case::new("factorization-machines", sets, |fold, seed| {
        let predictor_type = predictor(fold);
        let params = factorization_machines::Params { predictor_type, seed, ..Default::default() };
        let view = fold.wide();
        let learner = params.check().unwrap().learner(view.train().width(), fold.classes()).unwrap();
        let model = streamed(learner, &view.train(), &fold.y);
        let predicted = match fold.classes() {
            0 => model.predict_numbers(&view.test()),
            _ => model.predict_proba(&view.test()),
        };
        scored(fold, &predicted.unwrap())
    });
    Case { peer: "pairs", seeds: 5, ..case }
}

fn learner(peer: &'static str, sets: &'static [&'static str]) -> Case {
    use linear_learner::Model;
    let case = Case::new("linear-learner", sets, |fold, seed| {
        let params = linear_learner::Params { predictor_type: predictor(fold), seed, ..Default::default() };
        let view = fold.wide();
        let learner = params.check().unwrap().learner(view.train().width(), fold.classes()).unwrap();
        let predicted = match streamed(learner, &view.train(), &fold.y) {
            Model::Numbers(model) => model.predict(&view.test()),
            Model::Classes(model) => model.predict_proba(&view.test()),
        };
        scored(fold, &predicted.unwrap())
    });
    Case { peer, seeds: 5, ..case }
}

/// Where both solve one problem to the end, they come to the same.
fn exact() -> Vec<Case> {
    let linear = Case::new("linear-regression", NUMBERS, |fold, _| {
        let (view, params) = (fold.wide(), linear_regression::Params::default().check().unwrap());
        scored(fold, &params.fit(&view.train(), &fold.y, None).unwrap().predict(&view.test()).unwrap())
    });
    let ridge = Case::new("ridge", NUMBERS, |fold, _| {
        let (view, params) = (fold.wide(), ridge::Params::default().check().unwrap());
        scored(fold, &params.fit(&view.train(), &fold.y, None).unwrap().predict(&view.test()).unwrap())
    });
    let net = |name, l1_ratio| {
        Case::new(name, NUMBERS, move |fold, _| {
            let params = elastic_net::Params {
                alpha: 0.1,
                l1_ratio,
                tol: 1e-12,
                max_iter: 100_000,
                ..Default::default()
            };
            let view = fold.wide();
            let fit = params.check().unwrap().fit(&view.train(), &fold.y, None).unwrap();
            scored(fold, &fit.model.predict(&view.test()).unwrap())
        })
    };
    use logistic_regression::Penalty;
    let logistic = |name, penalty, l1_ratio, tol| {
        Case::new(name, CLASSES, move |fold, _| {
            let params =
                logistic_regression::Params { penalty, l1_ratio, tol, max_iter: 5000, ..Default::default() };
            let view = fold.wide();
            let model = params.check().unwrap().fit(&view.train(), &fold.labels(), None).unwrap();
            assert!(model.converged(), "{name}");
            scored(fold, &model.predict_proba(&view.test()).unwrap())
        })
    };
    let lines = [linear, ridge, net("lasso", 1.0), net("elastic-net", 0.5)];
    let logistic = [
        logistic("logistic-regression", Penalty::L2, None, 1e-8),
        logistic("logistic-regression-l1", Penalty::L1, None, 1e-6),
        logistic("logistic-regression-elasticnet", Penalty::ElasticNet, Some(0.5), 1e-6),
    ];
    let lines = lines.into_iter().map(|case| Case { beside: Beside::Same(1e-6), ..case });
    // Sparse penalties take scikit-learn long: it stops a little before the end.
    lines.chain(logistic.into_iter().map(|case| Case { beside: Beside::Same(1e-4), ..case })).collect()
}

/// With the tolerances that users get.
fn by_default() -> Case {
    let case = Case::new("logistic-regression by default", CLASSES, |fold, _| {
        let (view, params) = (fold.wide(), logistic_regression::Params::default().check().unwrap());
        let model = params.fit(&view.train(), &fold.labels(), None).unwrap();
        scored(fold, &model.predict_proba(&view.test()).unwrap())
    });
    Case { peer: "logistic-regression", ..case }
}

pub fn cases() -> Vec<Case> {
    let mut cases = exact();
    cases.extend([
        by_default(),
        learner("linear-regression", NUMBERS),
        learner("logistic-regression-standardized", CLASSES),
        machines(NUMBERS),
        machines(TWO_CLASSES),
    ]);
    cases
}

#[test]
fn lines_are_as_good() {
    hold(cases());
}

//! Boosted trees: grown by depth beside XGBoost, by leaves beside LightGBM, with categories and missing values as they are.
#![allow(clippy::disallowed_methods)]

use crate::hold::{Case, Figures, hold, scored};
use crate::table::Fold;
use crate::{ALL, NUMBERS};
use millstream_learners::Check;
use millstream_learners::gradient_boosting::{Data, GrowPolicy, Objective, Params, Preset, Size};
use millstream_learners::metrics::regression;
use std::ops::ControlFlow;

fn predicted(fold: &Fold, params: Params) -> Vec<f64> {
    let (view, params) = (fold.codes(), Params { categorical_features: fold.categorical(), ..params });
    let data = Data { x: &view.train(), y: &fold.y, weights: None, groups: None };
    let model = params.check().unwrap().fit(data, None, &mut |_| ControlFlow::Continue(())).unwrap();
    match model.classes() {
        0 => model.predict_numbers(&view.test()).unwrap(),
        _ => model.predict_proba(&view.test()).unwrap(),
    }
}

fn figures(fold: &Fold, params: Params) -> Figures {
    let objective = match fold.classes() {
        0 => Objective::SquaredError,
        2 => Objective::BinaryLogistic,
        _ => Objective::MultiSoftprob,
    };
    let predicted = predicted(fold, Params { objective, ..params });
    let mut figures = scored(fold, &predicted);
    if fold.classes() == 0 {
        figures.push(("rmse", regression::rmse(&fold.truth, &predicted, None).unwrap()));
    }
    figures
}

/// Other objectives for numbers, by the metric of scikit-learn that is their loss.
fn objectives() -> Vec<Case> {
    type Loss = fn(f64, f64) -> f64;
    let losses: [(&str, Objective, &'static str, Loss); 6] = [
        ("gradient-boosting-absoluteerror", Objective::AbsoluteError, "mean_absolute_error", |y, p| {
            (y - p).abs()
        }),
        ("gradient-boosting-pseudohubererror", Objective::PseudoHuberError, "mean_absolute_error", |y, p| {
            (y - p).abs()
        }),
        ("gradient-boosting-quantileerror", Objective::QuantileError, "pinball_loss", |y, p| {
            (y - p) * if p > y { -0.2 } else { 0.8 }
        }),
        ("gradient-boosting-poisson", Objective::Poisson, "poisson_deviance", |y, p| {
            2.0 * (y * (y / p).ln() - y + p)
        }),
        ("gradient-boosting-gamma", Objective::Gamma, "gamma_deviance", |y, p| {
            2.0 * ((p / y).ln() + y / p - 1.0)
        }),
        ("gradient-boosting-tweedie", Objective::Tweedie, "tweedie_deviance", |y, p| {
            2.0 * (2.0 * y.sqrt() / -0.5 + y / (0.5 * p.sqrt()) + 2.0 * p.sqrt())
        }),
    ];
    let case = |(name, objective, metric, loss): (&'static str, Objective, &'static str, Loss)| {
        Case::new(name, NUMBERS, move |fold, _| {
            let mean = fold.y.iter().sum::<f64>() / fold.y.len() as f64;
            // XGBoost starts this one far away unless it is told.
            let base_score = (objective == Objective::PseudoHuberError).then_some(mean);
            let predicted = predicted(
                fold,
                Params {
                    objective,
                    base_score,
                    eta: 0.1,
                    max_depth: 3,
                    huber_slope: 10.0,
                    quantile_alpha: 0.8,
                    ..Params::default()
                },
            );
            let losses = fold.truth.iter().zip(&predicted).map(|(&y, &p)| loss(y, p));
            vec![(metric, losses.sum::<f64>() / predicted.len() as f64)]
        })
    };
    losses.map(case).into()
}

pub fn cases() -> Vec<Case> {
    let depthwise = Case::new("gradient-boosting-depthwise", ALL, |fold, _| {
        let params = match fold.classes() {
            0 => Params { eta: 0.1, max_depth: 3, ..Params::default() },
            _ => Params::default(),
        };
        figures(fold, params)
    });
    let lossguide = Case::new("gradient-boosting-lossguide", ALL, |fold, _| {
        let grow_policy = GrowPolicy::Lossguide;
        figures(fold, Params { grow_policy, max_leaves: 31, max_depth: 0, eta: 0.1, ..Params::default() })
    });
    // Where nothing is set, beside the peers where nothing is set.
    let preset = |preset: Preset, sets, peer| {
        let case = Case::new("gradient-boosting-presets", sets, move |fold, seed| {
            let size = Size { rows: fold.y.len(), columns: fold.codes().train().width() };
            figures(fold, Params { seed, ..preset.params(size) })
        });
        let auto = preset == Preset::Auto;
        Case { name: preset.name(), peer, seeds: if auto { 2 } else { 1 }, another: auto, ..case }
    };
    let mut cases = objectives();
    cases.extend([
        depthwise,
        lossguide,
        preset(Preset::Auto, ALL, "defaults-of-lightgbm"),
        preset(Preset::Auto, ALL, "defaults-of-scikit-learn"),
        // Without categories, which LightGBM smooths, and second derivatives of several classes, which it scales.
        preset(Preset::Lightgbm, &["breast_cancer", "diabetes", "winequality_white"], "defaults-of-lightgbm"),
    ]);
    cases
}

#[test]
fn boosting_is_as_good() {
    hold(cases());
}

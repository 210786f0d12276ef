//! Single trees and forests beside scikit-learn's. Features and places where splits tie are drawn, so that figures are means
//! over draws.

#![allow(clippy::disallowed_methods)]

use crate::NUMBERS;
use crate::hold::{Case, Figures, hold, scored};
use crate::table::{Fold, Table, labels};
use millstream_learners::metrics::binary;
use millstream_learners::{Check, Columns, decision_tree, extra_trees, random_forest};

const SMALL: &[&str] = &["breast_cancer", "wine", "iris", "titanic", "german_credit", "diabetes"];
const LARGE: &[&str] = &["digits", "winequality_white", "nyc_taxis"];

/// Figures of many rows depend less on the draw than those of few, and take longer.
fn of(sets: &'static [&'static str], seeds: u64) -> Vec<Case> {
    let tree = Case::new("decision-tree", sets, |fold, seed| {
        let params = decision_tree::Params { seed, ..Default::default() }.check().unwrap();
        let view = fold.wide();
        let (x, test) = (view.train(), view.test());
        let predicted = match fold.classes() {
            0 => params.fit_numbers(&x, &fold.y, None).unwrap().0.predict_numbers(&test),
            _ => params.fit_classes(&x, &fold.labels(), None).unwrap().0.predict_proba(&test),
        };
        scored(fold, &predicted.unwrap())
    });
    let mut cases = vec![Case { seeds: 8, ..tree }];
    macro_rules! forest {
        ($name:literal, $kind:ident) => {
            let forest = Case::new($name, sets, |fold, seed| {
                let params = $kind::Params { seed, ..Default::default() }.check().unwrap();
                let view = fold.wide();
                let (x, test) = (view.train(), view.test());
                let predicted = match fold.classes() {
                    0 => params.fit_numbers(&x, &fold.y, None, &mut |_| {}).unwrap().predict_numbers(&test),
                    _ => params
                        .fit_classes(&x, &fold.labels(), None, &mut |_| {})
                        .unwrap()
                        .predict_proba(&test),
                };
                scored(fold, &predicted.unwrap())
            });
            cases.push(Case { seeds, ..forest });
        };
    }
    forest!("random-forest", random_forest);
    forest!("extra-trees", extra_trees);
    cases
}

fn small() -> Vec<Case> {
    of(SMALL, 8)
}

/// Missing values as they are.
fn missing() -> Vec<Case> {
    macro_rules! classes {
        ($name:literal, |$params:ident, $fold:ident, $view:ident| $fit:expr, $kernel:ident) => {{
            let case = Case::new($name, &["titanic"], |$fold, seed| {
                let $params = $kernel::Params { seed, ..Default::default() }.check().unwrap();
                let $view = $fold.codes();
                let proba = $fit.unwrap().predict_proba(&$view.test());
                scored($fold, &proba.unwrap())
            });
            Case { seeds: 8, ..case }
        }};
    }
    vec![
        classes!(
            "decision-tree-missing",
            |params, fold, view| params
                .fit_classes(&view.train(), &fold.labels(), None)
                .map(|(tree, _)| tree),
            decision_tree
        ),
        classes!(
            "random-forest-missing",
            |params, fold, view| params.fit_classes(&view.train(), &fold.labels(), None, &mut |_| {}),
            random_forest
        ),
        classes!(
            "extra-trees-missing",
            |params, fold, view| params.fit_classes(&view.train(), &fold.labels(), None, &mut |_| {}),
            extra_trees
        ),
    ]
}

fn large() -> Vec<Case> {
    of(LARGE, 2)
}

/// Two classes, one of them rare, that weigh alike.
const RARE: &[&str] = &["rare_in_tails", "rare_in_clusters", "rare_and_small", "third"];

fn rare_figures(fold: &Fold, proba: &[f64]) -> Figures {
    let truth: Vec<bool> = fold.truth.iter().map(|&class| class == 1.0).collect();
    let positive: Vec<f64> = proba.iter().skip(1).step_by(2).copied().collect();
    let scores = binary::scores(&truth, &positive, 0.5, None).unwrap();
    vec![
        ("balanced_accuracy", scores.balanced_accuracy),
        ("recall", scores.recall),
        ("average_precision", scores.pr_auc.unwrap()),
    ]
}

fn balanced() -> Vec<Case> {
    let tree = Case::new("decision-tree-balanced", RARE, |fold, seed| {
        let params = decision_tree::Params {
            seed,
            max_depth: Some(8),
            class_weight: decision_tree::ClassWeight::Balanced,
            ..Default::default()
        };
        let view = fold.codes();
        let tree = params.check().unwrap().fit_classes(&view.train(), &fold.labels(), None).unwrap().0;
        rare_figures(fold, &tree.predict_proba(&view.test()).unwrap())
    });
    let mut cases = vec![tree];
    macro_rules! forest {
        ($name:literal, $kind:ident, $weight:ident, $leaf:literal) => {
            cases.push(Case::new($name, RARE, |fold, seed| {
                let class_weight = $kind::ClassWeight::$weight;
                let params =
                    $kind::Params { seed, class_weight, min_samples_leaf: $leaf, ..Default::default() };
                let view = fold.codes();
                let params = params.check().unwrap();
                let forest = params.fit_classes(&view.train(), &fold.labels(), None, &mut |_| {}).unwrap();
                rare_figures(fold, &forest.predict_proba(&view.test()).unwrap())
            }));
        };
    }
    forest!("random-forest-balanced", random_forest, Balanced, 1);
    forest!("random-forest-balanced_subsample", random_forest, BalancedSubsample, 1);
    forest!("random-forest-balanced-leaves", random_forest, Balanced, 5);
    forest!("extra-trees-balanced", extra_trees, Balanced, 1);
    forest!("extra-trees-balanced-leaves", extra_trees, Balanced, 5);
    cases.into_iter().map(|case| Case { seeds: 6, ..case }).collect()
}

/// Rows that weigh between e^-2 and e^2, by their first feature.
fn weighted() -> Vec<Case> {
    let weights = |x: &Columns| x.column(0).iter().map(|x| x.clamp(-2.0, 2.0).exp()).collect::<Vec<f64>>();
    macro_rules! case {
        ($name:literal, |$x:ident, $y:ident, $weights:ident, $seed:ident| $fit:expr) => {
            Case::new($name, NUMBERS, move |fold, $seed| {
                let view = fold.wide();
                let ($x, $y) = (view.train(), &fold.y);
                let $weights = weights(&$x);
                let predicted = $fit.unwrap().predict_numbers(&view.test()).unwrap();
                scored(fold, &predicted)
            })
        };
    }
    let cases = [
        case!("decision-tree-weighted", |x, y, weights, seed| {
            let params = decision_tree::Params { seed, min_samples_leaf: 5, ..Default::default() };
            params.check().unwrap().fit_numbers(&x, y, Some(&weights)).map(|(tree, _)| tree)
        }),
        case!("random-forest-weighted", |x, y, weights, seed| {
            let params = random_forest::Params { seed, ..Default::default() }.check().unwrap();
            params.fit_numbers(&x, y, Some(&weights), &mut |_| {})
        }),
        case!("extra-trees-weighted", |x, y, weights, seed| {
            let params = extra_trees::Params { seed, ..Default::default() }.check().unwrap();
            params.fit_numbers(&x, y, Some(&weights), &mut |_| {})
        }),
    ];
    cases.into_iter().map(|case| Case { seeds: 3, ..case }).collect()
}

pub fn cases() -> Vec<Case> {
    let families = [small(), large(), missing(), balanced(), weighted()];
    families.into_iter().flatten().collect()
}

#[test]
fn rare_classes_that_weigh_alike_are_found_as_often() {
    hold(balanced());
}

#[test]
fn rows_that_weigh_differently_are_learnt_as_well() {
    hold(weighted());
}

#[test]
fn trees_of_small_tables_are_as_good() {
    hold(small());
}

#[test]
fn trees_of_missing_values_are_as_good() {
    hold(missing());
}

#[test]
fn trees_of_large_tables_are_as_good() {
    hold(large());
}

/// The score by rows left out tells what fresh rows bring.
#[test]
fn left_out_rows_are_like_fresh_ones() {
    use random_forest::{Criterion, Params};
    let table = Table::read("digits");
    let fold = table.split(|row| row % 3 == 0);
    let view = fold.wide();
    let params = Params { oob_score: true, criterion: Some(Criterion::Entropy), ..Default::default() };
    let forest =
        params.check().unwrap().fit_classes(&view.train(), &fold.labels(), None, &mut |_| {}).unwrap();
    let predicted = forest.predict(&view.test()).unwrap();
    let hits = predicted.iter().zip(labels(&fold.truth)).filter(|(a, b)| *a == b).count();
    let fresh = hits as f64 / fold.truth.len() as f64;
    let left_out = forest.oob_score().unwrap();
    assert!(fresh > 0.95 && (fresh - left_out).abs() < 0.02, "{fresh} {left_out}");
}

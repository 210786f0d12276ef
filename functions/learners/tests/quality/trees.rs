//! Single trees and forests beside scikit-learn's. Features and places where splits tie are drawn, so that figures are means
//! over draws.

use crate::hold::{Case, hold, scored};
use crate::table::{Table, labels};
use millstream_learners::{Check, decision_tree, extra_trees, random_forest};

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

pub fn cases() -> Vec<Case> {
    small().into_iter().chain(large()).chain(missing()).collect()
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

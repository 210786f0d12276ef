//! How well our kernels predict real data beside scikit-learn, XGBoost, LightGBM and statsmodels, on the same
//! folds of the same tables.
//!
//! `tests/reference/quality` holds the tables, the peers' figures and the scripts that made both. With `--nocapture` each
//! comparison is shown.

mod boosting;
mod clusters;
mod forecasts;
mod hold;
mod lines;
mod neighbours;
mod table;
mod trees;

use hold::{Case, Reference};
use std::collections::BTreeSet;

/// Sets whose target is a class.
const CLASSES: &[&str] = &["breast_cancer", "digits", "wine", "iris", "titanic", "german_credit"];
const TWO_CLASSES: &[&str] = &["breast_cancer", "titanic", "german_credit"];
/// Sets whose target is a number.
const NUMBERS: &[&str] = &["diabetes", "winequality_white", "nyc_taxis"];
const ALL: &[&str] = &[
    "breast_cancer",
    "digits",
    "wine",
    "iris",
    "titanic",
    "german_credit",
    "diabetes",
    "winequality_white",
    "nyc_taxis",
];

fn cases() -> Vec<Case> {
    let families = [
        boosting::cases(),
        clusters::cases(),
        forecasts::cases(),
        lines::cases(),
        neighbours::cases(),
        trees::cases(),
    ];
    families.into_iter().flatten().collect()
}

#[test]
fn every_figure_of_the_peers_is_held_and_every_case_has_one() {
    let reference = Reference::read();
    let held: BTreeSet<(String, String)> = cases().iter().flat_map(Case::references).collect();
    let theirs: BTreeSet<(String, String)> = reference.names().collect();
    let difference: Vec<_> = held.symmetric_difference(&theirs).collect();
    assert!(difference.is_empty(), "either without a reference or without a case: {difference:?}");
}

#[test]
fn the_figures_are_those_of_the_pinned_versions() {
    let pinned = include_str!("../reference/quality/requirements.txt");
    for (name, version) in Reference::read().versions() {
        let line = format!("{name}=={version}");
        assert!(pinned.lines().any(|pin| pin == line), "{line} is not pinned");
    }
}

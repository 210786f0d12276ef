//! `cross-validate`: what it makes of a workflow is what somebody would write by hand.

use std::collections::BTreeMap;

use millstream_tests::Place;
use serde_json::Value;

/// The same folds twice: by `cross-validate`, and by a matrix written out. What `features` learns (means, deviations, rare classes)
/// differs from fold to fold.
const WORKFLOW: &str = "
name: folds
steps:
  extract: { uses: extract, inputs: { source: ./data/breast-cancer.csv } }
  features:
    uses: features
    inputs: { table: \"${{ steps.extract.outputs.table }}\" }
    with: { target: diagnosis, default: drop, columns: { mean_radius: [impute:mean, standard], mean_texture: quantile } }
  train:
    uses: gradient-boosting
    inputs: { train: \"${{ steps.features.outputs.table }}\" }
    with: { target: diagnosis, num_round: 5 }
    seed: 7
    cross-validate: { k: 3, stratify: diagnosis }

  divide:
    uses: split
    matrix: { fold: [0, 1, 2] }
    inputs: { table: \"${{ steps.extract.outputs.table }}\" }
    with: { by: kfold, folds: 3, fold: \"${{ matrix.fold }}\", stratify: diagnosis }
    seed: 7
  fitted:
    uses: features
    matrix: { fold: [0, 1, 2] }
    inputs: { table: \"${{ steps.divide.outputs.train }}\" }
    with: { target: diagnosis, default: drop, columns: { mean_radius: [impute:mean, standard], mean_texture: quantile } }
  by-hand:
    uses: gradient-boosting
    matrix: { fold: [0, 1, 2] }
    inputs: { train: \"${{ steps.fitted.outputs.table }}\", validation: \"${{ steps.divide.outputs.test }}\" }
    with: { target: diagnosis, num_round: 5 }
    seed: 7
";

/// `validation:logloss` of the tasks of a step, in order; those that have none are left out.
fn losses(results: &BTreeMap<String, Value>, step: &str) -> Vec<f64> {
    let of_step = results.iter().filter(|(key, _)| key.starts_with(&format!("{step}/")));
    of_step.filter_map(|(_, result)| result["metrics"]["validation:logloss"].as_f64()).collect()
}

#[test]
fn what_is_learnt_before_the_model_is_learnt_in_each_fold() {
    let place = Place::new();
    place.run(&["samples", "--quiet", "data"]).expect(0);
    place.write("w.yaml", WORKFLOW);
    place.run(&["run", "w.yaml"]).expect(0);
    let results = place.results(&place.runs()[0]);
    let (folds, by_hand) = (losses(&results, "train"), losses(&results, "by-hand"));
    assert_eq!((folds.len(), &folds), (3, &by_hand));
    assert!(folds[0] != folds[1], "{folds:?}");
    let fitted = results.keys().filter(|key| key.starts_with("train-folds-features/")).count();
    assert_eq!(fitted, 3);
    // The model that comes out takes raw rows, and so did those of the folds.
    let predicted = results.keys().filter(|key| key.starts_with("train-predictions/")).count();
    assert_eq!(predicted, 3);
}

//! Steps that are cross-validated, with and without a search.

use std::collections::{BTreeMap, BTreeSet};

use millstream_core::{
    completion::{Gathered, Outcome},
    layout,
    task::Task,
};
use millstream_plan::Plan;
use millstream_state::{Input, ResolvedTask, Run, RunState};

use crate::{
    common::Memory,
    worker::{drive_with, inputs_of, options, plan},
};

const FOLDS: &str = r#"
name: folds
steps:
  extract: { uses: extract, inputs: { source: ./a.csv } }
  train:
    uses: boosting
    inputs: { train: "${{ steps.extract.outputs.table }}" }
    with: { target: y }
    seed: 3
    cross-validate: { k: 3 }
  after:
    uses: noop
    inputs: { in: ["${{ steps.train.outputs.model }}", "${{ steps.train-predictions.outputs.report }}"] }
    with: { x: "${{ steps.train.metrics['validation:loss_mean'] + steps.train.metrics['validation:loss_std'] }}" }
"#;

const TUNED: &str = r#"
name: tuned
steps:
  extract: { uses: extract, inputs: { source: ./a.csv } }
  train:
    uses: boosting
    inputs: { train: "${{ steps.extract.outputs.table }}" }
    with: { target: y }
    tune:
      strategy: grid
      objective: minimize validation:loss_mean
      max-parallel: 2
      search: { eta: [0.1, 0.2, 0.3] }
      cross-validate: { k: 2, repeats: 2 }
"#;

fn task(step: &str, task: u32) -> Task {
    Task { step: step.to_owned(), task }
}

/// The loss in fold `f` is `f`, and nearer to none the nearer `eta` is to 0.2.
fn loss(task: &ResolvedTask) -> BTreeMap<String, f64> {
    let eta = task.params.get("eta").and_then(|eta| eta.as_f64()).unwrap_or_default();
    let far = (eta - 0.2).abs() * 100.0;
    match task.inputs.contains_key("validation") {
        true => [("validation:loss".to_owned(), far + f64::from(task.task % 4))].into(),
        false => [("train:loss".to_owned(), far)].into(),
    }
}

fn gathered(store: &Memory, step: &str) -> (BTreeMap<String, f64>, usize) {
    let bytes = store.objects.borrow()[&layout::gathered("r", step)].clone();
    let Gathered::Done { metrics, outputs, .. } = serde_json::from_slice(&bytes).unwrap() else { panic!() };
    let metrics = metrics.into_iter().map(|(name, list)| (name, list[0].unwrap().0)).collect();
    (metrics, outputs["fold_models"].len())
}

fn model(plan: &Plan, store: &Memory, number: u32) -> Input {
    let completion = Run::new(plan, store).completion(&task("train", number)).unwrap().unwrap();
    let Outcome::Done(results) = completion.outcome else { panic!() };
    Input::Parts(results.outputs["model"].clone())
}

#[test]
fn each_fold_is_measured_by_a_model_that_has_not_seen_it() {
    let plan = plan(FOLDS, &options("r"));
    let steps: Vec<&str> = plan.steps.keys().map(String::as_str).collect();
    assert_eq!(steps, ["extract", "train-folds", "train", "train-predictions", "after"]);
    let store = Memory::default();
    let run = Run::new(&plan, &store);
    drive_with(&plan, &store, &BTreeSet::new(), run.begin(0).unwrap(), &loss);
    let progress = run.progress().unwrap();
    assert_eq!(progress.state, RunState::Succeeded, "{progress:?}");
    assert_eq!(progress.steps["train"].count, Some(4));
    let rows = |fold: u32, output: &str| {
        let completion = run.completion(&task("train-folds", fold)).unwrap().unwrap();
        let Outcome::Done(results) = completion.outcome else { panic!() };
        Input::Parts(results.outputs[output].clone())
    };
    for fold in 0..3 {
        let divided = run.again(&task("train-folds", fold)).unwrap().unwrap();
        assert_eq!(
            (divided.params["fold"].as_u64(), divided.params["folds"].as_u64()),
            (Some(fold.into()), Some(3))
        );
        assert_eq!(divided.seed, 3);
        let inputs = run.again(&task("train", fold)).unwrap().unwrap().inputs;
        assert_eq!(inputs["train"], [rows(fold, "train")]);
        assert_eq!(inputs["validation"], [rows(fold, "test")]);
        let predicted = run.again(&task("train-predictions", fold)).unwrap().unwrap().inputs;
        assert_eq!(predicted["model"], [model(&plan, &store, fold)]);
        assert_eq!(predicted["test"], [rows(fold, "test")]);
    }
    // The last task has all rows, and its model is the step's.
    let whole = run.again(&task("train", 3)).unwrap().unwrap().inputs;
    assert!(!whole.contains_key("validation"));
    assert_eq!(whole["train"], run.again(&task("train-folds", 0)).unwrap().unwrap().inputs["table"]);
    assert_eq!(inputs_of(&plan, &store, "after", 0)[0], model(&plan, &store, 3));
    assert_eq!(inputs_of(&plan, &store, "after", 0).len(), 1 + 3);
    let (metrics, models) = gathered(&store, "train");
    // 0, 1 and 2, and what is far from 0.2.
    let far = (0.3f64 - 0.2).abs() * 100.0;
    assert!((metrics["validation:loss_mean"] - far - 1.0).abs() < 1e-9, "{metrics:?}");
    assert!((metrics["validation:loss_std"] - 1.0).abs() < 1e-9, "{metrics:?}");
    assert!(metrics.contains_key("train:loss") && !metrics.contains_key("validation:loss"), "{metrics:?}");
    assert_eq!(models, 3);
    let labels: Vec<String> = run
        .rounds("train")
        .unwrap()
        .iter()
        .flat_map(|round| plan.steps["train"].round_labels(round))
        .collect();
    assert_eq!(labels, ["fold=0", "fold=1", "fold=2", "all rows"]);
}

#[test]
fn a_search_goes_by_the_mean_of_the_folds_and_trains_its_best_on_all_rows() {
    let plan = plan(TUNED, &options("r"));
    let store = Memory::default();
    let run = Run::new(&plan, &store);
    drive_with(&plan, &store, &BTreeSet::new(), run.begin(0).unwrap(), &loss);
    assert_eq!(run.progress().unwrap().state, RunState::Succeeded);
    // Three trials of four tasks, in rounds of two and one; then one task.
    let rounds = run.rounds("train").unwrap();
    assert_eq!(
        rounds.iter().map(|round| (round.first, round.count)).collect::<Vec<_>>(),
        [(0, 8), (8, 4), (12, 1)]
    );
    let last = run.again(&task("train", 12)).unwrap().unwrap();
    assert_eq!(last.params["eta"], 0.2);
    assert!(!last.inputs.contains_key("validation"));
    let (metrics, models) = gathered(&store, "train");
    assert_eq!((metrics["validation:loss_mean"], models), (1.5, 4));
    let labels = plan.steps["train"].round_labels(&rounds[1]);
    assert_eq!(labels[3], "eta=0.3, repeat=1, fold=1");
    assert_eq!(plan.steps["train"].round_labels(&rounds[2]), ["eta=0.2, all rows"]);
    // Each repetition divides the rows by a seed of its own.
    let seeds: Vec<u64> = (0..4).map(|n| run.again(&task("train-folds", n)).unwrap().unwrap().seed).collect();
    assert_eq!(seeds, [0, 0, 1, 1]);
}

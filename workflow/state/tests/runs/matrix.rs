//! Steps with a matrix: which results of one another they get, and what a condition on one combination skips.

use std::collections::{BTreeMap, BTreeSet};

use millstream_core::{completion::Outcome, task::Task};
use millstream_state::{Input, ResolvedTask, Run, RunState};
use serde_json::json;

use crate::{
    common::Memory,
    worker::{drive_with, inputs_of, options, plan},
};

const MATRIX: &str = r#"
name: cross-validation
params: { least: { type: number, default: 0 } }
steps:
  extract: { uses: extract, inputs: { source: ./a.csv } }
  train:
    uses: "${{ matrix.algorithm }}"
    matrix: { algorithm: [logistic-regression, random-forest], fold: [1, 2.0, 3] }
    inputs: { train: "${{ steps.extract.outputs.table }}" }
    with: { target: y }
    seed: "${{ matrix.fold }}"
  evaluate:
    uses: evaluate
    matrix: { fold: [3, 2, 1], algorithm: [random-forest, logistic-regression] }
    inputs: { model: "${{ steps.train.outputs.model }}", test: "${{ steps.extract.outputs.table }}" }
  folds:
    uses: noop
    matrix: { fold: [1, 3] }
    inputs: { in: "${{ steps.train.outputs.model }}" }
  good:
    uses: noop
    matrix: { algorithm: [logistic-regression, random-forest], fold: [1, 2, 3] }
    if: "${{ steps.evaluate.metrics.auc >= params.least }}"
    inputs: { in: "${{ steps.train.outputs.model }}" }
    with: { x: "${{ steps.evaluate.metrics.auc }}" }
  after:
    uses: noop
    matrix: { algorithm: [logistic-regression, random-forest], fold: [1, 2, 3] }
    inputs: { in: "${{ steps.good.outputs.out }}" }
  selected:
    uses: noop
    matrix: { fold: [2] }
    inputs: { in: ["${{ steps.train[algorithm='random-forest'].outputs.model }}", "${{ steps.train[fold=4 - 1, algorithm='random-forest'].outputs.model }}"] }
  all: { uses: noop, matrix: { fold: [2] }, inputs: { in: "${{ steps.train[fold=*].outputs.model }}" } }
  score: { uses: evaluate, for-each: "${{ steps.train.outputs.model }}", inputs: { model: "${{ item }}", test: "${{ steps.extract.outputs.table }}" } }
  winner:
    uses: noop
    inputs: { in: "${{ steps.train[fold=2, algorithm=argmax(mean(group(steps.evaluate.metrics.auc, 'algorithm')))].outputs.model }}" }
    with: { x: "${{ mean(group(steps.evaluate.metrics.auc, 'fold'))[3] }}" }
  best: { uses: noop, inputs: { in: "${{ steps.train.outputs.model[argmax(steps.score.metrics.auc)] }}" } }
"#;

/// The `auc` of a model is 0.1 for each fold, and 0.5 more for a forest; `score` has the tasks of `train`.
fn auc_of_combination(task: &ResolvedTask) -> BTreeMap<String, f64> {
    let auc = match (task.step.as_str(), task.task) {
        ("evaluate", task) => {
            let (fold, forest) = (3 - task / 2, task % 2 == 0);
            f64::from(fold) / 10.0 + if forest { 0.5 } else { 0.0 }
        }
        ("score", task) => f64::from(task % 3 + 1) / 10.0 + if task >= 3 { 0.5 } else { 0.0 },
        _ => return BTreeMap::new(),
    };
    [("auc".to_owned(), auc)].into()
}

#[test]
fn equal_keys_of_two_matrices_are_aligned() {
    let plan = plan(MATRIX, &options("r"));
    let store = Memory::default();
    let run = Run::new(&plan, &store);
    drive_with(&plan, &store, &BTreeSet::new(), run.begin(0).unwrap(), &auc_of_combination);
    assert_eq!(run.progress().unwrap().state, RunState::Succeeded, "{:?}", run.progress().unwrap());
    let models: Vec<Input> = (0..6)
        .map(|task| {
            let task = Task { step: "train".to_owned(), task };
            let completion = run.completion(&task).unwrap().unwrap();
            let Outcome::Done(results) = completion.outcome else { panic!() };
            Input::Parts(results.outputs["model"].clone())
        })
        .collect();
    let train = &plan.steps["train"];
    assert_eq!(train.label(4).as_deref(), Some("algorithm=random-forest, fold=2"));
    // `evaluate` has the combinations in another order; the table comes after the model.
    for (task, model) in [(0, 5), (1, 2), (2, 4), (3, 1), (4, 3), (5, 0)] {
        assert_eq!(inputs_of(&plan, &store, "evaluate", task)[0], models[model], "{task}");
    }
    let of = |places: &[usize]| places.iter().map(|place| models[*place].clone()).collect::<Vec<_>>();
    assert_eq!(inputs_of(&plan, &store, "folds", 0), of(&[0, 3]));
    assert_eq!(inputs_of(&plan, &store, "folds", 1), of(&[2, 5]));
    assert_eq!(inputs_of(&plan, &store, "selected", 0), of(&[4, 5]));
    assert_eq!(inputs_of(&plan, &store, "all", 0), of(&[0, 1, 2, 3, 4, 5]));
    assert_eq!(inputs_of(&plan, &store, "best", 0), of(&[5]));
    assert_eq!(inputs_of(&plan, &store, "winner", 0), of(&[4]), "of the algorithm that is best on average");
    let winner = Task { step: "winner".to_owned(), task: 0 };
    assert_eq!(run.again(&winner).unwrap().unwrap().params["x"], (0.3 + 0.8) / 2.0, "the mean of fold 3");
    // A metric is that of the same combination as well.
    let x = |task| {
        let task = Task { step: "good".to_owned(), task };
        run.again(&task).unwrap().unwrap().params["x"].as_f64().unwrap()
    };
    assert_eq!([0, 2, 4].map(x), [0.1, 0.3, 0.7]);
    assert_eq!(run.again(&Task { step: "train".to_owned(), task: 1 }).unwrap().unwrap().seed, 2, "2.0 is 2");
}

#[test]
fn a_condition_on_a_combination_skips_that_and_what_needs_it() {
    let mut options = options("r");
    options.params.insert("least".to_owned(), json!(0.25));
    let some = plan(MATRIX, &options);
    let store = Memory::default();
    let run = Run::new(&some, &store);
    drive_with(&some, &store, &BTreeSet::new(), run.begin(0).unwrap(), &auc_of_combination);
    let progress = run.progress().unwrap();
    assert_eq!(progress.state, RunState::Succeeded, "{progress:?}");
    assert_eq!((progress.steps["good"].done, progress.steps["after"].done), (6, 6));
    let why = |step: &str, task| run.completion(&Task { step: step.to_owned(), task }).unwrap().unwrap().why;
    for task in [0, 1] {
        assert!(why("good", task).contains("`if` is false: steps.evaluate.metrics.auc >= params.least"));
    }
    assert_eq!(
        why("after", 0),
        "skipped: step `good` (algorithm=logistic-regression, fold=1), which this one needs, was skipped"
    );
    assert_eq!((why("good", 2), why("after", 5)), ("ran".to_owned(), "ran".to_owned()));
    assert_eq!(run.skipped("good").unwrap(), None);

    // None is left: then the step was skipped, and so are those after it.
    options.run = "none".to_owned();
    options.params.insert("least".to_owned(), json!(2));
    let none = plan(MATRIX, &options);
    let run = Run::new(&none, &store);
    drive_with(&none, &store, &BTreeSet::new(), run.begin(0).unwrap(), &auc_of_combination);
    assert_eq!(run.progress().unwrap().state, RunState::Succeeded);
    assert!(run.skipped("good").unwrap().unwrap().contains("`if` is false"));
    assert_eq!(
        run.skipped("after").unwrap().as_deref(),
        Some("step `good`, which this one needs, was skipped")
    );
}

#[test]
fn the_best_is_found_among_what_was_not_skipped() {
    let text = r#"
name: t
steps:
  extract: { uses: extract, inputs: { source: ./a.csv } }
  train: { uses: random-forest, matrix: { a: [1, 2], b: [1, 2] }, if: matrix.a + matrix.b != 2, inputs: { train: "${{ steps.extract.outputs.table }}" }, with: { target: y, n_estimators: "${{ matrix.a * 10 + matrix.b }}" } }
  evaluate: { uses: evaluate, matrix: { a: [1, 2], b: [1, 2] }, inputs: { model: "${{ steps.train.outputs.model }}", test: "${{ steps.extract.outputs.table }}" } }
  score: { uses: evaluate, for-each: "${{ steps.train.outputs.model }}", inputs: { model: "${{ item }}", test: "${{ steps.extract.outputs.table }}" } }
  best: { uses: noop, inputs: { in: "${{ steps.train.outputs.model[argmax(steps.evaluate.metrics.auc)] }}" } }
  also: { uses: noop, inputs: { in: "${{ steps.train.outputs.model[argmax(steps.score.metrics.auc)] }}" } }
"#;
    let plan = plan(text, &options("r"));
    let store = Memory::default();
    let run = Run::new(&plan, &store);
    // The best is combination 2 of four; without the first one, which is skipped, it is the second of three parts.
    let auc = |task: &ResolvedTask| -> BTreeMap<String, f64> {
        let auc = match (task.step.as_str(), task.task) {
            ("evaluate", 2) | ("score", 1) => 0.9,
            _ => 0.5,
        };
        [("auc".to_owned(), auc)].into()
    };
    drive_with(&plan, &store, &BTreeSet::new(), run.begin(0).unwrap(), &auc);
    let progress = run.progress().unwrap();
    assert_eq!(progress.state, RunState::Succeeded, "{progress:?}");
    assert_eq!(progress.steps["score"].count, Some(3));
    let completion = run.completion(&Task { step: "train".to_owned(), task: 2 }).unwrap().unwrap();
    let Outcome::Done(results) = completion.outcome else { panic!() };
    let wanted = [Input::Parts(results.outputs["model"].clone())];
    assert_eq!(inputs_of(&plan, &store, "best", 0), wanted);
    assert_eq!(inputs_of(&plan, &store, "also", 0), wanted);
}

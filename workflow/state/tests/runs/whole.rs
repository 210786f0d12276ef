//! A workflow from its beginning to its end: conditions, retries, cancelling, parts of a run.

use std::collections::{BTreeMap, BTreeSet};

use millstream_core::{completion::Outcome, task::Task};
use millstream_plan::compile::{Options, check};
use millstream_state::{Error, Input, Resolution, ResolvedTask, Run, RunState};
use serde_json::{Value, json};

use crate::{
    common::{Memory, catalog},
    worker::{drive, drive_with, options, plan},
};

const MAIN: &str = r#"
name: main
params:
  source: { type: uri, default: ./a.csv }
  target: { type: string, default: y }
  least: { type: number, default: 0.8 }
steps:
  predict:
    uses: noop
    needs: register
    inputs: { in: "${{ steps.train.outputs.model[argmax(steps.evaluate.metrics.auc)] }}" }
  extract: { uses: extract, inputs: { source: "${{ params.source }}" } }
  split: { uses: split, inputs: { table: "${{ steps.extract.outputs.table }}" }, with: { stratify: "${{ params.target }}" } }
  train:
    uses: "${{ matrix.algorithm }}"
    matrix:
      algorithm: [logistic-regression, random-forest]
      include: [{ algorithm: random-forest, with: { n_estimators: 7 } }]
    inputs: { train: "${{ steps.split.outputs.train }}" }
    with: { target: "${{ params.target }}" }
    seed: 5
  evaluate:
    uses: evaluate
    for-each: "${{ steps.train.outputs.model }}"
    inputs: { model: "${{ item }}", test: "${{ steps.split.outputs.test }}" }
  register:
    uses: register
    if: ${{ max(steps.evaluate.metrics.auc) >= params.least }}
    inputs: { model: "${{ steps.train.outputs.model[argmax(steps.evaluate.metrics.auc)] }}" }
    with: { name: best }
"#;

fn auc(task: &ResolvedTask) -> BTreeMap<String, f64> {
    match task.step.as_str() {
        "evaluate" => [("auc".to_owned(), 0.7 + 0.2 * f64::from(task.task))].into(),
        _ => BTreeMap::new(),
    }
}

#[test]
fn the_better_of_two_models_is_registered() {
    let plan = plan(MAIN, &options("r"));
    let order: Vec<&str> = plan.steps.keys().map(String::as_str).collect();
    assert_eq!(order, ["extract", "split", "train", "evaluate", "register", "predict"]);
    let store = Memory::default();
    let run = Run::new(&plan, &store);
    assert_eq!(run.progress().unwrap().state, RunState::Running);
    let worked = drive_with(&plan, &store, &BTreeSet::new(), run.begin(0).unwrap(), &auc);
    assert_eq!(worked.len(), 8, "{worked:?}");
    assert_eq!(run.progress().unwrap().state, RunState::Succeeded);

    let output = |step: &str, task, name: &str| {
        let task = Task { step: step.to_owned(), task };
        let Outcome::Done(results) = run.completion(&task).unwrap().unwrap().outcome else {
            panic!("{task}")
        };
        results.outputs[name].clone()
    };
    // Resolve again as a worker would, from a store in which `register` is not done.
    let key = millstream_core::layout::done("r", "register", 0);
    store.objects.borrow_mut().remove(&key);
    let Resolution::Ready(task) = run.resolve(&Task { step: "register".to_owned(), task: 0 }).unwrap() else {
        panic!()
    };
    assert_eq!(task.inputs["model"], [Input::Parts(output("train", 1, "model"))]);
    assert_eq!(task.params["approval"], "pending", "defaults are filled in");

    store.objects.borrow_mut().retain(|key, _| !key.contains("/train/") && !key.ends_with("train.json"));
    let resolve = |task| match run.resolve(&Task { step: "train".to_owned(), task }).unwrap() {
        Resolution::Ready(task) => task,
        other => panic!("{other:?}"),
    };
    assert_eq!(Value::Object(resolve(0).params.clone()), json!({"c": 1, "target": "y"}));
    assert_eq!(Value::Object(resolve(1).params.clone()), json!({"n_estimators": 7, "target": "y"}));
    assert_eq!(resolve(1).seed, 5);
}

#[test]
fn a_false_condition_skips_the_step_and_those_after_it() {
    let mut options = options("r");
    options.params.insert("least".to_owned(), json!(0.95));
    let plan = plan(MAIN, &options);
    let store = Memory::default();
    let run = Run::new(&plan, &store);
    drive_with(&plan, &store, &BTreeSet::new(), run.begin(0).unwrap(), &auc);
    assert_eq!(run.progress().unwrap().state, RunState::Succeeded);
    for (step, why) in
        [("register", "`if` is false"), ("predict", "`register`, which this one needs, was skipped")]
    {
        let completion = run.completion(&Task { step: step.to_owned(), task: 0 }).unwrap().unwrap();
        assert!(completion.why.contains(why), "{}", completion.why);
    }
}

#[test]
fn parameters_of_a_run_are_checked() {
    let catalog = catalog();
    let checked = check("test.yaml", MAIN, &catalog).unwrap();
    assert_eq!(checked.param("least", "0.5").unwrap(), json!(0.5));
    assert_eq!(checked.param("target", "7").unwrap(), json!("7"));
    let wrong = checked.param("least", "much").unwrap_err().to_string();
    assert!(wrong.contains("a number is wanted"), "{wrong}");
    let wrong = checked.param("laest", "1").unwrap_err().to_string();
    assert!(wrong.contains("did you mean `least`?"), "{wrong}");
}

#[test]
fn a_retry_goes_on_from_the_failure() {
    let plan = plan(MAIN, &options("r"));
    let store = Memory::default();
    let run = Run::new(&plan, &store);
    let failing = BTreeSet::from([Task { step: "evaluate".to_owned(), task: 1 }]);
    drive_with(&plan, &store, &failing, run.begin(0).unwrap(), &auc);
    let progress = run.progress().unwrap();
    assert_eq!(progress.state, RunState::Failed);
    assert_eq!((progress.steps["evaluate"].done, progress.steps["evaluate"].failed), (1, 1));
    assert!(progress.steps["register"].settled && progress.steps["predict"].settled);
    let blocked = run.failure(&Task { step: "predict".to_owned(), task: 0 }).unwrap().unwrap();
    assert!(blocked.blocked_by.is_some());

    let again = run.retry(0).unwrap();
    assert_eq!(again, failing.into_iter().collect::<Vec<_>>());
    let worked = drive_with(&plan, &store, &BTreeSet::new(), again, &auc);
    let steps: Vec<&str> = worked.iter().map(|task| task.step.as_str()).collect();
    assert_eq!(steps, ["evaluate", "register", "predict"]);
    assert_eq!(run.progress().unwrap().state, RunState::Succeeded);
}

#[test]
fn a_cancelled_run_starts_nothing() {
    let plan = plan(MAIN, &options("r"));
    let store = Memory::default();
    let run = Run::new(&plan, &store);
    let first = run.begin(0).unwrap();
    run.cancel().unwrap();
    assert_eq!(run.resolve(&first[0]).unwrap(), Resolution::Cancelled);
    assert_eq!(run.progress().unwrap().state, RunState::Cancelled);
}

#[test]
fn a_part_of_a_run_takes_over_the_rest() {
    let whole = plan(MAIN, &options("r1"));
    let store = Memory::default();
    let run = Run::new(&whole, &store);
    drive_with(&whole, &store, &BTreeSet::new(), run.begin(0).unwrap(), &auc);

    let from =
        Options { from: Some("evaluate".to_owned()), base_run: Some("r1".to_owned()), ..options("r2") };
    let part = plan(MAIN, &from);
    let run = Run::new(&part, &store);
    let worked = drive_with(&part, &store, &BTreeSet::new(), run.begin(0).unwrap(), &auc);
    let steps: Vec<&str> = worked.iter().map(|task| task.step.as_str()).collect();
    assert_eq!(steps, ["evaluate", "evaluate", "register", "predict"]);
    assert_eq!(run.progress().unwrap().state, RunState::Succeeded);
    let adopted = run.completion(&Task { step: "train".to_owned(), task: 0 }).unwrap().unwrap();
    assert_eq!(adopted.cached_from.unwrap().run, "r1");

    let missing = Options { base_run: Some("nowhere".to_owned()), ..from };
    let part = plan(MAIN, &missing);
    assert!(matches!(Run::new(&part, &store).begin(0), Err(Error::NotInBase { .. })));
}

#[test]
fn a_for_each_over_nothing_is_skipped() {
    let text = r#"
name: t
params: { items: { type: list, default: [] } }
steps:
  extract: { uses: extract, inputs: { source: ./a.csv } }
  train: { uses: random-forest, for-each: { items: "${{ params.items }}" }, inputs: { train: "${{ steps.extract.outputs.table }}" }, with: { target: y, n_estimators: "${{ item }}" } }
  evaluate: { uses: evaluate, for-each: "${{ steps.train.outputs.model }}", inputs: { model: "${{ item }}", test: "${{ steps.extract.outputs.table }}" } }
  after: { uses: noop, if: "${{ always() && length(steps.train.outputs.model) > 0 }}", inputs: { in: "${{ steps.train.outputs.model }}" } }
"#;
    let plan = plan(text, &options("r"));
    let store = Memory::default();
    let run = Run::new(&plan, &store);
    drive(&plan, &store, &BTreeSet::new(), run.begin(0).unwrap());
    let progress = run.progress().unwrap();
    assert_eq!(progress.state, RunState::Succeeded);
    assert_eq!((progress.steps["train"].count, progress.steps["train"].done), (Some(0), 0));
    let why = |step| run.skipped(step).unwrap();
    assert_eq!(why("extract"), None);
    assert_eq!(why("train").as_deref(), Some("for-each found nothing to do"));
    assert_eq!(why("evaluate").as_deref(), Some("step `train`, which this one needs, was skipped"));
    assert!(why("after").unwrap().contains("`if` is false"));
}

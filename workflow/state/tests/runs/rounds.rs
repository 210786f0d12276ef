//! Steps whose tasks are made while the run goes on.

use std::collections::BTreeSet;

use millstream_core::{
    completion::{Completion, Gathered, Outcome},
    layout,
    round::Round,
    task::Task,
};
use millstream_plan::{Plan, compile::Options};
use millstream_state::{Input, Resolution, Run, RunState};
use serde_json::{Value, json};

use crate::{
    common::Memory,
    random::score,
    worker::{drive_with, inputs_of, no_metrics, options, plan, work},
};

const TUNING: &str = r#"
name: tuning
steps:
  train:
    uses: noop
    with: { x: 1 }
    seed: 5
    tune:
      strategy: random
      objective: maximize score
      max-jobs: 10
      max-parallel: 4
      search: { n: { range: [1, 100] } }
  after:
    uses: noop
    inputs: { in: "${{ steps.train.outputs.out }}" }
    with: { x: "${{ steps.train.metrics.score * 2 }}" }
"#;

fn task(step: &str, task: u32) -> Task {
    Task { step: step.to_owned(), task }
}

fn record<T: serde::de::DeserializeOwned>(store: &Memory, key: &str) -> Option<T> {
    store.objects.borrow().get(key).map(|bytes| serde_json::from_slice(bytes).unwrap())
}

fn rounds(plan: &Plan, store: &Memory, step: &str) -> Vec<(u32, u32)> {
    let rounds = Run::new(plan, store).rounds(step).unwrap();
    rounds.iter().map(|round| (round.first, round.count)).collect()
}

#[test]
fn the_number_of_shards_follows_from_the_size_and_is_written_down_once() {
    let text = r#"
name: t
steps:
  extract: { uses: extract, inputs: { source: ./a.csv } }
  one: { uses: split, for-each: { shards: auto }, inputs: { table: ./unknown.arrow } }
  each: { uses: split, for-each: { shards: auto }, inputs: { table: ["${{ steps.extract.outputs.table }}", "${{ steps.extract.outputs.table }}"] } }
  after: { uses: noop, inputs: { in: "${{ steps.each.outputs.train }}" } }
"#;
    let plan = plan(text, &options("r"));
    let store = Memory::default();
    let run = Run::new(&plan, &store);
    let first = run.begin(0).unwrap();
    assert_eq!(run.progress().unwrap().steps["each"].count, None);
    drive_with(&plan, &store, &BTreeSet::new(), first, &no_metrics);
    // Twice 80 MiB are 5 times 32 MiB; what nobody took in has no size.
    assert_eq!(rounds(&plan, &store, "each"), [(0, 5)]);
    assert_eq!(rounds(&plan, &store, "one"), [(0, 1)]);
    let shard = |number| run.again(&task("each", number)).unwrap().unwrap().shard.unwrap();
    assert_eq!((shard(0).index, shard(4).index, shard(4).count), (0, 4, 5));
    assert_eq!(run.again(&task("each", 5)).unwrap(), None);
    assert_eq!(inputs_of(&plan, &store, "after", 0).len(), 5);
    let progress = run.progress().unwrap();
    assert_eq!((progress.state, progress.steps["each"].count), (RunState::Succeeded, Some(5)));
}

#[test]
fn a_search_goes_on_in_rounds_and_gives_its_best_trial() {
    let plan = plan(TUNING, &options("r"));
    let store = Memory::default();
    let run = Run::new(&plan, &store);
    let mut queue = run.begin(0).unwrap();
    let mut counts = Vec::new();
    while !queue.is_empty() {
        counts.push(run.progress().unwrap().steps["train"].count.unwrap());
        let task = queue.remove(0);
        queue.extend(work(&plan, &store, &task, &BTreeSet::new(), &score).unwrap());
    }
    counts.dedup();
    assert_eq!(counts, [4, 8, 10]);
    assert_eq!(rounds(&plan, &store, "train"), [(0, 4), (4, 4), (8, 2)]);

    let scores: Vec<f64> =
        (0..10).map(|number| score(&run.again(&task("train", number)).unwrap().unwrap())["score"]).collect();
    let best = (0..10).rev().max_by(|a: &usize, b| scores[*a].total_cmp(&scores[*b])).unwrap();
    let Outcome::Done(results) = run.completion(&task("train", best as u32)).unwrap().unwrap().outcome else {
        panic!()
    };
    assert_eq!(inputs_of(&plan, &store, "after", 0), [Input::Parts(results.outputs["out"].clone())]);
    let x = run.again(&task("after", 0)).unwrap().unwrap().params["x"].as_f64().unwrap();
    assert_eq!(x, scores[best] * 2.0);
    let Some(Gathered::Done { best: found, count, .. }) = record(&store, &layout::gathered("r", "train"))
    else {
        panic!()
    };
    assert_eq!((found, count), (Some(best as u32), 10));
    // What was measured is in the round after it.
    let second: Round = record(&store, &layout::round("r", "train", 1)).unwrap();
    assert_eq!(second.scores.iter().map(|score| score.unwrap().0).collect::<Vec<_>>(), scores[..4]);
    let resolved = run.again(&task("train", 5)).unwrap().unwrap();
    assert_eq!(resolved.params["x"], 1, "what is not searched is as it was written");
    assert_eq!(Some(&resolved.params["n"]), second.trials[1].get("n"));
    let label = plan.steps["train"].trial_label(&second.trials[1]);
    assert_eq!(label, format!("n={}", resolved.params["n"]));
}

#[test]
fn a_trial_that_fails_stops_the_search_and_a_retry_goes_on_from_it() {
    let plan = plan(TUNING, &options("r"));
    let store = Memory::default();
    let run = Run::new(&plan, &store);
    let failing = BTreeSet::from([task("train", 5)]);
    drive_with(&plan, &store, &failing, run.begin(0).unwrap(), &score);
    let progress = run.progress().unwrap();
    assert_eq!(progress.state, RunState::Failed);
    let train = &progress.steps["train"];
    assert_eq!((train.done, train.failed, train.count, train.settled), (7, 1, Some(8), true));
    assert_eq!(run.ready(0).unwrap(), [], "a failure is forgotten by a retry alone");

    let again = run.retry(0).unwrap();
    assert_eq!(again, [task("train", 5)]);
    drive_with(&plan, &store, &BTreeSet::new(), again, &score);
    assert_eq!(run.progress().unwrap().state, RunState::Succeeded);
    let calm = Memory::default();
    drive_with(&plan, &calm, &BTreeSet::new(), Run::new(&plan, &calm).begin(0).unwrap(), &score);
    assert_eq!(crate::worker::end_state(&plan, &calm), crate::worker::end_state(&plan, &store));
}

#[test]
fn a_search_that_measures_nothing_fails() {
    let plan = plan(TUNING, &options("r"));
    let store = Memory::default();
    let run = Run::new(&plan, &store);
    let worked = drive_with(&plan, &store, &BTreeSet::new(), run.begin(0).unwrap(), &no_metrics);
    assert_eq!(worked.len(), 4, "one round");
    assert_eq!(run.progress().unwrap().state, RunState::Failed);
    let why = run.failure(&task("train", 4)).unwrap().unwrap().failure.to_string();
    assert!(why.contains("none of 4 trials reported the metric `score` that `tune` is to maximize"), "{why}");
    let blocked = run.failure(&task("after", 0)).unwrap().unwrap();
    assert_eq!(blocked.blocked_by.as_deref(), Some("train"));
}

#[test]
fn rounds_are_taken_over_with_the_results_of_their_step() {
    let whole = plan(TUNING, &options("r1"));
    let store = Memory::default();
    drive_with(&whole, &store, &BTreeSet::new(), Run::new(&whole, &store).begin(0).unwrap(), &score);
    let from = Options { from: Some("after".to_owned()), base_run: Some("r1".to_owned()), ..options("r2") };
    let part = plan(TUNING, &from);
    let run = Run::new(&part, &store);
    let worked = drive_with(&part, &store, &BTreeSet::new(), run.begin(0).unwrap(), &score);
    assert_eq!(worked, [task("after", 0)]);
    assert_eq!(rounds(&part, &store, "train"), [(0, 4), (4, 4), (8, 2)]);
    assert_eq!(run.progress().unwrap().steps["train"].count, Some(10));
    let before = Run::new(&whole, &store).again(&task("train", 9)).unwrap().unwrap();
    assert_eq!(run.again(&task("train", 9)).unwrap().unwrap(), before);
}

#[test]
fn a_cancelled_search_makes_no_further_trials_until_a_retry() {
    let plan = plan(TUNING, &options("r"));
    let store = Memory::default();
    let run = Run::new(&plan, &store);
    let first = run.begin(0).unwrap();
    for one in &first[..3] {
        assert_eq!(work(&plan, &store, one, &BTreeSet::new(), &score).unwrap(), []);
    }
    run.cancel().unwrap();
    assert_eq!(run.resolve(&first[3]).unwrap(), Resolution::Cancelled);
    let again = run.retry(0).unwrap();
    assert_eq!(again, [first[3].clone()]);
    let worked = drive_with(&plan, &store, &BTreeSet::new(), again, &score);
    assert_eq!(worked.len(), 1 + 6 + 1);
}

#[test]
fn a_message_that_comes_again_does_not_multiply_from_round_to_round() {
    let text = TUNING.replace("max-jobs: 10", "max-jobs: 40");
    let plan = plan(&text, &options("r"));
    let store = Memory::default();
    let run = Run::new(&plan, &store);
    // The first messages are delivered twice.
    let first = run.begin(0).unwrap();
    let queue = [first.clone(), first].concat();
    let worked = drive_with(&plan, &store, &BTreeSet::new(), queue, &score);
    assert_eq!(run.progress().unwrap().state, RunState::Succeeded);
    // Twice each trial, and what each message of the last round sends.
    assert!(worked.len() <= 2 * 40 + 8, "{} messages for 41 tasks", worked.len());
}

#[test]
fn a_task_is_found_by_reading_one_round() {
    let text = TUNING.replace("max-jobs: 10", "max-jobs: 400");
    let plan = plan(&text, &options("r"));
    let store = Memory::default();
    let run = Run::new(&plan, &store);
    drive_with(&plan, &store, &BTreeSet::new(), run.begin(0).unwrap(), &score);
    let key = layout::done("r", "train", 399);
    let completion: Completion = record(&store, &key).unwrap();
    assert_eq!(completion.task, 399);
    store.objects.borrow_mut().remove(&key);
    store.requests.set(0);
    assert!(matches!(run.resolve(&task("train", 399)).unwrap(), Resolution::Ready(_)));
    assert!(store.requests.get() <= 3, "{} requests", store.requests.get());
    let trials: Vec<Value> =
        (0..400).map(|n| json!(run.again(&task("train", n)).unwrap().unwrap().params["n"])).collect();
    assert!(trials.iter().collect::<std::collections::HashSet<_>>().len() > 80, "points are drawn evenly");
}

#[test]
fn time_is_measured_by_what_the_records_say() {
    let text = TUNING.replace("max-jobs: 10", "max-jobs: 10\n      max-time: 5s");
    let plan = plan(&text, &options("r"));
    let store = Memory::default();
    drive_with(&plan, &store, &BTreeSet::new(), Run::new(&plan, &store).begin(0).unwrap(), &score);
    // The first round ends after 3 seconds, the second after 7.
    assert_eq!(rounds(&plan, &store, "train"), [(0, 4), (4, 4)]);
    assert_eq!(Run::new(&plan, &store).progress().unwrap().state, RunState::Succeeded);
    assert_eq!(Run::new(&plan, &store).trials("train").unwrap().len(), 8);
}

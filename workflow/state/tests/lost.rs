//! A task that failed for good in one worker's hands and was done after all in another's, whose message is gone and who died before
//! it had told anybody. The simulation (docs/simulation.md) has found it.

mod common;

use std::collections::BTreeMap;

use common::{Memory, catalog};
use millstream_core::{
    artifact::{Artifact, Digest, Parts},
    completion::{Completion, FailureRecord, Outcome, Results},
    failure::Failure,
    task::Task,
};
use millstream_plan::{
    Plan,
    compile::{Options, check},
};
use millstream_state::{Run, RunState};

fn plan(shards: u32) -> Plan {
    let text = format!(
        "name: t\nsteps:\n  a: {{ uses: noop, for-each: {{ shards: {shards} }} }}\n  b: {{ uses: noop, inputs: {{ in: \"${{{{ steps.a.outputs.out }}}}\" }} }}\n"
    );
    let options = Options { run: "r".to_owned(), ..Options::default() };
    check("t.yaml", &text, &catalog()).unwrap().plan(&catalog(), &options).unwrap()
}

fn task(step: &str, task: u32) -> Task {
    Task { step: step.to_owned(), task }
}

fn completion(task: &Task) -> Completion {
    let part = Artifact {
        name: "out".to_owned(),
        media_type: String::new(),
        size: 1,
        digest: Digest::of(task.to_string().as_bytes()),
    };
    let outputs = BTreeMap::from([("out".to_owned(), Parts { parts: vec![part], stages: Vec::new() })]);
    Completion {
        step: task.step.clone(),
        task: task.task,
        outcome: Outcome::Done(Results { outputs, ..Results::default() }),
        key: None,
        cached_from: None,
        why: String::new(),
        started: 0,
        finished: 0,
        attempt: 1,
        phases: Vec::new(),
    }
}

fn fail(run: &Run<'_, Memory>, task: &Task) {
    let failure = Failure::Host { message: "out of reach".to_owned() };
    let (step, task) = (task.step.clone(), task.task);
    run.fail(&FailureRecord { step, task, failure, attempts: 3, at: 0, blocked_by: None }).unwrap();
}

#[test]
fn the_run_has_ended_and_a_retry_takes_it_up() {
    let (plan, store) = (plan(3), Memory::default());
    let run = Run::new(&plan, &store);
    for number in [0, 2] {
        run.complete(&completion(&task("a", number))).unwrap();
        run.advance(&task("a", number), 0).unwrap();
    }
    fail(&run, &task("a", 1));
    run.advance(&task("a", 1), 0).unwrap();
    assert_eq!(run.progress().unwrap().state, RunState::Failed);

    // Done after all; nobody is told.
    run.complete(&completion(&task("a", 1))).unwrap();
    let progress = run.progress().unwrap();
    assert_eq!(progress.state, RunState::Failed, "nobody is left who would go on: {progress:?}");
    assert_eq!((progress.steps["a"].done, progress.steps["a"].failed), (2, 1));
    assert_eq!(run.retry(0).unwrap(), [task("a", 0)], "one of them has to be counted");
    assert_eq!(run.advance(&task("a", 0), 0).unwrap(), [task("b", 0)]);
    run.complete(&completion(&task("b", 0))).unwrap();
    assert_eq!(run.progress().unwrap().state, RunState::Succeeded);
}

#[test]
fn of_many_shards_only_those_are_sent_again_that_are_not_counted() {
    const SHARDS: u32 = 70;
    let (plan, store) = (plan(SHARDS), Memory::default());
    let run = Run::new(&plan, &store);
    for number in 0..SHARDS {
        run.complete(&completion(&task("a", number))).unwrap();
        run.advance(&task("a", number), 0).unwrap();
    }
    assert_eq!(run.ready(0).unwrap(), [task("b", 0)]);
    let remove = |text: &str| store.objects.borrow_mut().retain(|key, _| !key.contains(text));
    // The last one died before it gathered.
    remove("/steps/");
    assert_eq!(run.ready(0).unwrap(), [task("a", 0)]);
    // Before the second group of 32 was counted.
    remove("/marks/a/0/1/0/1");
    assert_eq!(run.ready(0).unwrap(), [task("a", 32)]);
    // And before the first group was.
    remove("/marks/a/0/1/0/0");
    assert_eq!(run.ready(0).unwrap(), [task("a", 0), task("a", 32)]);
    for lost in run.ready(0).unwrap() {
        run.advance(&lost, 0).unwrap();
    }
    assert_eq!(run.ready(0).unwrap(), [task("b", 0)]);
}

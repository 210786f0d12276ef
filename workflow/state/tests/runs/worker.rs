//! A simulated worker: it does with a message what a real one does, and functions put out what their inputs say.

use std::collections::{BTreeMap, BTreeSet};

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
use millstream_state::{Error, Input, Objects, Resolution, ResolvedTask, Run, RunState};
use serde_json::{Value, json};

use crate::common::{Catalog, Died, Memory, catalog};

pub fn plan(text: &str, options: &Options) -> Plan {
    let catalog: Catalog = catalog();
    let checked = check("test.yaml", text, &catalog).unwrap_or_else(|faults| panic!("{faults}"));
    let plan = checked.plan(&catalog, options).unwrap_or_else(|error| panic!("{error}"));
    let bytes = serde_json::to_vec(&plan).unwrap();
    let back = Plan::from_json(&bytes).unwrap();
    assert_eq!(back, plan, "a plan survives JSON");
    plan
}

pub fn options(run: &str) -> Options {
    Options { run: run.to_owned(), ..Options::default() }
}

/// What a function would put out: one part by output, named by what went in.
pub fn results(
    plan: &Plan,
    task: &ResolvedTask,
    metrics: &dyn Fn(&ResolvedTask) -> BTreeMap<String, f64>,
) -> Results {
    let snapshot = |uri: &str| -> Result<Parts, Died> { Ok(parts(uri, uri)) };
    let inputs = task.parts(snapshot).unwrap();
    let key = task.key(&inputs);
    let uses = &plan.steps[&task.step].variant(task.task).unwrap().uses;
    let manifest = plan
        .functions
        .get(uses)
        .map(|function| &function.manifest)
        .or_else(|| millstream_language::acts::Act::named(uses).map(millstream_language::acts::Act::manifest))
        .unwrap();
    let outputs = manifest.outputs.iter().map(|output| {
        let name = output.name.clone();
        (name.clone(), parts(&name, &format!("{key}{name}")))
    });
    Results { outputs: outputs.collect(), metrics: metrics(task), message: String::new() }
}

pub fn parts(name: &str, content: &str) -> Parts {
    let digest = Digest::of(content.as_bytes());
    // A table makes three shards under `shards: auto`.
    let size = if name == "table" { 80 << 20 } else { 1 };
    let part = Artifact { name: name.to_owned(), media_type: String::new(), size, digest };
    Parts { parts: vec![part], stages: Vec::new() }
}

/// One worker's turn with one message; the tasks to send.
pub fn work<O: Objects>(
    plan: &Plan,
    store: &O,
    task: &Task,
    failing: &BTreeSet<Task>,
    metrics: &dyn Fn(&ResolvedTask) -> BTreeMap<String, f64>,
) -> Result<Vec<Task>, Error<O::Error>> {
    let run = Run::new(plan, store);
    let fail = |failure: Failure| {
        let (step, task) = (task.step.clone(), task.task);
        run.fail(&FailureRecord { step, task, failure, attempts: 1, at: 0, blocked_by: None })
    };
    match run.resolve(task)? {
        Resolution::Ready(_) if failing.contains(task) => {
            fail(Failure::Function { message: "trap".to_owned(), backtrace: None })?;
        }
        Resolution::Ready(resolved) => {
            let completion = Completion {
                step: task.step.clone(),
                task: task.task,
                outcome: Outcome::Done(results(plan, &resolved, metrics)),
                key: None,
                cached_from: None,
                why: "ran".to_owned(),
                started: 0,
                // Task n ends after n seconds.
                finished: u64::from(task.task) * 1_000,
                attempt: 1,
                phases: Vec::new(),
            };
            assert_eq!(run.complete(&completion)?.outcome, completion.outcome, "tasks are deterministic");
        }
        Resolution::Skip(reason) => {
            run.complete(&Completion::skipped(&task.step, task.task, reason, 0))?;
        }
        Resolution::Invalid(failure) => fail(failure)?,
        Resolution::Done(_) => {}
        Resolution::Waiting | Resolution::Cancelled => return Ok(Vec::new()),
    }
    run.advance(task, 0)
}

pub fn no_metrics(_: &ResolvedTask) -> BTreeMap<String, f64> {
    BTreeMap::new()
}

/// Drives the run to its end, first in first out, with no disturbance.
pub fn drive(plan: &Plan, store: &Memory, failing: &BTreeSet<Task>, queue: Vec<Task>) -> Vec<Task> {
    drive_with(plan, store, failing, queue, &no_metrics)
}

pub fn drive_with(
    plan: &Plan,
    store: &Memory,
    failing: &BTreeSet<Task>,
    mut queue: Vec<Task>,
    metrics: &dyn Fn(&ResolvedTask) -> BTreeMap<String, f64>,
) -> Vec<Task> {
    let mut worked = Vec::new();
    while !queue.is_empty() {
        let task = queue.remove(0);
        queue.extend(work(plan, store, &task, failing, metrics).unwrap());
        worked.push(task);
    }
    worked
}

/// Everything that must be the same however a run came about.
pub fn end_state(plan: &Plan, store: &Memory) -> (RunState, BTreeMap<String, Value>) {
    let mut state = BTreeMap::new();
    for (key, bytes) in store.objects.borrow().iter() {
        if key.contains("/marks/") {
            continue;
        }
        let mut record: Value = serde_json::from_slice(bytes).unwrap();
        // Of several failed needs, which one is named depends on the order.
        if key.contains("/failed/") {
            record = json!(record["blocked-by"].is_null());
        }
        // Which task of a round ends last depends on it, too.
        if key.contains("/rounds/") {
            record.as_object_mut().unwrap().remove("made-by");
        }
        state.insert(key.clone(), record);
    }
    (Run::new(plan, store).progress().unwrap().state, state)
}

/// What went into a task, as it was resolved before it was done.
pub fn inputs_of(plan: &Plan, store: &Memory, step: &str, task: u32) -> Vec<Input> {
    let run = Run::new(plan, store);
    let task = Task { step: step.to_owned(), task };
    let resolved = run.again(&task).unwrap().unwrap_or_else(|| panic!("{task}"));
    resolved.inputs.into_values().flatten().collect()
}

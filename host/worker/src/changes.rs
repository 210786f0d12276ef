//! Why a task has to run: what differs from the same task of an earlier run of its workflow.

use std::collections::BTreeMap;

use millstream_store::{Error, ErrorKind, PutOptions, Store};
use millstream_workflow::{
    artifact::{Digest, Parts},
    completion::Outcome,
    layout,
    plan::Plan,
    state::{Objects as _, ResolvedTask, Run, Task, Work, changes},
};

use crate::{Records, runs};

/// Earlier runs that are looked at: in most of them the task came to an end.
const LOOKED_AT: usize = 5;

/// The run of `workflow` that was started last, which becomes `run`. It serves to explain and nothing else, so that it does
/// no harm if of two runs that start at once only one is remembered.
///
/// # Errors
/// The store failed.
pub fn follow(store: &dyn Store, workflow: &str, run: &str) -> Result<Option<String>, Error> {
    let key = layout::latest(workflow);
    let previous = match store.get(&key) {
        Ok(object) => Some(String::from_utf8_lossy(&object.bytes).into_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    store.put(&key, run.as_bytes(), &PutOptions::default().relaxed())?;
    Ok(previous.filter(|previous| previous != run))
}

/// What differs from the last run in which this task was done, in one line; none if there was none, or if its records cannot
/// be read any more.
pub fn since_last(
    records: &Records,
    plan: &Plan,
    task: &ResolvedTask,
    inputs: &BTreeMap<String, Parts>,
    key: &Digest,
) -> Option<String> {
    let mut previous = plan.previous.clone();
    for _ in 0..LOOKED_AT {
        let earlier = runs::plan(records, &previous?).ok()??;
        let run = Run::new(&earlier, records);
        let name = Task { step: task.step.clone(), task: task.task };
        let done = run.completion(&name).ok()?.filter(|done| matches!(done.outcome, Outcome::Done(_)));
        let Some(their_key) = done.and_then(|done| done.key) else {
            previous = earlier.previous;
            continue;
        };
        if their_key == *key {
            return Some(format!("the result of run {} is not in the cache any more", earlier.run));
        }
        let before = run.again(&name).ok()??;
        let snapshot = |source: &str| -> Result<Parts, ()> {
            let bytes = records.get(&layout::source(&earlier.run, source)).map_err(drop)?.ok_or(())?;
            serde_json::from_slice(&bytes).map_err(drop)
        };
        let before_inputs = before.parts(snapshot).ok()?;
        let said = changes(Work { task: &before, inputs: &before_inputs }, Work { task, inputs })?;
        return Some(format!("since run {}: {said}", earlier.run));
    }
    None
}

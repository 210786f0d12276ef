//! Why a task has to run: what differs from the same task of an earlier run of its workflow.

use std::collections::BTreeMap;

use millstream_core::{
    artifact::{Digest, Parts},
    completion::Outcome,
    layout,
    newest::Newest,
    task::Task,
};
use millstream_plan::Plan;
use millstream_state::{ResolvedTask, Run, Work, changes};
use millstream_store::{Error, ErrorKind, PutOptions, Store};

use crate::{Records, sources};

/// Earlier runs that are looked at: in most of them the task came to an end. Where each look costs, it is the last one alone.
const LOOKED_AT: usize = 5;

/// How often a race for a workflow's list of runs is run again. Of those who race, one wins each time.
const RACES: usize = 1000;

/// Puts `run` at the head of the newest runs of `workflow`, and says which one was started before it. Of runs that start at
/// once none is forgotten: alarms look at their metrics.
///
/// # Errors
/// The store failed.
pub fn follow(store: &dyn Store, workflow: &str, run: &str) -> Result<Option<String>, Error> {
    let key = layout::latest(workflow);
    let mut races = 0;
    loop {
        let (newest, options) = match store.get(&key) {
            Ok(object) => (Newest::parse(&object.bytes), PutOptions::matches(object.version)),
            Err(error) if error.kind() == ErrorKind::NotFound => (Newest::default(), PutOptions::absent()),
            Err(error) => return Err(error),
        };
        let previous = newest.before(run).map(str::to_owned);
        let Some(with) = newest.with(run) else { return Ok(previous) };
        match store.put(&key, with.text().as_bytes(), &options.relaxed()) {
            Ok(_) => return Ok(previous),
            Err(error) if error.kind() == ErrorKind::PreconditionFailed && races < RACES => races += 1,
            Err(error) => return Err(error),
        }
    }
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
    let looked_at = if records.metered() { 1 } else { LOOKED_AT };
    for _ in 0..looked_at {
        let earlier = records.plan(&previous?).ok()??;
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
        let before_inputs = before.parts(|source| sources::of_run(&earlier, source)).ok()?;
        let said = changes(Work { task: &before, inputs: &before_inputs }, Work { task, inputs })?;
        return Some(format!("since run {}: {said}", earlier.run));
    }
    None
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, thread};

    use millstream_store::MemoryStore;

    use super::*;

    #[test]
    fn of_runs_that_start_at_once_none_is_forgotten() {
        let store = MemoryStore::default();
        let before: BTreeSet<Option<String>> = thread::scope(|scope| {
            let start = |run: usize| {
                let store = &store;
                scope.spawn(move || follow(store, "w", &format!("r{run}")).unwrap())
            };
            let all: Vec<_> = (0..16).map(start).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(before.len(), 16, "each follows another: {before:?}");
        let newest = Newest::parse(&store.get(&layout::latest("w")).unwrap().bytes);
        assert_eq!(newest.runs().count(), 16);
        // The same start again, after a crash.
        let last = newest.runs().next().unwrap();
        assert_eq!(follow(&store, "w", last).unwrap().as_deref(), newest.before(last));
    }
}

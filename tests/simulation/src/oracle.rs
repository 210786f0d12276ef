//! What must hold at the end of every schedule.

use std::collections::BTreeMap;

use millstream_core::{
    artifact::Parts,
    completion::{CacheEntry, Completion, FailureRecord, Gathered, Outcome},
    failure::Failure,
    layout,
    newest::Newest,
};
use millstream_plan::Plan;
use millstream_store::{MemoryStore, Store, entries};
use serde_json::{Value, json};

/// What the records of a run say, as far as it must be the same however the run came about.
pub type EndState = BTreeMap<String, Value>;

/// A failure that would not have been without misfortune.
pub fn is_misfortune(record: &FailureRecord) -> bool {
    record.blocked_by.is_none() && matches!(record.failure, Failure::Host { .. })
}

/// The failures of a run.
pub fn failures(store: &MemoryStore, run: &str) -> Vec<FailureRecord> {
    objects(store, &layout::all_failed(run, None))
        .iter()
        .filter_map(|(_, bytes)| serde_json::from_slice(bytes).ok())
        .collect()
}

fn objects(store: &MemoryStore, prefix: &str) -> Vec<(String, Vec<u8>)> {
    let keys = entries(store, prefix).map(|entry| entry.expect("a store in memory lists").key);
    keys.map(|key| {
        let bytes = store.get(&key).expect("what is listed is there").bytes;
        (key, bytes)
    })
    .collect()
}

/// The end state of a run.
///
/// # Errors
/// A record that does not read.
pub fn end_state(store: &MemoryStore, run: &str) -> Result<EndState, String> {
    let mut state = EndState::new();
    for (key, bytes) in objects(store, &layout::run(run)) {
        let damaged = |error: serde_json::Error| format!("{key} does not read: {error}");
        let rest = key.strip_prefix(&layout::run(run)).unwrap_or_default();
        let value = match rest.split('/').next().unwrap_or_default() {
            "done" => {
                let done: Completion = serde_json::from_slice(&bytes).map_err(damaged)?;
                match done.outcome {
                    Outcome::Done(results) => {
                        json!([results.outputs, score(&results.metrics), results.message])
                    }
                    Outcome::Skipped { reason } => json!({ "skipped": reason }),
                }
            }
            "steps" => {
                let gathered: Gathered = serde_json::from_slice(&bytes).map_err(damaged)?;
                serde_json::to_value(gathered).map_err(damaged)?
            }
            "failed" => {
                let failed: FailureRecord = serde_json::from_slice(&bytes).map_err(damaged)?;
                // A task that was done after all, or a step that was gathered.
                let done = layout::done(run, &failed.step, failed.task);
                if store.head(&done).is_ok() || store.head(&layout::gathered(run, &failed.step)).is_ok() {
                    continue;
                }
                // Of several failed needs, which one is named depends on the order.
                match failed.blocked_by {
                    Some(_) => json!("blocked"),
                    None => serde_json::to_value(failed.failure).map_err(damaged)?["class"].clone(),
                }
            }
            "plan.json" => {
                Plan::from_json(&bytes).map_err(|error| format!("{key} does not read: {error}"))?;
                continue;
            }
            "logs" => {
                for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                    serde_json::from_slice::<millstream_worker::logs::Line>(line).map_err(damaged)?;
                }
                continue;
            }
            "attempts" => {
                serde_json::from_slice::<u32>(&bytes).map_err(damaged)?;
                continue;
            }
            _ => continue,
        };
        state.insert(rest.to_owned(), value);
    }
    Ok(state)
}

/// Figures that JSON has no number for do not come up here.
fn score(metrics: &BTreeMap<String, f64>) -> Value {
    json!(metrics)
}

/// What differs, a line each; empty if nothing does.
pub fn differences(wanted: &EndState, found: &EndState) -> Vec<String> {
    let mut all = Vec::new();
    for (key, value) in wanted {
        match found.get(key) {
            Some(other) if other == value => {}
            Some(other) => all.push(format!("{key} is {other}, and would be {value}")),
            None => all.push(format!("{key} is missing, and would be {value}")),
        }
    }
    all.extend(
        found
            .iter()
            .filter(|(key, _)| !wanted.contains_key(*key))
            .map(|(key, value)| format!("{key} is {value}, and would not be there")),
    );
    all
}

/// What must hold of the store as a whole: cache entries read and name what is there, runs are in the list of the newest, every
/// result of a completion is there. With `damaged`, artifacts may be gone or changed that nobody has read since.
///
/// # Errors
/// What does not hold.
pub fn whole(store: &MemoryStore, runs: &[String], damaged: bool) -> Result<(), String> {
    let sound = |what: &str, outputs: &BTreeMap<String, Parts>| {
        for part in outputs.values().flat_map(|parts| &parts.parts).filter(|_| !damaged) {
            let bytes =
                store.get(&layout::artifact(&part.digest)).map_err(|error| format!("{what}: {error}"))?;
            if millstream_core::artifact::Digest::of(&bytes.bytes) != part.digest {
                return Err(format!("{what}: {} has other bytes", part.name));
            }
        }
        Ok(())
    };
    for (key, bytes) in objects(store, "cache/") {
        let entry: CacheEntry =
            serde_json::from_slice(&bytes).map_err(|error| format!("{key} does not read: {error}"))?;
        sound(&key, &entry.results.outputs)?;
    }
    for (key, bytes) in objects(store, layout::RUNS) {
        if key.contains("/done/")
            && let Ok(Completion { outcome: Outcome::Done(results), .. }) = serde_json::from_slice(&bytes)
        {
            sound(&key, &results.outputs)?;
        }
    }
    let newest = store.get(&layout::latest("main")).map_err(|error| error.to_string())?;
    let newest = Newest::parse(&newest.bytes);
    match runs.iter().find(|run| !newest.runs().any(|known| known == *run)) {
        Some(run) => Err(format!("run {run} is not in the list of the newest")),
        None => Ok(()),
    }
}

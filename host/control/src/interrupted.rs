//! Runs whose process was told to stop.
//!
//! Nobody can know whether some worker will still come for a run's tasks. So an interrupt is noted with its time: as long as no task
//! has ended since, the run is shown as interrupted, and what continues it is `retry`.

use millstream_core::{
    completion::{Completion, FailureRecord},
    layout,
};
use millstream_plan::Plan;
use millstream_store::{ErrorKind, PutOptions, entries};
use millstream_worker::{Home, Records};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::acts;

/// When a run was interrupted.
#[derive(Debug, Serialize, Deserialize)]
struct Interrupt {
    /// Milliseconds since 1970 UTC.
    at: u64,
}

type Result<T> = std::result::Result<T, millstream_state::Error<millstream_store::Error>>;

/// Notes that whoever worked on the run lets go of it now, and of the runs that it waits for.
///
/// # Errors
/// The store failed, or a plan is damaged.
pub fn note(home: &Home, plan: &Plan) -> Result<()> {
    let bytes = serde_json::to_vec(&Interrupt { at: home.now() }).expect("a time is JSON");
    for run in family(home, plan)? {
        let key = layout::interrupted(&run);
        home.store().put(&key, &bytes, &PutOptions::default()).map_err(millstream_state::Error::Store)?;
    }
    Ok(())
}

/// Forgets an interrupt: the run is worked on again.
///
/// # Errors
/// The store failed, or a plan is damaged.
pub(crate) fn forget(home: &Home, plan: &Plan) -> Result<()> {
    for run in family(home, plan)? {
        home.store().delete(&layout::interrupted(&run)).map_err(millstream_state::Error::Store)?;
    }
    Ok(())
}

/// Whether the run, which has not ended, was interrupted and no task of it has ended since.
///
/// # Errors
/// The store failed, or a record is damaged.
pub fn is_interrupted(home: &Home, run: &str) -> Result<bool> {
    let key = layout::interrupted(run);
    let Interrupt { at } = match home.store().get(&key) {
        Ok(object) => read(&key, &object.bytes)?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(millstream_state::Error::Store(error)),
    };
    let ended = newest(home, &layout::all_done(run, None), |done: Completion| done.finished)?;
    let failed = newest(home, &layout::all_failed(run, None), |failed: FailureRecord| failed.at)?;
    Ok(ended.max(failed).is_none_or(|end| end <= at))
}

/// The newest of some records' times.
fn newest<T: DeserializeOwned>(home: &Home, prefix: &str, time: impl Fn(T) -> u64) -> Result<Option<u64>> {
    let mut newest = None;
    for entry in entries(home.store().as_ref(), prefix) {
        let key = entry.map_err(millstream_state::Error::Store)?.key;
        let object = home.store().get(&key).map_err(millstream_state::Error::Store)?;
        newest = newest.max(Some(time(read(&key, &object.bytes)?)));
    }
    Ok(newest)
}

fn read<T: DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes)
        .map_err(|error| millstream_state::Error::Damaged { key: key.to_owned(), message: error.to_string() })
}

/// The run, and those below it that have begun.
fn family(home: &Home, plan: &Plan) -> Result<Vec<String>> {
    let records = Records::new(home.store().clone());
    let mut runs = vec![plan.run.clone()];
    for child in acts::children(plan) {
        if let Some(child) = records.plan(&child)? {
            runs.extend(family(home, &child)?);
        }
    }
    Ok(runs)
}

//! What others have left: runs that were about to start when their process died, runs that wait for some that have ended, and records
//! that nobody needs any more.

use millstream_core::layout;
use millstream_store::entries;

use crate::{
    Error, Triggers,
    accept::Inner,
    concurrency::Running,
    records::{self, Seen, Starting},
};

/// Whoever starts a run is left alone for so long: milliseconds.
const ALONE: u64 = 5_000;

/// Events are remembered for so long: milliseconds. Longer than SQS keeps a message, so that none comes again later.
pub const REMEMBERED: u64 = 15 * 86_400_000;

impl Triggers {
    /// Goes on with the events that a process has left, and starts the runs that wait for some that have ended. Gives how many of
    /// the former there were.
    ///
    /// # Errors
    /// Store or queue failed; the next call goes on.
    pub fn recover(&self) -> Result<usize, Error> {
        let inner = &self.0;
        for workflow in inner.with_rules()? {
            let runs = records::read::<Running>(inner.store(), &layout::triggers_running(&workflow))?;
            if runs.is_some_and(|runs| !runs.waiting.is_empty()) {
                inner.prune(&workflow)?;
                inner.start_waiting(&workflow)?;
            }
        }
        let mut found = 0;
        let keys: Vec<String> = entries(inner.store(), layout::EVENTS_STARTING)
            .map(|entry| entry.map(|entry| entry.key))
            .collect::<Result<_, _>>()?;
        // Of one workflow's events many may wait: its record is read once.
        let mut waiting: Option<(String, Running)> = None;
        for key in keys {
            let mut segments = key.rsplit('/');
            let event = segments.next().and_then(|name| name.strip_suffix(".json")).unwrap_or_default();
            let workflow = segments.next().unwrap_or_default();
            if waiting.as_ref().is_none_or(|(of, _)| of != workflow) {
                let runs = records::read(inner.store(), &layout::triggers_running(workflow))?;
                waiting = Some((workflow.to_owned(), runs.unwrap_or_default()));
            }
            let waits = |runs: &Running| runs.waiting.iter().any(|one| one.event.to_string() == event);
            if waiting.as_ref().is_some_and(|(_, runs)| waits(runs)) {
                continue;
            }
            let starting = match records::read::<Starting>(inner.store(), &key) {
                Ok(Some(starting)) => starting,
                Ok(None) => continue,
                Err(error @ Error::Damaged { .. }) => {
                    tracing::error!(%error, "an event is left as it is");
                    continue;
                }
                Err(error) => return Err(error),
            };
            if inner.home.now().saturating_sub(starting.at) < ALONE {
                continue;
            }
            found += 1;
            inner.carry_on(&starting)?;
        }
        Ok(found)
    }

    /// Forgets events that came more than 15 days ago. Gives how many.
    ///
    /// # Errors
    /// The store failed.
    pub fn expire(&self) -> Result<usize, Error> {
        let (store, now) = (self.0.store(), self.0.home.now());
        let mut removed = 0;
        for entry in entries(store, layout::EVENTS_SEEN) {
            let key = entry?.key;
            let old = match records::read::<Seen>(store, &key) {
                Ok(Some(seen)) => now.saturating_sub(seen.at) > REMEMBERED,
                Ok(None) | Err(Error::Damaged { .. }) => false,
                Err(error) => return Err(error),
            };
            if old {
                store.delete(&key)?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

impl Inner {
    /// Workflows that have, or had, a rule about concurrency.
    fn with_rules(&self) -> Result<Vec<String>, Error> {
        let name = |key: &str| {
            let name = key.strip_prefix(layout::TRIGGERS_RUNNING)?.strip_suffix(".json")?;
            Some(name.to_owned())
        };
        let mut all = Vec::new();
        for entry in entries(self.store(), layout::TRIGGERS_RUNNING) {
            all.extend(name(&entry?.key));
        }
        Ok(all)
    }
}

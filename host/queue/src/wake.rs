//! Wakes threads of the same process.

use std::{
    sync::{Condvar, Mutex, PoisonError},
    time::Duration,
};

/// Counts events; waiting for "more than I have seen" misses none. [`Clock::wait`](crate::Clock::wait) waits through a clock.
#[derive(Debug, Default)]
pub struct Wake {
    events: Mutex<u64>,
    changed: Condvar,
}

impl Wake {
    /// Events so far.
    pub fn seen(&self) -> u64 {
        *self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more.
    pub fn notify(&self) {
        *self.events.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.changed.notify_all();
    }

    /// Returns after the first event past `seen`, or after `timeout`. Says whether there was one.
    pub fn wait(&self, seen: u64, timeout: Duration) -> bool {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let (events, _) = self
            .changed
            .wait_timeout_while(events, timeout, |events| *events == seen)
            .unwrap_or_else(PoisonError::into_inner);
        *events != seen
    }
}

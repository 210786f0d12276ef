//! Ends what runs beyond its time.

use std::{
    collections::BTreeMap,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak},
    thread,
    time::Instant,
};

/// What a watchdog ends.
pub(super) trait Timed: Send + Sync {
    /// Its time is up. Called at most once.
    fn out_of_time(&self);
}

/// One thread that waits for the nearest of all deadlines.
pub(super) struct Watchdog(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// By deadline; the number tells equal deadlines apart.
    deadlines: BTreeMap<(Instant, u64), Weak<dyn Timed>>,
    next: u64,
    closed: bool,
}

/// Keeps a deadline as long as it lives.
pub(super) struct Deadline {
    watchdog: Arc<Shared>,
    key: (Instant, u64),
}

impl Watchdog {
    pub fn new() -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let watched = Arc::clone(&shared);
        thread::Builder::new().name("watchdog".to_owned()).spawn(move || watched.watch())?;
        Ok(Self(shared))
    }

    /// Ends `timed` at `at`, unless the answer is dropped before.
    pub fn watch(&self, at: Instant, timed: Weak<dyn Timed>) -> Deadline {
        let mut state = self.0.state();
        let key = (at, state.next);
        state.next += 1;
        let nearest = state.deadlines.first_key_value().is_none_or(|(first, _)| key < *first);
        state.deadlines.insert(key, timed);
        drop(state);
        if nearest {
            self.0.changed.notify_one();
        }
        Deadline { watchdog: Arc::clone(&self.0), key }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.0.state().closed = true;
        self.0.changed.notify_one();
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        self.watchdog.state().deadlines.remove(&self.key);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self) {
        let mut state = self.state();
        while !state.closed {
            let Some((&(at, _), _)) = state.deadlines.first_key_value() else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = at.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            let due = state.deadlines.pop_first();
            drop(state);
            if let Some(timed) = due.and_then(|(_, timed)| timed.upgrade()) {
                timed.out_of_time();
            }
            state = self.state();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use super::*;

    struct Probe(mpsc::Sender<&'static str>, &'static str);

    impl Timed for Probe {
        fn out_of_time(&self) {
            self.0.send(self.1).unwrap();
        }
    }

    #[test]
    fn ends_in_the_order_of_deadlines_and_spares_what_is_over() {
        let watchdog = Watchdog::new().unwrap();
        let (sender, ended) = mpsc::channel();
        let start = Instant::now();
        let mut kept: Vec<(Arc<dyn Timed>, Deadline)> = Vec::new();
        for (name, after) in [("late", 60), ("early", 20), ("over", 40)] {
            let probe: Arc<dyn Timed> = Arc::new(Probe(sender.clone(), name));
            let deadline = watchdog.watch(start + Duration::from_millis(after), Arc::downgrade(&probe));
            kept.push((probe, deadline));
        }
        // "over" finishes before its time.
        drop(kept.pop());
        assert_eq!(ended.recv_timeout(Duration::from_secs(10)).unwrap(), "early");
        assert!(start.elapsed() >= Duration::from_millis(20));
        assert_eq!(ended.recv_timeout(Duration::from_secs(10)).unwrap(), "late");
        assert!(ended.try_recv().is_err());
    }
}

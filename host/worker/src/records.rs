//! The store as the run state machine sees it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use millstream_core::layout;
use millstream_plan::Plan;
use millstream_queue::Clock;
use millstream_state::Objects;
use millstream_store::{Error, ErrorKind, Object, PutOptions, Store, entries};

/// How many records a process remembers before it forgets them all.
const REMEMBERED: usize = 100_000;

/// Reads and creates records. Completions and plans never change once they are there, so that each is read once in this
/// process.
#[derive(Clone)]
pub struct Records {
    store: Arc<dyn Store>,
    known: Arc<Mutex<HashMap<String, Arc<[u8]>>>>,
    /// For workers.
    cancels: Option<Arc<Cancels>>,
}

/// When it was last seen of each run that nobody has cancelled it.
struct Cancels {
    clock: Arc<dyn Clock>,
    every: Duration,
    seen: Mutex<HashMap<String, SystemTime>>,
}

impl Cancels {
    fn is_fresh(&self, key: &str) -> bool {
        let seen = self.seen.lock().unwrap_or_else(|e| e.into_inner());
        seen.get(key).is_some_and(|at| self.clock.now().duration_since(*at).is_ok_and(|age| age < self.every))
    }

    fn saw_none(&self, key: &str) {
        let mut seen = self.seen.lock().unwrap_or_else(|e| e.into_inner());
        if seen.len() >= REMEMBERED {
            seen.clear();
        }
        seen.insert(key.to_owned(), self.clock.now());
    }
}

impl Records {
    /// Those of `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, known: Arc::default(), cancels: None }
    }

    /// Those of `store` for workers: where looks are dear, it is not asked before each task whether the run was cancelled, but
    /// now and then.
    pub fn for_tasks(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        let looks = store.looks();
        let cancels =
            looks.metered.then(|| Arc::new(Cancels { clock, every: looks.least, seen: Mutex::default() }));
        Self { cancels, ..Self::new(store) }
    }

    /// Whether each look costs.
    pub fn metered(&self) -> bool {
        self.store.looks().metered
    }

    /// A run's plan, or none if there is no such run.
    ///
    /// # Errors
    /// The store failed, or the plan is damaged.
    pub fn plan(&self, run: &str) -> Result<Option<Plan>, millstream_state::Error<Error>> {
        let key = layout::plan(run);
        let Some(bytes) = self.get(&key).map_err(millstream_state::Error::Store)? else { return Ok(None) };
        Plan::from_json(&bytes).map(Some).map_err(|message| millstream_state::Error::Damaged { key, message })
    }

    fn read(&self, key: &str, read: Result<Object, Error>) -> Result<Option<Vec<u8>>, Error> {
        match read {
            Ok(object) => {
                self.remember(key, &object.bytes);
                Ok(Some(object.bytes))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn remember(&self, key: &str, bytes: &[u8]) {
        if layout::is_immutable(key) {
            let mut known = self.known.lock().unwrap_or_else(|e| e.into_inner());
            if known.len() >= REMEMBERED {
                known.clear();
            }
            known.insert(key.to_owned(), bytes.into());
        }
    }
}

impl Objects for Records {
    type Error = Error;

    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        if let Some(bytes) = self.known.lock().unwrap_or_else(|e| e.into_inner()).get(key) {
            return Ok(Some(bytes.to_vec()));
        }
        let cancels = self.cancels.as_deref().filter(|_| layout::is_cancel(key));
        if cancels.is_some_and(|cancels| cancels.is_fresh(key)) {
            return Ok(None);
        }
        let found = self.read(key, self.store.get(key))?;
        if let Some(cancels) = cancels.filter(|_| found.is_none()) {
            cancels.saw_none(key);
        }
        Ok(found)
    }

    fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, Error> {
        let mut found: Vec<Option<Vec<u8>>> = {
            let known = self.known.lock().unwrap_or_else(|e| e.into_inner());
            keys.iter().map(|key| known.get(key).map(|bytes| bytes.to_vec())).collect()
        };
        let missing: Vec<usize> = (0..keys.len()).filter(|i| found[*i].is_none()).collect();
        let names: Vec<&str> = missing.iter().map(|i| keys[*i].as_str()).collect();
        for (i, read) in missing.into_iter().zip(self.store.get_many(&names)) {
            found[i] = self.read(&keys[i], read)?;
        }
        Ok(found)
    }

    fn create(&self, key: &str, bytes: &[u8]) -> Result<bool, Error> {
        match self.store.put(key, bytes, &PutOptions::absent()) {
            Ok(_) => {
                self.remember(key, bytes);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::PreconditionFailed => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, Error> {
        entries(&*self.store, prefix).map(|entry| entry.map(|entry| entry.key)).collect()
    }

    fn list_after(&self, prefix: &str, after: Option<&str>, limit: usize) -> Result<Vec<String>, Error> {
        let page = self.store.list(prefix, after, limit)?;
        Ok(page.entries.into_iter().map(|entry| entry.key).collect())
    }

    fn delete(&self, key: &str) -> Result<(), Error> {
        self.store.delete(key)
    }
}

#[cfg(test)]
mod tests {
    use millstream_queue::ManualClock;
    use millstream_store::{MemoryStore, counting::CountingStore};

    use super::*;

    #[test]
    fn whether_a_run_was_cancelled_is_asked_now_and_then_where_it_costs() {
        let (store, clock) = (Arc::new(CountingStore::default()), Arc::new(ManualClock::default()));
        let records = Records::for_tasks(store.shared(), clock.clone());
        let key = layout::cancel("r");
        for _ in 0..5 {
            assert_eq!(records.get(&key).unwrap(), None);
        }
        assert_eq!(store.total(), 1);
        store.put(&key, b"", &PutOptions::absent()).unwrap();
        assert_eq!(records.get(&key).unwrap(), None, "asked a moment ago");
        clock.advance(store.looks().least);
        assert!(records.get(&key).unwrap().is_some());
        assert!(records.get(&key).unwrap().is_some(), "a cancel is not remembered: a retry takes it back");
        store.delete(&key).unwrap();
        assert_eq!(records.get(&key).unwrap(), None);
    }

    #[test]
    fn on_this_machine_it_is_asked_each_time() {
        let store = Arc::new(MemoryStore::new());
        let records = Records::for_tasks(store.clone(), Arc::new(ManualClock::default()));
        let key = layout::cancel("r");
        assert_eq!(records.get(&key).unwrap(), None);
        store.put(&key, b"", &PutOptions::absent()).unwrap();
        assert!(records.get(&key).unwrap().is_some());
    }

    #[test]
    fn of_many_records_those_that_are_known_are_not_asked_for() {
        let store = Arc::new(CountingStore::default());
        let records = Records::new(store.shared());
        let keys: Vec<String> = (0..3).map(|task| layout::done("r", "s", task)).collect();
        records.create(&keys[0], b"0").unwrap();
        store.put(&keys[2], b"2", &PutOptions::absent()).unwrap();
        let before = store.total();
        let found = records.get_many(&keys).unwrap();
        assert_eq!(found, [Some(b"0".to_vec()), None, Some(b"2".to_vec())]);
        assert_eq!(store.total() - before, 2);
        let listed = records.list_after(&layout::all_done("r", Some("s")), Some(&keys[0]), 1).unwrap();
        assert_eq!(listed, [keys[2].clone()]);
    }
}

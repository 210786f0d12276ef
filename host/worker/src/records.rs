//! The store as the run state machine sees it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use millstream_core::layout;
use millstream_plan::Plan;
use millstream_state::Objects;
use millstream_store::{Error, ErrorKind, PutOptions, Store, entries};

/// How many records a process remembers before it forgets them all.
const REMEMBERED: usize = 100_000;

/// Reads and creates records. Completions and plans never change once they are there, so that each is read once in this
/// process.
#[derive(Clone)]
pub struct Records {
    store: Arc<dyn Store>,
    known: Arc<Mutex<HashMap<String, Arc<[u8]>>>>,
}

impl Records {
    /// Those of `store`.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, known: Arc::default() }
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
        match self.store.get(key) {
            Ok(object) => {
                self.remember(key, &object.bytes);
                Ok(Some(object.bytes))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
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

    fn delete(&self, key: &str) -> Result<(), Error> {
        self.store.delete(key)
    }
}

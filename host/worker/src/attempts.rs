//! How often a task has failed in a way that may pass.
//!
//! Deliveries are not attempts: a task whose worker was killed is delivered again and has not failed. One that kills each
//! worker that has it ends in the dead letters.

use millstream_core::{layout, task::Message};
use millstream_store::{Error, ErrorKind, PutOptions, Store};

/// The failed attempts of one task.
pub struct Attempts<'a> {
    store: &'a dyn Store,
    key: String,
}

impl<'a> Attempts<'a> {
    /// Those of the task that `message` names.
    pub fn new(store: &'a dyn Store, message: &Message) -> Self {
        Self { store, key: layout::attempts(&message.run, &message.step, message.task) }
    }

    /// How many there were.
    ///
    /// # Errors
    /// What the store met. A record that cannot be read counts as none.
    pub fn failed(&self) -> Result<u32, Error> {
        match self.store.get(&self.key) {
            Ok(object) => Ok(serde_json::from_slice(&object.bytes).unwrap_or(0)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Attempt `attempt` (from 1) has failed.
    ///
    /// # Errors
    /// What the store met.
    pub fn fail(&self, attempt: u32) -> Result<(), Error> {
        self.store.put(&self.key, attempt.to_string().as_bytes(), &PutOptions::default()).map(drop)
    }

    /// Counts anew.
    ///
    /// # Errors
    /// What the store met.
    pub fn forget(&self) -> Result<(), Error> {
        self.store.delete(&self.key)
    }
}

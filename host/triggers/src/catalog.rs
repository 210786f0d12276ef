//! The workflows that were pushed and have triggers, as they were a moment ago.

use std::sync::{Arc, Mutex, PoisonError};

use millstream_control::workflows::{self, WorkflowVersion};
use millstream_language::triggers::{Concurrency, Trigger};
use millstream_plan::compile::triggers_of;
use millstream_worker::Home;

use crate::Error;

/// The newest version of a workflow, with what starts it.
#[derive(Clone, Debug)]
pub struct TriggeredWorkflow {
    /// The version.
    pub version: WorkflowVersion,
    /// Its triggers.
    pub on: Vec<Trigger>,
    /// How many runs there may be.
    pub concurrency: Option<Concurrency>,
}

impl TriggeredWorkflow {
    /// The workflow's name.
    pub fn name(&self) -> &str {
        &self.version.name
    }
}

/// All of them. What was read is believed for a while.
#[derive(Default)]
pub struct Catalog(Mutex<Option<(u64, All)>>);

/// Newest versions, by name.
type All = Arc<Vec<Arc<TriggeredWorkflow>>>;

/// How long what was read is believed, in milliseconds.
const AGE: u64 = 500;
/// The same where each look costs.
const DEAR_AGE: u64 = 30_000;

impl Catalog {
    /// The workflows that have triggers or a rule about concurrency, by name.
    ///
    /// # Errors
    /// What the store met. A version that cannot be read is left out, and said.
    pub fn all(&self, home: &Home) -> Result<All, Error> {
        let now = home.now();
        let age = if home.store().looks().metered { DEAR_AGE } else { AGE };
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // A clock that was set back makes nothing old.
        if let Some((at, all)) = &known
            && now.abs_diff(*at) < age
        {
            return Ok(all.clone());
        }
        let before = known.map(|(_, all)| all).unwrap_or_default();
        let mut all = Vec::new();
        for (name, version) in workflows::list(home)? {
            let version = match version {
                Ok(version) => version,
                Err(error) => {
                    tracing::error!(workflow = name, %error, "its triggers are not looked at");
                    continue;
                }
            };
            if let Some(same) = before.iter().find(|known| known.version == version) {
                all.push(same.clone());
                continue;
            }
            match triggers_of(&version.text) {
                Ok((on, concurrency)) => {
                    if !on.0.is_empty() || concurrency.is_some() {
                        all.push(Arc::new(TriggeredWorkflow { version, on: on.0, concurrency }));
                    }
                }
                Err(faults) => {
                    let why = faults.first().map(|fault| fault.message.clone()).unwrap_or_default();
                    tracing::error!(workflow = name, why, "its triggers cannot be read: push it again");
                }
            }
        }
        let all = Arc::new(all);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, all.clone()));
        Ok(all)
    }

    /// Has the next call read anew.
    pub fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

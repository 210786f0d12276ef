//! The run state machine: what is ready, what a task gets, how a run stands.
//!
//! It does no IO of its own. It reads and writes the run's records through [`Objects`], so that the order of
//! writes, on which safety rests, stands in one place and is tested with a simulated store.
//!
//! A worker's way, with `run = Run::new(&plan, &objects)`:
//!
//! 1. `run.resolve(&task)` says what to do; see [`Resolution`].
//! 2. Execute, write the outputs, then `run.complete(&completion)`, which gives back the winner's completion; or,
//!    when the task has failed for good, `run.fail(&record)`.
//! 3. `run.advance(&task, now)` gives the tasks that are ready now. Send them, then delete the message.
//!
//! Each call may be repeated, and a crash between two of them is mended by repeating all from step 1.
//! `run.begin(now)` gives the first tasks; `run.retry(now)` removes failures and gives the tasks to send again;
//! `run.ready(now)` looks over the whole run; `run.progress()` says how it stands.

mod changes;
mod decide;
mod fan_in;
mod outside;
mod progress;
mod resolve;
mod rounds;
mod run;
mod settled;
mod trials;
mod values;

use std::collections::BTreeMap;

use millstream_core::{
    artifact::{Digest, Parts},
    completion::Completion,
    failure::Failure,
    key::{Shard, task_key},
    task::Task,
};
use millstream_errors::{Code, Coded};
use millstream_language::acts::Act;
use millstream_plan::{Limits, Retry};
use serde_json::{Map, Value};

pub use changes::{Work, changes};
pub use fan_in::{FAN, path_to_root};
pub use outside::{Called, CalledAt, Outside};
pub use progress::{Progress, RunState, StepProgress};
pub use run::Run;
pub use trials::SearchTrial;

/// What the state machine needs of a store. Calls block.
pub trait Objects {
    /// The store's error.
    type Error;

    /// The object, or none.
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Self::Error>;

    /// Writes the object unless there is one already; says whether it wrote.
    fn create(&self, key: &str, bytes: &[u8]) -> Result<bool, Self::Error>;

    /// The keys that start with `prefix`, sorted. Sees every write that has ended before.
    fn list(&self, prefix: &str) -> Result<Vec<String>, Self::Error>;

    /// The first `limit` keys that start with `prefix` and come after `after`, sorted.
    fn list_after(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, Self::Error> {
        let comes = |key: &String| after.is_none_or(|after| key.as_str() > after);
        Ok(self.list(prefix)?.into_iter().filter(comes).take(limit).collect())
    }

    /// Several objects, in the order of `keys`; side by side where that is faster.
    fn get_many(&self, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>, Self::Error> {
        keys.iter().map(|key| self.get(key)).collect()
    }

    /// Removes the object if there is one.
    fn delete(&self, key: &str) -> Result<(), Self::Error>;
}

/// What went wrong between the state machine and the store.
#[derive(Debug, thiserror::Error)]
pub enum Error<E> {
    /// The store failed. The whole call may be repeated.
    #[error(transparent)]
    Store(E),
    /// A record is not what this version of millstream writes.
    #[error("{key} is damaged: {message}")]
    Damaged {
        /// Its key.
        key: String,
        /// What is wrong with it.
        message: String,
    },
    /// The plan has no such step or task: the message belongs to another run.
    #[error("the plan has no task {0}")]
    NoSuchTask(Task),
    /// The base run lacks a result that this run was to take over.
    #[error("run {run} has no result of step `{step}`: run that step too, or start from an earlier one")]
    NotInBase {
        /// The base run.
        run: String,
        /// The step.
        step: String,
    },
}

impl<E: Coded> Coded for Error<E> {
    fn code(&self) -> Code {
        match self {
            Self::Store(error) => error.code(),
            Self::Damaged { .. } => Code::RunRecordDamaged,
            Self::NoSuchTask(_) => Code::NoSuchTask,
            Self::NotInBase { .. } => Code::NotInBase,
        }
    }
}

/// What a worker that received a task should do.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolution {
    /// Execute it.
    Ready(Box<ResolvedTask>),
    /// It is done: go on with the successors.
    Done(Box<Completion>),
    /// It has nothing to do, its own condition being false, or what it needs being skipped: write a completion that says so.
    Skip(String),
    /// It can't run with the values that the steps before it gave: write this failure.
    Invalid(Failure),
    /// Its needs are not settled: the message came too early, or the run was retried since. Drop the message.
    Waiting,
    /// Somebody cancelled the run. Drop the message.
    Cancelled,
}

/// A task with every expression evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct ResolvedTask {
    /// The step.
    pub step: String,
    /// Which of its tasks.
    pub task: u32,
    /// What to run.
    pub callee: Callee,
    /// Parameters, defaults filled in, meeting the manifest's schema.
    pub params: Map<String, Value>,
    /// What goes into each channel, in order.
    pub inputs: BTreeMap<String, Vec<Input>>,
    /// For functions that draw random numbers.
    pub seed: u64,
    /// Its share of the rows.
    pub shard: Option<Shard>,
    /// What it may use.
    pub limits: Limits,
    /// When to try again.
    pub retry: Retry,
    /// Whether an earlier result may be taken.
    pub cache: bool,
}

/// What a task runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Callee {
    /// A component.
    Function {
        /// Its name.
        name: String,
        /// Its version.
        version: String,
        /// Its digest.
        digest: Digest,
    },
    /// An act of the host.
    Act(Act),
}

/// Something that goes into a channel.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// What a step put out.
    Parts(Parts),
    /// A file, folder, glob or URI outside the store. The host has taken it in when the run started (see
    /// [`millstream_plan::Frozen`]).
    Source(String),
}

impl ResolvedTask {
    /// The inputs as parts, with the snapshots that `snapshot` gives for sources.
    pub fn parts<E>(
        &self,
        mut snapshot: impl FnMut(&str) -> Result<Parts, E>,
    ) -> Result<BTreeMap<String, Parts>, E> {
        let mut channels = BTreeMap::new();
        for (channel, inputs) in &self.inputs {
            let mut all = Parts::default();
            for input in inputs {
                let parts = match input {
                    Input::Parts(parts) => parts.clone(),
                    Input::Source(uri) => snapshot(uri)?,
                };
                // The stages of all parts of a channel are the same: `resolve` refuses anything else.
                if all.parts.is_empty() {
                    all.stages = parts.stages;
                }
                all.parts.extend(parts.parts);
            }
            channels.insert(channel.clone(), all);
        }
        Ok(channels)
    }

    /// The task's key, given its inputs as parts.
    pub fn key(&self, inputs: &BTreeMap<String, Parts>) -> Digest {
        let function = match &self.callee {
            Callee::Function { digest, .. } => *digest,
            Callee::Act(act) => Digest::of(format!("host act {}", act.name()).as_bytes()),
        };
        task_key(&function, &self.params, inputs, self.seed, self.shard)
    }
}

//! What a worker tells whoever watches it, as it happens.

use millstream_core::{
    completion::{Completion, FailureRecord},
    task::Message,
};
use millstream_engine::Event;

/// Something happened to a task that this worker has.
#[derive(Clone, Debug)]
pub enum Notice {
    /// An attempt begins.
    Started {
        /// Which, from 1.
        attempt: u32,
    },
    /// The function spoke.
    Said(Event),
    /// The task is done, was done before, or was taken from the cache.
    Completed(Box<Completion>),
    /// It will be tried again.
    Retrying {
        /// What went wrong.
        failure: millstream_core::failure::Failure,
        /// Milliseconds until then.
        wait: u64,
    },
    /// It failed for good.
    Failed(Box<FailureRecord>),
}

/// Takes notices, from any of the worker's threads.
pub trait Watch: Send + Sync {
    /// Must be quick: the task waits.
    fn notice(&self, task: &Message, notice: Notice);
}

/// Looks away.
pub struct Ignore;

impl Watch for Ignore {
    fn notice(&self, _: &Message, _: Notice) {}
}

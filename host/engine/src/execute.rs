//! The one way to have a job done.

use millstream_core::{
    artifact::{Digest, Pipeline},
    failure::Failure,
    manifest::Manifest,
};

use crate::{Cancel, Done, EngineKind, Event, Job};

/// Runs functions. Shared by many threads; each call blocks its own.
pub trait Execute: Send + Sync {
    /// Runs one job to its end.
    ///
    /// `on_event` is called from this thread, in the order in which the function spoke.
    ///
    /// # Errors
    ///
    /// Whatever ended the job early, whoever is at fault.
    fn execute(&self, job: &Job, cancel: &Cancel, on_event: &mut dyn FnMut(Event)) -> Result<Done, Failure>;

    /// What the function says of itself, checked.
    ///
    /// # Errors
    ///
    /// [`Failure::Function`] with everything that is wrong with the component; [`Failure::Host`] if its bytes are not
    /// to be had.
    fn describe(&self, function: &Digest) -> Result<Manifest, Failure>;

    /// Sees to it that the cache has a function's code for engines of that kind. A server has it done by others, so that
    /// foreign code is neither compiled nor asked what it is within the server.
    ///
    /// # Errors
    ///
    /// As [`describe`](Execute::describe); [`Failure::Limit`] if it takes more time or memory than it may.
    fn compile(&self, kind: EngineKind, function: &Digest) -> Result<(), Failure>;

    /// What a fitted pipeline says of itself, as JSON. It may use `memory` bytes.
    ///
    /// # Errors
    ///
    /// It does not load, or takes too long.
    fn describe_model(&self, name: &str, pipeline: &Pipeline, memory: u64) -> Result<String, Failure>;
}

//! The one way to have a job done.

use millstream_workflow::{artifact::Digest, failure::Failure, manifest::Manifest};

use crate::{Cancel, Done, Event, Job};

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
}

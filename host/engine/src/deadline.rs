//! When an answer is due, by the clock on the wall: whether the guest computes, waits or calls the host.

use std::time::{Duration, Instant};

use crate::{host::abort, interrupt::out_of_time};

/// The end of a call, and of all that belongs to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    /// None: too far away to tell.
    at: Option<Instant>,
    limit: Duration,
}

impl Deadline {
    /// `limit` from now.
    pub fn after(limit: Duration) -> Self {
        Self { at: Instant::now().checked_add(limit), limit }
    }

    fn left(&self) -> Duration {
        self.at.map_or(Duration::MAX, |at| at.saturating_duration_since(Instant::now()))
    }

    /// An error once it is overdue.
    pub fn check(&self) -> wasmtime::Result<()> {
        match self.at {
            Some(at) if Instant::now() >= at => Err(self.overdue()),
            _ => Ok(()),
        }
    }

    fn overdue(&self) -> wasmtime::Error {
        abort(out_of_time(self.limit))
    }

    /// What comes of `work`, or an error if it does not come in time. Work that is cut off is not to be gone on with.
    pub async fn hold<T>(&self, work: impl Future<Output = wasmtime::Result<T>>) -> wasmtime::Result<T> {
        match tokio::time::timeout(self.left(), work).await {
            Ok(came) => came,
            Err(_) => Err(self.overdue()),
        }
    }
}

//! Ends a job from within, whenever it calls the host.

use std::time::{Duration, Instant};

use millstream_core::failure::Failure;

use crate::{Cancel, host::abort};

/// Why a job may have to end. Executors need none: their process is ended instead.
#[derive(Clone, Default)]
pub(crate) struct Interrupt {
    cancel: Option<Cancel>,
    deadline: Option<(Instant, Duration)>,
}

impl Interrupt {
    /// Ends the job on cancel and after `wall_time`.
    pub fn new(cancel: &Cancel, wall_time: Duration) -> Self {
        let deadline = Instant::now().checked_add(wall_time).map(|end| (end, wall_time));
        Self { cancel: Some(cancel.clone()), deadline }
    }

    /// An error if the job must end now.
    pub fn check(&self) -> wasmtime::Result<()> {
        if self.cancel.as_ref().is_some_and(Cancel::is_cancelled) {
            return Err(abort(Failure::Cancelled));
        }
        match self.deadline {
            Some((end, wall_time)) if Instant::now() >= end => Err(abort(out_of_time(wall_time))),
            _ => Ok(()),
        }
    }
}

/// The job took longer than `wall_time`.
pub(crate) fn out_of_time(wall_time: Duration) -> Failure {
    Failure::Limit {
        limit: "time".to_owned(),
        message: format!("it ran longer than {wall_time:?}; raise the limit or give it less to do"),
    }
}

//! As many executors as jobs may run at once.

use std::{
    path::Path,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use millstream_workflow::{artifact::Digest, failure::Failure, manifest::Manifest};

use super::{
    ExecutorCommand, Setup,
    process::Executor,
    protocol::{Reply, Request},
    watchdog::Watchdog,
};
use crate::{Cancel, Done, Event, Execute, Job, Report, error};

/// Executor processes, started before they are needed and replaced when they are gone.
pub struct ExecutorPool {
    command: ExecutorCommand,
    setup: Setup,
    size: usize,
    state: Mutex<State>,
    /// An executor came back.
    freed: Condvar,
    watchdog: Watchdog,
}

struct State {
    /// Used last comes last, and is used first: its code is in the caches.
    idle: Vec<Executor>,
    /// Out with somebody.
    busy: usize,
}

/// Time to compile a component and let it describe itself. Python's takes most of a minute on a slow machine.
const DESCRIBE_TIME: Duration = Duration::from_secs(300);

/// How often somebody who waits for an executor looks whether he is cancelled.
const CANCEL_POLL: Duration = Duration::from_millis(20);

impl ExecutorPool {
    /// Starts `size` executors (at least one). It does not wait until they are ready.
    ///
    /// # Errors
    ///
    /// [`Failure::Host`] if the program can't be started. What is wrong with the setup shows at the first job.
    pub fn start(command: ExecutorCommand, setup: Setup, size: usize) -> Result<Self, Failure> {
        let size = size.max(1);
        let watchdog =
            Watchdog::new().map_err(|error| error::host(format!("can't start the watchdog: {error}")))?;
        let idle = (0..size).map(|_| Executor::spawn(&command, &setup)).collect::<Result<_, _>>()?;
        let state = Mutex::new(State { idle, busy: 0 });
        Ok(Self { command, setup, size, state, freed: Condvar::new(), watchdog })
    }

    /// How many jobs run at once; others wait.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Checks a component's file: see [`Engine::check`](crate::Engine::check).
    ///
    /// # Errors
    ///
    /// If the file can't be read, or if the component's `describe` does not come to an end.
    pub fn check(&self, file: &Path) -> Result<Report, Failure> {
        match self.ask(&Request::Check(file.to_owned()), DESCRIBE_TIME, &Cancel::new(), &mut |_| ())? {
            Reply::Check(report) => *report,
            _ => Err(wrong_reply()),
        }
    }

    /// Process numbers of the executors that wait for a job.
    pub fn idle_ids(&self) -> Vec<u32> {
        self.state().idle.iter().map(Executor::id).collect()
    }

    fn ask(
        &self,
        request: &Request,
        wall_time: Duration,
        cancel: &Cancel,
        on_event: &mut dyn FnMut(Event),
    ) -> Result<Reply, Failure> {
        let mut loan = self.borrow(cancel)?;
        loan.executor()?.ask(request, wall_time, &self.watchdog, cancel, on_event)
    }

    fn borrow(&self, cancel: &Cancel) -> Result<Loan<'_>, Failure> {
        let mut state = self.state();
        loop {
            if cancel.is_cancelled() {
                return Err(Failure::Cancelled);
            }
            let executor = state.idle.pop();
            if executor.is_some() || state.busy < self.size {
                state.busy += 1;
                return Ok(Loan { pool: self, executor });
            }
            state = self.freed.wait_timeout(state, CANCEL_POLL).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An executor that is out, or the right to start one.
struct Loan<'a> {
    pool: &'a ExecutorPool,
    executor: Option<Executor>,
}

impl Loan<'_> {
    fn executor(&mut self) -> Result<&mut Executor, Failure> {
        let executor = match self.executor.take() {
            Some(executor) => executor,
            None => Executor::spawn(&self.pool.command, &self.pool.setup)?,
        };
        Ok(self.executor.insert(executor))
    }
}

impl Drop for Loan<'_> {
    /// Gives the executor back, or another in its place. If that can't be started now, the next borrower tries again.
    fn drop(&mut self) {
        let whole = self.executor.take().filter(Executor::is_whole);
        let executor = whole.or_else(|| Executor::spawn(&self.pool.command, &self.pool.setup).ok());
        let mut state = self.pool.state();
        state.busy -= 1;
        state.idle.extend(executor);
        drop(state);
        self.pool.freed.notify_one();
    }
}

impl Execute for ExecutorPool {
    fn execute(&self, job: &Job, cancel: &Cancel, on_event: &mut dyn FnMut(Event)) -> Result<Done, Failure> {
        let request = Request::Job(Box::new(job.clone()));
        match self.ask(&request, job.limits.wall_time, cancel, on_event)? {
            Reply::Job(outcome) => outcome,
            _ => Err(wrong_reply()),
        }
    }

    fn describe(&self, function: &Digest) -> Result<Manifest, Failure> {
        match self.ask(&Request::Describe(*function), DESCRIBE_TIME, &Cancel::new(), &mut |_| ())? {
            Reply::Describe(manifest) => *manifest,
            _ => Err(wrong_reply()),
        }
    }
}

fn wrong_reply() -> Failure {
    error::host("the executor answered another question; this is a bug in Millstream")
}

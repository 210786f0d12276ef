//! As many executors as jobs may run at once.

use std::{
    fs::File,
    io,
    path::Path,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use millstream_core::{
    artifact::{Digest, Pipeline},
    failure::Failure,
    manifest::Manifest,
};

use super::{
    Confinement, ExecutorCommand, Setup,
    child::private_folder,
    process::Executor,
    protocol::{Reply, Request},
    watchdog::Watchdog,
};
use crate::{Cancel, Done, EngineKind, Event, Execute, Job, Report, error};

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
    /// Out with somebody who could not wait for one of those.
    extra: usize,
    /// What holds the executors back; none before the first answer of one.
    confinement: Option<Confinement>,
}

/// Time for a model to load and to describe itself.
const MODEL_TIME: Duration = Duration::from_secs(30);

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
        let state = Mutex::new(State { idle, busy: 0, extra: 0, confinement: None });
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
    /// If the file can't be read, or if compiling it, or its `describe`, takes more time or memory than it may.
    pub fn check(&self, file: &Path) -> Result<Report, Failure> {
        // Executors read no files but those of the store and the cache.
        let cant = |error: io::Error| error::host(format!("can't use the function cache: {error}"));
        private_folder(&self.setup.cache).map_err(cant)?;
        let mut copy =
            tempfile::Builder::new().suffix(".wasm").tempfile_in(&self.setup.cache).map_err(cant)?;
        File::open(file).and_then(|mut file| io::copy(&mut file, &mut copy)).map_err(|error| {
            Failure::InvalidInput {
                message: format!("can't read {}: {error}", file.display()),
                channel: None,
                part: None,
                row: None,
                column: None,
            }
        })?;
        let request = Request::Check(copy.path().to_owned());
        match self.ask(&request, self.setup.preparing.time, &Cancel::new(), &mut |_| ())? {
            Reply::Check(report) => *report,
            _ => Err(wrong_reply()),
        }
    }

    /// What holds executors back, besides WebAssembly; none before the first answer of one.
    pub fn confinement(&self) -> Option<Confinement> {
        self.state().confinement
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
        let loan = self.borrow(cancel)?;
        self.ask_with(loan, request, wall_time, cancel, on_event)
    }

    /// The same without waiting until a job has ended: somebody waits who is no job.
    fn ask_soon(&self, request: &Request, wall_time: Duration) -> Result<Reply, Failure> {
        self.ask_with(self.borrow_soon(), request, wall_time, &Cancel::new(), &mut |_| ())
    }

    fn ask_with(
        &self,
        mut loan: Loan<'_>,
        request: &Request,
        wall_time: Duration,
        cancel: &Cancel,
        on_event: &mut dyn FnMut(Event),
    ) -> Result<Reply, Failure> {
        let executor = loan.executor()?;
        let answer = executor.ask(request, wall_time, &self.watchdog, cancel, on_event);
        if let Some(confinement) = executor.confinement() {
            self.state().confinement = Some(confinement);
        }
        answer
    }

    /// An executor that is idle, or one more.
    fn borrow_soon(&self) -> Loan<'_> {
        let mut state = self.state();
        while state.idle.is_empty() && state.extra >= self.size {
            state = self.freed.wait_timeout(state, CANCEL_POLL).unwrap_or_else(PoisonError::into_inner).0;
        }
        let executor = state.idle.pop();
        let extra = executor.is_none();
        *(if extra { &mut state.extra } else { &mut state.busy }) += 1;
        Loan { pool: self, executor, extra }
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
                return Ok(Loan { pool: self, executor, extra: false });
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
    /// It is not one of the pool's own.
    extra: bool,
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
        if self.extra {
            drop(self.executor.take());
            self.pool.state().extra -= 1;
            self.pool.freed.notify_one();
            return;
        }
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
        let time = self.setup.preparing.time;
        match self.ask(&Request::Describe(*function), time, &Cancel::new(), &mut |_| ())? {
            Reply::Describe(manifest) => *manifest,
            _ => Err(wrong_reply()),
        }
    }

    fn compile(&self, kind: EngineKind, function: &Digest) -> Result<(), Failure> {
        match self.ask_soon(&Request::Compile(kind, *function), self.setup.preparing.time)? {
            Reply::Compiled(outcome) => outcome,
            _ => Err(wrong_reply()),
        }
    }

    fn describe_model(&self, name: &str, pipeline: &Pipeline, memory: u64) -> Result<String, Failure> {
        let request = Request::DescribeModel { name: name.to_owned(), pipeline: pipeline.clone(), memory };
        match self.ask_soon(&request, MODEL_TIME)? {
            Reply::Model(description) => description,
            _ => Err(wrong_reply()),
        }
    }
}

fn wrong_reply() -> Failure {
    error::host("the executor answered another question; this is a bug in Millstream")
}

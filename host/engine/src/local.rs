//! Runs jobs in this process.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use millstream_core::{
    artifact::{Digest, Pipeline},
    failure::Failure,
    manifest::Manifest,
};
use millstream_store::Artifacts;

use crate::{
    Cancel, Done, Engine, EngineKind, Event, Execute, Job, Package, Predictor,
    engine::THREAD_STACK,
    error,
    host::report::Reporter,
    interrupt::{Interrupt, out_of_time},
    run,
};

/// Runs jobs in this process: for tests, and where the process is thrown away with the job, as in Lambda.
///
/// A job ends on cancel or at its time limit only when it calls the host (reads, writes, logs). One that never does is given up
/// a second later: it goes on until the process ends, which had better be soon ([`Local::given_up`]).
/// [`ExecutorPool`](crate::ExecutorPool) ends it.
pub struct Local {
    engine: Engine,
    given_up: AtomicUsize,
}

/// How long a job has to call the host, once it is to end.
const LET_GO: Duration = Duration::from_secs(1);

/// How often it is looked whether a silent job is to end.
const LOOK: Duration = Duration::from_millis(50);

/// What comes from the job's thread.
enum Heard {
    Said(Event),
    Ended(Result<Done, Failure>),
}

impl Local {
    /// Runs functions of `artifacts`; their inputs and outputs are there too. Compiled code is kept under `cache`.
    ///
    /// # Errors
    ///
    /// [`Failure::Host`], as [`Engine::new`].
    pub fn new(artifacts: Artifacts, cache: &Path) -> Result<Self, Failure> {
        Ok(Self::of(Engine::new(EngineKind::Job, artifacts, cache)?))
    }

    /// Runs the functions of `package` alone.
    ///
    /// # Errors
    ///
    /// [`Failure::Host`], as [`Engine::packaged`].
    pub fn packaged(artifacts: Artifacts, package: &Package) -> Result<Self, Failure> {
        Ok(Self::of(Engine::packaged(EngineKind::Job, artifacts, package)?))
    }

    fn of(engine: Engine) -> Self {
        Self { engine, given_up: AtomicUsize::new(0) }
    }

    /// The engine underneath.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// How many jobs were given up and may still be using a processor.
    pub fn given_up(&self) -> usize {
        self.given_up.load(Ordering::SeqCst)
    }
}

impl Execute for Local {
    fn execute(&self, job: &Job, cancel: &Cancel, on_event: &mut dyn FnMut(Event)) -> Result<Done, Failure> {
        if cancel.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        let received = Instant::now();
        let limit = job.limits.wall_time;
        let (job, engine) = (Arc::new(job.clone()), self.engine.clone());
        let interrupt = Interrupt::new(cancel, limit);
        let (telling, heard) = mpsc::sync_channel(64);
        // A thread of its own, as guests need more stack than callers may have.
        let runner = thread::Builder::new().name("job".to_owned()).stack_size(THREAD_STACK);
        let running = runner.spawn(move || {
            let events = telling.clone();
            let reporter = Reporter::new(&job.limits, move |event| {
                // Nobody listens any more if the job was given up, or if the listener panicked.
                let _ = events.send(Heard::Said(event));
            });
            let ended = run::run(&engine, &job, interrupt, &reporter, received);
            let _ = telling.send(Heard::Ended(ended));
        });
        running.map_err(|error| error::host(format!("can't start a thread for the job: {error}")))?;
        let mut since = None;
        loop {
            match heard.recv_timeout(LOOK) {
                Ok(Heard::Said(event)) => on_event(event),
                Ok(Heard::Ended(ended)) => return ended,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(error::host("the engine panicked; this is a bug in Millstream"));
                }
            }
            let over = match (cancel.is_cancelled(), received.elapsed() >= limit) {
                (true, _) => Failure::Cancelled,
                (false, true) => out_of_time(limit),
                (false, false) => continue,
            };
            if since.get_or_insert_with(Instant::now).elapsed() >= LET_GO {
                self.given_up.fetch_add(1, Ordering::SeqCst);
                return Err(over);
            }
        }
    }

    fn describe(&self, function: &Digest) -> Result<Manifest, Failure> {
        Ok(self.engine.load(function)?.manifest().clone())
    }

    fn compile(&self, kind: EngineKind, function: &Digest) -> Result<(), Failure> {
        self.engine.sibling(kind)?.load(function).map(drop)
    }

    fn describe_model(&self, name: &str, pipeline: &Pipeline, memory: u64) -> Result<String, Failure> {
        Ok(Predictor::load(&self.engine, name, pipeline, memory)?.describe().to_owned())
    }
}

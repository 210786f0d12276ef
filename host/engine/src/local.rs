//! Runs jobs in this process.

use std::{
    path::Path,
    sync::{Arc, mpsc},
    thread,
    time::Instant,
};

use millstream_core::{
    artifact::{Digest, Pipeline},
    failure::Failure,
    manifest::Manifest,
};
use millstream_store::Artifacts;

use crate::{
    Cancel, Done, Engine, EngineKind, Event, Execute, Job, Predictor, engine::THREAD_STACK, error,
    host::report::Reporter, interrupt::Interrupt, run,
};

/// Runs jobs in this process: for tests, and where the process is thrown away with the job, as in Lambda.
///
/// A job ends on cancel or at its time limit only when it calls the host (reads, writes, logs). One that never does
/// goes on until the process ends; [`ExecutorPool`](crate::ExecutorPool) has no such gap.
pub struct Local {
    engine: Engine,
}

impl Local {
    /// Runs functions of `artifacts`; their inputs and outputs are there too. Compiled code is kept under `cache`.
    ///
    /// # Errors
    ///
    /// [`Failure::Host`], as [`Engine::new`].
    pub fn new(artifacts: Artifacts, cache: &Path) -> Result<Self, Failure> {
        Ok(Self { engine: Engine::new(EngineKind::Job, artifacts, cache)? })
    }

    /// The engine underneath.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
}

impl Execute for Local {
    fn execute(&self, job: &Job, cancel: &Cancel, on_event: &mut dyn FnMut(Event)) -> Result<Done, Failure> {
        if cancel.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        let received = Instant::now();
        let job = Arc::new(job.clone());
        let interrupt = Interrupt::new(cancel, job.limits.wall_time);
        let (events, heard) = mpsc::sync_channel(64);
        // A thread of its own, as guests need more stack than callers may have.
        let runner = thread::Builder::new().name("job".to_owned()).stack_size(THREAD_STACK);
        thread::scope(|scope| {
            let runner = runner.spawn_scoped(scope, || {
                let reporter = Reporter::new(&job.limits, move |event| {
                    // Nobody listens any more only if the listener panicked.
                    let _ = events.send(event);
                });
                run::run(&self.engine, &job, interrupt, &reporter, received)
            });
            let runner =
                runner.map_err(|error| error::host(format!("can't start a thread for the job: {error}")))?;
            for event in heard {
                on_event(event);
            }
            runner
                .join()
                .unwrap_or_else(|_| Err(error::host("the engine panicked; this is a bug in Millstream")))
        })
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

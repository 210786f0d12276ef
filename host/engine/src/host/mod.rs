//! The host's side of the contract: one file an interface.

pub(crate) mod bounded;
pub(crate) mod collective;
pub(crate) mod inputs;
pub(crate) mod models;
pub(crate) mod outputs;
pub(crate) mod report;
pub(crate) mod time;
pub(crate) mod wasi;

use std::sync::Arc;

use millstream_core::failure::Failure;
use millstream_store::Artifacts;
use report::Reporter;
use wasmtime::component::{HasSelf, Linker, Resource, ResourceTable};

use crate::{
    Job,
    contract::{World, types},
    deadline::Deadline,
    engine::Engine,
    function::Function,
    interrupt::Interrupt,
    memory::Budget,
};

/// What an instance's imports act on; the data of its store.
pub(crate) struct State {
    pub memory: Budget,
    pub reporter: Reporter,
    table: ResourceTable,
    /// Only for components that import it.
    wasi: Option<wasi::Ambient>,
    /// Only while a job runs: a function that describes itself or predicts has no inputs and outputs.
    job: Option<JobState>,
    /// When a predictor's answer is due.
    due: Option<Deadline>,
    /// What a predictor has said of the rows that it is answering.
    unseen: Vec<types::Unseen>,
}

/// What a running job can reach.
pub(crate) struct JobState {
    engine: Engine,
    function: Arc<Function>,
    job: Arc<Job>,
    interrupt: Interrupt,
    pub outputs: outputs::Outputs,
}

/// Handles that a component may hold at once: readers, writers, predictors, WASI's streams.
const MAX_HANDLES: usize = 1024;

impl State {
    /// For an instance that describes itself or predicts.
    pub fn new(function_uses_wasi: bool, seed: u64, memory: Budget, reporter: Reporter) -> Self {
        let wasi = function_uses_wasi.then(|| wasi::Ambient::new(seed, &reporter));
        let table = ResourceTable::with_capacity(0);
        Self { memory, reporter, table, wasi, job: None, due: None, unseen: Vec::new() }.with_room()
    }

    fn with_room(mut self) -> Self {
        self.table.set_max_capacity(MAX_HANDLES);
        self
    }

    /// For an instance that runs `job`.
    pub fn for_job(
        engine: &Engine,
        function: &Arc<Function>,
        job: &Arc<Job>,
        interrupt: Interrupt,
        memory: Budget,
        reporter: Reporter,
    ) -> Self {
        let mut state = Self::new(function.uses_wasi(), job.seed, memory, reporter);
        state.job = Some(JobState {
            engine: engine.clone(),
            function: Arc::clone(function),
            job: Arc::clone(job),
            interrupt,
            outputs: outputs::Outputs::new(job.limits.output),
        });
        state
    }

    /// When the next answer is due.
    pub fn set_due(&mut self, due: Deadline) {
        self.due = Some(due);
    }

    /// Whether the guest may go on computing: an error once its answer is overdue.
    pub fn check_due(&self) -> wasmtime::Result<()> {
        self.due.map_or(Ok(()), |due| due.check())
    }

    /// Whether the component imports WASI.
    pub fn uses_wasi(&self) -> bool {
        self.wasi.is_some()
    }

    /// What a predictor has said of its rows since this was asked last.
    pub fn take_unseen(&mut self) -> Vec<types::Unseen> {
        std::mem::take(&mut self.unseen)
    }

    /// What the job has put out, once it is over.
    pub fn into_outputs(self) -> Option<outputs::Outputs> {
        self.job.map(|job| job.outputs)
    }

    /// Gives the guest a handle.
    fn hold<T: Send + 'static>(&mut self, thing: T) -> wasmtime::Result<Resource<T>> {
        self.table.push(thing).map_err(|_| {
            breach(format!("it holds {MAX_HANDLES} readers, writers and predictors at once; drop those that are done with"))
        })
    }

    /// Ends the job if somebody wants that.
    fn interrupt(&self) -> wasmtime::Result<()> {
        self.job.as_ref().map_or(Ok(()), |job| job.interrupt.check())
    }

    /// The running job, or the end of an instance that acts as if it were one.
    fn job(&mut self) -> wasmtime::Result<&mut JobState> {
        self.job.as_mut().ok_or_else(no_job)
    }

    /// The clock of a component that imports WASI.
    fn clock(&mut self) -> time::Clock {
        self.ambient().clock()
    }

    /// Always there when WASI is imported; a component that does not import it can't ask for it.
    fn ambient(&mut self) -> &mut wasi::Ambient {
        let reporter = &self.reporter;
        self.wasi.get_or_insert_with(|| wasi::Ambient::new(0, reporter))
    }
}

/// The end of an instance that acts as if it ran a job.
pub(crate) fn no_job() -> wasmtime::Error {
    breach(
        "inputs, outputs, models and collective are there for `job.run` alone, not for `describe` or a predictor",
    )
}

impl JobState {
    fn artifacts(&self) -> &Artifacts {
        self.engine.artifacts()
    }
}

/// Links everything that a function may import.
pub(crate) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    World::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    wasmtime_wasi::p2::add_to_linker_sync(linker)?;
    link_ours(linker)
}

/// The same for servers, where WASI waits without holding a thread, and a predictor has no job.
pub(crate) fn link_served(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    World::add_to_linker::<State, HasSelf<State>>(linker, |state| state)?;
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    link_ours(linker)?;
    linker.allow_shadowing(true);
    bounded::link_refusals(linker)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// What is done by hand, in place of what was generated for it.
fn link_ours(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    time::link(linker)?;
    bounded::link_report(linker)?;
    linker.allow_shadowing(false);
    Ok(())
}

impl types::Host for State {}

/// An import's way to end the job: travels through the guest as a trap.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Abort(pub Failure);

/// Ends the job for that reason.
pub(crate) fn abort(failure: Failure) -> wasmtime::Error {
    wasmtime::Error::new(Abort(failure))
}

/// Ends the job as the function broke the contract.
pub(crate) fn breach(message: impl Into<String>) -> wasmtime::Error {
    abort(Failure::Function { message: message.into(), backtrace: None })
}

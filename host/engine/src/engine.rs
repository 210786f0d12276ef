//! wasmtime as Millstream uses it.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    thread,
    time::{Duration, Instant},
};

use millstream_core::{artifact::Digest, failure::Failure};
use millstream_store::{Artifacts, ErrorKind};
use serde::{Deserialize, Serialize};
use wasmtime::{
    Config, InstanceAllocationStrategy,
    component::{Component, Linker},
};

use crate::{
    Execute,
    cache::Cache,
    error,
    executor::{Frugal, Preparing},
    function::{self, Function},
    host::{self, State},
};
#[cfg(target_os = "linux")]
use crate::{large_pages::LargePages, snapshot::Snapshots};

/// What an engine's functions do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EngineKind {
    /// Jobs: no interruption checks, as they cost a third of the speed or more; who wants to end one ends its process.
    Job,
    /// Predictors in a server: interrupted by epochs.
    Serve,
}

/// Functions, compiled and linked. Clones share everything.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    kind: EngineKind,
    wasmtime: wasmtime::Engine,
    linker: Linker<State>,
    /// For describing a function: that is one call, wherever it comes from.
    describing: Linker<State>,
    artifacts: Artifacts,
    cache: Cache,
    #[cfg(target_os = "linux")]
    snapshots: Snapshots,
    /// Used last comes last.
    loaded: Mutex<Vec<Arc<Function>>>,
    root: PathBuf,
    /// Who compiles for this engine; none: it does so itself.
    compiler: OnceLock<Arc<dyn Execute>>,
    /// What compiling may take of this process.
    frugality: OnceLock<Preparing>,
    /// Functions that took too much to compile, and when that was.
    given_up: Mutex<HashMap<Digest, (Instant, Failure)>>,
}

/// How long nobody tries again to compile what took too much.
const GIVEN_UP: Duration = Duration::from_secs(300);

/// Functions that stay mapped and linked.
const MAX_LOADED: usize = 64;

/// Largest component that is taken. A Python interpreter with its library is about 40 MB.
pub(crate) const MAX_COMPONENT: u64 = 512 << 20;

/// Native stack for guest code. Guests keep most of theirs in linear memory; interpreters recurse on this one.
pub(crate) const GUEST_STACK: usize = 4 << 20;

/// Stack of a thread that runs guests: a job's, that of a model stage that it calls, and the host's own.
pub(crate) const THREAD_STACK: usize = 2 * GUEST_STACK + (4 << 20);

impl Engine {
    /// An engine that reads components from `artifacts` and keeps their code under `cache`.
    ///
    /// # Errors
    ///
    /// [`Failure::Host`] if the machine is not supported, or if `cache` can't be made or is not ours alone.
    pub fn new(kind: EngineKind, artifacts: Artifacts, cache: &Path) -> Result<Self, Failure> {
        let wasmtime = wasmtime::Engine::new(&config(kind))
            .map_err(|error| error::host(format!("wasmtime can't run on this machine: {error:#}")))?;
        let cant = |error| error::host(format!("can't link the function contract: {error:#}"));
        let mut describing = Linker::new(&wasmtime);
        host::link(&mut describing).map_err(cant)?;
        let mut linker = describing.clone();
        if kind == EngineKind::Serve {
            linker = Linker::new(&wasmtime);
            host::link_served(&mut linker).map_err(cant)?;
            tick(&wasmtime)?;
        }
        let root = cache.to_owned();
        let cache = Cache::open(cache, &wasmtime)
            .map_err(|error| error::host(format!("can't use the function cache: {error}")))?;
        Ok(Self(Arc::new(Inner {
            kind,
            wasmtime,
            linker,
            describing,
            artifacts,
            #[cfg(target_os = "linux")]
            snapshots: Snapshots::new(cache.folder(), Arc::clone(cache.key())),
            cache,
            loaded: Mutex::default(),
            root,
            compiler: OnceLock::new(),
            frugality: OnceLock::new(),
            given_up: Mutex::default(),
        })))
    }

    /// From now on `compiler` compiles what is not in the cache, and describes it, outside of this process. Only the first one
    /// counts.
    pub fn compile_by(&self, compiler: Arc<dyn Execute>) {
        let _ = self.0.compiler.set(compiler);
    }

    /// From now on this process ends when compiling takes more memory than that.
    pub(crate) fn compile_within(&self, limits: Preparing) {
        let _ = self.0.frugality.set(limits);
    }

    /// An engine of that kind on the same store and cache.
    pub(crate) fn sibling(&self, kind: EngineKind) -> Result<Self, Failure> {
        let sibling = Self::new(kind, self.0.artifacts.clone(), &self.0.root)?;
        if let Some(limits) = self.0.frugality.get() {
            sibling.compile_within(*limits);
        }
        Ok(sibling)
    }

    /// The function, from memory, from the cache of compiled components, or compiled now.
    ///
    /// # Errors
    ///
    /// [`Failure::Function`] if it is no function or its manifest is faulty; [`Failure::Host`] if its bytes or the
    /// cache are out of reach.
    pub fn load(&self, component: &Digest) -> Result<Arc<Function>, Failure> {
        if let Some(function) = self.loaded(component) {
            return Ok(function);
        }
        if let Some(function) = self.cached(component)? {
            return Ok(self.keep(function));
        }
        if let Some(compiler) = self.0.compiler.get() {
            self.compile_elsewhere(compiler.as_ref(), component)?;
            let compiled = self.cached(component)?;
            return compiled.map(|function| self.keep(function)).ok_or_else(|| {
                error::host(format!(
                    "function {} was compiled, but the cache does not have it",
                    component.short()
                ))
            });
        }
        let cant = |error| error::host(format!("can't use the function cache: {error}"));
        let _turn = self.0.cache.turn(component).map_err(cant)?;
        if let Some(function) = self.cached(component)? {
            return Ok(self.keep(function));
        }
        let bytes =
            self.0.artifacts.read_verified(component, MAX_COMPONENT).map_err(|error| match error.kind() {
                ErrorKind::NotFound => error::host(format!(
                    "the store has no function {}; add it with `millstream functions add FILE`",
                    component.short()
                )),
                ErrorKind::Corrupt => error::host(format!(
                    "function {} is damaged in the store: add it again with `millstream functions add FILE`; one that comes with \
                     millstream is put back by the next `millstream run` of a workflow that uses it ({error})",
                    component.short()
                )),
                _ => error::host(format!("can't read function {}: {error}", component.short())),
            })?;
        let _guard = self.frugal();
        let compiling = tracing::info_span!("compile");
        let compiled = compiling.in_scope(|| function::compile(&self.0.wasmtime, &bytes));
        let compiled = compiled.map_err(error::function)?;
        let function = Function::from_component(self, *component, compiled)?;
        self.0.cache.store(component, function.component(), function.manifest()).map_err(cant)?;
        Ok(self.keep(function))
    }

    /// Ends this process if more memory is taken than compiling may, until it is dropped.
    pub(crate) fn frugal(&self) -> Option<Frugal> {
        self.0.frugality.get().map(|limits| Frugal::new(limits.memory))
    }

    fn compile_elsewhere(&self, compiler: &dyn Execute, component: &Digest) -> Result<(), Failure> {
        let given_up = || self.0.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, failure)) = given_up().get(component)
            && since.elapsed() < GIVEN_UP
        {
            return Err(failure.clone());
        }
        let compiling = tracing::info_span!("compile");
        let compiled = compiling.in_scope(|| compiler.compile(self.0.kind, component));
        if let Err(failure @ Failure::Limit { .. }) = &compiled {
            given_up().insert(*component, (Instant::now(), failure.clone()));
        }
        compiled
    }

    fn cached(&self, component: &Digest) -> Result<Option<Function>, Failure> {
        match self.0.cache.load(&self.0.wasmtime, component) {
            Some((record, compiled)) => {
                Function::known(self, *component, compiled, record.manifest).map(Some)
            }
            None => Ok(None),
        }
    }

    fn loaded(&self, component: &Digest) -> Option<Arc<Function>> {
        let mut loaded = self.0.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let at = loaded.iter().rposition(|function| function.digest() == *component)?;
        let function = loaded.remove(at);
        loaded.push(Arc::clone(&function));
        Some(function)
    }

    fn keep(&self, function: Function) -> Arc<Function> {
        let function = Arc::new(function);
        let mut loaded = self.0.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.retain(|other| other.digest() != function.digest());
        if loaded.len() >= MAX_LOADED {
            loaded.remove(0);
        }
        loaded.push(Arc::clone(&function));
        function
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn snapshots(&self) -> &Snapshots {
        &self.0.snapshots
    }

    pub(crate) fn artifacts(&self) -> &Artifacts {
        &self.0.artifacts
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.0.wasmtime
    }

    /// Whether guests look for interruptions.
    pub(crate) fn interrupts(&self) -> bool {
        self.0.kind == EngineKind::Serve
    }

    pub(crate) fn link(
        &self,
        component: &Component,
    ) -> wasmtime::Result<wasmtime::component::InstancePre<State>> {
        self.0.linker.instantiate_pre(component)
    }

    pub(crate) fn link_describing(
        &self,
        component: &Component,
    ) -> wasmtime::Result<wasmtime::component::InstancePre<State>> {
        self.0.describing.instantiate_pre(component)
    }
}

/// Time between two ticks: how long a guest computes before it lets another request have its thread.
pub(crate) const TICK: Duration = Duration::from_millis(5);

/// Ticks for as long as the engine lives.
fn tick(engine: &wasmtime::Engine) -> Result<(), Failure> {
    let weak = engine.weak();
    let ticking = move || {
        while let Some(engine) = weak.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(TICK);
        }
    };
    let started = thread::Builder::new().name("epochs".to_owned()).spawn(ticking);
    started.map(drop).map_err(|error| error::host(format!("can't start a thread: {error}")))
}

/// The same bytes on every machine: the features are fixed here, whatever wasmtime's defaults become.
pub(crate) fn config(kind: EngineKind) -> Config {
    let mut config = Config::new();
    config
        .wasm_simd(true)
        .wasm_relaxed_simd(false)
        .wasm_bulk_memory(true)
        .wasm_multi_value(true)
        .wasm_multi_memory(true)
        .wasm_tail_call(true)
        .wasm_extended_const(true)
        .wasm_memory64(false)
        .max_wasm_stack(GUEST_STACK)
        .async_stack_size(THREAD_STACK)
        .memory_init_cow(true)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(64))
        // Tables for debuggers, a twentieth of the code that every process reads once; our own traces go by frame pointers.
        .native_unwind_info(cfg!(windows));
    // Measured with a function that does nothing: 12 us from the request to its first instruction, instance included. A
    // pool would save 10 of the 60 us that the pipes and the processes take, and would reserve slots of 4 GiB and refuse
    // components with more memories or tables than a slot has.
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    // Memory of our own cannot be mapped from the component's file: its first bytes are copied.
    #[cfg(target_os = "linux")]
    config.memory_init_cow(false).with_host_memory(Arc::new(LargePages));
    config.epoch_interruption(kind == EngineKind::Serve);
    config
}

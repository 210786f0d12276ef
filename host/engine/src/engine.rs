//! wasmtime as Millstream uses it.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use millstream_core::{artifact::Digest, failure::Failure};
use millstream_store::Artifacts;
use serde::{Deserialize, Serialize};
use wasmtime::{
    Config, InstanceAllocationStrategy,
    component::{Component, Linker},
};

use crate::{
    Execute, error,
    function::Function,
    host::{self, State},
    package::Package,
};
#[cfg(feature = "compile")]
use crate::{compiled::Compiled, executor::Preparing};
#[cfg(target_os = "linux")]
use crate::{large_pages::LargePages, snapshot::Snapshots};

/// What an engine's functions do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
    code: Code,
    /// Used last comes last.
    loaded: Mutex<Vec<Arc<Function>>>,
}

/// Where the functions' code comes from.
enum Code {
    /// It is compiled here, and kept.
    #[cfg(feature = "compile")]
    Compiled(Box<Compiled>),
    /// Somebody else has compiled it.
    Packaged(Package),
}

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
    /// [`Failure::Host`] if the machine is not supported, or if `cache` can't be made or is not ours alone; if this program was
    /// built without the feature `compile`.
    pub fn new(kind: EngineKind, artifacts: Artifacts, cache: &Path) -> Result<Self, Failure> {
        #[cfg(feature = "compile")]
        return Self::of(kind, artifacts, |wasmtime| {
            Ok(Code::Compiled(Box::new(Compiled::new(cache, wasmtime)?)))
        });
        #[cfg(not(feature = "compile"))]
        {
            let _ = (kind, artifacts, cache);
            Err(error::host("this program has no compiler: it runs the functions of its package alone"))
        }
    }

    /// An engine whose functions are those of `package` alone. Nothing is compiled, and nothing is kept on disk.
    ///
    /// # Errors
    ///
    /// [`Failure::Host`] if the machine is not supported.
    pub fn packaged(kind: EngineKind, artifacts: Artifacts, package: &Package) -> Result<Self, Failure> {
        Self::of(kind, artifacts, |_| Ok(Code::Packaged(package.clone())))
    }

    fn of(
        kind: EngineKind,
        artifacts: Artifacts,
        code: impl FnOnce(&wasmtime::Engine) -> Result<Code, Failure>,
    ) -> Result<Self, Failure> {
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
        let code = code(&wasmtime)?;
        Ok(Self(Arc::new(Inner {
            kind,
            wasmtime,
            linker,
            describing,
            artifacts,
            code,
            loaded: Mutex::default(),
        })))
    }

    /// From now on `compiler` compiles what is not in the cache, and describes it, outside of this process. Only the first one
    /// counts. What comes from a package needs nobody.
    pub fn compile_by(&self, compiler: Arc<dyn Execute>) {
        match &self.0.code {
            #[cfg(feature = "compile")]
            Code::Compiled(compiled) => compiled.compile_by(compiler),
            Code::Packaged(_) => drop(compiler),
        }
    }

    /// From now on this process ends when compiling takes more memory than that.
    #[cfg(feature = "compile")]
    pub(crate) fn compile_within(&self, limits: Preparing) {
        if let Code::Compiled(compiled) = &self.0.code {
            compiled.compile_within(limits);
        }
    }

    /// An engine of that kind on the same store, with code from the same place.
    pub(crate) fn sibling(&self, kind: EngineKind) -> Result<Self, Failure> {
        let artifacts = self.0.artifacts.clone();
        match &self.0.code {
            #[cfg(feature = "compile")]
            Code::Compiled(compiled) => {
                let sibling = Self::new(kind, artifacts, compiled.root())?;
                if let Some(limits) = compiled.limits() {
                    sibling.compile_within(limits);
                }
                Ok(sibling)
            }
            Code::Packaged(package) => Self::packaged(kind, artifacts, package),
        }
    }

    /// The function, from memory; or from the package, the cache of compiled components, or compiled now.
    ///
    /// # Errors
    ///
    /// [`Failure::Function`] if it is no function or its manifest is faulty; [`Failure::Host`] if its bytes or the
    /// cache are out of reach, or if the package does not have it.
    pub fn load(&self, component: &Digest) -> Result<Arc<Function>, Failure> {
        if let Some(function) = self.loaded(component) {
            return Ok(function);
        }
        let function = match &self.0.code {
            #[cfg(feature = "compile")]
            Code::Compiled(compiled) => compiled.load(self, component)?,
            Code::Packaged(package) => package.load(self, component)?,
        };
        Ok(self.keep(function))
    }

    /// What its functions do.
    pub(crate) fn kind(&self) -> EngineKind {
        self.0.kind
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

    /// Copies of predictors' memory, where there is a place for them.
    #[cfg(target_os = "linux")]
    pub(crate) fn snapshots(&self) -> Option<&Snapshots> {
        match &self.0.code {
            #[cfg(feature = "compile")]
            Code::Compiled(compiled) => Some(compiled.snapshots()),
            Code::Packaged(_) => None,
        }
    }

    /// Lets go of the copy of a stage's memory, which turned out to be of no use.
    #[cfg(target_os = "linux")]
    pub(crate) fn forget_snapshot(&self, stage: &millstream_core::artifact::Stage) {
        if let Some(copies) = self.snapshots() {
            copies.forget(&stage.function, &stage.state);
        }
    }

    /// Ends this process if more memory is taken than compiling may, until it is dropped.
    #[cfg(feature = "compile")]
    pub(crate) fn frugal(&self) -> Option<crate::executor::Frugal> {
        match &self.0.code {
            Code::Compiled(compiled) => compiled.frugal(),
            Code::Packaged(_) => None,
        }
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
    let mut config = config_for(kind, cfg!(target_os = "linux"));
    config.native_unwind_info(cfg!(windows));
    #[cfg(target_os = "linux")]
    config.with_host_memory(Arc::new(LargePages));
    config
}

/// What code that runs on Linux, or elsewhere, is compiled with.
pub(crate) fn config_for(kind: EngineKind, linux: bool) -> Config {
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
        // Memory of our own, as on Linux, cannot be mapped from the component's file: its first bytes are copied.
        .memory_init_cow(!linux)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(64))
        // Tables for debuggers, a twentieth of the code that every process reads once; our own traces go by frame pointers.
        .native_unwind_info(false)
        // Names for profilers, an eighth of the code; our own traces take theirs from elsewhere.
        .debug_symbols(false);
    // Measured with a function that does nothing: 12 us from the request to its first instruction, instance included. A
    // pool would save 10 of the 60 us that the pipes and the processes take, and would reserve slots of 4 GiB and refuse
    // components with more memories or tables than a slot has.
    config.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    config.epoch_interruption(kind == EngineKind::Serve);
    config
}

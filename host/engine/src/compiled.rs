//! Code that is compiled here, or by an executor for this process, and kept in a cache.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use millstream_core::{artifact::Digest, failure::Failure};
use millstream_store::ErrorKind;

#[cfg(target_os = "linux")]
use crate::snapshot::Snapshots;
use crate::{
    Execute,
    cache::Cache,
    engine::{Engine, MAX_COMPONENT},
    error,
    executor::{Frugal, Preparing},
    function::{self, Function},
};

/// The cache of an engine, and who compiles what it lacks.
pub(crate) struct Compiled {
    root: PathBuf,
    cache: Cache,
    #[cfg(target_os = "linux")]
    snapshots: Snapshots,
    /// Who compiles for this engine; none: it does so itself.
    compiler: OnceLock<Arc<dyn Execute>>,
    /// What compiling may take of this process.
    frugality: OnceLock<Preparing>,
    /// Functions that took too much to compile, and when that was.
    given_up: Mutex<HashMap<Digest, (Instant, Failure)>>,
}

/// How long nobody tries again to compile what took too much.
const GIVEN_UP: Duration = Duration::from_secs(300);

impl Compiled {
    /// The part of the cache at `root` that `wasmtime` can run.
    ///
    /// # Errors
    /// [`Failure::Host`] if it can't be made or is not ours alone.
    pub fn new(root: &Path, wasmtime: &wasmtime::Engine) -> Result<Self, Failure> {
        let cache = Cache::open(root, wasmtime).map_err(cant)?;
        Ok(Self {
            root: root.to_owned(),
            #[cfg(target_os = "linux")]
            snapshots: Snapshots::new(cache.folder(), Arc::clone(cache.key())),
            cache,
            compiler: OnceLock::new(),
            frugality: OnceLock::new(),
            given_up: Mutex::default(),
        })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn compile_by(&self, compiler: Arc<dyn Execute>) {
        let _ = self.compiler.set(compiler);
    }

    pub fn compile_within(&self, limits: Preparing) {
        let _ = self.frugality.set(limits);
    }

    pub fn limits(&self) -> Option<Preparing> {
        self.frugality.get().copied()
    }

    #[cfg(target_os = "linux")]
    pub fn snapshots(&self) -> &Snapshots {
        &self.snapshots
    }

    /// Ends this process if more memory is taken than compiling may, until it is dropped.
    pub fn frugal(&self) -> Option<Frugal> {
        self.frugality.get().map(|limits| Frugal::new(limits.memory))
    }

    /// The function, from the cache or compiled now.
    pub fn load(&self, engine: &Engine, component: &Digest) -> Result<Function, Failure> {
        if let Some(function) = self.cached(engine, component)? {
            return Ok(function);
        }
        if let Some(compiler) = self.compiler.get() {
            self.compile_elsewhere(engine, compiler.as_ref(), component)?;
            return self.cached(engine, component)?.ok_or_else(|| {
                error::host(format!(
                    "function {} was compiled, but the cache does not have it",
                    component.short()
                ))
            });
        }
        let _turn = self.cache.turn(component).map_err(cant)?;
        if let Some(function) = self.cached(engine, component)? {
            return Ok(function);
        }
        let read = engine.artifacts().read_verified(component, MAX_COMPONENT);
        let bytes = read.map_err(|error| match error.kind() {
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
        let compiled = compiling.in_scope(|| function::compile(engine.wasmtime(), &bytes));
        let function = Function::from_component(engine, *component, compiled.map_err(error::function)?)?;
        self.cache.store(component, function.component(), function.manifest()).map_err(cant)?;
        Ok(function)
    }

    fn compile_elsewhere(
        &self,
        engine: &Engine,
        compiler: &dyn Execute,
        component: &Digest,
    ) -> Result<(), Failure> {
        let given_up = || self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, failure)) = given_up().get(component)
            && since.elapsed() < GIVEN_UP
        {
            return Err(failure.clone());
        }
        let compiling = tracing::info_span!("compile");
        let compiled = compiling.in_scope(|| compiler.compile(engine.kind(), component));
        if let Err(failure @ Failure::Limit { .. }) = &compiled {
            given_up().insert(*component, (Instant::now(), failure.clone()));
        }
        compiled
    }

    fn cached(&self, engine: &Engine, component: &Digest) -> Result<Option<Function>, Failure> {
        match self.cache.load(engine.wasmtime(), component) {
            Some((record, compiled)) => {
                Function::known(engine, *component, compiled, record.manifest).map(Some)
            }
            None => Ok(None),
        }
    }
}

fn cant(error: std::io::Error) -> Failure {
    error::host(format!("can't use the function cache: {error}"))
}

//! A component that meets the contract.

use millstream_core::{
    artifact::Digest,
    failure::Failure,
    manifest::{Exports, Manifest},
};
use wasmtime::{
    Store, UpdateDeadline,
    component::{Component, Instance, InstancePre},
};

use crate::{
    contract::{PACKAGE, about, job, model, served_model, served_snapshot},
    deadline::Deadline,
    engine::Engine,
    error,
    host::{State, report::Reporter},
    manifest,
    memory::Budget,
    trap,
};

/// A function, compiled and linked.
pub struct Function {
    digest: Digest,
    pre: InstancePre<State>,
    job: Option<job::GuestIndices>,
    model: Option<model::GuestIndices>,
    served: Option<served_model::GuestIndices>,
    snapshot: Option<served_snapshot::GuestIndices>,
    imports: Vec<String>,
    manifest: Manifest,
}

/// A function whose manifest is not known yet.
pub(crate) struct Linked {
    pre: InstancePre<State>,
    about: about::GuestIndices,
    job: Option<job::GuestIndices>,
    model: Option<model::GuestIndices>,
    served: Option<served_model::GuestIndices>,
    snapshot: Option<served_snapshot::GuestIndices>,
    imports: Vec<String>,
}

/// Memory for a function that describes itself: enough for a language's runtime to start.
const DESCRIBE_MEMORY: u64 = 1 << 30;

impl Function {
    /// Links a component and asks it what it is.
    #[cfg(feature = "compile")]
    pub(crate) fn from_component(
        engine: &Engine,
        digest: Digest,
        component: Component,
    ) -> Result<Self, Failure> {
        let name = digest.short();
        let refused =
            |faults: Vec<String>| error::function(format!("{name} is no function: {}", faults.join("; ")));
        let linked = Linked::new(engine, &component).map_err(refused)?;
        let manifest = linked.describe(engine)?.map_err(refused)?;
        Ok(linked.with(digest, manifest))
    }

    /// Links a component that described itself before.
    pub(crate) fn known(
        engine: &Engine,
        digest: Digest,
        component: Component,
        manifest: Manifest,
    ) -> Result<Self, Failure> {
        let linked = Linked::new(engine, &component).map_err(|faults| error::function(faults.join("; ")))?;
        Ok(linked.with(digest, manifest))
    }

    /// The component.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The interfaces that it imports, such as `millstream:function/inputs@0.1.0`.
    pub fn imports(&self) -> &[String] {
        &self.imports
    }

    pub(crate) fn uses_wasi(&self) -> bool {
        uses_wasi(&self.imports)
    }

    pub(crate) fn component(&self) -> &Component {
        self.pre.component()
    }

    /// An instance of its own in `store`, ready to run a job.
    pub(crate) fn job(&self, store: &mut Store<State>) -> Result<job::Guest, Failure> {
        let indices = self.job.as_ref().ok_or_else(|| self.lacks("job", "it can't be a step"))?;
        let instance = instantiate(&self.pre, store)?;
        indices.load(&mut *store, &instance).map_err(|error| trap::failure(error, store.data()))
    }

    /// An instance of its own in `store`, ready to load a predictor.
    pub(crate) fn model(&self, store: &mut Store<State>) -> Result<model::Guest, Failure> {
        let indices = self.model.as_ref().ok_or_else(|| self.lacks("model", "it can't predict"))?;
        let instance = instantiate(&self.pre, store)?;
        indices.load(&mut *store, &instance).map_err(|error| trap::failure(error, store.data()))
    }

    /// An instance of its own in `store`, ready to load a predictor that waits without holding a thread; and, if it has
    /// it, what brings one back.
    pub(crate) async fn served(
        &self,
        store: &mut Store<State>,
        due: Deadline,
    ) -> Result<(served_model::Guest, Option<served_snapshot::Guest>), Failure> {
        let indices = self.served.as_ref().ok_or_else(|| self.lacks("model", "it can't predict"))?;
        let instance = due.hold(self.pre.instantiate_async(&mut *store)).await;
        let loaded = instance.and_then(|instance| {
            let snapshot = self.snapshot.as_ref().map(|indices| indices.load(&mut *store, &instance));
            Ok((indices.load(&mut *store, &instance)?, snapshot.transpose()?))
        });
        loaded.map_err(|error| trap::failure(error, store.data()))
    }

    /// Whether its predictors can come back from a copy of their memory.
    pub(crate) fn is_resumable(&self) -> bool {
        self.snapshot.is_some() && !self.uses_wasi()
    }

    fn lacks(&self, interface: &str, so: &str) -> Failure {
        error::function(format!("`{}` does not export {PACKAGE}{interface}: {so}", self.manifest.name))
    }
}

impl Linked {
    /// Checks a component's imports and exports.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them.
    pub fn new(engine: &Engine, component: &Component) -> Result<Self, Vec<String>> {
        let wasmtime = engine.wasmtime();
        let imports = imports(engine, component);
        let mut faults: Vec<_> = imports
            .iter()
            .filter(|import| !import.starts_with(PACKAGE) && !import.starts_with("wasi:"))
            .map(|import| format!("it imports `{import}`, but only {PACKAGE}* and WASI 0.2 are there"))
            .collect();
        if !faults.is_empty() {
            return Err(faults);
        }
        let pre = engine.link(component).map_err(|error| vec![format!("{error:#}")])?;
        let ty = component.component_type();
        let exported = |interface: &str| {
            let name = format!("{PACKAGE}{interface}@");
            ty.exports(wasmtime).any(|(export, _)| export.starts_with(&name))
        };
        let mut wrong = |interface: &str, error: wasmtime::Error| {
            faults.push(format!("its export {PACKAGE}{interface} is not that of version 0.1.0: {error:#}"));
        };
        let mut about = None;
        let (mut job, mut model, mut served, mut snapshot) = (None, None, None, None);
        if exported("about") {
            about::GuestIndices::new(&pre)
                .map(|indices| about = Some(indices))
                .unwrap_or_else(|e| wrong("about", e));
        }
        if exported("job") {
            job::GuestIndices::new(&pre)
                .map(|indices| job = Some(indices))
                .unwrap_or_else(|e| wrong("job", e));
        }
        if exported("model") {
            model::GuestIndices::new(&pre)
                .map(|indices| model = Some(indices))
                .unwrap_or_else(|e| wrong("model", e));
            served = served_model::GuestIndices::new(&pre).ok();
        }
        if exported("snapshot") {
            served_snapshot::GuestIndices::new(&pre)
                .map(|indices| snapshot = Some(indices))
                .unwrap_or_else(|e| wrong("snapshot", e));
        }
        if faults.is_empty() && about.is_none() {
            faults.push(format!("it does not export {PACKAGE}about"));
        }
        if faults.is_empty() && job.is_none() && model.is_none() {
            faults.push(format!("it exports neither {PACKAGE}job nor {PACKAGE}model"));
        }
        match about {
            Some(about) if faults.is_empty() => {
                Ok(Self { pre, about, job, model, served, snapshot, imports })
            }
            _ => Err(faults),
        }
    }

    /// What the component exports.
    pub fn exports(&self) -> Exports {
        Exports { job: self.job.is_some(), model: self.model.is_some() }
    }

    /// Asks the component what it is, in an instance that is thrown away.
    ///
    /// # Errors
    ///
    /// The outer: it trapped. The inner: everything that is wrong with what it said.
    pub fn describe(&self, engine: &Engine) -> Result<Result<Manifest, Vec<String>>, Failure> {
        let state = State::new(uses_wasi(&self.imports), 0, Budget::new(DESCRIBE_MEMORY), Reporter::silent());
        let mut store = store(engine, state);
        store.set_hostcall_fuel(MAX_COPIED);
        let pre = engine
            .link_describing(self.pre.component())
            .map_err(|error| error::function(format!("it can't be linked: {error:#}")))?;
        let instance = instantiate(&pre, &mut store)?;
        // Only now the types of what it exports are checked.
        let mut faults = Vec::new();
        let mut wrong = |interface: &str, error: wasmtime::Error| {
            faults.push(format!("its export {PACKAGE}{interface} is not that of version 0.1.0: {error:#}"));
        };
        let about = self.about.load(&mut store, &instance).map_err(|error| wrong("about", error));
        if let Some(Err(error)) = self.job.as_ref().map(|job| job.load(&mut store, &instance)) {
            wrong("job", error);
        }
        if let Some(Err(error)) = self.model.as_ref().map(|model| model.load(&mut store, &instance)) {
            wrong("model", error);
        }
        let about = match about {
            Ok(about) if faults.is_empty() => about,
            _ => return Ok(Err(faults)),
        };
        let raw = about.call_describe(&mut store);
        let raw = raw.map_err(|error| trap::failure(error, store.data()))?;
        Ok(manifest::check(raw, self.exports()))
    }

    fn with(self, digest: Digest, manifest: Manifest) -> Function {
        let Self { pre, about: _, job, model, served, snapshot, imports } = self;
        Function { digest, pre, job, model, served, snapshot, imports, manifest }
    }
}

/// The interfaces that a component imports.
pub(crate) fn imports(engine: &Engine, component: &Component) -> Vec<String> {
    component.component_type().imports(engine.wasmtime()).map(|(name, _)| name.to_owned()).collect()
}

fn uses_wasi(imports: &[String]) -> bool {
    imports.iter().any(|import| import.starts_with("wasi:"))
}

/// Bytes that a job may hand over in one call: all that a component can hold. Its process is its own.
const MAX_HANDED: usize = 4 << 30;

/// What a predictor may: its answer is the largest of all, as the rest is not copied ([`bounded`](crate::host::bounded)).
const MAX_ANSWER: usize = 512 << 20;

/// What a predictor that uses WASI may, whose lists are copied before anybody looks at them, and a manifest.
const MAX_COPIED: usize = 64 << 20;

/// A store with the host's limits in place.
pub(crate) fn store(engine: &Engine, state: State) -> Store<State> {
    /// Ticks that never pass.
    const FAR: u64 = 1 << 60;

    let mut store = Store::new(engine.wasmtime(), state);
    store.limiter(|state| &mut state.memory);
    store.set_hostcall_fuel(MAX_HANDED);
    if engine.interrupts() {
        // Whoever wants a call to end sets a nearer one before it.
        store.set_epoch_deadline(FAR);
    }
    store
}

/// A store whose guests take turns with others on their thread, and end when their answer is overdue.
pub(crate) fn served_store(engine: &Engine, state: State) -> Store<State> {
    let most = if state.uses_wasi() { MAX_COPIED } else { MAX_ANSWER };
    let mut store = store(engine, state);
    store.set_hostcall_fuel(most);
    store.epoch_deadline_callback(|context| {
        context.data().check_due()?;
        Ok(UpdateDeadline::Yield(1))
    });
    store.set_epoch_deadline(1);
    store
}

fn instantiate(pre: &InstancePre<State>, store: &mut Store<State>) -> Result<Instance, Failure> {
    pre.instantiate(&mut *store).map_err(|error| trap::failure(error, store.data()))
}

/// Compiles a component.
///
/// # Errors
///
/// What is wrong with the bytes, in words for people.
#[cfg(feature = "compile")]
pub(crate) fn compile(engine: &wasmtime::Engine, bytes: &[u8]) -> Result<Component, String> {
    check_kind(bytes)?;
    Component::from_binary(engine, bytes)
        .map_err(|error| format!("not a component that can run here: {error:#}"))
}

/// Whether bytes begin as a component does.
#[cfg(feature = "compile")]
pub(crate) fn check_kind(bytes: &[u8]) -> Result<(), String> {
    match bytes {
        [b'\0', b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => Ok(()),
        [b'\0', b'a', b's', b'm', 1, 0, 0, 0, ..] => {
            Err("a core WebAssembly module, not a component; make it one with \
             `wasm-tools component new`, or build it with `cargo xtask functions`"
                .to_owned())
        }
        _ => Err("not WebAssembly: it does not begin with `\\0asm` and a version that is known".to_owned()),
    }
}

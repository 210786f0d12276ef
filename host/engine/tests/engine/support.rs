//! A store, a cache and both ways to run a job.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use millstream_core::{
    artifact::{Artifact, Digest, Parts, Pipeline, Stage},
    failure::Failure,
};
use millstream_engine::{
    Cancel, Done, Event, Execute, ExecutorCommand, ExecutorPool, Job, Level, Limits, Local, Preparing, Setup,
};
use millstream_store::{Artifacts, LocalStore};

/// A store that is thrown away, and the cache of compiled functions that all tests share.
pub struct Home {
    folder: tempfile::TempDir,
    pub artifacts: Artifacts,
    pub cache: PathBuf,
}

/// A component that `cargo xtask functions` built.
pub fn component(name: &str) -> Vec<u8> {
    let folder = match env::var_os("MILLSTREAM_FUNCTIONS_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("functions"),
    };
    let path = folder.join("testing").join(format!("{name}.wasm"));
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask functions`", path.display()))
}

impl Home {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = LocalStore::open(folder.path().join("store")).unwrap();
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("function-cache");
        Self { artifacts: Artifacts::new(Arc::new(store)), folder, cache }
    }

    /// With a cache of its own.
    pub fn with_empty_cache() -> Self {
        let mut home = Self::new();
        home.cache = home.folder.path().join("cache");
        home
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn local(&self) -> Local {
        Local::new(self.artifacts.clone(), &self.cache).unwrap()
    }

    pub fn setup(&self) -> Setup {
        Setup {
            store: self.path().join("store").to_str().unwrap().to_owned(),
            cache: self.cache.clone(),
            network: None,
            preparing: Preparing::default(),
        }
    }

    pub fn pool(&self, size: usize) -> ExecutorPool {
        ExecutorPool::start(executor(), self.setup(), size).unwrap()
    }

    /// Adds a function to the store.
    pub fn add(&self, name: &str) -> Digest {
        self.artifacts.put(&component(name)).unwrap().digest
    }

    /// Adds bytes to the store.
    pub fn artifact(&self, name: &str, media_type: &str, bytes: &[u8]) -> Artifact {
        let written = self.artifacts.put(bytes).unwrap();
        Artifact {
            name: name.to_owned(),
            media_type: media_type.to_owned(),
            size: written.size,
            digest: written.digest,
        }
    }

    /// A job of the faulty function.
    pub fn job(&self, mode: &str) -> Job {
        Job {
            function: self.add("faulty"),
            params: format!(r#"{{"mode": "{mode}"}}"#),
            inputs: BTreeMap::new(),
            seed: 0,
            shard: None,
            limits: Limits::default(),
            sound: BTreeMap::new(),
        }
    }

    /// The same with parts of `table`, each named after its place.
    pub fn job_with(&self, mode: &str, parts: &[&[u8]]) -> Job {
        let part =
            |(index, bytes): (usize, &&[u8])| self.artifact(&format!("{index}.csv"), "text/csv", bytes);
        let parts = Parts { parts: parts.iter().enumerate().map(part).collect(), ..Parts::default() };
        let mut job = self.job(mode);
        job.inputs.insert("table".to_owned(), parts);
        job
    }

    /// Puts a model whose stages have these states into channel `model`.
    pub fn add_model(&self, job: &mut Job, states: &[&str]) {
        let bytes = serde_json::to_vec(&self.pipeline(job.function, states)).unwrap();
        let model = self.artifact("model.json", Pipeline::MEDIA_TYPE, &bytes);
        job.inputs.insert("model".to_owned(), Parts { parts: vec![model], ..Parts::default() });
    }

    /// A model whose stages have these states.
    pub fn pipeline(&self, function: Digest, states: &[&str]) -> Pipeline {
        let stage = |state: &&str| Stage {
            name: "faulty".to_owned(),
            version: "0.1.0".to_owned(),
            function,
            state: self.artifacts.put(state.as_bytes()).unwrap().digest,
            size: state.len() as u64,
        };
        Pipeline { stages: states.iter().map(stage).collect() }
    }

    /// What an output's part holds.
    pub fn read(&self, artifact: &Artifact) -> String {
        String::from_utf8(self.artifacts.read_verified(&artifact.digest, 1 << 30).unwrap()).unwrap()
    }
}

pub fn executor() -> ExecutorCommand {
    ExecutorCommand::new(Path::new(env!("CARGO_BIN_EXE_millstream-executor")), &[])
}

/// A limit that a test never reaches, and that ends it if something hangs.
pub const PATIENCE: Duration = Duration::from_secs(120);

pub fn run(execute: &dyn Execute, job: &Job) -> Result<Done, Failure> {
    execute.execute(job, &Cancel::new(), &mut |_| ())
}

pub fn run_with_events(execute: &dyn Execute, job: &Job) -> (Result<Done, Failure>, Vec<Event>) {
    let mut events = Vec::new();
    let outcome = execute.execute(job, &Cancel::new(), &mut |event| events.push(event));
    (outcome, events)
}

pub fn log_lines(events: &[Event]) -> Vec<(Level, &str)> {
    let line = |event| match event {
        &Event::Log { level, ref message } => Some((level, message.as_str())),
        _ => None,
    };
    events.iter().filter_map(line).collect()
}

/// The message of a failure for which the function is to blame.
pub fn blamed(outcome: Result<Done, Failure>) -> (String, String) {
    match outcome {
        Err(Failure::Function { message, backtrace }) => (message, backtrace.unwrap_or_default()),
        other => panic!("the function should be to blame: {other:?}"),
    }
}

/// The limit that was reached, and what was said of it.
pub fn limited(outcome: Result<Done, Failure>) -> (String, String) {
    match outcome {
        Err(Failure::Limit { limit, message }) => (limit, message),
        other => panic!("a limit should have been reached: {other:?}"),
    }
}

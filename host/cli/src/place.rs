//! Where everything is: home, functions, executors.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
    thread,
};

use anyhow::Context as _;
use millstream_engine::{Cancel, Done, Event, Execute, ExecutorCommand, ExecutorPool, Job, Report, Setup};
use millstream_worker::{Functions, Home, functions, home::cache_folder};
use millstream_workflow::{
    artifact::Digest, compile::Functions as _, failure::Failure, manifest::Manifest, nearest,
};

use crate::{bundle, commands::Usage, display::spinner};

/// A home, opened, with what it takes to run functions in it.
pub struct Place {
    pub home: Home,
    pub executors: Arc<Executors>,
    pub functions: Arc<Functions>,
}

impl Place {
    /// Opens the home; it is made if it is missing. No process is started before one is needed.
    pub fn open(home: &Path, workers: Option<u32>) -> anyhow::Result<Self> {
        let home = open_home(home)?;
        let executors = Arc::new(Executors::new(&home, workers.map_or_else(cores, |n| n as usize)));
        let functions = Functions::open(bundle::FUNCTIONS, home.artifacts().clone(), executors.clone())
            .context("cannot read the functions that were added")?;
        Ok(Self { home, executors, functions: Arc::new(functions) })
    }

    /// Describes, which may mean compiles, the functions whose names appear in `text`: all at once.
    pub fn prepare(&self, text: &str) -> anyhow::Result<()> {
        let named: Vec<&str> =
            self.functions.names().into_iter().filter(|name| text.contains(name)).collect();
        self.find(&named)
    }

    /// Describes these functions, all at once.
    pub fn find(&self, names: &[&str]) -> anyhow::Result<()> {
        match self.describe(names).into_iter().next() {
            Some((name, error)) => {
                Err(anyhow::Error::new(error).context(format!("cannot use function `{name}`")))
            }
            None => Ok(()),
        }
    }

    /// Describes these functions, all at once, and gives those that cannot be used, with the reason.
    pub fn describe(&self, names: &[&str]) -> Vec<(String, functions::Error)> {
        let spinner = spinner("Preparing functions (only the first time)");
        thread::scope(|scope| {
            for name in names {
                scope.spawn(|| self.functions.find(name));
            }
        });
        drop(spinner);
        self.functions.take_broken()
    }

    /// What a function, or an act of the host, says of itself.
    pub fn manifest(&self, name: &str) -> anyhow::Result<Manifest> {
        if let Some(act) = millstream_workflow::acts::manifest(name) {
            return Ok(act.clone());
        }
        self.find(&[name])?;
        if let Some(found) = self.functions.find(name) {
            return Ok(found.manifest.clone());
        }
        let acts = millstream_workflow::acts::all().iter().map(|act| act.name.as_str());
        let names: Vec<&str> = self.functions.names().into_iter().chain(acts).collect();
        Err(Usage(format!("there is no function `{name}`; {}", nearest::or_all(name, names, "functions")))
            .into())
    }
}

/// The home alone, for what runs no functions.
pub fn open_home(folder: &Path) -> anyhow::Result<Home> {
    Home::open(folder).context("give another folder with --home or mend this one (`millstream doctor` helps)")
}

/// One task for each core.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Executor processes that are started when the first of them is needed.
pub struct Executors {
    setup: Setup,
    size: usize,
    pool: OnceLock<Result<ExecutorPool, Failure>>,
}

impl Executors {
    fn new(home: &Home, size: usize) -> Self {
        let store = home.folder().join("store").to_string_lossy().into_owned();
        Self { setup: Setup { store, cache: cache_folder(home.folder()) }, size, pool: OnceLock::new() }
    }

    /// Starts them, if nobody has.
    pub fn start(&self) -> Result<&ExecutorPool, Failure> {
        let start = || {
            let command = ExecutorCommand::current_exe().map_err(|error| Failure::Host {
                message: format!("cannot find the millstream binary: {error}"),
            })?;
            ExecutorPool::start(command, self.setup.clone(), self.size)
        };
        self.pool.get_or_init(start).as_ref().map_err(Clone::clone)
    }

    /// How many.
    pub fn size(&self) -> usize {
        self.size
    }

    /// What can be said of a component's file.
    pub fn check(&self, file: &Path) -> Result<Report, Failure> {
        self.start()?.check(file)
    }
}

impl Execute for Executors {
    fn execute(&self, job: &Job, cancel: &Cancel, on_event: &mut dyn FnMut(Event)) -> Result<Done, Failure> {
        self.start()?.execute(job, cancel, on_event)
    }

    fn describe(&self, function: &Digest) -> Result<Manifest, Failure> {
        self.start()?.describe(function)
    }
}

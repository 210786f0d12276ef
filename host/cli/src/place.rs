//! Where everything is: home, functions, executors.

use std::{
    env,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    thread,
    time::Duration,
};

use anyhow::Context as _;
use millstream_core::{
    artifact::{Digest, Pipeline},
    failure::Failure,
    manifest::Manifest,
    nearest, quantity,
};
use millstream_engine::{
    Cancel, Done, EngineKind, Event, Execute, ExecutorCommand, ExecutorPool, Job, Preparing, Report, Setup,
};
use millstream_language::{Functions as _, acts::Act};
use millstream_store::Network;
use millstream_triggers::Triggers;
use millstream_worker::{Functions, Home, functions, home::cache_folder};

use crate::{
    bundle,
    cli::{HomeArgs, queues, stores},
    commands::Usage,
    display::spinner,
};

/// A home, opened, with what it takes to run functions in it.
pub struct Place {
    pub home: Home,
    pub executors: Arc<Executors>,
    pub functions: Arc<Functions>,
    /// What starts runs by itself.
    pub triggers: Triggers,
    /// Where copies for people go, on this machine.
    pub exports: PathBuf,
}

impl Place {
    /// Opens the home; it is made if it is missing. No process is started before one is needed.
    pub fn open(args: &HomeArgs, workers: Option<u32>) -> anyhow::Result<Self> {
        let (home, executors) = open(args, workers.map_or_else(cores, |n| n as usize))?;
        let functions = Functions::open(bundle::FUNCTIONS, home.artifacts().clone(), executors.clone())
            .context("cannot read the functions that were added")?;
        let functions = Arc::new(functions);
        let triggers = Triggers::new(home.clone(), functions.clone());
        Ok(Self { home, executors, functions, triggers, exports: args.exports()? })
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
        if let Some(act) = Act::named(name) {
            return Ok(act.manifest().clone());
        }
        self.find(&[name])?;
        if let Some(found) = self.functions.find(name) {
            return Ok(found.manifest.clone());
        }
        let acts = Act::ALL.into_iter().map(|act| -> &str { act.name() });
        let names: Vec<&str> = self.functions.names().into_iter().chain(acts).collect();
        Err(Usage(format!("there is no function `{name}`; {}", nearest::or_all(name, names, "functions")))
            .into())
    }
}

/// The home alone, for what runs no functions, or only those of models.
pub fn open_home(args: &HomeArgs) -> anyhow::Result<Home> {
    // One process at a time compiles or describes, if anything has to be.
    Ok(open(args, 1)?.0)
}

/// The home, and who compiles and runs functions for it.
fn open(args: &HomeArgs, workers: usize) -> anyhow::Result<(Home, Arc<Executors>)> {
    let home = Home::open(args.location()?, &stores(), &queues())
        .context("name another home with --home, or repair this one (`millstream doctor` helps)")?;
    let executors = Arc::new(Executors::new(&home, workers, preparing()?));
    Ok((reading(home.executing(executors.clone())), executors))
}

/// A name of a bucket is first looked for among those of the home, then in AWS.
fn reading(home: Home) -> Home {
    let own = Arc::new(millstream_serving::buckets(&home));
    let home = home.reading(own);
    #[cfg(feature = "aws")]
    let home = home.reading(Arc::new(millstream_aws_s3::S3Objects));
    home
}

/// What compiling a component may take, as the environment says.
fn preparing() -> anyhow::Result<Preparing> {
    let mut preparing = Preparing::default();
    let wrong = |name: &str, text: &str, such: &str| {
        Usage(format!("{name} is `{text}`; write a number and a unit, such as {such}"))
    };
    let set = |name: &str| env::var(name).ok().filter(|text| !text.is_empty());
    if let Some(text) = set(Preparing::MEMORY_VARIABLE) {
        let size = quantity::Size::parse(&text);
        preparing.memory = size.ok_or_else(|| wrong(Preparing::MEMORY_VARIABLE, &text, "4GB"))?.0;
    }
    if let Some(text) = set(Preparing::TIME_VARIABLE) {
        let time = quantity::Duration::parse(&text);
        let time = time.ok_or_else(|| wrong(Preparing::TIME_VARIABLE, &text, "10m"))?;
        preparing.time = Duration::from_millis(time.0);
    }
    Ok(preparing)
}

/// One task for each core.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Executor processes that are started when the first of them is needed.
pub struct Executors {
    store: String,
    network: Option<Network>,
    preparing: Preparing,
    size: usize,
    pool: OnceLock<Result<ExecutorPool, Failure>>,
}

impl Executors {
    fn new(home: &Home, size: usize, preparing: Preparing) -> Self {
        let (store, network) = (home.store().location(), home.store().network());
        Self { store, network, preparing, size, pool: OnceLock::new() }
    }

    /// Starts them, if nobody has.
    pub fn start(&self) -> Result<&ExecutorPool, Failure> {
        let start = || {
            let command = ExecutorCommand::current_exe().map_err(|error| Failure::Host {
                message: format!("cannot find the millstream binary: {error}"),
            })?;
            let (store, network) = (self.store.clone(), self.network.clone());
            let setup = Setup { store, cache: cache_folder()?, network, preparing: self.preparing };
            ExecutorPool::start(command, setup, self.size)
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

    fn compile(&self, kind: EngineKind, function: &Digest) -> Result<(), Failure> {
        self.start()?.compile(kind, function)
    }

    fn describe_model(&self, name: &str, pipeline: &Pipeline, memory: u64) -> Result<String, Failure> {
        self.start()?.describe_model(name, pipeline, memory)
    }
}

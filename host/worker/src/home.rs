//! One place on a machine: a store, a queue, and where they are.

use std::{
    env, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use millstream_core::failure::Failure;
use millstream_engine::{Engine, EngineKind, Execute};
use millstream_errors::{Code, Coded};
use millstream_queue::{Clock, ErrorKind, Queue, QueueOptions, SqliteQueue, SystemClock, Unopened};
use millstream_store::{Artifacts, LocalStore, Store, create_private_folder};

/// State lives here unless `MILLSTREAM_HOME` or `--home` says otherwise.
pub const DEFAULT_HOME: &str = ".millstream";

/// How often a message is delivered before it goes to the dead letters. Attempts at a task end earlier; this is for
/// tasks that take the worker down with them.
const MAX_RECEIVE_COUNT: u32 = 20;

/// Why a home cannot be used. The texts have the causes already: as a `source` they would be printed twice.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder cannot be made or read.
    #[error("cannot use {}: {cause}", folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The store cannot be opened.
    #[error("cannot open the store in {}: {cause}", folder.display())]
    Store {
        /// Where.
        folder: PathBuf,
        /// Why.
        cause: millstream_store::Error,
    },
    /// The queue cannot be opened.
    #[error("cannot open the queue in {}: {cause}", folder.display())]
    Queue {
        /// Where.
        folder: PathBuf,
        /// Why.
        cause: millstream_queue::Error,
    },
}

impl Coded for Error {
    fn code(&self) -> Code {
        match self {
            Self::Folder { .. } => Code::HomeFolder,
            Self::Store { cause, .. } => cause.code(),
            Self::Queue { cause, .. } => cause.code(),
        }
    }
}

/// Everything that runs on this machine share. Cheap to clone.
#[derive(Clone)]
pub struct Home {
    folder: PathBuf,
    store: Arc<dyn Store>,
    artifacts: Artifacts,
    queue: Arc<dyn Queue>,
    clock: Arc<dyn Clock>,
    /// Who compiles and describes foreign code outside of this process.
    executors: Option<Arc<dyn Execute>>,
}

impl Home {
    /// Opens the home in `folder`; makes it if it is missing, for its owner alone (0700). One that can only be read opens too:
    /// its records and artifacts can be read, and whatever needs the queue is told why it can't be had. So does one whose queue
    /// is damaged.
    ///
    /// # Errors
    /// No rights, no room, or a queue file of another version.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        create_private_folder(folder)
            .and_then(|()| std::path::absolute(folder))
            .map_err(|cause| Error::Folder { folder: folder.to_owned(), cause })
            .and_then(|folder| {
                let store = LocalStore::open(folder.join("store"))
                    .map_err(|cause| Error::Store { folder: folder.clone(), cause })?;
                let options = QueueOptions { max_receive_count: MAX_RECEIVE_COUNT };
                let queue: Arc<dyn Queue> = match SqliteQueue::open(folder.join("queue"), options) {
                    Ok(queue) => Arc::new(queue),
                    Err(error) if matches!(error.kind(), ErrorKind::Permission | ErrorKind::Corrupt) => {
                        Arc::new(Unopened::new(error))
                    }
                    Err(cause) => return Err(Error::Queue { folder: folder.clone(), cause }),
                };
                Ok(Self::new(folder, Arc::new(store), queue, Arc::new(SystemClock)))
            })
    }

    /// A home of these parts.
    pub fn new(folder: PathBuf, store: Arc<dyn Store>, queue: Arc<dyn Queue>, clock: Arc<dyn Clock>) -> Self {
        let artifacts = Artifacts::new(store.clone());
        Self { folder, store, artifacts, queue, clock, executors: None }
    }

    /// Has others compile functions and describe models, outside of this process. Without them this process does so itself.
    #[must_use]
    pub fn executing(mut self, executors: Arc<dyn Execute>) -> Self {
        self.executors = Some(executors);
        self
    }

    /// Who does so, if there is somebody.
    pub fn executors(&self) -> Option<&Arc<dyn Execute>> {
        self.executors.as_ref()
    }

    /// An engine for predictors on this home's functions.
    ///
    /// # Errors
    /// This machine can't run predictors, or the cache of compiled components can't be used.
    pub fn predictors(&self) -> Result<Engine, Failure> {
        let engine = Engine::new(EngineKind::Serve, self.artifacts.clone(), &cache_folder(&self.folder))?;
        if let Some(executors) = &self.executors {
            engine.compile_by(Arc::clone(executors));
        }
        Ok(engine)
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Objects by key.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Immutable bytes by digest.
    pub fn artifacts(&self) -> &Artifacts {
        &self.artifacts
    }

    /// Tasks to do.
    pub fn queue(&self) -> &Arc<dyn Queue> {
        &self.queue
    }

    /// Milliseconds since 1970 UTC.
    pub fn now(&self) -> u64 {
        self.clock.now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
    }
}

/// The queue whose messages any host takes, or that of a pool.
pub fn queue_name(pool: Option<&str>) -> String {
    pool.map_or_else(|| "tasks".to_owned(), |pool| format!("tasks-{pool}"))
}

/// Where compiled components are kept: `MILLSTREAM_CACHE`, else the user's cache folder, shared by all homes.
pub fn cache_folder(home: &Path) -> PathBuf {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("MILLSTREAM_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("millstream")))
        .or_else(|| set("HOME").map(|user| user.join(".cache/millstream")))
        .unwrap_or_else(|| home.join("cache"))
}

//! A store and a queue that belong together, and what works on them.

use std::{
    env, fmt,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use millstream_core::{failure::Failure, layout, location::Location, pools::Pools};
use millstream_engine::{Engine, EngineKind, Execute, Package};
use millstream_errors::{Code, Coded};
use millstream_queue::{Clock, ErrorKind, Queue, QueueOptions, Queues, SQLITE, SystemClock, Unopened};
use millstream_store::{Artifacts, FILE, ObjectSource, Store, Stores};

/// How often a message is delivered before it goes to the dead letters. Attempts at a task end earlier; this is for
/// tasks that take the worker down with them.
const MAX_RECEIVE_COUNT: u32 = 20;

/// Where a home is: its store and its queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomeLocation {
    /// The store, such as `file:.millstream/store`.
    pub store: Location,
    /// The queue, such as `sqlite:.millstream/queue`.
    pub queue: Location,
}

impl HomeLocation {
    /// That of a folder on this machine: `file:FOLDER/store` and `sqlite:FOLDER/queue`.
    pub fn of_folder(folder: &str) -> Self {
        let inside = |scheme, name| Location::of_folder(scheme, &format!("{folder}/{name}"));
        Self { store: inside(FILE, "store"), queue: inside(SQLITE, "queue") }
    }

    /// The folder, if store and queue are where [`of_folder`](Self::of_folder) puts them.
    pub fn folder(&self) -> Option<&str> {
        self.store.rest.strip_suffix("/store").filter(|folder| *self == Self::of_folder(folder))
    }
}

impl fmt::Display for HomeLocation {
    /// The folder, if both are in one; else both.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.folder() {
            Some(folder) => f.write_str(folder),
            None => write!(f, "{} with {}", self.store, self.queue),
        }
    }
}

/// Why a home cannot be used. The texts have the causes already: as a `source` they would be printed twice.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store cannot be opened.
    #[error("cannot use the store: {0}")]
    Store(millstream_store::Error),
    /// The queue cannot be opened.
    #[error("cannot use the queue: {0}")]
    Queue(millstream_queue::Error),
}

impl Coded for Error {
    fn code(&self) -> Code {
        match self {
            Self::Store(error) => error.code(),
            Self::Queue(error) => error.code(),
        }
    }
}

/// A store with a queue. Cheap to clone.
#[derive(Clone)]
pub struct Home {
    location: HomeLocation,
    store: Arc<dyn Store>,
    artifacts: Artifacts,
    queue: Arc<dyn Queue>,
    clock: Arc<dyn Clock>,
    /// Who compiles and describes foreign code outside of this process.
    executors: Option<Arc<dyn Execute>>,
    /// Functions that are compiled already.
    package: Option<Package>,
    /// Buckets that its runs can read, in the order in which they are asked.
    buckets: Vec<Arc<dyn ObjectSource>>,
    /// Read once.
    pools: Arc<OnceLock<Option<Pools>>>,
}

impl Home {
    /// Opens the home at `location`, of the kinds that `stores` and `queues` know. Folders are made if they are missing, for
    /// their owner alone (0700). One that can only be read opens too: its records and artifacts can be read, and whatever needs
    /// the queue is told why it can't be had. So does one whose queue is damaged.
    ///
    /// # Errors
    /// No rights, no room, a queue file of another version, or a kind of place that is not known.
    pub fn open(location: HomeLocation, stores: &Stores, queues: &Queues) -> Result<Self, Error> {
        let store = stores.open_at(&location.store).map_err(Error::Store)?;
        let options = QueueOptions { max_receive_count: MAX_RECEIVE_COUNT };
        let queue: Arc<dyn Queue> = match queues.open_at(&location.queue, options) {
            Ok(queue) => queue,
            Err(error) if matches!(error.kind(), ErrorKind::Permission | ErrorKind::Corrupt) => {
                Arc::new(Unopened::new(error))
            }
            Err(error) => return Err(Error::Queue(error)),
        };
        Ok(Self::new(location, store, queue, Arc::new(SystemClock)))
    }

    /// A home of these parts.
    pub fn new(
        location: HomeLocation,
        store: Arc<dyn Store>,
        queue: Arc<dyn Queue>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let artifacts = Artifacts::new(store.clone());
        Self {
            location,
            store,
            artifacts,
            queue,
            clock,
            executors: None,
            package: None,
            buckets: Vec::new(),
            pools: Arc::default(),
        }
    }

    /// Has others compile functions and describe models, outside of this process. Without them this process does so itself.
    #[must_use]
    pub fn executing(mut self, executors: Arc<dyn Execute>) -> Self {
        self.executors = Some(executors);
        self
    }

    /// Has its runs read these buckets too, after those that were named before.
    #[must_use]
    pub fn reading(mut self, buckets: Arc<dyn ObjectSource>) -> Self {
        self.buckets.push(buckets);
        self
    }

    /// The buckets that its runs can read, in the order in which they are asked.
    pub fn buckets(&self) -> &[Arc<dyn ObjectSource>] {
        &self.buckets
    }

    /// Has predictors take the functions of `package`, and no others.
    #[must_use]
    pub fn packaged(mut self, package: Package) -> Self {
        self.package = Some(package);
        self
    }

    /// The pools of its workers; none if there is one queue for all. Read once by each process.
    ///
    /// # Errors
    /// The store failed, or the record is damaged.
    pub fn pools(&self) -> Result<Option<&Pools>, millstream_store::Error> {
        if self.pools.get().is_none() {
            let pools = match self.store.get(layout::POOLS) {
                Ok(object) => Some(Pools::from_json(&object.bytes).map_err(|why| {
                    let message = format!(
                        "{} is damaged: {why}; `millstream aws deploy` writes it anew",
                        layout::POOLS
                    );
                    millstream_store::Error::new(millstream_store::ErrorKind::Corrupt, message)
                })?),
                Err(error) if error.kind() == millstream_store::ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            };
            // Whoever came first has read the same.
            let _ = self.pools.set(pools);
        }
        Ok(self.pools.get().and_then(Option::as_ref))
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
        if let Some(package) = &self.package {
            return Engine::packaged(EngineKind::Serve, self.artifacts.clone(), package);
        }
        let engine = Engine::new(EngineKind::Serve, self.artifacts.clone(), &cache_folder()?)?;
        if let Some(executors) = &self.executors {
            engine.compile_by(Arc::clone(executors));
        }
        Ok(engine)
    }

    /// Where it is.
    pub fn location(&self) -> &HomeLocation {
        &self.location
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

    /// Time, and what waits for it.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
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

/// Where compiled components are kept on this machine: `MILLSTREAM_CACHE`, else the user's cache folder, shared by all homes.
///
/// # Errors
/// The environment names none.
pub fn cache_folder() -> Result<PathBuf, Failure> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("MILLSTREAM_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("millstream")))
        .or_else(|| set("HOME").map(|user| user.join(".cache/millstream")))
        .ok_or_else(|| Failure::Host {
            message: "there is no folder for compiled components: set MILLSTREAM_CACHE to one that is yours alone, or HOME"
                .to_owned(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_in_one_folder_is_called_by_it() {
        let home = HomeLocation::of_folder("/a/b");
        assert_eq!(
            (home.store.to_string(), home.queue.to_string()),
            ("file:/a/b/store".to_owned(), "sqlite:/a/b/queue".to_owned())
        );
        assert_eq!(home.to_string(), "/a/b");
        let elsewhere = HomeLocation { queue: Location::of_folder(SQLITE, "/q"), ..home };
        assert_eq!(elsewhere.to_string(), "file:/a/b/store with sqlite:/q");
    }

    #[test]
    fn kinds_of_places_that_are_not_built_in_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let home = HomeLocation::of_folder(&folder.path().join("home").to_string_lossy());
        let at = |text: &str| Location::parse(text, FILE).unwrap();
        let open = |home: HomeLocation| {
            Home::open(home, &Stores::default(), &Queues::default())
                .map(drop)
                .map_err(|error| error.to_string())
        };
        let error = open(HomeLocation { store: at("s3://bucket/x"), ..home.clone() }).unwrap_err();
        assert!(error.contains("s3://bucket/x") && error.contains("no store for `s3:`"), "{error}");
        let error = open(HomeLocation { queue: at("sqs://1/tasks"), ..home.clone() }).unwrap_err();
        assert!(error.contains("sqs://1/tasks") && error.contains("no queue for `sqs:`"), "{error}");
        open(home).unwrap();
    }
}

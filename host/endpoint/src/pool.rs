//! The loaded predictors of one version.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use millstream_engine::{Engine, Memory, Quota, Request, Response, Served, Unseen};
use millstream_workflow::{artifact::Pipeline, failure::Failure};
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::Instrument as _;

use crate::{
    long::{LARGE, Long},
    spans,
};

/// A version's predictors: made when they are asked for, kept warm, replaced when they break. As many requests at once are
/// answered as there are slots; the others wait for one.
pub struct Pool {
    shared: Shared,
    version: Version,
    /// Each stands for a predictor that there is or may be made.
    slots: Semaphore,
    idle: Mutex<Vec<Served>>,
    /// When it was asked last, in milliseconds after `began`.
    used: AtomicU64,
    began: Instant,
    description: OnceLock<Arc<str>>,
}

/// What all pools of a server share.
#[derive(Clone)]
pub struct Shared {
    /// Where predictors run.
    pub engine: Engine,
    /// The memory that they have together.
    pub quota: Arc<Quota>,
    /// Threads for those that take long.
    pub long: Arc<Long>,
}

/// What a pool serves.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// The model.
    pub model: String,
    /// Its version.
    pub number: u32,
    /// Its stages.
    pub pipeline: Pipeline,
    /// Memory of one predictor, in bytes.
    pub memory: u64,
}

/// An answer, and what it took.
#[derive(Debug)]
pub struct Asked {
    /// The answer.
    pub response: Response,
    /// A predictor was loaded for it.
    pub cold: bool,
    /// Time in the model's functions, loading not included.
    pub time: Duration,
    /// What was unlike the model's training in its rows.
    pub unseen: Vec<Unseen>,
}

/// Why a version did not answer.
#[derive(Debug)]
pub enum Unanswered {
    /// The request's rows are at fault, or the function is: as the failure says.
    Failed(Failure),
    /// It took too long, waiting for a predictor included.
    TimedOut,
    /// No predictor can be loaded.
    NotLoaded(Failure),
}

impl Pool {
    /// With room for `slots` predictors; none is loaded yet.
    pub fn new(shared: Shared, version: Version, slots: usize) -> Self {
        Self {
            shared,
            version,
            slots: Semaphore::new(slots.max(1)),
            idle: Mutex::default(),
            used: AtomicU64::new(0),
            began: Instant::now(),
            description: OnceLock::new(),
        }
    }

    /// What it serves.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// Asks a predictor, one that is loaded if there is one, for at most `limit`.
    ///
    /// # Errors
    /// Why there is no answer. A predictor that broke is gone, and another takes its place when it is needed.
    pub async fn ask(&self, request: Request, limit: Duration) -> Result<Asked, Unanswered> {
        let began = Instant::now();
        self.touch();
        let _slot = self.slot(limit).await?;
        let (mut warm, cold) = match self.take() {
            Some(warm) => (warm, false),
            None => (self.load(limit).await.map_err(Unanswered::NotLoaded)?, true),
        };
        let asked = if cold { Instant::now() } else { began };
        let left = limit.saturating_sub(began.elapsed());
        let large = request.body.len() >= LARGE;
        // Whoever stops waiting drops the predictor with this call.
        let call = async move {
            let answer = warm.predict(request, left).await;
            (warm, answer)
        };
        let long = &self.shared.long;
        let called = if large { long.here(call).await } else { long.if_long(call).await };
        let time = asked.elapsed();
        let host = |why: String| Failure::Host { message: format!("the call broke off: {why}") };
        let (mut warm, answer) = called.map_err(|why| Unanswered::Failed(host(why)))?;
        let unseen = warm.take_unseen();
        if !warm.is_broken() {
            self.put_back(warm);
        }
        match answer {
            Ok(response) => Ok(Asked { response, cold, time, unseen }),
            Err(Failure::Limit { limit, .. }) if limit == "time" => Err(Unanswered::TimedOut),
            Err(failure) => Err(Unanswered::Failed(failure)),
        }
    }

    /// Sees to it that a predictor is loaded.
    ///
    /// # Errors
    /// Why none can be.
    pub async fn warm(&self, limit: Duration) -> Result<(), Failure> {
        if !self.idle().is_empty() {
            return Ok(());
        }
        let Ok(_slot) = self.slot(limit).await else {
            // All are busy: then there is one.
            return Ok(());
        };
        if !self.idle().is_empty() {
            return Ok(());
        }
        let warm = self.load(limit).await?;
        self.put_back(warm);
        Ok(())
    }

    /// What the version says of itself (see [`Served::describe`]); none before it was loaded for the first time.
    pub fn description(&self) -> Option<Arc<str>> {
        self.description.get().cloned()
    }

    /// Lets go of the predictors that nobody is asking just now.
    pub fn unload(&self) {
        let idle = std::mem::take(&mut *self.idle());
        drop(idle);
    }

    /// Lets go of one of them, if there is one.
    pub fn unload_one(&self) -> bool {
        let one = self.take();
        one.is_some()
    }

    /// For how long nobody has asked.
    pub fn unused_for(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(self.used.load(Ordering::Relaxed)))
    }

    fn touch(&self) {
        self.used.store(self.began.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    async fn slot(&self, limit: Duration) -> Result<SemaphorePermit<'_>, Unanswered> {
        if let Ok(slot) = self.slots.try_acquire() {
            return Ok(slot);
        }
        let waiting = spans::queue(&self.version.model, self.version.number);
        match tokio::time::timeout(limit, self.slots.acquire()).instrument(waiting).await {
            Ok(Ok(slot)) => Ok(slot),
            _ => Err(Unanswered::TimedOut),
        }
    }

    async fn load(&self, limit: Duration) -> Result<Served, Failure> {
        let Version { model, number, pipeline, memory } = &self.version;
        let Shared { engine, quota, long } = &self.shared;
        let memory = Memory { each: *memory, quota: Some(Arc::clone(quota)) };
        let (engine, name, pipeline) = (engine.clone(), model.clone(), pipeline.clone());
        let loading = async move { Served::load(&engine, &name, &pipeline, memory, limit).await };
        let loaded = long.here(loading).instrument(spans::load(model, *number)).await;
        let served =
            loaded.map_err(|why| Failure::Host { message: format!("loading broke off: {why}") })??;
        self.description.get_or_init(|| served.describe().into());
        Ok(served)
    }

    fn take(&self) -> Option<Served> {
        self.idle().pop()
    }

    fn put_back(&self, warm: Served) {
        self.idle().push(warm);
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Served>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

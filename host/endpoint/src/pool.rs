//! The loaded predictors of one version.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use millstream_core::{artifact::Pipeline, failure::Failure};
use millstream_engine::{Engine, Memory, Quota, Request, Response, Served, Unseen};
use tokio::{
    sync::{Notify, Semaphore, SemaphorePermit},
    time::{timeout, timeout_at},
};
use tracing::Instrument as _;

use crate::{
    long::{LARGE, Long},
    spans,
};

/// A version's predictors: made when they are asked for, kept warm, replaced when they break. As many requests at once are
/// answered as there are slots; the others wait for one. There are as many slots again for requests that take long, so that
/// they do not keep short ones waiting.
pub struct PredictorPool {
    shared: Shared,
    version: Version,
    /// Each stands for a predictor that there is or may be made.
    slots: Semaphore,
    /// As many again, for large bodies from the beginning, and for calls that turn out to take long.
    long_slots: Semaphore,
    idle: Mutex<Vec<Served>>,
    /// For bodies of each size, of the last calls: how many more took longer than [`SHORT`] than did not.
    slow: [AtomicU8; SIZES],
    /// Predictors that are asked just now.
    busy: AtomicUsize,
    /// One of them is idle again, or gone.
    released: Notify,
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
pub struct TimedAnswer {
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

/// Calls up to this may keep the thread of their request.
const SHORT: Duration = Duration::from_millis(1);
/// Where so many more calls took longer, the next ones begin on the threads for those. Single long calls among short ones do
/// not count.
const USUALLY: u8 = 4;
/// More are not counted, so that a version that has become fast is soon seen to be.
const AT_MOST: u8 = 2 * USUALLY;
/// Sizes of bodies, each four times the one before, up to [`LARGE`].
const SIZES: usize = LARGE.ilog2() as usize / 2;
/// A call that takes longer than this leaves its slot to short ones.
const LONG: Duration = Duration::from_millis(10);

impl PredictorPool {
    /// With room for `slots` predictors; none is loaded yet.
    pub fn new(shared: Shared, version: Version, slots: usize) -> Self {
        Self {
            shared,
            version,
            slots: Semaphore::new(slots.max(1)),
            long_slots: Semaphore::new(slots.max(1)),
            idle: Mutex::default(),
            slow: Default::default(),
            busy: AtomicUsize::new(0),
            released: Notify::new(),
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
    pub async fn ask(&self, request: Request, limit: Duration) -> Result<TimedAnswer, Unanswered> {
        let began = Instant::now();
        self.touch();
        let size = request.body.len();
        let is_large = size >= LARGE;
        let slots = if is_large { &self.long_slots } else { &self.slots };
        let (mut slot, waited) = match slots.try_acquire() {
            Ok(slot) => (slot, false),
            Err(_) => (self.slot(slots, limit).await?, true),
        };
        let (mut warm, cold) = match self.take() {
            Some(warm) => (warm, false),
            None => (self.load_or_wait(began, limit).await.map_err(Unanswered::NotLoaded)?, true),
        };
        let busy = self.busy();
        let asked = if cold || waited { Instant::now() } else { began };
        let left = limit.saturating_sub(began.elapsed());
        // Whoever stops waiting drops the predictor with this call.
        let call = async move {
            let answer = warm.predict(request, left).await;
            (warm, answer)
        };
        let long = &self.shared.long;
        // Where too many calls take long already, this one keeps its slot, and short ones wait for it.
        let mut give_way = || self.long_slots.try_acquire().map_or((), |long| slot = long);
        let called = if is_large {
            long.here(call).await
        } else if self.is_slow(size) {
            let mut called = std::pin::pin!(long.here(call));
            match timeout(LONG, called.as_mut()).await {
                Ok(called) => called,
                Err(_) => {
                    give_way();
                    called.await
                }
            }
        } else {
            long.if_long(call, give_way).await
        };
        let time = asked.elapsed();
        if !is_large {
            self.took(size, time);
        }
        let host = |why: String| Failure::Host { message: format!("the call broke off: {why}") };
        let (mut warm, answer) = called.map_err(|why| Unanswered::Failed(host(why)))?;
        let unseen = warm.take_unseen();
        if !warm.is_broken() {
            self.put_back(warm);
        }
        drop((busy, slot));
        match answer {
            Ok(response) => Ok(TimedAnswer { response, cold, time, unseen }),
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
        let Ok(_slot) = self.slot(&self.slots, limit).await else {
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

    /// Whether calls with bodies of this size usually take longer than others should wait for a thread.
    fn is_slow(&self, size: usize) -> bool {
        self.slow_at(size).load(Ordering::Relaxed) >= USUALLY
    }

    /// Notes how long a call took; two at once may count as one.
    fn took(&self, size: usize, time: Duration) {
        let slow = self.slow_at(size);
        let before = slow.load(Ordering::Relaxed);
        let now = if time > SHORT { (before + 1).min(AT_MOST) } else { before.saturating_sub(1) };
        if now != before {
            slow.store(now, Ordering::Relaxed);
        }
    }

    fn slow_at(&self, size: usize) -> &AtomicU8 {
        &self.slow[(size.max(1).ilog2() as usize / 2).min(SIZES - 1)]
    }

    fn touch(&self) {
        self.used.store(self.began.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    async fn slot<'a>(
        &self,
        slots: &'a Semaphore,
        limit: Duration,
    ) -> Result<SemaphorePermit<'a>, Unanswered> {
        let waiting = spans::queue(&self.version.model, self.version.number);
        match timeout(limit, slots.acquire()).instrument(waiting).await {
            Ok(Ok(slot)) => Ok(slot),
            _ => Err(Unanswered::TimedOut),
        }
    }

    /// Another predictor; where there is no memory for one beside those that are busy, one of these when it is released.
    async fn load_or_wait(&self, began: Instant, limit: Duration) -> Result<Served, Failure> {
        loop {
            let mut released = std::pin::pin!(self.released.notified());
            released.as_mut().enable();
            if let Some(warm) = self.take() {
                return Ok(warm);
            }
            let no_room = match self.load(limit.saturating_sub(began.elapsed())).await {
                Err(failure) if is_shared(&failure) && self.busy.load(Ordering::Acquire) > 0 => failure,
                loaded => return loaded,
            };
            if timeout_at((began + limit).into(), released).await.is_err() {
                return Err(no_room);
            }
        }
    }

    fn busy(&self) -> Busy<'_> {
        self.busy.fetch_add(1, Ordering::AcqRel);
        Busy(self)
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

/// Counts a predictor that is asked, until it is idle again or gone.
struct Busy<'a>(&'a PredictorPool);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::AcqRel);
        self.0.released.notify_waiters();
    }
}

/// A limit that predictors share.
pub fn is_shared(failure: &Failure) -> bool {
    matches!(failure, Failure::Limit { limit, .. } if limit == Quota::LIMIT)
}

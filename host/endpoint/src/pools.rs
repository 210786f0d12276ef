//! All loaded versions, under one limit of memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use millstream_core::artifact::Digest;
use millstream_engine::{Engine, Quota};

use crate::{
    long::Long,
    pool::{PredictorPool, Shared, Version},
};

/// The pools of all versions that anything routes to. A version that several endpoints serve is loaded once.
pub struct PredictorPools {
    shared: Shared,
    slots: usize,
    pools: Arc<Mutex<All>>,
}

type All = HashMap<(Digest, u64), Arc<PredictorPool>>;

/// What to do where the memory of all predictors is not enough.
const REMEDY: &str = "send less data at once, or start the server with more (`millstream serve --memory`), or serve fewer models";

impl PredictorPools {
    /// Pools of at most twice `slots` predictors each, half of them for requests that take long, which have `memory` bytes together. One that needs more, to load or in the
    /// middle of a request, takes the place of those that nobody is asking; if that is not enough it gets no more.
    pub fn new(engine: Engine, long: Arc<Long>, slots: usize, memory: u64) -> Self {
        let quota = Quota::new(memory, REMEDY);
        let pools: Arc<Mutex<All>> = Arc::default();
        let (known, counted) = (Arc::downgrade(&pools), Arc::downgrade(&quota));
        quota.on_shortage(move |missing| {
            if let (Some(pools), Some(quota)) = (known.upgrade(), counted.upgrade()) {
                make_room(&pools, &quota, missing);
            }
        });
        Self { shared: Shared { engine, quota, long }, slots, pools }
    }

    /// The pool of a version.
    pub fn of(&self, version: Version) -> Arc<PredictorPool> {
        let stages = serde_json::to_vec(&version.pipeline).expect("a pipeline is JSON");
        let key = (Digest::of(&stages), version.memory);
        let mut pools = lock(&self.pools);
        let make = || Arc::new(PredictorPool::new(self.shared.clone(), version, self.slots));
        Arc::clone(pools.entry(key).or_insert_with(make))
    }

    /// Unloads what has been idle for its time, and forgets pools that nobody routes to.
    pub fn sweep(&self, idle: impl Fn(&Arc<PredictorPool>) -> Option<Duration>) {
        lock(&self.pools).retain(|_, pool| {
            // The map's own and nobody else's.
            if Arc::strong_count(pool) == 1 {
                return false;
            }
            if idle(pool).is_some_and(|idle| pool.unused_for() >= idle) {
                pool.unload();
            }
            true
        });
    }

    /// Bytes of memory of all predictors.
    pub fn bytes(&self) -> u64 {
        self.shared.quota.used()
    }
}

/// Unloads predictors that nobody is asking, those of the version first that was not asked for longest.
fn make_room(pools: &Mutex<All>, quota: &Quota, missing: u64) {
    let goal = quota.used().saturating_sub(missing);
    let mut pools: Vec<Arc<PredictorPool>> = lock(pools).values().cloned().collect();
    pools.sort_by_key(|pool| std::cmp::Reverse(pool.unused_for()));
    for pool in pools {
        while quota.used() > goal && pool.unload_one() {}
    }
}

fn lock(pools: &Mutex<All>) -> MutexGuard<'_, All> {
    pools.lock().unwrap_or_else(PoisonError::into_inner)
}

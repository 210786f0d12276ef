//! All loaded versions, under one limit of memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use millstream_engine::{Engine, Request};
use millstream_workflow::artifact::Digest;

use crate::pool::{Asked, Pool, Unanswered, Version};

/// The pools of all versions that anything routes to. A version that several endpoints serve is loaded once.
pub struct Pools {
    engine: Engine,
    slots: usize,
    /// Bytes that all predictors may have together.
    memory: u64,
    pools: Mutex<HashMap<(Digest, u64), Arc<Pool>>>,
}

impl Pools {
    /// Pools of at most `slots` predictors each, which have `memory` bytes together.
    pub fn new(engine: Engine, slots: usize, memory: u64) -> Self {
        Self { engine, slots, memory, pools: Mutex::default() }
    }

    /// The pool of a version.
    pub fn of(&self, version: Version) -> Arc<Pool> {
        let stages = serde_json::to_vec(&version.pipeline).expect("a pipeline is JSON");
        let key = (Digest::of(&stages), version.memory);
        let mut pools = self.pools();
        let make = || Arc::new(Pool::new(self.engine.clone(), version, self.slots));
        Arc::clone(pools.entry(key).or_insert_with(make))
    }

    /// Asks a version; one that has to be loaded may take the place of those that were not asked for longest.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn ask(
        &self,
        pool: &Arc<Pool>,
        request: Request,
        limit: Duration,
    ) -> Result<Asked, Unanswered> {
        let answer = pool.ask(request, limit).await;
        if matches!(answer, Ok(Asked { cold: true, .. })) {
            self.make_room(pool);
        }
        answer
    }

    /// Unloads what was not asked for longest until the rest fits; `keep` stays.
    pub fn make_room(&self, keep: &Arc<Pool>) {
        let mut pools: Vec<Arc<Pool>> = self.pools().values().cloned().collect();
        pools.sort_by_key(|pool| std::cmp::Reverse(pool.unused_for()));
        let mut used: u64 = pools.iter().map(|pool| pool.bytes()).sum();
        for pool in pools.iter().filter(|pool| !Arc::ptr_eq(pool, keep)) {
            if used <= self.memory {
                return;
            }
            let before = pool.bytes();
            pool.unload();
            used -= before.saturating_sub(pool.bytes());
        }
    }

    /// Unloads what has been idle for its time, and forgets pools that nobody routes to.
    pub fn sweep(&self, idle: impl Fn(&Arc<Pool>) -> Option<Duration>) {
        self.pools().retain(|_, pool| {
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
        self.pools().values().map(|pool| pool.bytes()).sum()
    }

    fn pools(&self) -> MutexGuard<'_, HashMap<(Digest, u64), Arc<Pool>>> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

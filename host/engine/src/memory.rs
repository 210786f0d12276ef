//! How much linear memory a job's instances may have together.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use millstream_workflow::failure::Failure;
use wasmtime::ResourceLimiter;

#[cfg(target_os = "linux")]
use crate::large_pages::Place;
use crate::text::byte_size;

/// One job's memory, shared by its own instance and those of the models that it uses.
pub(crate) struct Budget {
    account: Arc<Account>,
    /// Where it is noted where memory is, while an instance is made.
    #[cfg(target_os = "linux")]
    place: Option<Place>,
}

struct Account {
    limit: u64,
    used: AtomicU64,
    /// The last growth that was asked for was denied.
    denied: AtomicBool,
}

/// Elements of one table: references to functions and the like.
const MAX_TABLE: usize = 10_000_000;

impl Budget {
    /// `limit` bytes.
    pub fn new(limit: u64) -> Self {
        Self::of(Arc::new(Account { limit, used: AtomicU64::new(0), denied: AtomicBool::new(false) }))
    }

    fn of(account: Arc<Account>) -> Self {
        Self {
            account,
            #[cfg(target_os = "linux")]
            place: None,
        }
    }

    /// From now on memories that are made are noted in `place`, or nowhere.
    #[cfg(target_os = "linux")]
    pub fn note(&mut self, place: Option<Place>) {
        self.place = place;
    }

    /// The same budget for another store.
    pub fn share(&self) -> Self {
        Self::of(Arc::clone(&self.account))
    }

    /// What to say if the guest gave up because it could not get more memory.
    pub fn exhausted(&self) -> Option<Failure> {
        self.account.denied.load(Ordering::Relaxed).then(|| Failure::Limit {
            limit: "memory".to_owned(),
            message: format!(
                "it needs more than {} of memory; raise the limit (a component can use 4 GiB at most) or send less data",
                byte_size(self.account.limit)
            ),
        })
    }

    /// Bytes in use.
    pub fn used(&self) -> u64 {
        self.account.used.load(Ordering::Relaxed)
    }

    /// An instance is gone, which had used what is used now and was not `before`.
    #[cfg(target_os = "linux")]
    pub fn back_to(&self, before: u64) {
        self.account.used.store(before, Ordering::Relaxed);
        self.account.denied.store(false, Ordering::Relaxed);
    }

    fn grow(&self, by: u64) -> bool {
        let take = |used: u64| used.checked_add(by).filter(|used| *used <= self.account.limit);
        let granted = self.account.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok();
        self.account.denied.store(!granted, Ordering::Relaxed);
        granted
    }
}

impl ResourceLimiter for Budget {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            self.account.denied.store(true, Ordering::Relaxed);
            return Ok(false);
        }
        let granted = self.grow(desired.saturating_sub(current) as u64);
        #[cfg(target_os = "linux")]
        if let (true, 0, Some(place)) = (granted, current, &self.place) {
            place.announce();
        }
        Ok(granted)
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.account.denied.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn table_growing(&mut self, _: usize, desired: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= maximum.unwrap_or(MAX_TABLE).min(MAX_TABLE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_share_one_budget() {
        let mut first = Budget::new(100);
        let mut second = first.share();
        assert!(first.memory_growing(0, 60, None).unwrap());
        assert!(!second.memory_growing(0, 60, None).unwrap());
        assert!(first.exhausted().is_some());
        assert!(second.memory_growing(0, 40, None).unwrap());
        assert!(first.exhausted().is_none(), "a later growth was granted");
    }
}

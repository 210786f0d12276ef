//! How much linear memory instances may have together: those of one job or predictor, and all predictors of a server.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU8, AtomicU64, Ordering},
};

use millstream_core::failure::Failure;
use wasmtime::ResourceLimiter;

#[cfg(target_os = "linux")]
use crate::large_pages::Place;
use crate::text::byte_size;

/// Bytes of linear memory that many predictors have together. They are counted as a predictor grows, in the middle of a
/// request too, and given back when it is dropped.
pub struct Quota {
    limit: u64,
    used: AtomicU64,
    /// What to do to have more, for people.
    remedy: &'static str,
    make_room: OnceLock<Box<dyn Fn(u64) + Send + Sync>>,
}

impl Quota {
    /// The name of the limit in failures.
    pub const LIMIT: &str = "memory of all predictors";

    /// `limit` bytes. `remedy` says what to do where they are not enough.
    pub fn new(limit: u64, remedy: &'static str) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicU64::new(0), remedy, make_room: OnceLock::new() })
    }

    /// Called when so many bytes are missing: to drop predictors that nobody is asking. It runs in the middle of another
    /// predictor's call.
    pub fn on_shortage(&self, make_room: impl Fn(u64) + Send + Sync + 'static) {
        // Whoever comes second has made a mistake, which harms nobody.
        let _ = self.make_room.set(Box::new(make_room));
    }

    /// Bytes in use.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// The most that may be in use.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    fn take(&self, bytes: u64) -> bool {
        if self.try_take(bytes) {
            return true;
        }
        if let Some(make_room) = self.make_room.get().filter(|_| bytes <= self.limit) {
            make_room(self.used().saturating_add(bytes).saturating_sub(self.limit));
        }
        self.try_take(bytes)
    }

    fn try_take(&self, bytes: u64) -> bool {
        let take = |used: u64| used.checked_add(bytes).filter(|used| *used <= self.limit);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }

    fn give_back(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn exhausted(&self) -> Failure {
        Failure::Limit {
            limit: Self::LIMIT.to_owned(),
            message: format!(
                "all predictors together may have {}, and the others are in use; {}",
                byte_size(self.limit),
                self.remedy
            ),
        }
    }
}

/// What a predictor may have: by itself, and together with others.
#[derive(Clone)]
pub struct Memory {
    /// Bytes of linear memory of all its stages.
    pub each: u64,
    /// What it shares with others.
    pub quota: Option<Arc<Quota>>,
}

impl From<u64> for Memory {
    fn from(each: u64) -> Self {
        Self { each, quota: None }
    }
}

/// One job's memory, shared by its own instance and those of the models that it uses.
pub(crate) struct Budget {
    account: Arc<Account>,
    /// What was granted last.
    last: u64,
    /// Where it is noted where memory is, while an instance is made.
    #[cfg(target_os = "linux")]
    place: Option<Place>,
}

struct Account {
    limit: u64,
    used: AtomicU64,
    /// Whether the last growth that was asked for was denied, and why: one of the constants below.
    denied: AtomicU8,
    quota: Option<Arc<Quota>>,
}

const GRANTED: u8 = 0;
const DENIED: u8 = 1;
const DENIED_BY_QUOTA: u8 = 2;

/// Elements of one table: references to functions and the like.
const MAX_TABLE: usize = 10_000_000;

impl Drop for Account {
    fn drop(&mut self) {
        if let Some(quota) = &self.quota {
            quota.give_back(*self.used.get_mut());
        }
    }
}

impl Account {
    fn grow(&self, by: u64) -> bool {
        let take = |used: u64| used.checked_add(by).filter(|used| *used <= self.limit);
        if self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_err() {
            self.denied.store(DENIED, Ordering::Relaxed);
            return false;
        }
        if self.quota.as_ref().is_some_and(|quota| !quota.take(by)) {
            self.used.fetch_sub(by, Ordering::Relaxed);
            self.denied.store(DENIED_BY_QUOTA, Ordering::Relaxed);
            return false;
        }
        self.denied.store(GRANTED, Ordering::Relaxed);
        true
    }

    fn shrink(&self, by: u64) {
        self.used.fetch_sub(by, Ordering::Relaxed);
        if let Some(quota) = &self.quota {
            quota.give_back(by);
        }
    }
}

impl Budget {
    /// `limit` bytes.
    pub fn new(limit: u64) -> Self {
        Self::within(limit.into())
    }

    /// What a predictor may have.
    pub fn within(Memory { each, quota }: Memory) -> Self {
        Self::of(Arc::new(Account {
            limit: each,
            used: AtomicU64::new(0),
            denied: AtomicU8::new(GRANTED),
            quota,
        }))
    }

    fn of(account: Arc<Account>) -> Self {
        Self {
            account,
            last: 0,
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
        match self.account.denied.load(Ordering::Relaxed) {
            GRANTED => None,
            DENIED_BY_QUOTA => self.account.quota.as_ref().map(|quota| quota.exhausted()),
            _ => Some(Failure::Limit {
                limit: "memory".to_owned(),
                message: format!(
                    "it needs more than {} of memory; raise the limit (a component can use 4 GiB at most) or send less data",
                    byte_size(self.account.limit)
                ),
            }),
        }
    }

    /// Bytes in use.
    pub fn used(&self) -> u64 {
        self.account.used.load(Ordering::Relaxed)
    }

    /// An instance is gone, which had used what is used now and was not `before`.
    #[cfg(target_os = "linux")]
    pub fn back_to(&self, before: u64) {
        self.account.shrink(self.used().saturating_sub(before));
        self.account.denied.store(GRANTED, Ordering::Relaxed);
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
            self.account.denied.store(DENIED, Ordering::Relaxed);
            return Ok(false);
        }
        let by = desired.saturating_sub(current) as u64;
        let granted = self.account.grow(by);
        self.last = if granted { by } else { 0 };
        #[cfg(target_os = "linux")]
        if let (true, 0, Some(place)) = (granted, current, &self.place) {
            place.announce();
        }
        Ok(granted)
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        // It was granted, and the system did not give it.
        self.account.shrink(std::mem::take(&mut self.last));
        self.account.denied.store(DENIED, Ordering::Relaxed);
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

    #[test]
    fn predictors_share_a_quota_and_give_back_what_they_had() {
        let quota = Quota::new(100, "have more");
        let budget = |each| Budget::within(Memory { each, quota: Some(Arc::clone(&quota)) });
        let (mut first, mut second) = (budget(80), budget(80));
        assert!(first.memory_growing(0, 70, None).unwrap());
        assert!(!second.memory_growing(0, 40, None).unwrap());
        let failure = second.exhausted().unwrap();
        assert!(matches!(&failure, Failure::Limit { limit, message } if limit == Quota::LIMIT
            && message.contains("100 bytes") && message.contains("have more")));
        assert!(!first.memory_growing(70, 90, None).unwrap(), "its own limit");
        assert!(matches!(first.exhausted(), Some(Failure::Limit { limit, .. }) if limit == "memory"));
        assert_eq!(quota.used(), 70);
        drop(first);
        assert_eq!(quota.used(), 0);
        assert!(second.memory_growing(0, 40, None).unwrap());
        second.memory_grow_failed(wasmtime::Error::msg("no memory")).unwrap();
        assert_eq!((quota.used(), second.used()), (0, 0), "what was granted and not given is not used");
    }

    #[test]
    fn who_is_short_of_memory_has_room_made() {
        let quota = Quota::new(100, "have more");
        let budget = || Budget::within(Memory { each: 100, quota: Some(Arc::clone(&quota)) });
        let mut idle = budget();
        assert!(idle.memory_growing(0, 60, None).unwrap());
        let idle = std::sync::Mutex::new(Some(idle));
        let asked = Arc::new(AtomicU64::new(0));
        let told = Arc::clone(&asked);
        quota.on_shortage(move |bytes| {
            told.store(bytes, Ordering::Relaxed);
            drop(idle.lock().unwrap().take());
        });
        let mut busy = budget();
        assert!(busy.memory_growing(0, 90, None).unwrap());
        assert_eq!((asked.load(Ordering::Relaxed), quota.used()), (50, 90));
        assert!(!budget().memory_growing(0, 200, None).unwrap(), "more than there is at all");
    }
}

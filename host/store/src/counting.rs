//! A store that counts what is asked of it, as one over the network would be billed.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    Entry, Looks, MemoryStore, Object, Operation, Page, PutOptions, Result, Store, TempFile, Version,
};

/// Requests by kind.
pub type Counts = BTreeMap<Operation, u64>;

/// Objects in memory, as if they were far away: it has no files to show, looks at it are dear, and each request is counted.
/// A clone counts on its own, over the same objects, and goes by another name: it stands for another process, which knows nothing of
/// what this one has read.
pub struct CountingStore {
    objects: MemoryStore,
    location: String,
    counts: Mutex<Counts>,
}

impl Default for CountingStore {
    fn default() -> Self {
        Self::of(MemoryStore::new())
    }
}

impl Clone for CountingStore {
    fn clone(&self) -> Self {
        Self::of(self.objects.clone())
    }
}

impl CountingStore {
    fn of(objects: MemoryStore) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let location = format!("counting:{}", NEXT.fetch_add(1, Ordering::Relaxed));
        Self { objects, location, counts: Mutex::default() }
    }

    /// Requests so far.
    pub fn counts(&self) -> Counts {
        self.lock().clone()
    }

    /// All requests so far.
    pub fn total(&self) -> u64 {
        self.lock().values().sum()
    }

    /// As a shared store.
    pub fn shared(self: &Arc<Self>) -> Arc<dyn Store> {
        self.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, operation: Operation) {
        *self.lock().entry(operation).or_default() += 1;
    }
}

impl Store for CountingStore {
    fn get(&self, key: &str) -> Result<Object> {
        self.count(Operation::Get);
        self.objects.get(key)
    }

    fn get_range(&self, key: &str, offset: u64, len: u64) -> Result<Vec<u8>> {
        self.count(Operation::GetRange);
        self.objects.get_range(key, offset, len)
    }

    fn head(&self, key: &str) -> Result<Entry> {
        self.count(Operation::Head);
        self.objects.head(key)
    }

    fn put(&self, key: &str, bytes: &[u8], options: &PutOptions) -> Result<Version> {
        self.count(Operation::Put);
        self.objects.put(key, bytes, options)
    }

    fn put_file(&self, key: &str, file: TempFile, options: &PutOptions) -> Result<Version> {
        self.count(Operation::Put);
        self.objects.put_file(key, file, options)
    }

    fn temp_file(&self) -> Result<TempFile> {
        self.objects.temp_file()
    }

    fn list(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page> {
        self.count(Operation::List);
        self.objects.list(prefix, start_after, limit)
    }

    fn delete(&self, key: &str) -> Result<()> {
        self.count(Operation::Delete);
        self.objects.delete(key)
    }

    fn looks(&self) -> Looks {
        Looks::REMOTE
    }

    fn location(&self) -> String {
        self.location.clone()
    }
}

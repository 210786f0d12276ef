//! API keys, as they are asked for with each request: out of memory, for a second.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use millstream_core::artifact::Digest;
use millstream_registry::{Error, Key, Keys};
use millstream_store::Store;

/// Keys that were shown lately, by the digest of their text.
pub struct KeyCache {
    store: Arc<dyn Store>,
    shown: Mutex<HashMap<Digest, (Instant, Option<Key>)>>,
}

/// A key that was revoked opens nothing after this time.
const AGE: Duration = Duration::from_secs(1);
/// Texts that are remembered, false ones included.
const SHOWN: usize = 10_000;

impl KeyCache {
    /// The keys of a store.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, shown: Mutex::default() }
    }

    /// Whether there is any key. A store out of reach has some: nothing opens then.
    pub fn any(&self) -> bool {
        Keys::new(self.store.as_ref()).list().map_or(true, |keys| !keys.is_empty())
    }

    /// The key of an access key id, or of a whole key in its place.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub fn of_access_key(&self, access_key: &str, now: u64) -> Result<Option<Key>, Error> {
        self.cached(access_key, |keys| match keys.find(access_key, now)? {
            None => keys.verify(access_key, now),
            found => Ok(found),
        })
    }

    /// The key of that text.
    ///
    /// # Errors
    /// The store can't be read, or the key's record is damaged: nobody knows whether it is one. Asked again at once.
    pub fn verify(&self, text: &str, now: u64) -> Result<Option<Key>, Error> {
        // What proves something and what does not are kept apart: neither is taken for the other.
        self.cached(&format!("key {text}"), |keys| keys.verify(text, now))
    }

    fn cached(
        &self,
        text: &str,
        read: impl FnOnce(Keys<'_>) -> Result<Option<Key>, Error>,
    ) -> Result<Option<Key>, Error> {
        let digest = Digest::of(text.as_bytes());
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((since, key)) = shown.get(&digest)
            && since.elapsed() < AGE
        {
            return Ok(key.clone());
        }
        let key = read(Keys::new(self.store.as_ref()))?;
        if shown.len() >= SHOWN {
            shown.retain(|_, (since, _)| since.elapsed() < AGE);
        }
        if shown.len() < SHOWN {
            shown.insert(digest, (Instant::now(), key.clone()));
        }
        Ok(key)
    }
}

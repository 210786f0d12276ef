//! Buckets.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use millstream_core::{artifact::Digest, layout};
use millstream_store::{Artifacts, Entry, ErrorKind, PutOptions, Store, entries};
use s3s::{S3Result, s3_error};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    created::{Created, NewObject},
    fault,
    record::BucketRecord,
    view::VirtualBucket,
};

/// Keys of one process share so many locks.
const LOCKS: usize = 64;

/// The buckets of a store. Calls block.
pub struct Buckets {
    pub(crate) artifacts: Artifacts,
    pub(crate) views: BTreeMap<String, Arc<dyn VirtualBucket>>,
    created: Option<Arc<dyn Created>>,
    locks: Vec<Mutex<()>>,
    /// The time that was told last, in microseconds since 1970 UTC: none is told twice.
    told: AtomicU64,
}

impl Buckets {
    /// Those of the store of these artifacts.
    pub fn new(artifacts: Artifacts) -> Self {
        let locks = (0..LOCKS).map(|_| Mutex::default()).collect();
        Self { artifacts, views: BTreeMap::new(), created: None, locks, told: AtomicU64::new(0) }
    }

    /// With one more bucket, of this name, that shows what lies elsewhere. No other can have the name.
    #[must_use]
    pub fn showing(mut self, name: &str, view: Arc<dyn VirtualBucket>) -> Self {
        self.views.insert(name.to_owned(), view);
        self
    }

    /// Tells of new objects.
    #[must_use]
    pub fn telling(mut self, created: Arc<dyn Created>) -> Self {
        self.created = Some(created);
        self
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        self.artifacts.store()
    }

    /// Now, in microseconds since 1970 UTC; never the same twice.
    pub(crate) fn now(&self) -> u64 {
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let clock = u64::try_from(clock.as_micros()).unwrap_or(u64::MAX);
        let later = |told: u64| Some(clock.max(told + 1));
        let told = self.told.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later);
        told.map_or(clock, |told| clock.max(told + 1))
    }

    /// A name for bytes that nobody else has.
    pub(crate) fn id(&self) -> String {
        format!("{:016x}{:016x}", self.now(), fastrand::u64(..))
    }

    /// Keeps other writers of this key in this process away, so that they need not try again and again.
    pub(crate) fn lock(&self, bucket: &str, key: &str) -> MutexGuard<'_, ()> {
        let digest = Digest::of(format!("{bucket}/{key}").as_bytes());
        self.locks[digest.0[0] as usize % LOCKS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn tell(&self, event: &NewObject) -> S3Result<()> {
        let Some(created) = &self.created else { return Ok(()) };
        created.created(event).map_err(|why| {
            s3_error!(
                ServiceUnavailable,
                "The object was written, but what it starts was not taken note of: {why}"
            )
        })
    }

    /// A record, and the state it is in; none if it is not there.
    pub(crate) fn read<T: DeserializeOwned>(
        &self,
        key: &str,
    ) -> S3Result<Option<(T, millstream_store::Version)>> {
        match self.store().get(key) {
            Ok(object) => Ok(Some((parse(key, &object.bytes)?, object.version))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(fault::of(&error)),
        }
    }

    /// Writes a record; false if the condition does not hold.
    pub(crate) fn write(&self, key: &str, record: &impl Serialize, options: &PutOptions) -> S3Result<bool> {
        let bytes = serde_json::to_vec(record).map_err(|error| s3_error!(InternalError, "{error}"))?;
        match self.store().put(key, &bytes, options) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::PreconditionFailed => Ok(false),
            Err(error) => Err(fault::of(&error)),
        }
    }

    /// Removes what nobody needs any more. What can't be removed now costs room, and harms nobody.
    pub(crate) fn remove(&self, key: &str) {
        if let Err(error) = self.store().delete(key) {
            tracing::warn!(%error, key, "bytes of an object that is gone could not be removed");
        }
    }

    /// Makes a bucket; false if it is there.
    pub(crate) fn create(&self, bucket: &str) -> S3Result<bool> {
        if self.views.contains_key(bucket) {
            return Ok(false);
        }
        let record = BucketRecord { created: self.now() / 1000 };
        self.write(&layout::bucket(bucket), &record, &PutOptions::absent())
    }

    /// Whether the bucket is there.
    ///
    /// # Errors
    /// `NoSuchBucket`.
    pub(crate) fn check(&self, bucket: &str) -> S3Result<()> {
        if self.views.contains_key(bucket) {
            return Ok(());
        }
        match self.store().head(&layout::bucket(bucket)) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => Err(fault::no_such_bucket(bucket)),
            Err(error) => Err(fault::of(&error)),
        }
    }

    /// Whether objects can be written there.
    ///
    /// # Errors
    /// `NoSuchBucket`, `AccessDenied`.
    pub(crate) fn check_writable(&self, bucket: &str) -> S3Result<()> {
        if self.views.contains_key(bucket) {
            return Err(s3_error!(
                AccessDenied,
                "The bucket {bucket} shows what this home holds, and can be read alone"
            ));
        }
        self.check(bucket)
    }

    /// All buckets and when they were made, in milliseconds since 1970 UTC, by name.
    pub(crate) fn all(&self) -> S3Result<BTreeMap<String, u64>> {
        let mut all: BTreeMap<String, u64> = self.views.keys().map(|name| (name.clone(), 0)).collect();
        for entry in entries(&**self.store(), layout::BUCKETS) {
            let Entry { key, .. } = entry.map_err(|error| fault::of(&error))?;
            let Some(name) = key[layout::BUCKETS.len()..].strip_suffix(".json") else { continue };
            if let Some((BucketRecord { created }, _)) = self.read(&key)? {
                all.insert(name.to_owned(), created);
            }
        }
        Ok(all)
    }

    /// Removes a bucket that holds nothing, and uploads to it that were never completed.
    pub(crate) fn delete_bucket(&self, bucket: &str) -> S3Result<()> {
        self.check_writable(bucket)?;
        let there =
            self.store().list(&layout::objects(bucket), None, 1).map_err(|error| fault::of(&error))?;
        if !there.entries.is_empty() {
            return Err(s3_error!(BucketNotEmpty, "The bucket you tried to delete is not empty"));
        }
        self.store().delete(&layout::bucket(bucket)).map_err(|error| fault::of(&error))?;
        for prefix in [layout::object_uploads(bucket), layout::all_object_bytes(bucket)] {
            for entry in entries(&**self.store(), &prefix) {
                self.remove(&entry.map_err(|error| fault::of(&error))?.key);
            }
        }
        Ok(())
    }
}

pub fn parse<T: DeserializeOwned>(key: &str, bytes: &[u8]) -> S3Result<T> {
    serde_json::from_slice(bytes).map_err(|error| {
        tracing::error!(%error, key, "a record of a bucket is damaged");
        s3_error!(InternalError, "the record {key} is damaged: {error}")
    })
}

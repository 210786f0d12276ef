//! Objects.

use millstream_core::{layout, object_key};
use millstream_store::{Condition, ErrorKind, PutOptions, TempFile};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};

use crate::{
    buckets::Buckets,
    checksums::{Found, hex},
    conditions::WriteIf,
    created::NewObject,
    fault,
    outlet::Outlet,
    record::{ObjectHeaders, Record},
    view::{Seen, Source},
};

/// How often somebody else may come first.
const TRIES: usize = 1000;

/// An object that is to be written, but for its bytes.
#[derive(Clone, Debug)]
pub struct New {
    pub size: u64,
    pub etag: String,
    pub headers: ObjectHeaders,
    pub sums: crate::checksums::Sums,
    pub parts: Vec<u64>,
    pub upload: Option<String>,
    /// As S3's events say it.
    pub reason: &'static str,
}

impl New {
    /// One that came in one piece.
    pub fn whole(found: &Found, headers: ObjectHeaders, reason: &'static str) -> Self {
        Self {
            size: found.size,
            etag: hex(&found.md5),
            headers,
            sums: found.sums.clone(),
            parts: Vec::new(),
            upload: None,
            reason,
        }
    }
}

/// An object that is open.
pub struct Opened {
    /// What is known of it.
    pub record: Record,
    /// Its bytes.
    pub outlet: Outlet,
}

impl Buckets {
    /// The key of an object's record.
    pub(crate) fn place(bucket: &str, key: &str) -> S3Result<String> {
        let path = object_key::path(key).ok_or_else(|| s3_error!(KeyTooLongError, "Your key is too long"))?;
        Ok(format!("{}{path}", layout::objects(bucket)))
    }

    /// What is known of an object; none if it is not there.
    pub(crate) fn find(&self, bucket: &str, key: &str) -> S3Result<Option<Record>> {
        if let Some(view) = self.views.get(bucket) {
            let seen = view.find(key).map_err(|error| s3_error!(InternalError, "{error}"))?;
            return Ok(seen.map(|seen| shown(key, seen).0));
        }
        Ok(self.read(&Self::place(bucket, key)?)?.map(|(record, _)| record))
    }

    /// Opens an object.
    ///
    /// # Errors
    /// `NoSuchBucket`, `NoSuchKey`.
    pub(crate) fn open(&self, bucket: &str, key: &str) -> S3Result<Opened> {
        if let Some(view) = self.views.get(bucket) {
            let seen = view.find(key).map_err(|error| s3_error!(InternalError, "{error}"))?;
            let (record, source) = shown(key, seen.ok_or_else(fault::no_such_key)?);
            let place = match source {
                Source::Artifact(digest) => {
                    self.artifacts.ensure(&digest).map_err(|error| fault::of(&error))?;
                    layout::artifact(&digest)
                }
                Source::Key(key) => key,
            };
            let outlet = Outlet::open(self.store(), &place).map_err(|error| fault::of(&error))?;
            return Ok(Opened { record, outlet });
        }
        // Between record and bytes the object may be replaced; a few times, not for ever.
        for last in [false, false, false, true] {
            let Some(record) = self.find(bucket, key)? else {
                self.check(bucket)?;
                return Err(fault::no_such_key());
            };
            match Outlet::open(self.store(), &layout::object_bytes(bucket, &record.id)) {
                Ok(outlet) => return Ok(Opened { record, outlet }),
                Err(error) if error.kind() == ErrorKind::NotFound && !last => {}
                Err(error) => return Err(fault::of(&error)),
            }
        }
        Err(s3_error!(SlowDown, "The object is replaced again and again. Try again."))
    }

    /// Writes an object whose bytes are in a file.
    pub(crate) fn put(
        &self,
        bucket: &str,
        key: &str,
        file: TempFile,
        new: &New,
        condition: &WriteIf,
    ) -> S3Result<Record> {
        let place = Self::place(bucket, key)?;
        let id = self.id();
        let bytes = layout::object_bytes(bucket, &id);
        self.store().put_file(&bytes, file, &PutOptions::absent()).map_err(|error| fault::of(&error))?;
        let record = match self.commit(key, &place, &id, new, condition, bucket) {
            Ok(record) => record,
            Err(NotCommitted { error, unknown }) => {
                // A record that may be there keeps its bytes.
                if !unknown {
                    self.remove(&bytes);
                }
                return Err(error);
            }
        };
        self.tell(&event(bucket, &record, new.reason))?;
        Ok(record)
    }

    /// Writes the record. From here on the object is there.
    fn commit(
        &self,
        key: &str,
        place: &str,
        id: &str,
        new: &New,
        condition: &WriteIf,
        bucket: &str,
    ) -> Result<Record, NotCommitted> {
        let _lock = self.lock(bucket, key);
        let mut lost = false;
        for _ in 0..TRIES {
            // What was written before the answer was lost is found here.
            let old = self.read::<Record>(place).map_err(|error| NotCommitted { error, unknown: lost })?;
            if let Some((record, _)) = old.as_ref().filter(|(old, _)| old.id == id) {
                return Ok(record.clone());
            }
            condition.check(old.as_ref().map(|(old, _)| old.etag.as_str()))?;
            let record = Record {
                key: key.to_owned(),
                id: id.to_owned(),
                size: new.size,
                etag: new.etag.clone(),
                sequence: old.as_ref().map_or(0, |(old, _)| old.sequence + 1).max(self.now()),
                headers: new.headers.clone(),
                sums: new.sums.clone(),
                parts: new.parts.clone(),
                upload: new.upload.clone(),
            };
            let options = match &old {
                None => PutOptions::absent(),
                Some((_, version)) => {
                    PutOptions { condition: Condition::Matches(version.clone()), durable: true }
                }
            };
            match self.write(place, &record, &options) {
                Ok(true) => {
                    if let Some((old, _)) = old {
                        self.remove(&layout::object_bytes(bucket, &old.id));
                    }
                    return Ok(record);
                }
                Ok(false) => lost = false,
                Err(error) if lost => return Err(NotCommitted { error, unknown: true }),
                // Whether it took place is found out by reading, once.
                Err(error) if error.code() == &S3ErrorCode::ServiceUnavailable => lost = true,
                Err(error) => return Err(error.into()),
            }
        }
        Err(s3_error!(OperationAborted, "Others write this object at the same time. Try again.").into())
    }

    /// Removes an object. Done already is done, without a condition.
    pub(crate) fn delete(&self, bucket: &str, key: &str, condition: &WriteIf) -> S3Result<()> {
        let place = Self::place(bucket, key)?;
        let _lock = self.lock(bucket, key);
        let old = match self.read::<Record>(&place) {
            Ok(old) => old.map(|(old, _)| old),
            // A record that can't be read can still be removed.
            Err(error) if condition.is_some() => return Err(error),
            Err(_) => None,
        };
        condition.check(old.as_ref().map(|old| old.etag.as_str()))?;
        self.store().delete(&place).map_err(|error| fault::of(&error))?;
        if let Some(old) = old {
            self.remove(&layout::object_bytes(bucket, &old.id));
        }
        Ok(())
    }
}

/// Why a record was not written.
struct NotCommitted {
    error: S3Error,
    /// It may have been all the same.
    unknown: bool,
}

impl From<S3Error> for NotCommitted {
    fn from(error: S3Error) -> Self {
        Self { error, unknown: false }
    }
}

fn event(bucket: &str, record: &Record, reason: &'static str) -> NewObject {
    NewObject {
        bucket: bucket.to_owned(),
        key: record.key.clone(),
        size: record.size,
        etag: record.etag.clone(),
        sequencer: format!("{:016X}", record.sequence),
        reason,
        at: record.sequence / 1000,
    }
}

/// What a view shows, as if it were an object of ours.
pub fn shown(key: &str, seen: Seen) -> (Record, Source) {
    let headers = ObjectHeaders { content_type: Some(seen.content_type), ..ObjectHeaders::default() };
    let record = Record {
        key: key.to_owned(),
        id: String::new(),
        size: seen.size,
        etag: seen.etag,
        sequence: seen.modified * 1000,
        headers,
        sums: crate::checksums::Sums::new(),
        parts: Vec::new(),
        upload: None,
    };
    (record, seen.source)
}

#[cfg(test)]
mod tests;

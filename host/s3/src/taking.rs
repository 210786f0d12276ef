//! Objects as artifacts, and as sources of runs.

use std::io::{self, Read};

use millstream_core::artifact::Digest;
use millstream_store::{Artifacts, Error, ErrorKind, Going, MAX_PAGE, ObjectSource, Result, SourceObject};
use s3s::{S3Error, S3ErrorCode};

use crate::{Buckets, listing::Ask, outlet::Outlet, record::Record, view::Source};

/// Why an object was not taken.
#[derive(Debug)]
pub enum NotTaken {
    /// There is none at that location, or it is no location.
    Asked(String),
    /// What the store met.
    Store(Error),
}

impl Buckets {
    /// Makes an artifact of the object at a location, `s3://BUCKET/KEY`, as it is now: what becomes of the object does not show.
    ///
    /// # Errors
    /// There is none, or the store failed.
    pub fn take(&self, location: &str) -> std::result::Result<Digest, NotTaken> {
        let shown: String = location.chars().take(200).collect();
        let parts = location.strip_prefix("s3://").and_then(|rest| rest.split_once('/'));
        let Some((bucket, key)) = parts.filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty()) else {
            return Err(NotTaken::Asked(format!(
                "`{shown}` is no location of an object; write s3://BUCKET/KEY"
            )));
        };
        if !s3s::path::check_bucket_name(bucket) {
            return Err(NotTaken::Asked(format!("`{shown}` names no bucket")));
        }
        self.take_now(bucket, key, None, &self.artifacts, &|| true).map_err(|error| match error.kind() {
            ErrorKind::NotFound => NotTaken::Asked(error.to_string()),
            _ => NotTaken::Store(error),
        })
    }

    /// Only in this state, if an ETag is given.
    fn take_now(
        &self,
        bucket: &str,
        key: &str,
        etag: Option<&str>,
        artifacts: &Artifacts,
        going: Going<'_>,
    ) -> Result<Digest> {
        let changed = |found: &str| match etag {
            Some(etag) if etag != found => Err(Error::new(
                ErrorKind::PreconditionFailed,
                format!("s3://{bucket}/{key} was replaced while it was read; start the run again"),
            )),
            _ => Ok(()),
        };
        if let Some(view) = self.views.get(bucket) {
            let seen =
                view.find(key).map_err(|error| Error::new(ErrorKind::Unavailable, error.to_string()))?;
            if let Some(seen) = seen
                && let Source::Artifact(digest) = seen.source
            {
                changed(&seen.etag)?;
                return Ok(digest);
            }
        }
        let opened = self.open(bucket, key).map_err(|error| as_store(&error, bucket, key))?;
        changed(&opened.record.etag)?;
        let mut writer = artifacts.writer(None)?;
        let whole = 0..opened.record.size;
        let mut reader = Watched { reader: Outlet::reader(&opened.outlet, whole), going };
        io::copy(&mut reader, &mut writer)
            .map_err(|error| Error::new(ErrorKind::of(&error), error.to_string()))?;
        Ok(writer.finish()?.digest)
    }
}

/// Reads for as long as somebody wants it.
struct Watched<'a, R> {
    reader: R,
    going: Going<'a>,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !(self.going)() {
            return Err(io::Error::other("it was stopped"));
        }
        self.reader.read(buffer)
    }
}

fn of_record(record: Record) -> SourceObject {
    SourceObject { key: record.key, size: record.size, etag: record.etag, version_id: None }
}

fn as_store(error: &S3Error, bucket: &str, key: &str) -> Error {
    let absent = |message: String| Error::new(ErrorKind::NotFound, message);
    match error.code() {
        S3ErrorCode::NoSuchBucket => {
            absent(format!("there is no bucket `{bucket}` for `s3://{bucket}/{key}`"))
        }
        S3ErrorCode::NoSuchKey | S3ErrorCode::KeyTooLongError => {
            absent(format!("there is no object `s3://{bucket}/{key}`"))
        }
        _ => Error::new(ErrorKind::Unavailable, error.to_string()),
    }
}

impl ObjectSource for Buckets {
    fn owner(&self) -> &str {
        "this home"
    }

    fn has(&self, bucket: &str) -> Result<bool> {
        if !s3s::path::check_bucket_name(bucket) {
            return Ok(false);
        }
        match self.check(bucket) {
            Ok(()) => Ok(true),
            Err(error) if *error.code() == S3ErrorCode::NoSuchBucket => Ok(false),
            Err(error) => Err(as_store(&error, bucket, "")),
        }
    }

    fn find(&self, bucket: &str, key: &str, version_id: Option<&str>) -> Result<Option<SourceObject>> {
        if version_id.is_some_and(|version| version != "null") {
            let message = format!(
                "s3://{bucket}/{key}: buckets of this home keep no versions; leave out `?versionId=`"
            );
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let found = Self::find(self, bucket, key).map_err(|error| as_store(&error, bucket, key))?;
        Ok(found.map(of_record))
    }

    fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<SourceObject>> {
        let mut found = Vec::new();
        let mut ask = Ask { prefix: prefix.to_owned(), most: MAX_PAGE, ..Ask::default() };
        loop {
            let listed = Self::list(self, bucket, &ask).map_err(|error| as_store(&error, bucket, prefix))?;
            found.extend(listed.objects.into_iter().map(of_record));
            match listed.next {
                Some(next) => ask.after = next,
                None => return Ok(found),
            }
        }
    }

    fn import(
        &self,
        bucket: &str,
        object: &SourceObject,
        artifacts: &Artifacts,
        going: Going<'_>,
    ) -> Result<Digest> {
        self.take_now(bucket, &object.key, Some(&object.etag), artifacts, going)
    }
}

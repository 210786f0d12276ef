//! Objects of any bucket, as sources of runs.

use std::io::Write as _;

use aws_sdk_s3::error::ProvideErrorMetadata as _;
use millstream_aws::{block_on, from_environment};
use millstream_core::{artifact::Digest, location::Location};
use millstream_store::{Artifacts, Error, ErrorKind, Going, ObjectSource, Result, SourceObject};

use crate::{
    Place, S3Store,
    error::{LIST, READ, answer, is_absent},
    store::body,
};

/// Objects are read in ranges of so many bytes: what breaks off is read again from there.
const RANGE: u64 = 16 << 20;

/// All buckets that the environment's credentials may read.
#[derive(Clone, Copy, Debug, Default)]
pub struct S3Objects;

impl S3Objects {
    fn bucket(bucket: &str) -> Result<S3Store> {
        let wrong = |why: &dyn std::fmt::Display| {
            Error::new(ErrorKind::Unsupported, format!("`s3://{bucket}/` names no bucket: {why}"))
        };
        let location = Location::parse(&format!("s3://{bucket}"), "s3").map_err(|why| wrong(&why))?;
        Ok(S3Store::new(from_environment(), Place::parse(&location)?))
    }
}

fn object(key: &str, size: Option<i64>, etag: Option<&str>) -> Result<SourceObject> {
    let (Some(size), Some(etag)) = (size, etag) else {
        let message = format!("S3 says neither size nor ETag of {key:?}");
        return Err(Error::new(ErrorKind::Unavailable, message));
    };
    let etag = etag.trim_matches('"').to_owned();
    Ok(SourceObject { key: key.to_owned(), size: size.unsigned_abs(), etag, version_id: None })
}

impl ObjectSource for S3Objects {
    fn owner(&self) -> &str {
        "AWS"
    }

    fn has(&self, _: &str) -> Result<bool> {
        // Only a request with rights can tell, and whoever asks for an object makes one.
        Ok(true)
    }

    fn find(&self, bucket: &str, key: &str, version_id: Option<&str>) -> Result<Option<SourceObject>> {
        let store = Self::bucket(bucket)?;
        let request = store.client().head_object().bucket(bucket).key(key);
        let request = request.set_version_id(version_id.map(str::to_owned));
        match block_on(request.send()) {
            Ok(found) => {
                let version_id = version_id.map(str::to_owned);
                Ok(Some(SourceObject { version_id, ..object(key, found.content_length(), found.e_tag())? }))
            }
            Err(error) if is_absent(&error) => {
                // A bucket that is not there has the same answer; a listing tells them apart.
                let listed = store.client().list_objects_v2().bucket(bucket).prefix(key).max_keys(1);
                match block_on(listed.send()) {
                    Err(error) if error.code() == Some("NoSuchBucket") => {
                        Err(store.trouble(LIST, key, &error))
                    }
                    _ => Ok(None),
                }
            }
            Err(error) => Err(block_on(store.wordless(READ, key, &error))),
        }
    }

    fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<SourceObject>> {
        let store = Self::bucket(bucket)?;
        let (mut found, mut token) = (Vec::new(), None);
        loop {
            let request = store.client().list_objects_v2().bucket(bucket).prefix(prefix);
            let page = block_on(request.set_continuation_token(token).send())
                .map_err(|error| store.trouble(LIST, prefix, &error))?;
            for listed in page.contents() {
                if let Some(key) = listed.key() {
                    found.push(object(key, listed.size(), listed.e_tag())?);
                }
            }
            match page.next_continuation_token {
                Some(next) if page.is_truncated == Some(true) => token = Some(next),
                _ => return Ok(found),
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
        let store = Self::bucket(bucket)?;
        let mut writer = artifacts.writer(None)?;
        let mut at = 0;
        while at < object.size {
            if !going() {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    format!("reading s3://{bucket}/{} was stopped", object.key),
                ));
            }
            let end = (at + RANGE).min(object.size);
            let bytes = block_on(range(&store, bucket, object, at, end))?;
            writer.write_all(&bytes).map_err(|error| Error::new(ErrorKind::of(&error), error.to_string()))?;
            at = end;
        }
        Ok(writer.finish()?.digest)
    }
}

/// The bytes from `at` up to `end`, of the object in just this state.
async fn range(
    store: &S3Store,
    bucket: &str,
    object: &SourceObject,
    at: u64,
    end: u64,
) -> Result<bytes::Bytes> {
    let key = &object.key;
    let target = format!("s3://{bucket}/{key}");
    let request =
        store.client().get_object().bucket(bucket).key(key).range(format!("bytes={at}-{}", end - 1));
    let request = match &object.version_id {
        // A version never changes.
        Some(version) => request.version_id(version),
        None => request.if_match(format!("\"{}\"", object.etag)),
    };
    let bytes = match body(&target, &request).await? {
        Ok((_, bytes)) => bytes,
        Err(error) if is_absent(&error) => {
            return Err(Error::new(ErrorKind::NotFound, format!("{target} was deleted while it was read")));
        }
        Err(error) if answer(&error).is_some_and(|(status, _)| status == 412) => {
            let message = format!("{target} was replaced while it was read; start the run again");
            return Err(Error::new(ErrorKind::PreconditionFailed, message));
        }
        Err(error) => return Err(store.trouble(READ, key, &error)),
    };
    if bytes.len() as u64 != end - at {
        let message =
            format!("{target}: {} bytes were asked for from {at} on, and {} came", end - at, bytes.len());
        return Err(Error::new(ErrorKind::Unavailable, message));
    }
    Ok(bytes)
}

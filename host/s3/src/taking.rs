//! Objects as artifacts.

use millstream_core::artifact::Digest;
use millstream_store::{Error, ErrorKind};
use s3s::S3ErrorCode;

use crate::{Buckets, outlet::Outlet, view::Source};

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
    ///
    /// # Errors
    /// There is none, or the store failed.
    pub fn take(&self, location: &str) -> Result<Digest, NotTaken> {
        let shown: String = location.chars().take(200).collect();
        let parts = location.strip_prefix("s3://").and_then(|rest| rest.split_once('/'));
        let Some((bucket, key)) = parts.filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty()) else {
            return Err(NotTaken::Asked(format!(
                "`{shown}` is no location of an object; write s3://BUCKET/KEY"
            )));
        };
        let failed = |error: s3s::S3Error| match error.code() {
            S3ErrorCode::NoSuchBucket => NotTaken::Asked(format!("there is no bucket for `{shown}`")),
            S3ErrorCode::NoSuchKey | S3ErrorCode::KeyTooLongError => {
                NotTaken::Asked(format!("there is no object `{shown}`"))
            }
            _ => NotTaken::Store(Error::new(ErrorKind::Unavailable, error.to_string())),
        };
        if !s3s::path::check_bucket_name(bucket) {
            return Err(NotTaken::Asked(format!("`{shown}` names no bucket")));
        }
        if let Some(view) = self.views.get(bucket) {
            let seen = view
                .find(key)
                .map_err(|error| NotTaken::Store(Error::new(ErrorKind::Unavailable, error.to_string())))?;
            if let Some(Source::Artifact(digest)) = seen.map(|seen| seen.source) {
                return Ok(digest);
            }
        }
        let opened = self.open(bucket, key).map_err(failed)?;
        let mut writer = self.artifacts.writer(None).map_err(NotTaken::Store)?;
        let whole = 0..opened.record.size;
        std::io::copy(&mut Outlet::reader(&opened.outlet, whole), &mut writer)
            .map_err(|error| NotTaken::Store(Error::new(ErrorKind::of(&error), error.to_string())))?;
        Ok(writer.finish().map_err(NotTaken::Store)?.digest)
    }
}

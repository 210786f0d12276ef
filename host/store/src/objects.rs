//! Objects outside of the store that runs read: `s3://BUCKET/KEY`.

use millstream_core::artifact::Digest;

use crate::{Artifacts, Going, Result};

/// An object in a bucket, as it was when it was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceObject {
    /// Its key.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Its ETag, without quotation marks.
    pub etag: String,
    /// The version that was asked for; none means the newest.
    pub version_id: Option<String>,
}

/// Buckets that runs can read. Calls block.
pub trait ObjectSource: Send + Sync {
    /// Whose buckets these are, for people.
    fn owner(&self) -> &str;

    /// Whether it is this one that has the bucket.
    ///
    /// # Errors
    /// Nobody can be asked now.
    fn has(&self, bucket: &str) -> Result<bool>;

    /// The object of this key, in its newest version or the one that is named; none if it is not there.
    ///
    /// # Errors
    /// No such bucket, no rights, or nobody can be asked now.
    fn find(&self, bucket: &str, key: &str, version_id: Option<&str>) -> Result<Option<SourceObject>>;

    /// All objects whose keys begin with `prefix`, by key.
    ///
    /// # Errors
    /// No such bucket, no rights, or nobody can be asked now.
    fn list(&self, bucket: &str, prefix: &str) -> Result<Vec<SourceObject>>;

    /// Makes an artifact of the object, for as long as `going` says so.
    ///
    /// # Errors
    /// `PreconditionFailed` if it is another one by now, `NotFound` if it is gone; no room in the store.
    fn import(
        &self,
        bucket: &str,
        object: &SourceObject,
        artifacts: &Artifacts,
        going: Going<'_>,
    ) -> Result<Digest>;
}

//! Who may do what.

use std::sync::Arc;

use async_trait::async_trait;
use s3s::{
    S3Request, S3Result,
    access::{S3Access, S3AccessContext},
    auth::{S3Auth, SecretKey},
    dto::{CopyObjectInput, CopySource, UploadPartCopyInput},
    path::S3Path,
    s3_error,
};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Read, look, list.
    Read,
    /// Make, change, remove.
    Write,
}

/// Nobody knows who it is: the keys can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

/// Who has which keys, and what they open. Asked at each request: answer from memory.
pub trait Keyring: Send + Sync + 'static {
    /// The secret access key of an access key id; none if it is nobody's.
    ///
    /// # Errors
    /// It can't be told now.
    fn secret(&self, access_key: &str) -> Result<Option<String>, Unreadable>;

    /// Whether URLs may be signed with it. Not if the id itself is a secret: whoever has the URL would have it.
    fn may_presign(&self, access_key: &str) -> bool {
        let _ = access_key;
        true
    }

    /// Whether whoever signed with that access key may do this to a bucket, or to an object of it. All buckets, if none is named.
    ///
    /// # Errors
    /// It can't be told now.
    fn allows(
        &self,
        access_key: &str,
        right: Right,
        bucket: Option<&str>,
        key: Option<&str>,
    ) -> Result<bool, Unreadable>;
}

/// A keyring, as `s3s` asks it.
#[derive(Clone)]
pub struct Door(pub Arc<dyn Keyring>);

impl From<Unreadable> for s3s::S3Error {
    fn from(_: Unreadable) -> Self {
        s3_error!(ServiceUnavailable, "The key can't be checked now, as the store can't be read. Try again.")
    }
}

#[async_trait]
impl S3Auth for Door {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let secret = self.0.secret(access_key)?;
        secret.map(SecretKey::from).ok_or_else(|| {
            s3_error!(
                InvalidAccessKeyId,
                "The AWS Access Key Id you provided does not exist here, or was revoked or has expired."
            )
        })
    }
}

impl Door {
    fn check(
        &self,
        who: Option<&str>,
        right: Right,
        bucket: Option<&str>,
        key: Option<&str>,
    ) -> S3Result<()> {
        let Some(who) = who else {
            return Err(s3_error!(
                AccessDenied,
                "This server needs signed requests; `millstream keys create` makes a key for S3 clients."
            ));
        };
        if self.0.allows(who, right, bucket, key)? {
            return Ok(());
        }
        let scope = match right {
            Right::Read => "read",
            Right::Write => "write",
        };
        Err(s3_error!(AccessDenied, "The key does not open `{scope}` here; use one that does."))
    }

    fn check_source(&self, who: Option<&str>, source: &CopySource) -> S3Result<()> {
        match source {
            CopySource::Bucket { bucket, key, .. } => self.check(who, Right::Read, Some(bucket), Some(key)),
            _ => Err(crate::fault::not_offered("a source that is an access point")),
        }
    }
}

#[async_trait]
impl S3Access for Door {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> S3Result<()> {
        let name = cx.s3_op().name();
        let reads = ["Get", "Head", "List"].iter().any(|verb| name.starts_with(verb));
        // Who has parts of an upload in mind writes.
        let reads = reads && !matches!(name, "ListParts" | "ListMultipartUploads");
        let right = if reads { Right::Read } else { Right::Write };
        let (bucket, key) = match cx.s3_path() {
            S3Path::Root => (None, None),
            S3Path::Bucket { bucket } => (Some(&**bucket), None),
            S3Path::Object { bucket, key } => (Some(&**bucket), Some(&**key)),
        };
        Self::check(self, cx.credentials().map(|who| who.access_key.as_str()), right, bucket, key)
    }

    async fn copy_object(&self, request: &mut S3Request<CopyObjectInput>) -> S3Result<()> {
        let who = request.credentials.as_ref().map(|who| who.access_key.as_str());
        self.check_source(who, &request.input.copy_source)
    }

    async fn upload_part_copy(&self, request: &mut S3Request<UploadPartCopyInput>) -> S3Result<()> {
        let who = request.credentials.as_ref().map(|who| who.access_key.as_str());
        self.check_source(who, &request.input.copy_source)
    }
}

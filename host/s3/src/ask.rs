//! What requests say besides their bodies: what is kept of it, and what is refused by name.

use s3s::{
    S3Result,
    dto::{
        CopyObjectInput, CreateBucketInput, CreateMultipartUploadInput, Metadata, PutObjectInput, Timestamp,
    },
    s3_error,
};

use crate::{conditions::seconds, fault, record::ObjectHeaders};

/// Most bytes of user metadata, names and values together, as in S3.
const METADATA: usize = 2048;

/// What clients may ask for with a new object, and this API does not have. What all objects here have anyhow is passed over.
#[derive(Default)]
pub struct Wishes<'a> {
    pub acl: Option<&'a str>,
    pub grants: bool,
    pub encryption: Option<&'a str>,
    pub customer_key: bool,
    pub lock: bool,
    pub storage_class: Option<&'a str>,
    pub tagging: bool,
    pub redirect: bool,
    pub offset: bool,
}

impl Wishes<'_> {
    /// # Errors
    /// `NotImplemented`, with the name of what is not offered.
    pub fn check(&self) -> S3Result<()> {
        let private = ["private", "bucket-owner-full-control", "bucket-owner-read"];
        let refused = [
            (
                self.acl.is_some_and(|acl| !private.contains(&acl)) || self.grants,
                "access by ACL (x-amz-acl, x-amz-grant-*)",
            ),
            (self.encryption.is_some(), "server-side encryption (x-amz-server-side-encryption)"),
            (
                self.customer_key,
                "encryption with keys of the client (x-amz-server-side-encryption-customer-*)",
            ),
            (self.lock, "object lock (x-amz-object-lock-*)"),
            (
                self.storage_class.is_some_and(|class| class != "STANDARD"),
                "another storage class than STANDARD (x-amz-storage-class)",
            ),
            (self.tagging, "tagging (x-amz-tagging)"),
            (self.redirect, "redirection (x-amz-website-redirect-location)"),
            (self.offset, "appending (x-amz-write-offset-bytes)"),
        ];
        match refused.iter().find(|(asked, _)| *asked) {
            Some((_, what)) => Err(fault::not_offered(what)),
            None => Ok(()),
        }
    }
}

/// The same for requests that make objects: their types have the same fields.
macro_rules! wishes {
    ($input:expr) => {
        Wishes {
            acl: $input.acl.as_ref().map(|acl| acl.as_str()),
            grants: $input.grant_full_control.is_some()
                || $input.grant_read.is_some()
                || $input.grant_read_acp.is_some()
                || $input.grant_write_acp.is_some(),
            encryption: $input.server_side_encryption.as_ref().map(|kind| kind.as_str()),
            customer_key: $input.sse_customer_algorithm.is_some() || $input.sse_customer_key.is_some(),
            lock: $input.object_lock_legal_hold_status.is_some()
                || $input.object_lock_mode.is_some()
                || $input.object_lock_retain_until_date.is_some(),
            storage_class: $input.storage_class.as_ref().map(|class| class.as_str()),
            tagging: $input.tagging.as_ref().is_some_and(|tags| !tags.is_empty()),
            redirect: $input.website_redirect_location.is_some(),
            offset: false,
        }
    };
}

/// Of a new object.
pub fn put(input: &PutObjectInput) -> S3Result<ObjectHeaders> {
    Wishes { offset: input.write_offset_bytes.is_some(), ..wishes!(input) }.check()?;
    let coding = input.content_encoding.as_deref().and_then(without_chunking);
    described(
        [
            &input.content_type,
            &coding,
            &input.content_language,
            &input.content_disposition,
            &input.cache_control,
        ],
        input.expires.as_ref(),
        input.metadata.as_ref(),
    )
}

/// Of an object that will come in parts.
pub fn create(input: &CreateMultipartUploadInput) -> S3Result<ObjectHeaders> {
    wishes!(input).check()?;
    described(
        [
            &input.content_type,
            &input.content_encoding,
            &input.content_language,
            &input.content_disposition,
            &input.cache_control,
        ],
        input.expires.as_ref(),
        input.metadata.as_ref(),
    )
}

/// Of a copy that does not take these from its source.
pub fn copy(input: &CopyObjectInput) -> S3Result<ObjectHeaders> {
    described(
        [
            &input.content_type,
            &input.content_encoding,
            &input.content_language,
            &input.content_disposition,
            &input.cache_control,
        ],
        input.expires.as_ref(),
        input.metadata.as_ref(),
    )
}

/// What a copy may not ask for.
pub fn check_copy(input: &CopyObjectInput) -> S3Result<()> {
    wishes!(input).check()
}

/// What a new bucket may not ask for.
pub fn check_bucket(input: &CreateBucketInput) -> S3Result<()> {
    let grants = input.grant_full_control.is_some()
        || input.grant_read.is_some()
        || input.grant_read_acp.is_some()
        || input.grant_write.is_some()
        || input.grant_write_acp.is_some();
    let acl = input.acl.as_ref().map(|acl| acl.as_str());
    let lock = input.object_lock_enabled_for_bucket == Some(true);
    Wishes { acl, grants, lock, ..Wishes::default() }.check()
}

/// There is one version of each object.
pub fn check_version(version: Option<&str>) -> S3Result<()> {
    match version {
        None | Some("" | "null") => Ok(()),
        Some(_) => Err(fault::not_offered("versioning (versionId)")),
    }
}

fn described(
    [content_type, coding, language, disposition, cache]: [&Option<String>; 5],
    expires: Option<&Timestamp>,
    metadata: Option<&Metadata>,
) -> S3Result<ObjectHeaders> {
    let metadata = metadata.into_iter().flatten().map(|(name, value)| (name.clone(), value.clone()));
    let described = ObjectHeaders {
        content_type: content_type.clone().filter(|text| !text.is_empty()),
        content_encoding: coding.clone(),
        content_language: language.clone(),
        content_disposition: disposition.clone(),
        cache_control: cache.clone(),
        expires: expires.map(|at| i64::try_from(seconds(at)).unwrap_or(i64::MAX)),
        metadata: metadata.collect(),
    };
    let size: usize = described.metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    if size > METADATA {
        return Err(s3_error!(
            MetadataTooLarge,
            "Your metadata headers have {size} bytes, and {METADATA} are allowed"
        ));
    }
    Ok(described)
}

/// The codings that the object has; `aws-chunked` is that of the request.
fn without_chunking(codings: &str) -> Option<String> {
    let kept: Vec<&str> =
        codings.split(',').map(str::trim).filter(|one| !one.is_empty() && *one != "aws-chunked").collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

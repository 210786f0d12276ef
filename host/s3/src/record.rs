//! What is written down of buckets, objects and uploads.

use std::collections::BTreeMap;

use s3s::dto::{ETag, Timestamp};
use serde::{Deserialize, Serialize};

use crate::checksums::Sums;

/// A bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BucketRecord {
    /// When it was made, in milliseconds since 1970 UTC.
    pub created: u64,
}

/// An object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Record {
    /// Its key, as clients have it.
    pub key: String,
    /// Names its bytes in the store.
    pub id: String,
    /// Bytes.
    pub size: u64,
    /// Without quotation marks: the MD5 of the bytes in hexadecimal digits, or that of the parts' MD5s and `-N`.
    pub etag: String,
    /// When it was written, in microseconds since 1970 UTC; later than all that it replaced. S3's sequencer.
    pub sequence: u64,
    /// Headers and metadata that came with it.
    #[serde(flatten)]
    pub headers: ObjectHeaders,
    /// Of its bytes, by algorithm.
    pub sums: Sums,
    /// Sizes of the parts that it was uploaded in; none if it came in one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<u64>,
    /// The multipart upload that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<String>,
}

/// Headers and metadata of an object, which mean nothing to us.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ObjectHeaders {
    /// `Content-Type`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// `Content-Encoding`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    /// `Content-Language`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    /// `Content-Disposition`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    /// `Cache-Control`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    /// `Expires`, in seconds since 1970 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<i64>,
    /// `x-amz-meta-...`
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
}

/// A multipart upload that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Upload {
    /// The object that it will be.
    pub key: String,
    /// When it began, in milliseconds since 1970 UTC.
    pub begun: u64,
    /// What the object will have.
    #[serde(flatten)]
    pub headers: ObjectHeaders,
    /// The checksum that the object will have.
    pub algorithm: Option<crate::checksums::Algorithm>,
    /// Whether that is one of all bytes, or one of the parts' checksums.
    pub whole: bool,
}

/// A part of an upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PartRecord {
    /// Names its bytes in the store.
    pub id: String,
    /// Bytes.
    pub size: u64,
    /// MD5 of its bytes in hexadecimal digits.
    pub etag: String,
    /// When it came, in milliseconds since 1970 UTC.
    pub modified: u64,
    /// Of its bytes.
    pub sums: Sums,
}

impl Record {
    /// When it was written, to the second, as HTTP has it.
    pub fn modified_second(&self) -> u64 {
        self.sequence / 1_000_000
    }
}

/// Milliseconds since 1970 UTC, as S3's types have them.
pub fn time(millis: u64) -> Timestamp {
    (std::time::UNIX_EPOCH + std::time::Duration::from_millis(millis)).into()
}

/// An entity tag, as S3's types have it.
pub fn tag(etag: &str) -> ETag {
    ETag::Strong(etag.to_owned())
}

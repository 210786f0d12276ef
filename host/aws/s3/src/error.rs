//! Errors of S3 as errors of a store.

use std::error::Error as StdError;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use millstream_aws::{Asked, Kind, Trouble, explain};
use millstream_errors::Coded as _;
use millstream_store::{Error, ErrorKind};

use crate::S3Store;

/// An operation, as people and policies name it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deed {
    what: &'static str,
    right: &'static str,
}

pub(crate) const READ: Deed = Deed { what: "read", right: "s3:GetObject" };
pub(crate) const WRITE: Deed = Deed { what: "write", right: "s3:PutObject" };
pub(crate) const DELETE: Deed = Deed { what: "delete", right: "s3:DeleteObject" };
pub(crate) const LIST: Deed = Deed { what: "list", right: "s3:ListBucket" };

impl S3Store {
    /// What went wrong with `deed` on `key`.
    pub(crate) fn trouble<E>(&self, deed: Deed, key: &str, error: &SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        let target = format!("{}/{key}", self.place().to_string().trim_end_matches('/'));
        told(explain(
            Asked { what: deed.what, target: &target, right: deed.right, region: self.region() },
            error,
        ))
    }
}

fn told(trouble: Trouble) -> Error {
    let kind = match trouble.kind {
        Kind::NoCredentials | Kind::Refused | Kind::Denied => ErrorKind::Permission,
        Kind::Region | Kind::NoBucket => ErrorKind::Unsupported,
        Kind::Clock | Kind::Throttled | Kind::Unreachable | Kind::Invalid => ErrorKind::Unavailable,
    };
    Error::told(kind, trouble.code(), trouble.text)
}

/// The answer's status and code; none where no answer came.
pub(crate) fn answer<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<(u16, String)> {
    let status = error.raw_response()?.status().as_u16();
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default();
    Some((status, code.to_owned()))
}

/// Whether the answer says that there is no such object. (That there is no such bucket has the same status.)
pub(crate) fn is_absent<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    answer(error).is_some_and(|(status, code)| status == 404 && code != "NoSuchBucket")
}

pub(crate) fn not_found(key: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no object {key:?}"))
}

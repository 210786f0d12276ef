//! Errors of the store as S3 tells them.

use http::StatusCode;
use millstream_store::{Error, ErrorKind};
use s3s::{S3Error, S3ErrorCode, s3_error};

/// What clients are told of an error of the store. Those of kinds that say something about a request are handled before.
pub fn of(error: &Error) -> S3Error {
    match error.kind() {
        ErrorKind::Full => full(error),
        ErrorKind::Unavailable => s3_error!(ServiceUnavailable, "{error}"),
        ErrorKind::PreconditionFailed => {
            s3_error!(
                OperationAborted,
                "A conflicting operation is under way against this resource. Try again."
            )
        }
        ErrorKind::InvalidKey => s3_error!(KeyTooLongError, "{error}"),
        _ => {
            tracing::error!(%error, "a request to a bucket failed");
            s3_error!(InternalError, "{error}")
        }
    }
}

/// There is no room. S3 has no code for it; this is HTTP's, which clients do not take for a fault that passes by itself.
pub fn full(error: impl std::fmt::Display) -> S3Error {
    let mut full =
        S3Error::with_message(S3ErrorCode::Custom("InsufficientStorage".into()), error.to_string());
    full.set_status_code(StatusCode::INSUFFICIENT_STORAGE);
    full
}

/// The same for errors that came through `std::io`.
pub fn of_io(error: &std::io::Error) -> S3Error {
    match ErrorKind::of(error) {
        ErrorKind::Full => full(millstream_store::explained(error)),
        _ => s3_error!(InternalError, "{error}"),
    }
}

/// Something that S3 has and this API has not, by name.
pub fn not_offered(what: &str) -> S3Error {
    s3_error!(NotImplemented, "{what} is not offered here")
}

pub fn no_such_bucket(bucket: &str) -> S3Error {
    s3_error!(NoSuchBucket, "The specified bucket does not exist: {bucket}")
}

pub fn no_such_key() -> S3Error {
    s3_error!(NoSuchKey, "The specified key does not exist.")
}

pub fn no_such_upload() -> S3Error {
    s3_error!(
        NoSuchUpload,
        "The specified multipart upload does not exist. It may have been aborted or completed."
    )
}

pub fn precondition() -> S3Error {
    s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold")
}

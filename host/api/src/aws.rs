//! Errors as AWS's clients read them: the name in `x-amzn-errortype`, the message in the body.

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::json;

use crate::{
    fault::{Fault, Kind},
    reply::{self, Reply},
};

pub const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
pub const FUNCTION_ERROR: HeaderName = HeaderName::from_static("x-amz-function-error");
pub const LOG_RESULT: HeaderName = HeaderName::from_static("x-amz-log-result");

/// What both services say in the same way: keys, routes, limits of the connection.
fn common(kind: Kind) -> Option<(StatusCode, &'static str)> {
    Some(match kind {
        Kind::KeyMissing => (StatusCode::FORBIDDEN, "MissingAuthenticationTokenException"),
        Kind::KeyUnknown => (StatusCode::FORBIDDEN, "UnrecognizedClientException"),
        Kind::KeyForbidden | Kind::CrossSite => (StatusCode::FORBIDDEN, "AccessDeniedException"),
        Kind::Misdirected => (StatusCode::MISDIRECTED_REQUEST, "AccessDeniedException"),
        Kind::SlowBody => (StatusCode::REQUEST_TIMEOUT, "RequestTimeoutException"),
        Kind::WrongMethod => (StatusCode::METHOD_NOT_ALLOWED, "UnsupportedOperationException"),
        Kind::NoSuchRoute => (StatusCode::NOT_FOUND, "UnknownOperationException"),
        Kind::Conflict => (StatusCode::CONFLICT, "ResourceConflictException"),
        _ => return None,
    })
}

/// An error of SageMaker's runtime. What a model's container would have said there is a `ModelError` here too, with the
/// container's status inside, so that clients that catch it go on working.
pub fn sagemaker_error(fault: &Fault, request_id: &HeaderValue) -> Reply {
    let (status, name) = common(fault.kind).unwrap_or(match fault.kind {
        Kind::NoSuchEndpoint | Kind::NoSuchTarget | Kind::BadRequest => {
            (StatusCode::BAD_REQUEST, "ValidationError")
        }
        Kind::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "ValidationError"),
        Kind::UnsupportedCoding | Kind::OutOfRange | Kind::NotAsWanted => {
            (fault.kind.status(), "ValidationError")
        }
        Kind::Busy => (StatusCode::TOO_MANY_REQUESTS, "ThrottlingException"),
        Kind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable"),
        Kind::UnsupportedMediaType
        | Kind::NotAcceptable
        | Kind::BadRows
        | Kind::TooManyRows
        | Kind::TimedOut
        | Kind::Model
        | Kind::Unfit => (StatusCode::FAILED_DEPENDENCY, "ModelError"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "InternalFailure"),
    });
    let body = if name == "ModelError" {
        let original = fault.kind.status().as_u16();
        let side = if original < 500 { "client" } else { "server" };
        json!({
            "Message": format!("Received {side} error ({original}) from model: {}", fault.message),
            "OriginalStatusCode": original,
            "OriginalMessage": fault.message,
            "LogStreamArn": log_stream(fault, request_id),
        })
    } else {
        json!({ "Message": fault.message })
    };
    error(status, name, body.to_string())
}

/// Our logs have no ARN. What is here names the request in the access log.
fn log_stream(fault: &Fault, request_id: &HeaderValue) -> String {
    let variant = fault.detail.variant.as_deref().unwrap_or_default();
    let id = request_id.to_str().unwrap_or_default();
    format!("arn:millstream:logs:local::request:{id}:variant:{variant}")
}

/// An error of Lambda. What a handler would have raised there is an answer with status 200 and
/// `X-Amz-Function-Error`.
pub fn lambda_error(fault: &Fault, request_id: &HeaderValue) -> Reply {
    let (status, name) = common(fault.kind).unwrap_or(match fault.kind {
        Kind::NoSuchEndpoint | Kind::NoSuchTarget => (StatusCode::NOT_FOUND, "ResourceNotFoundException"),
        Kind::BadRequest => (StatusCode::BAD_REQUEST, "InvalidRequestContentException"),
        Kind::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException"),
        Kind::Busy => (StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException"),
        Kind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "ServiceException"),
        Kind::UnsupportedCoding => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaTypeException"),
        Kind::NotAcceptable => return raised(fault, "NotAcceptable", request_id),
        Kind::UnsupportedMediaType => return raised(fault, "UnsupportedMediaType", request_id),
        Kind::BadRows => return raised(fault, "InvalidInput", request_id),
        Kind::TooManyRows => return raised(fault, "TooManyRows", request_id),
        Kind::TimedOut => return raised(fault, "Sandbox.Timedout", request_id),
        Kind::Model | Kind::Unfit => return raised(fault, "ModelError", request_id),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "ServiceException"),
    });
    let side = if status.is_server_error() { "Service" } else { "User" };
    // Some of Lambda's errors spell `message`, some `Message`; clients read either.
    let body = json!({ "Type": side, "message": fault.message, "Message": fault.message });
    error(status, name, body.to_string())
}

/// An error of S3: XML.
pub fn s3_error(fault: &Fault, request_id: &HeaderValue) -> Reply {
    let (status, code) = match fault.kind {
        Kind::NoSuchEndpoint | Kind::NoSuchTarget => (StatusCode::NOT_FOUND, "NoSuchKey"),
        Kind::KeyUnknown => (StatusCode::FORBIDDEN, "InvalidAccessKeyId"),
        Kind::KeyMissing | Kind::KeyForbidden | Kind::CrossSite => (StatusCode::FORBIDDEN, "AccessDenied"),
        Kind::WrongMethod => (StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"),
        Kind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable"),
        Kind::OutOfRange => (StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange"),
        Kind::NotAsWanted => (StatusCode::PRECONDITION_FAILED, "PreconditionFailed"),
        kind if kind.status().is_client_error() => (kind.status(), "InvalidRequest"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
    };
    let (message, id) = (reply::escaped(&fault.message), request_id.to_str().unwrap_or_default());
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Error><Code>{code}</Code><Message>{message}</Message><RequestId>{id}</RequestId></Error>"
    );
    reply::new(status, HeaderValue::from_static("application/xml"), body.into())
}

fn raised(fault: &Fault, name: &str, request_id: &HeaderValue) -> Reply {
    let mut body = json!({
        "errorMessage": fault.message,
        "errorType": name,
        "requestId": request_id.to_str().unwrap_or_default(),
        "stackTrace": [],
    });
    for (key, value) in
        [("row", fault.detail.row.map(Into::into)), ("column", fault.detail.column.clone().map(Into::into))]
    {
        if let Some(value) = value {
            body[key] = value;
        }
    }
    let mut reply = reply::new(StatusCode::OK, reply::JSON, body.to_string().into());
    reply.headers_mut().insert(FUNCTION_ERROR, HeaderValue::from_static("Unhandled"));
    reply
}

fn error(status: StatusCode, name: &'static str, body: String) -> Reply {
    let mut reply = reply::new(status, reply::JSON, body.into());
    reply.headers_mut().insert(ERROR_TYPE, HeaderValue::from_static(name));
    reply
}

/// The end of a log as `X-Amz-Log-Result` has it: at most 4 KB.
pub fn log_tail(log: &str) -> HeaderValue {
    const LONGEST: usize = 4096;
    let bytes = log.as_bytes();
    let tail = &bytes[bytes.len().saturating_sub(LONGEST)..];
    reply::text(BASE64_STANDARD.encode(tail))
}

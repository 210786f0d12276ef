//! Answers.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{Either, Full};

/// An answer: whole in memory, or a stream from routes that were added.
pub type Reply = Response<Either<Full<Bytes>, Body>>;

pub const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An answer that is whole in memory.
pub fn new(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Reply {
    let mut reply = Response::new(Either::Left(Full::new(body)));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, content_type);
    reply
}

/// An answer without a body.
pub fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Either::Left(Full::new(Bytes::new())));
    *reply.status_mut() = status;
    reply
}

/// A value as JSON.
pub fn json(status: StatusCode, value: &impl serde::Serialize) -> Reply {
    // Our own types: their keys are strings and their numbers finite.
    let body = serde_json::to_vec(value).unwrap_or_default();
    new(status, JSON, body.into())
}

/// The header for an answer's media type, without a copy for those that models give.
pub fn media_type(content_type: String) -> HeaderValue {
    match content_type.as_str() {
        "text/csv" => HeaderValue::from_static("text/csv"),
        "application/json" => JSON,
        "application/x-ndjson" => HeaderValue::from_static("application/x-ndjson"),
        _ => text(content_type),
    }
}

/// Text as a header; text that headers can't hold becomes an empty one.
pub fn text(value: String) -> HeaderValue {
    HeaderValue::from_maybe_shared(Bytes::from(value)).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Text for HTML or XML.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

//! Answers.

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::Full;

use crate::room::Room;

/// An answer.
pub type Reply = Response<Body>;

/// Why a body could not be sent to its end.
type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The body of an answer: whole in memory, or read as it is sent.
pub enum Body {
    Whole(Full<Bytes>),
    Streamed(Pin<Box<dyn http_body::Body<Data = Bytes, Error = BodyError> + Send>>),
}

impl Body {
    pub fn streamed(body: impl http_body::Body<Data = Bytes, Error = BodyError> + Send + 'static) -> Self {
        Self::Streamed(Box::pin(body))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Whole(whole) => Pin::new(whole).poll_frame(cx).map_err(|never| match never {}),
            Self::Streamed(streamed) => streamed.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_end_stream(),
            Self::Streamed(streamed) => streamed.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::Streamed(streamed) => streamed.size_hint(),
        }
    }
}

pub const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An answer that is whole in memory.
pub fn new(status: StatusCode, content_type: HeaderValue, body: Bytes) -> Reply {
    let mut reply = Response::new(Body::Whole(Full::new(body)));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, content_type);
    reply
}

/// Bytes, and the room that they take until they are sent.
struct Held {
    bytes: Bytes,
    _room: Room,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The same answer, which takes that room until the last of it is handed to the client's connection.
pub fn held(reply: Reply, room: Room) -> Reply {
    reply.map(|body| {
        let Body::Whole(mut whole) = body else { return body };
        // It is whole: it has all of it ready.
        let polled = Pin::new(&mut whole).poll_frame(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(Some(Ok(frame))) = polled else { return Body::Whole(whole) };
        let bytes = frame.into_data().unwrap_or_default();
        Body::Whole(Full::new(Bytes::from_owner(Held { bytes, _room: room })))
    })
}

/// An answer without a body.
pub fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Body::Whole(Full::new(Bytes::new())));
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

//! The S3-shaped API: bodies that are never whole in memory, within the limits that hold for all.

use std::{
    future::Future as _,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Request, StatusCode,
    header::{CONNECTION, CONTENT_LENGTH, EXPECT},
    request::Parts,
};
use http_body::{Body, Frame, SizeHint};
use millstream_s3::Service;
use tokio::time::Sleep;
use tracing::Span;

use crate::{
    app::App,
    backend::Backend,
    body::{Payload, Source},
    call::Record,
    config::Limits,
    connections::{Connection, Phase},
    fault::{Kind, Shape},
    reply::{self, Reply},
};

/// Where S3's clients look for the id of a request.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");

/// Answers a request of an S3 client.
pub async fn answer<B: Backend>(
    app: &App<B>,
    s3: &Service,
    parts: Parts,
    body: Source,
    connection: &Arc<Connection>,
    id: &HeaderValue,
) -> (Reply, Record) {
    let mut record = Record::of(Span::none());
    let admitted = match app.gate.needs_keys() {
        // Whoever answers looks at the signature.
        true => Ok(()),
        false => app.gate.check_site(&parts.headers, &parts.uri),
    };
    if let Err(fault) = admitted {
        record.set_fault(&fault);
        app.metrics.refused(fault.kind);
        Payload::new(body, connection.clone()).discard(&app.limits);
        return (fault.reply(Shape::S3, id), record);
    }
    let waits = parts.headers.contains_key(EXPECT);
    let left = Arc::new(Left::default());
    let receiving = Receiving::new(body, connection.clone(), &app.limits, left.clone());
    let answer = s3.call(Request::from_parts(parts, receiving)).await;
    let (received, rest) = left.take();
    record.bytes_in = usize::try_from(received).unwrap_or(usize::MAX);
    // A client that waits for `100 Continue` has sent nothing of its body, and will not: what comes next would be taken for it.
    let ends = rest.is_some() && received == 0 && waits;
    if let Some(rest) = rest.filter(|_| !ends) {
        Payload::new(rest, connection.clone()).discard(&app.limits);
    }
    if let Some(kind) = kind(answer.status()) {
        record.kind = Some(kind);
        app.metrics.refused(kind);
    }
    let connection = connection.clone();
    let told = answer.headers().get(CONTENT_LENGTH).and_then(|size| size.to_str().ok()?.parse().ok());
    let mut reply = answer.map(|body| {
        // Of what is read as it is sent, only the head says how much it is.
        let left = body.size_hint().exact().or(told);
        reply::Body::streamed(Sending { body, left, connection })
    });
    reply.headers_mut().insert(REQUEST_ID, id.clone());
    if ends {
        reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    (reply, record)
}

/// What an answer says went wrong, in the words of logs and metrics.
fn kind(status: StatusCode) -> Option<Kind> {
    Some(match status {
        StatusCode::FORBIDDEN => Kind::KeyForbidden,
        StatusCode::NOT_FOUND => Kind::NoSuchTarget,
        StatusCode::PRECONDITION_FAILED => Kind::NotAsWanted,
        StatusCode::RANGE_NOT_SATISFIABLE => Kind::OutOfRange,
        StatusCode::CONFLICT => Kind::Conflict,
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => Kind::NoSuchRoute,
        status if status.is_client_error() => Kind::BadRequest,
        status if status.is_server_error() => Kind::Unavailable,
        _ => return None,
    })
}

/// What is left of a body that was not read to its end, and how much of it was.
#[derive(Default)]
struct Left(Mutex<(u64, Option<Source>)>);

impl Left {
    fn take(&self) -> (u64, Option<Source>) {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A body on its way in. It must keep up a rate, as all bodies must; its size is for others to limit.
struct Receiving {
    incoming: Option<Source>,
    connection: Arc<Connection>,
    left: Arc<Left>,
    received: u64,
    grace: Duration,
    rate: u64,
    /// When waiting for the client began, and how long it has been waited for in all.
    waiting: Option<Pin<Box<Sleep>>>,
    since: Option<tokio::time::Instant>,
    waited: Duration,
}

impl Receiving {
    fn new(incoming: Source, connection: Arc<Connection>, limits: &Limits, left: Arc<Left>) -> Self {
        Self {
            incoming: Some(incoming),
            connection,
            left,
            received: 0,
            grace: limits.body_grace,
            rate: limits.body_rate.max(1),
            waiting: None,
            since: None,
            waited: Duration::ZERO,
        }
    }

    /// Nothing has come: it is waited on, or the time is up. Only time that the client is waited for counts, not that in which what
    /// has come is written.
    fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<Slow> {
        let now = tokio::time::Instant::now();
        let since = *self.since.get_or_insert(now);
        let allowed = self.grace + Duration::from_secs_f64(self.received as f64 / self.rate as f64);
        let deadline = since + allowed.saturating_sub(self.waited);
        let timer = self.waiting.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        timer.as_mut().poll(cx).map(|()| Slow { received: self.received, rate: self.rate })
    }
}

impl Body for Receiving {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let Some(incoming) = &mut this.incoming else { return Poll::Ready(None) };
        let polled = Pin::new(incoming).poll_frame(cx);
        if polled.is_pending() {
            if this.since.is_none() {
                this.connection.enter(Phase::Receiving);
            }
            return this.poll_late(cx).map(|slow| Some(Err(slow.into())));
        }
        if let Some(since) = this.since.take() {
            this.waited += since.elapsed();
            this.connection.enter(Phase::Working);
        }
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            this.received += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        polled.map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        let rest = self.incoming.take().filter(|incoming| !incoming.is_end_stream());
        *self.left.0.lock().unwrap_or_else(PoisonError::into_inner) = (self.received, rest);
    }
}

/// The client sends less than it must.
#[derive(Debug)]
struct Slow {
    received: u64,
    rate: u64,
}

impl std::fmt::Display for Slow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { received, rate } = self;
        write!(f, "only {received} bytes of the body came in time; it must keep up {rate} bytes a second")
    }
}

impl std::error::Error for Slow {}

/// A body on its way out: until its end its connection is at work.
struct Sending {
    body: millstream_s3::Body,
    /// Bytes, if it is known.
    left: Option<u64>,
    connection: Arc<Connection>,
}

impl Body for Sending {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                let sent = frame.data_ref().map_or(0, |data| data.len() as u64);
                self.left = self.left.map(|left| left.saturating_sub(sent));
                self.connection.enter(Phase::Working);
            }
            Poll::Ready(_) => self.connection.enter(Phase::Idle),
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(|| self.body.size_hint(), SizeHint::with_exact)
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.connection.enter(Phase::Idle);
    }
}

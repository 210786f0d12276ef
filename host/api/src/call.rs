//! One request on its way: what its handler reads and what the access log will say of it.

use std::{
    borrow::Cow,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{HeaderMap, HeaderName, HeaderValue, request::Parts};
use millstream_control::Scope;
use millstream_endpoint::{Answer, Invocation};
use percent_encoding::percent_decode_str;
use tracing::Span;

use crate::{
    app::App,
    backend::{Backend, Caller},
    body::Payload,
    coding,
    fault::{Fault, Kind},
    metrics::VariantMetrics,
    room::{Owner, Room},
    route::Access,
    telemetry,
};

/// One request, for its handler.
pub struct Call<'a, B> {
    pub app: &'a Arc<App<B>>,
    pub parts: &'a Parts,
    pub id: &'a HeaderValue,
    pub caller: Caller,
    pub record: &'a mut Record,
    pub payload: &'a mut Payload,
    pub owner: Owner,
    pub begun: Instant,
}

/// What the access log says of a request besides its head.
#[derive(Debug)]
pub struct Record {
    pub bytes_in: usize,
    pub variant: Option<Arc<VariantMetrics>>,
    pub cold: bool,
    pub model_time: Duration,
    /// Its span, if traces are taken.
    pub span: Span,
    pub kind: Option<Kind>,
    /// What its body takes, until the answer is there.
    pub room: Option<Room>,
    /// An endpoint's metrics have it.
    pub counted: bool,
}

impl Record {
    pub fn of(span: Span) -> Self {
        Self {
            bytes_in: 0,
            variant: None,
            cold: false,
            model_time: Duration::ZERO,
            span,
            kind: None,
            room: None,
            counted: false,
        }
    }

    /// What went wrong; for a handler that answers a fault itself, too.
    pub fn set_fault(&mut self, fault: &Fault) {
        self.kind = Some(fault.kind);
        telemetry::failed(&self.span, fault);
    }
}

impl<B: Backend> Call<'_, B> {
    /// A header as text; one that isn't is at fault.
    pub fn header(&self, name: &HeaderName) -> Result<Option<&str>, Fault> {
        header(&self.parts.headers, name)
    }

    /// Whether the caller may do everything.
    pub fn is_by_admin(&self) -> bool {
        let App { gate, backend, .. } = &**self.app;
        gate.admit(backend, Access::Key(Scope::Admin), None, &self.parts.headers, &self.parts.uri).is_ok()
    }

    /// The body of this request, without the codings that it came in.
    pub async fn body(&mut self) -> Result<bytes::Bytes, Fault> {
        let App { limits, held, .. } = &**self.app;
        let read = self.payload.read(&self.parts.headers, limits, held, &self.owner).await?;
        self.record.bytes_in = read.received;
        self.record.room = read.room;
        Ok(read.bytes)
    }

    /// A body that came inside another: the same codings and limits hold for it.
    pub async fn unpacked(
        &mut self,
        headers: &HeaderMap,
        packed: bytes::Bytes,
    ) -> Result<bytes::Bytes, Fault> {
        let codings = coding::of(headers)?;
        if codings.is_empty() || packed.is_empty() {
            return Ok(packed);
        }
        let App { limits, held, .. } = &**self.app;
        let room = self.record.room.take();
        let (bytes, room) = coding::unpack(packed, codings, room, limits, held, &self.owner).await?;
        self.record.room = room;
        Ok(bytes)
    }

    /// Writes down and counts a fault that a handler answers itself.
    pub fn failed(&mut self, fault: &Fault) {
        self.record.set_fault(fault);
        if !self.record.counted {
            self.app.metrics.refused(fault.kind);
        }
    }

    /// Asks the core, and counts.
    pub async fn ask(&mut self, invocation: Invocation<'_>) -> Result<(Answer, Arc<VariantMetrics>), Fault> {
        let asked = self.app.ask(invocation, self.begun).await;
        match &asked {
            Ok((answer, variant)) => {
                self.record.cold = answer.cold;
                self.record.model_time = answer.model_time;
                telemetry::answered(&self.record.span, variant, answer.cold);
                self.record.variant = Some(variant.clone());
            }
            Err((_, counted)) => self.record.counted = *counted,
        }
        asked.map_err(|(fault, _)| fault)
    }
}

/// A header as text; one that isn't, or that is there twice and says two things, is at fault.
pub fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Fault> {
    let Some(value) = once(headers, name)? else { return Ok(None) };
    value.to_str().map(Some).map_err(|_| {
        Fault::new(Kind::BadRequest, format!("header `{name}` holds bytes that are not ASCII text"))
            .parameter(name.to_string())
    })
}

/// A header that says one thing, however often it is there.
pub fn once<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, Fault> {
    let mut lines = headers.get_all(name).iter();
    let Some(value) = lines.next() else { return Ok(None) };
    if lines.any(|other| other != value) {
        let message =
            format!("header `{name}` is there more than once and says different things; send it once");
        return Err(Fault::new(Kind::BadRequest, message).parameter(name.to_string()));
    }
    Ok(Some(value))
}

/// A name in a path.
pub fn decoded(segment: &str) -> Result<Cow<'_, str>, Fault> {
    percent_decode_str(segment)
        .decode_utf8()
        .map_err(|_| Fault::new(Kind::BadRequest, format!("`{segment}` in the path is not UTF-8")))
}

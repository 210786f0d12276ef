//! From a request to an answer: route, gate, handler, log.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use http::{HeaderName, HeaderValue, Request, header::CONNECTION, request::Parts};
use http_body::Body as _;
use millstream_endpoint::{Answer, Invocation};
use tokio::sync::watch;
use tracing::{Instrument, Span};

use crate::{
    access_log::{AccessLog, Line},
    backend::{Backend, Caller},
    body::{Payload, Source},
    call::{Call, Record, decoded},
    config::{Config, Limits},
    connections::{Connection, Phase},
    fault::{Fault, Kind, Shape},
    gate::Gate,
    lambda,
    manage::Keys,
    metrics::{Metrics, VariantMetrics},
    objects,
    reply::{self, Reply},
    request_id::RequestIds,
    room::{Held, Owner},
    route::{Route, dispatch},
    telemetry,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

/// What all connections share.
pub struct App<B> {
    pub backend: B,
    pub metrics: Metrics,
    pub limits: Limits,
    /// `http` or `https`.
    scheme: &'static str,
    pub gate: Gate,
    log: Option<AccessLog>,
    ids: RequestIds,
    pub held: Held,
    /// Idempotency keys of changes that are under way.
    pub keys: Keys,
    draining: AtomicBool,
    /// Each piece of work that goes on after its answer holds a receiver.
    background: watch::Sender<()>,
}

impl<B: Backend> App<B> {
    pub fn new(config: &Config, backend: B, log: Option<AccessLog>, metrics: Metrics) -> Self {
        Self {
            backend,
            metrics,
            limits: config.limits.clone(),
            scheme: if config.tls.is_some() { "https" } else { "http" },
            gate: Gate::new(config),
            log,
            ids: RequestIds::new(),
            held: Held::default(),
            keys: Keys::default(),
            draining: AtomicBool::new(false),
            background: watch::channel(()).0,
        }
    }

    /// Ready for requests: not going down, and the core is ready.
    pub fn is_ready(&self) -> bool {
        !self.is_draining() && self.backend.ready()
    }

    /// From now on `/ping` says that the server is going down.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Held by work that goes on after its answer.
    pub fn background(&self) -> watch::Receiver<()> {
        self.background.subscribe()
    }

    /// When no such work is left.
    pub async fn background_done(&self) {
        self.background.closed().await;
    }

    /// Answers a request.
    pub async fn handle(
        self: Arc<Self>,
        request: Request<Source>,
        peer: SocketAddr,
        connection: &Arc<Connection>,
    ) -> Reply {
        connection.enter(Phase::Working);
        let begun = Instant::now();
        let id = self.ids.next();
        let (parts, body) = request.into_parts();
        if let Some(s3) = self.backend.s3().filter(|_| millstream_s3::is_for(&parts.headers, &parts.uri)) {
            // Apart, which keeps the future of all others small.
            return Box::pin(self.objects(s3, parts, body, peer, connection, id, begun)).await;
        }
        let route = Route::of(&parts.method, parts.uri.path());
        let span = route
            .as_ref()
            .map_or_else(|_| Span::none(), |route| telemetry::request_span(route, &parts, self.scheme));
        let mut record = Record::of(span);
        let mut payload = Payload::new(body, connection.clone());
        let mut owner = Owner::Peer(peer.ip());
        let (shape, outcome) = match route {
            Err(wrong) => {
                let message = format!("{} takes {}, not {}", parts.uri.path(), wrong.allow, parts.method);
                let fault = Fault::new(Kind::WrongMethod, message).allow(wrong.allow);
                (wrong.route.shape(), Err(fault))
            }
            Ok(route) => {
                let admitted = self.admit(&route, &parts);
                let outcome = match admitted {
                    Err(fault) => Err(fault),
                    Ok(caller) => {
                        if self.gate.needs_keys() {
                            owner = Owner::Key(caller.0.clone());
                        }
                        let span = record.span.clone();
                        let call = Call {
                            app: &self,
                            parts: &parts,
                            id: &id,
                            caller,
                            record: &mut record,
                            payload: &mut payload,
                            owner: owner.clone(),
                            begun,
                        };
                        dispatch(call, route).instrument(span).await
                    }
                };
                (route.shape(), outcome)
            }
        };
        // From here on nothing waits: the answer is on its way before the rest of the body is asked for.
        let refuse = |record: &mut Record, fault: Fault| {
            record.set_fault(&fault);
            if !record.counted {
                self.metrics.refused(fault.kind);
            }
            fault.reply(shape, &id)
        };
        let mut reply = outcome.unwrap_or_else(|fault| refuse(&mut record, fault));
        record.room = None;
        let size = reply.body().size_hint().exact().unwrap_or_default();
        match self.held.room(&owner, size, &self.limits) {
            Ok(None) => {}
            Ok(Some(room)) => reply = reply::held(reply, room),
            Err(fault) => reply = refuse(&mut record, fault),
        }
        telemetry::ended(&record.span, reply.status(), &id);
        if let Some(log) = &self.log {
            let status = reply.status();
            if log.wants(status) {
                log.write(
                    line(&parts, &id, &reply, &record, begun.elapsed(), peer),
                    &self.metrics.log_dropped,
                );
            }
        }
        self.last_headers(&mut reply, id);
        payload.discard(&self.limits);
        connection.enter(Phase::Idle);
        reply
    }

    /// Answers a request of an S3 client.
    #[allow(clippy::too_many_arguments, reason = "what is known of a request")]
    async fn objects(
        &self,
        s3: &millstream_s3::Service,
        parts: Parts,
        body: Source,
        peer: SocketAddr,
        connection: &Arc<Connection>,
        id: HeaderValue,
        begun: Instant,
    ) -> Reply {
        let (method, uri) = (parts.method.clone(), parts.uri.clone());
        let trace = parts.headers.get("traceparent").cloned();
        let (mut reply, record) = objects::answer(self, s3, parts, body, connection, &id).await;
        if let Some(log) = self.log.as_ref().filter(|log| log.wants(reply.status())) {
            let (mut logged, ()) = Request::new(()).into_parts();
            (logged.method, logged.uri) = (method, uri);
            logged.headers.extend(trace.map(|trace| (TRACE_PARENT, trace)));
            log.write(line(&logged, &id, &reply, &record, begun.elapsed(), peer), &self.metrics.log_dropped);
        }
        self.last_headers(&mut reply, id);
        connection.enter(Phase::Idle);
        reply
    }

    /// Names the request, and says whether the connection goes on.
    fn last_headers(&self, reply: &mut Reply, id: HeaderValue) {
        let headers = reply.headers_mut();
        headers.insert(REQUEST_ID, id);
        if self.is_draining() {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }

    /// Answers a request on a connection for which there is no place.
    pub fn turn_away(
        &self,
        request: Request<Source>,
        peer: SocketAddr,
        connection: &Arc<Connection>,
    ) -> Reply {
        let (parts, body) = request.into_parts();
        let route = Route::of(&parts.method, parts.uri.path());
        let shape = match millstream_s3::is_for(&parts.headers, &parts.uri) {
            true => Shape::S3,
            false => route.map_or_else(|wrong| wrong.route.shape(), |route| route.shape()),
        };
        let message = "the server has as many connections at work as it may; try again later";
        let fault = Fault::new(Kind::Unavailable, message).retry_after(Duration::from_secs(1));
        let id = self.ids.next();
        let mut reply = fault.reply(shape, &id);
        self.metrics.refused(fault.kind);
        if let Some(log) = &self.log {
            let mut record = Record::of(Span::none());
            record.set_fault(&fault);
            let line = line(&parts, &id, &reply, &record, Duration::ZERO, peer);
            log.write(line, &self.metrics.log_dropped);
        }
        let headers = reply.headers_mut();
        headers.insert(REQUEST_ID, id);
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        Payload::new(body, connection.clone()).discard(&self.limits);
        reply
    }

    /// Asks the core, and counts. With a fault comes whether an endpoint's metrics have it.
    pub async fn ask(
        &self,
        invocation: Invocation<'_>,
        begun: Instant,
    ) -> Result<(Answer, Arc<VariantMetrics>), (Fault, bool)> {
        let Self { backend, metrics, .. } = self;
        let name = invocation.endpoint;
        let endpoint = metrics.endpoint(name, |name| backend.serves(name));
        let in_flight = endpoint.as_ref().map(|endpoint| endpoint.enter());
        let outcome = backend.invoke(invocation).await;
        drop(in_flight);
        match outcome {
            Ok(answer) => {
                // The endpoint may have been made while we asked.
                let endpoint = endpoint.unwrap_or_else(|| metrics.make(name));
                let variant = metrics.answered(&endpoint, &answer, begun.elapsed());
                Ok((answer, variant))
            }
            Err(error) => {
                let fault = Fault::from(error);
                if let Some(endpoint) = &endpoint {
                    metrics.failed(endpoint, fault.detail.variant.as_deref(), fault.kind);
                }
                Err((fault, endpoint.is_some()))
            }
        }
    }

    fn admit(&self, route: &Route<'_>, parts: &Parts) -> Result<Caller, Fault> {
        let named = route.endpoint().map(decoded).transpose()?;
        let endpoint = match route {
            Route::Lambda { .. } => named.as_deref().map(|name| lambda::Target::of(name).endpoint),
            _ => named.as_deref(),
        };
        self.gate.admit(&self.backend, route.scope(), endpoint, &parts.headers, &parts.uri)
    }
}

fn line(
    parts: &Parts,
    id: &HeaderValue,
    reply: &Reply,
    record: &Record,
    elapsed: Duration,
    peer: SocketAddr,
) -> Line {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Line {
        request: text(id),
        peer,
        method: parts.method.clone(),
        path: parts.uri.path().to_owned(),
        status: reply.status().as_u16(),
        error: record.kind.map(Kind::as_str),
        variant: record.variant.as_ref().map(|variant| text(&variant.name)),
        model: record.variant.as_ref().map(|variant| text(&variant.version)),
        cold: record.cold,
        bytes_in: record.bytes_in,
        bytes_out: http_body::Body::size_hint(reply.body()).exact(),
        elapsed,
        model_time: record.model_time,
        trace: parts.headers.get("traceparent").map(text),
    }
}

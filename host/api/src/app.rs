//! From a request to an answer: route, gate, handler, log.

use std::{
    borrow::Cow,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use axum::Router;
use http::{HeaderMap, HeaderName, HeaderValue, Request, header::CONNECTION, request::Parts};
use http_body::Body as _;
use http_body_util::Either;
use hyper::body::Incoming;
use millstream_control::Scope;
use millstream_endpoint::{Answer, Invocation};
use percent_encoding::percent_decode_str;
use tokio::sync::watch;
use tower_service::Service;
use tracing::{Instrument, Span};

use crate::{
    access_log::{AccessLog, Line},
    backend::{Backend, Caller},
    body::Payload,
    coding,
    config::{Config, Limits},
    connections::{Connection, Phase},
    fault::{Fault, Kind},
    gate::Gate,
    health, inference, lambda, later, manage,
    manage::Keys,
    metrics::{Metrics, VariantMetrics},
    reply::{self, Reply},
    request_id::RequestIds,
    room::{Held, Owner, Room},
    route::Route,
    sagemaker, telemetry,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// What all connections share.
pub struct App<B> {
    pub backend: B,
    pub metrics: Metrics,
    pub limits: Limits,
    /// `http` or `https`.
    scheme: &'static str,
    gate: Gate,
    log: Option<AccessLog>,
    ids: RequestIds,
    held: Held,
    /// Idempotency keys of changes that are under way.
    pub keys: Keys,
    draining: AtomicBool,
    /// Each piece of work that goes on after its answer holds a receiver.
    background: watch::Sender<()>,
    /// Routes that were added.
    added: Option<Router>,
}

/// One request, for its handler.
pub struct Call<'a, B> {
    pub app: &'a Arc<App<B>>,
    pub parts: &'a Parts,
    pub id: &'a HeaderValue,
    pub caller: Caller,
    pub record: &'a mut Record,
    payload: &'a mut Payload,
    owner: Owner,
    begun: Instant,
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
    kind: Option<Kind>,
    /// What its body takes, until the answer is there.
    room: Option<Room>,
    /// An endpoint's metrics have it.
    counted: bool,
}

impl<B: Backend> App<B> {
    pub fn new(
        config: &Config,
        backend: B,
        log: Option<AccessLog>,
        metrics: Metrics,
        added: Option<Router>,
    ) -> Self {
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
            added,
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
        request: Request<Incoming>,
        peer: SocketAddr,
        connection: &Arc<Connection>,
    ) -> Reply {
        connection.enter(Phase::Working);
        let begun = Instant::now();
        let id = self.ids.next();
        let (parts, body) = request.into_parts();
        let route = Route::of(&parts.method, parts.uri.path());
        let span =
            route.map_or_else(|_| Span::none(), |route| telemetry::request_span(&route, &parts, self.scheme));
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
        let headers = reply.headers_mut();
        headers.insert(REQUEST_ID, id);
        if self.is_draining() {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        payload.discard(&self.limits);
        connection.enter(Phase::Idle);
        reply
    }

    /// Answers a request on a connection for which there is no place.
    pub fn turn_away(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        connection: &Arc<Connection>,
    ) -> Reply {
        let (parts, body) = request.into_parts();
        let route = Route::of(&parts.method, parts.uri.path());
        let shape = route.map_or_else(|wrong| wrong.route.shape(), |route| route.shape());
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

/// The invoke routes go straight to their handlers; what is asked seldom is boxed, which keeps a request's future small.
async fn dispatch<B: Backend>(call: Call<'_, B>, route: Route<'_>) -> Result<Reply, Fault> {
    match route {
        Route::Invoke { endpoint, .. } => sagemaker::invoke(call, endpoint).await,
        Route::Infer { model, version } => inference::infer(call, model, version).await,
        Route::Lambda { function } => Box::pin(lambda::invoke(call, function)).await,
        Route::InvokeStream { endpoint } => Box::pin(sagemaker::invoke_stream(call, endpoint)).await,
        Route::InvokeLater { endpoint } => Box::pin(later::invoke(call, endpoint)).await,
        Route::Answer { endpoint, id } => Box::pin(later::answer(call, endpoint, id)).await,
        Route::Object { endpoint, id, failure } => Box::pin(later::object(call, endpoint, id, failure)).await,
        Route::Protocol => Ok(inference::server()),
        Route::Live => Ok(health::live()),
        Route::Ready => Ok(health::ready(call.app)),
        Route::Ping => Ok(health::ping(call.app)),
        Route::Metrics => Ok(health::metrics(call.app)),
        Route::Model { model, version } => Box::pin(inference::metadata(call, model, version)).await,
        Route::ModelReady { model, version } => Box::pin(inference::ready(call, model, version)).await,
        Route::Index => Ok(Box::pin(manage::index(call)).await),
        Route::Endpoints => Ok(Box::pin(manage::endpoints(call)).await),
        Route::Endpoint { endpoint } => Box::pin(manage::endpoint(call, endpoint)).await,
        Route::Change { endpoint, verb } => Box::pin(manage::change(call, endpoint, verb)).await,
        Route::Other => Box::pin(added(call)).await,
    }
}

/// Routes that were added to ours.
async fn added<B: Backend>(call: Call<'_, B>) -> Result<Reply, Fault> {
    let Some(router) = &call.app.added else {
        let path = call.parts.uri.path();
        return Err(Fault::new(
            Kind::NoSuchRoute,
            format!("there is nothing at {path}; GET / lists what there is"),
        ));
    };
    let Some(body) = call.payload.take() else {
        return Err(Fault::new(Kind::BadRequest, "the body was read already"));
    };
    let mut request = Request::from_parts(call.parts.clone(), body);
    request.extensions_mut().insert(call.caller);
    let Ok(reply) = router.clone().call(request).await;
    Ok(reply.map(Either::Right))
}

impl Record {
    fn of(span: Span) -> Self {
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
        gate.admit(backend, Some(Scope::Admin), None, &self.parts.headers, &self.parts.uri).is_ok()
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

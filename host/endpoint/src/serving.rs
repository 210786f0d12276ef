//! The way of a request: route, predictor, answer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use bytes::Bytes;
use millstream_core::{failure::Failure, nearest};
use millstream_deployment::{Endpoint, Variant};
use millstream_engine::{Engine, Request, Response};
use millstream_queue::Queue;
use millstream_registry::Models;
use millstream_store::{Artifacts, Store};
use tokio::sync::oneshot;
use tracing::Instrument as _;

use crate::{
    Answer, Invocation, InvokeError,
    agreement::Answered,
    capture::{Capture, Exchange},
    long::{LARGE, Long},
    pool::{PredictorPool, TimedAnswer, Unanswered, Version, is_shared},
    pools::PredictorPools,
    route::{Route, Routes, Target},
    rows, spans,
    targets::TargetModels,
    unseen::Novelties,
};

/// How a server serves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Names this server in what it writes.
    pub server: String,
    /// Requests to one version that are answered at once, and as many again that take long, each by a predictor of its own; best
    /// as many as threads answer requests.
    pub slots: usize,
    /// Bytes of memory for all predictors together.
    pub memory: u64,
}

/// Where a server finds what it serves, and the time.
#[derive(Clone)]
pub struct Storage {
    /// Objects by key.
    pub store: Arc<dyn Store>,
    /// Immutable bytes by digest.
    pub artifacts: Artifacts,
    /// Requests that are answered later.
    pub queue: Arc<dyn Queue>,
    /// Milliseconds since 1970 UTC.
    pub now: Arc<dyn Fn() -> u64 + Send + Sync>,
}

/// Serves all endpoints of a registry. Clones are the same server.
#[derive(Clone)]
pub struct Serving(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub place: Storage,
    pub options: Options,
    pub pools: PredictorPools,
    long: Arc<Long>,
    pub routes: ArcSwap<Routes>,
    capture: Capture,
    /// Of endpoints that serve many models: what was found in the registry, by endpoint and target model.
    pub targets: TargetModels,
    /// What was unlike training in the rows that were answered.
    pub novelties: Novelties,
    /// The routes have been read once.
    pub ready: AtomicBool,
}

/// When to come back for a version that can't be loaded.
const RETRY: Duration = Duration::from_secs(5);

impl Serving {
    /// A server at `place`, whose predictors run in `engine`. It answers once its routes have been read; see
    /// [`Serving::start`].
    ///
    /// # Errors
    /// The machine has no room for its threads.
    pub fn new(place: Storage, engine: Engine, options: Options) -> Result<Self, Failure> {
        let long = Long::start(options.slots)
            .map_err(|error| Failure::Host { message: format!("can't start threads: {error}") })?;
        let long = Arc::new(long);
        let pools = PredictorPools::new(engine, Arc::clone(&long), options.slots, options.memory);
        let capture = Capture::start(Arc::clone(&place.store), &options.server);
        Ok(Self(Arc::new(Inner {
            place,
            options,
            pools,
            long,
            routes: ArcSwap::default(),
            capture,
            targets: TargetModels::default(),
            novelties: Novelties::default(),
            ready: AtomicBool::new(false),
        })))
    }

    /// Answers a request.
    ///
    /// # Errors
    /// Why there is no answer, and whose fault that is.
    pub async fn invoke(&self, mut asked: Invocation<'_>) -> Result<Answer, InvokeError> {
        let inner = &*self.0;
        let route = self.route(asked.endpoint)?;
        let _under_way = route.enter()?;
        self.check_rows(&asked, route.endpoint.config.max_rows).await?;
        let (target, shadows) = match asked.target_model {
            Some(model) => (inner.target_of(&route, model)?, Vec::new()),
            None => route.choose(&asked)?,
        };
        let shadows: Vec<_> = shadows.into_iter().map(|shadow| self.shadow(&route, shadow, &asked)).collect();
        let captured = inner.captured(&route).then(|| asked.body.clone());
        let request = Request {
            content_type: asked.content_type.to_owned(),
            accept: asked.accept.map(str::to_owned),
            body: self.owned(std::mem::take(&mut asked.body)).await?,
        };
        let span = spans::predict(&route.endpoint.name, &target.variant);
        let asking = self.ask(&route, &target, request, asked.time_limit).instrument(span);
        let TimedAnswer { response, cold, time, .. } = asking.await?;
        let Response { content_type, body } = response;
        let body = Bytes::from(body);
        for shadow in shadows {
            // It may have answered and be gone, or not have been asked at all.
            let _ = shadow.send((content_type.clone(), body.clone()));
        }
        if let Some(input) = captured {
            inner.capture.keep(Exchange {
                endpoint: route.endpoint.name.clone(),
                variant: target.variant.name.clone(),
                model: target.variant.reference(),
                input: (asked.content_type.to_owned(), input),
                output: (content_type.clone(), body.clone()),
                inference_id: asked.inference_id.map(str::to_owned),
                at: (inner.place.now)(),
            });
        }
        Ok(Answer {
            content_type,
            body,
            variant: target.variant.name.clone(),
            model: target.variant.model.clone(),
            version: target.variant.version,
            cold,
            model_time: time,
        })
    }

    /// Counts the rows of a large body where nobody waits for the thread.
    async fn check_rows(&self, asked: &Invocation<'_>, limit: u64) -> Result<(), InvokeError> {
        if asked.body.len() < LARGE {
            return rows::check(asked.content_type, &asked.body, limit);
        }
        let (content_type, body) = (asked.content_type.to_owned(), asked.body.clone());
        let checked = self.0.long.here(async move { rows::check(&content_type, &body, limit) }).await;
        checked.map_err(broke_off)?
    }

    /// The same for a copy of a large body, if there has to be one: somebody else has it too.
    async fn owned(&self, body: Bytes) -> Result<Vec<u8>, InvokeError> {
        if body.len() < LARGE || body.is_unique() {
            return Ok(body.into());
        }
        self.0.long.here(async move { body.into() }).await.map_err(broke_off)
    }

    /// Asks a variant, and keeps what was seen of it.
    async fn ask(
        &self,
        route: &Route,
        target: &Arc<Target>,
        request: Request,
        time_limit: Option<Duration>,
    ) -> Result<TimedAnswer, InvokeError> {
        let variant = &target.variant;
        let config = &route.endpoint.config;
        let limit = Duration::from_millis(config.timeout);
        let limit = time_limit.map_or(limit, |shorter| shorter.min(limit));
        let unavailable = |why: &dyn std::fmt::Display| InvokeError::Unavailable {
            message: format!("model {} version {} can't be loaded: {why}", variant.model, variant.version),
            retry_after: RETRY,
        };
        let pool = target.pool.as_ref().map_err(|why| {
            target.seen.failed();
            unavailable(why)
        })?;
        match pool.ask(request, limit).await {
            Ok(mut asked) => {
                target.seen.answered(asked.time);
                if !asked.unseen.is_empty() {
                    let found = std::mem::take(&mut asked.unseen);
                    self.0.novelties.note(&route.endpoint.name, variant, found, Instant::now());
                }
                if route.compares() {
                    target.seen.predicted(&asked.response.content_type, &asked.response.body);
                }
                Ok(asked)
            }
            Err(Unanswered::TimedOut) => {
                target.seen.failed();
                self.replace(pool, limit);
                Err(InvokeError::TimedOut { endpoint: route.endpoint.name.clone(), limit })
            }
            Err(Unanswered::NotLoaded(failure)) => {
                target.seen.failed();
                Err(unavailable(&failure))
            }
            // There was no room for it beside others; there may be later.
            Err(Unanswered::Failed(failure @ Failure::Limit { .. })) if is_shared(&failure) => {
                target.seen.failed();
                self.replace(pool, limit);
                let Variant { model, version, .. } = variant;
                let message = format!("model {model} version {version} got no more memory: {failure}");
                Err(InvokeError::Unavailable { message, retry_after: RETRY })
            }
            Err(Unanswered::Failed(failure)) => match failure {
                Failure::InvalidInput { channel: Some(part), message, .. } if part == "content-type" => {
                    Err(InvokeError::UnsupportedMediaType(message))
                }
                Failure::InvalidInput { channel: Some(part), message, .. } if part == "accept" => {
                    Err(InvokeError::NotAcceptable(message))
                }
                failure @ (Failure::InvalidInput { .. } | Failure::InvalidParameter { .. }) => {
                    Err(InvokeError::BadRequest(failure))
                }
                failure => {
                    target.seen.failed();
                    self.replace(pool, limit);
                    let Variant { name, model, version, .. } = variant.clone();
                    Err(InvokeError::Model { variant: name, model, version, failure: Box::new(failure) })
                }
            },
        }
    }

    /// Another predictor for one that broke, before anybody asks for it.
    fn replace(&self, pool: &Arc<PredictorPool>, limit: Duration) {
        let pool = Arc::clone(pool);
        tokio::spawn(async move {
            if let Err(error) = pool.warm(limit).await {
                let version = pool.version();
                tracing::warn!(model = version.model, version = version.number, %error, "can't be loaded again");
            }
        });
    }

    /// Sends a copy to a variant whose answer nobody waits for. It is compared with the caller's, which goes into what is
    /// returned.
    fn shadow(
        &self,
        route: &Arc<Route>,
        target: Arc<Target>,
        asked: &Invocation<'_>,
    ) -> oneshot::Sender<Answered> {
        let (sender, callers) = oneshot::channel::<Answered>();
        let (this, route) = (self.clone(), Arc::clone(route));
        let (input, inference_id) = (asked.body.clone(), asked.inference_id.map(str::to_owned));
        let (content_type, accept) = (asked.content_type.to_owned(), asked.accept.map(str::to_owned));
        let span = spans::shadow(&route.endpoint.name, &target.variant);
        let copy = async move {
            // When there are too many, copies are left out.
            let Ok(_under_way) = route.enter_shadow() else { return };
            let Ok(body) = this.owned(input.clone()).await else { return };
            let request = Request { content_type: content_type.clone(), accept, body };
            let answered = this.ask(&route, &target, request, None).await;
            let answered = answered.map(|asked| {
                let Response { content_type, body } = asked.response;
                (content_type, Bytes::from(body))
            });
            // Without an answer to the caller there is nothing to compare with.
            if let Ok(callers) = callers.await {
                match &answered {
                    Ok(shadows) => target.agreement.compare(&callers, shadows),
                    Err(_) => target.agreement.failed(),
                }
            }
            let Ok(output) = answered else { return };
            if this.0.captured(&route) {
                this.0.capture.keep(Exchange {
                    endpoint: route.endpoint.name.clone(),
                    variant: target.variant.name.clone(),
                    model: target.variant.reference(),
                    input: (content_type, input),
                    output,
                    inference_id,
                    at: (this.0.place.now)(),
                });
            }
        };
        tokio::spawn(copy.instrument(span));
        sender
    }

    /// The route of an endpoint.
    pub(crate) fn route(&self, name: &str) -> Result<Arc<Route>, InvokeError> {
        let routes = self.0.routes.load();
        if let Some(route) = routes.get(name) {
            return Ok(Arc::clone(route));
        }
        if !self.is_ready() {
            let message = "the server is starting".to_owned();
            return Err(InvokeError::Unavailable { message, retry_after: Duration::from_secs(1) });
        }
        let help = nearest::or_all(name, routes.keys().map(String::as_str), "endpoints");
        Err(InvokeError::NoSuchEndpoint(format!("there is no endpoint `{name}`; {help}")))
    }

    /// Whether the routes have been read.
    pub fn is_ready(&self) -> bool {
        self.0.ready.load(Ordering::Acquire)
    }

    /// All endpoints as they are served here, by name.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        let routes = self.0.routes.load();
        let mut all: Vec<Endpoint> = routes.values().map(|route| route.endpoint.clone()).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// One endpoint as it is served here.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn endpoint(&self, name: &str) -> Result<Endpoint, InvokeError> {
        self.route(name).map(|route| route.endpoint.clone())
    }

    /// Whether there is an endpoint of that name.
    pub fn serves(&self, name: &str) -> bool {
        self.0.routes.load().contains_key(name)
    }

    /// Bytes of memory of all predictors.
    pub fn memory(&self) -> u64 {
        self.0.pools.bytes()
    }

    /// Exchanges that were to be captured and are lost.
    pub fn capture_dropped(&self) -> u64 {
        self.0.capture.dropped()
    }

    /// Writes what was captured, and waits for it: for a server that may stop at any moment.
    pub fn write_captured(&self) {
        self.0.capture.write();
    }

    /// What a variant says of itself (`live`'s first one if none is named); its predictor is loaded for it.
    ///
    /// # Errors
    /// There is no such endpoint or variant, or it can't be loaded.
    pub async fn describe(
        &self,
        endpoint: &str,
        variant: Option<&str>,
    ) -> Result<(Variant, Arc<str>), InvokeError> {
        let route = self.route(endpoint)?;
        let headers = http::HeaderMap::new();
        let asked = Invocation {
            endpoint,
            alias: None,
            target_variant: variant,
            target_model: None,
            headers: &headers,
            content_type: "",
            accept: None,
            body: Bytes::new(),
            inference_id: None,
            time_limit: None,
        };
        let (target, _) = route.choose(&asked)?;
        let unavailable = |message: String| InvokeError::Unavailable { message, retry_after: RETRY };
        let pool = target.pool.as_ref().map_err(|why| unavailable(why.clone()))?;
        if pool.description().is_none() {
            let limit = Duration::from_millis(route.endpoint.config.timeout);
            pool.warm(limit).await.map_err(|failure| unavailable(failure.to_string()))?;
        }
        let description = pool.description().unwrap_or_else(|| "{}".into());
        Ok((target.variant.clone(), description))
    }
}

fn broke_off(why: String) -> InvokeError {
    InvokeError::Unavailable { message: format!("the request broke off: {why}"), retry_after: RETRY }
}

impl Inner {
    /// The predictors of a variant.
    ///
    /// # Errors
    /// Why there can be none, for people.
    pub fn pool(&self, variant: &Variant, memory: u64) -> Result<Arc<PredictorPool>, String> {
        let models = Models::new(self.place.store.as_ref());
        let version =
            models.version_in_use(&variant.model, variant.version).map_err(|error| error.to_string())?;
        if version.removed.is_some() {
            // Its removal and a deployment met, and one of the two was killed.
            let reference = version.reference();
            match models.claim(&variant.model, variant.version) {
                Ok(()) => {
                    tracing::warn!(version = reference, "it was removed, and an endpoint uses it: it is back")
                }
                Err(error) => {
                    tracing::warn!(version = reference, %error, "it was removed, and an endpoint uses it");
                }
            }
        }
        Ok(self.pools.of(Version {
            model: variant.model.clone(),
            number: variant.version,
            pipeline: version.pipeline,
            memory,
        }))
    }

    fn captured(&self, route: &Route) -> bool {
        let share = route.endpoint.config.capture;
        share > 0.0 && (share >= 1.0 || fastrand::f64() < share)
    }
}

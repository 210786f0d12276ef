//! `MILLSTREAM_ROLE=endpoint`: answers requests of one endpoint with the version that this function is bound to.
//!
//! Events of function URLs, API Gateway and load balancers go through the routes of `millstream serve`; rows that come by
//! themselves are answered as `aws lambda invoke` expects. The version is loaded before the first event.

use lambda_runtime::{Diagnostic, LambdaEvent, MetadataPrelude, StreamResponse, streaming::Body};
use millstream_api::{Config, Gateway, GatewayAnswer};
use millstream_deployment::{Alias, LIVE, Variant};
use millstream_endpoint::Serving;
use millstream_registry::{Endpoints, State};
use millstream_serving::Live;
use millstream_worker::Home;
use serde_json::value::RawValue;
use tokio::sync::OnceCell;

use crate::{
    BootstrapError,
    answer::Answer,
    home,
    role::{Role, failed},
    settings::{BoundVersion, FunctionSettings, MODEL_VERSION},
};

/// Answers requests.
pub struct EndpointRole {
    home: Home,
    bound: BoundVersion,
    vcpus: usize,
    memory: u64,
    /// What is made now would be the same in all environments that are restored from one snapshot: names, identifiers.
    late: bool,
    serving: OnceCell<Opened>,
}

struct Opened {
    serving: Serving,
    gateway: Gateway<Live>,
}

impl EndpointRole {
    /// Opens the home and the package.
    ///
    /// # Errors
    /// One of them cannot be used; the variable is told.
    pub fn open(settings: &FunctionSettings, bound: &BoundVersion) -> Result<Self, BootstrapError> {
        Ok(Self {
            home: home::open(settings)?.packaged(home::package(settings)?),
            bound: bound.clone(),
            vcpus: settings.vcpus(),
            memory: settings.task_memory(),
            late: settings.snapshot,
            serving: OnceCell::new(),
        })
    }

    /// The version, loaded.
    async fn opened(&self) -> Result<&Opened, BootstrapError> {
        self.serving.get_or_try_init(|| self.load()).await
    }

    async fn load(&self) -> Result<Opened, BootstrapError> {
        let Self { home, bound, vcpus, memory, .. } = self;
        let wrong = |why: &dyn std::fmt::Display| {
            BootstrapError(format!("{MODEL_VERSION} is {}@{}: {why}", bound.model, bound.version))
        };
        let serving = millstream_serving::open(home, *vcpus, *memory).map_err(|error| wrong(&error))?;
        let (core, home, bound_to) = (serving.clone(), home.clone(), bound.clone());
        // The store is read by calls that wait.
        let routed = tokio::task::spawn_blocking(move || {
            let record = record(&home, &bound_to)?;
            core.bind(record);
            Ok::<_, String>(home)
        });
        let home = routed.await.map_err(|error| wrong(&error))?.map_err(|why| wrong(&why))?;
        serving.warm(&bound.endpoint).await.map_err(|why| wrong(&why))?;
        let mut config = Config::new(([127, 0, 0, 1], 0).into());
        config.require_keys = bound.require_keys;
        let gateway = Gateway::new(
            &config,
            Live::new(serving.clone(), home, None, bound.require_keys),
            &bound.endpoint,
        );
        Ok(Opened { serving, gateway: gateway.map_err(|error| BootstrapError(error.to_string()))? })
    }
}

/// The endpoint's record with this version alone behind its alias; without a record, as a new one would be.
fn record(home: &Home, bound: &BoundVersion) -> Result<millstream_deployment::Endpoint, String> {
    let state = Endpoints::new(home.store().as_ref()).state(&bound.endpoint);
    let config = match state.map_err(|error| error.to_string())? {
        State::There(endpoint) => endpoint.config,
        State::Removed | State::Gone => millstream_deployment::Config::default(),
    };
    let alias = Alias { variants: vec![Variant::of(&bound.model, bound.version)], ..Alias::default() };
    Ok(millstream_deployment::Endpoint {
        name: bound.endpoint.clone(),
        revision: 1,
        created: home.now(),
        aliases: [(LIVE.to_owned(), alias)].into(),
        config,
        changes: Vec::new(),
        removed: false,
    })
}

impl Role for EndpointRole {
    fn runtime(&self) -> tokio::runtime::Builder {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(self.vcpus);
        builder
    }

    async fn ready(&self) -> Result<(), BootstrapError> {
        if self.late { Ok(()) } else { self.opened().await.map(drop) }
    }

    async fn answer(&self, event: LambdaEvent<Box<RawValue>>) -> Result<Answer, Diagnostic> {
        let Opened { serving, gateway } = self.opened().await.map_err(|error| failed("NotLoaded", error))?;
        let text: Box<str> = event.payload.into();
        let answered = gateway.answer(String::from(text).into(), self.bound.stream).await;
        // The environment may be frozen as soon as the answer is out: what was captured is written before.
        let core = serving.clone();
        tokio::task::spawn_blocking(move || core.write_captured())
            .await
            .map_err(|error| failed("Panicked", error))?;
        match answered.map_err(|why| failed(&why.kind, why.message))? {
            GatewayAnswer::Json(json) => {
                let text = String::from_utf8(json.into()).map_err(|error| failed("Answer", error))?;
                RawValue::from_string(text).map(Answer::Whole).map_err(|error| failed("Answer", error))
            }
            GatewayAnswer::Stream(head, body) => {
                let metadata_prelude =
                    MetadataPrelude { status_code: head.status, headers: head.headers, cookies: Vec::new() };
                let response = StreamResponse { metadata_prelude, stream: Body::from(body) };
                Ok(Answer::Streamed(Box::new(response)))
            }
        }
    }
}

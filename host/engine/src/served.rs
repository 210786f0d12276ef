//! Fitted pipelines in a server: loaded once, asked many times, by requests as they came.

use std::{sync::Arc, time::Duration};

use millstream_workflow::{
    artifact::{Pipeline, Stage},
    failure::Failure,
};
use serde_json::{Map, Value};
use tracing::{Instrument as _, Span, info_span};
use wasmtime::{Store, component::ResourceAny};

use crate::{
    contract::{self, served_model, types},
    engine::Engine,
    error,
    function::{self, Function},
    host::{State, report::Reporter},
    memory::Budget,
    predictor::{MAX_STATE, describe, in_stage},
    trap,
};

/// A pipeline whose stages are loaded, each in a component of its own. Its calls give way to others on their thread after
/// a few milliseconds, and end at their time limit.
///
/// After an error that is not the request's fault ([`Served::is_broken`]) it is not to be used again.
pub struct Served {
    stages: Vec<Loaded>,
    description: String,
    memory: Budget,
    broken: bool,
}

struct Loaded {
    /// For messages: name and version.
    name: String,
    store: Store<State>,
    guest: served_model::Guest,
    predictor: ResourceAny,
}

/// What a client asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Media type of the body.
    pub content_type: String,
    /// What the client would take; the request's own format if it says nothing.
    pub accept: Option<String>,
    /// The rows.
    pub body: Vec<u8>,
}

/// What a model answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Media type of the body.
    pub content_type: String,
    /// The predictions.
    pub body: Vec<u8>,
}

/// How stages hand rows to each other.
const ARROW: &str = "application/vnd.apache.arrow.stream";

impl Served {
    /// Loads every stage of `pipeline` within `limit`. They may use `memory` bytes together.
    ///
    /// # Errors
    ///
    /// What a stage says of its state, or what is wrong with a stage.
    pub async fn load(
        engine: &Engine,
        name: &str,
        pipeline: &Pipeline,
        memory: u64,
        limit: Duration,
    ) -> Result<Self, Failure> {
        let memory = Budget::new(memory);
        let mut stages = Vec::with_capacity(pipeline.stages.len());
        for stage in &pipeline.stages {
            let span = info_span!("load function", millstream.function.name = stage.name);
            stages.push(Loaded::new(engine, stage, memory.share(), limit).instrument(span).await?);
        }
        let last = match stages.last_mut() {
            Some(last) => last.describe(limit).await?,
            None => return Err(error::host(format!("model `{name}` has no stages"))),
        };
        let mut description = describe(name, pipeline, last);
        if stages.len() > 1 {
            // Requests are read by the first stage.
            let mut first = stages[0].describe(limit).await?;
            description["inputs"] = first.remove("inputs").unwrap_or_default();
        }
        Ok(Self { stages, description: description.to_string(), memory, broken: false })
    }

    /// Answers a request within `limit`: the first stage reads it, the last one writes the answer.
    ///
    /// # Errors
    ///
    /// What a stage says of the rows; that one broke or took too long.
    pub async fn predict(&mut self, request: Request, limit: Duration) -> Result<Response, Failure> {
        // Whoever drops the call in its middle leaves a guest that stopped in its middle.
        self.broken = true;
        let answer = self.through_stages(request, limit).await;
        self.broken = matches!(answer, Err(Stop::Broken(_)));
        answer.map_err(|stop| match stop {
            Stop::Refused(failure) | Stop::Broken(failure) => failure,
        })
    }

    async fn through_stages(&mut self, mut request: Request, limit: Duration) -> Result<Response, Stop> {
        let [before @ .., last] = self.stages.as_mut_slice() else {
            return Err(Stop::Broken(error::host("the model has no stages")));
        };
        let Some((first, between)) = before.split_first_mut() else {
            return last.predict(request, limit).await;
        };
        // The answer's format is that of the request as it came, unless the client says otherwise.
        let accept = match request.accept.take() {
            Some(accept) => accept.replace("*/*", &request.content_type),
            None => request.content_type.clone(),
        };
        request.accept = Some(ARROW.to_owned());
        let mut rows = first.predict(request, limit).await?;
        for stage in between {
            rows.body = stage.predict_table(&rows.body, limit).await?;
        }
        let Response { content_type, body } = rows;
        last.predict(Request { content_type, accept: Some(accept), body }, limit).await
    }

    /// Whether a stage trapped, took too long or was left in the middle of a call.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Bytes of linear memory that the stages use.
    pub fn memory(&self) -> u64 {
        self.memory.used()
    }

    /// JSON: `{"name", "stages": [{"function", "version"}], "target"?, "task"?, "classes"?}` and whatever else the
    /// last stage says.
    pub fn describe(&self) -> &str {
        &self.description
    }
}

/// Why a stage did not answer.
enum Stop {
    /// It says what is wrong with the request.
    Refused(Failure),
    /// It is not to be used again.
    Broken(Failure),
}

impl Loaded {
    async fn new(engine: &Engine, stage: &Stage, memory: Budget, limit: Duration) -> Result<Self, Failure> {
        let name = format!("{} {}", stage.name, stage.version);
        let (function, state) = fetch(engine, stage).await.map_err(|failure| in_stage(&name, failure))?;
        let host = State::new(function.uses_wasi(), 0, memory, Reporter::silent());
        let mut store = function::served_store(engine, host);
        due(&mut store, limit);
        let guest = function.served(&mut store).await.map_err(|failure| in_stage(&name, failure))?;
        match guest.predictor().call_load(&mut store, &state).instrument(info_span!("load state")).await {
            Ok(Ok(predictor)) => Ok(Self { name, store, guest, predictor }),
            Ok(Err(failure)) => Err(in_stage(&name, contract::failure(failure))),
            Err(error) => Err(in_stage(&name, trap::failure(error, store.data()))),
        }
    }

    async fn describe(&mut self, limit: Duration) -> Result<Map<String, Value>, Failure> {
        due(&mut self.store, limit);
        let answer = self.guest.predictor().call_describe(&mut self.store, self.predictor).await;
        let text = answer.map_err(|error| in_stage(&self.name, trap::failure(error, self.store.data())))?;
        serde_json::from_str(&text).map_err(|error| {
            let message = format!("its predictor's description is not a JSON object: {error}");
            in_stage(&self.name, error::function(message))
        })
    }

    async fn predict(&mut self, request: Request, limit: Duration) -> Result<Response, Stop> {
        let Request { content_type, accept, body } = request;
        let request = types::Request { content_type, accept, body };
        due(&mut self.store, limit);
        let span = span(&self.name);
        let predictor = self.guest.predictor();
        let answer = predictor.call_predict(&mut self.store, self.predictor, &request).instrument(span).await;
        let types::Response { content_type, body } = self.settle(answer)?;
        Ok(Response { content_type, body })
    }

    async fn predict_table(&mut self, table: &[u8], limit: Duration) -> Result<Vec<u8>, Stop> {
        due(&mut self.store, limit);
        let span = span(&self.name);
        let predictor = self.guest.predictor();
        let call = predictor.call_predict_table(&mut self.store, self.predictor, table);
        let answer = call.instrument(span).await;
        self.settle(answer)
    }

    fn settle<T>(&self, answer: wasmtime::Result<Result<T, types::Failure>>) -> Result<T, Stop> {
        let broken = |failure| Stop::Broken(in_stage(&self.name, failure));
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            // What the guest says of its own memory or of itself casts doubt on its next answer.
            Ok(Err(failure @ (types::Failure::Internal(_) | types::Failure::OutOfMemory(_)))) => {
                Err(broken(contract::failure(failure)))
            }
            Ok(Err(failure)) => Err(Stop::Refused(contract::failure(failure))),
            Err(error) => Err(broken(trap::failure(error, self.store.data()))),
        }
    }
}

/// The span of a call of a function, which `stage` names with its version.
fn span(stage: &str) -> Span {
    let (name, version) = stage.split_once(' ').unwrap_or((stage, ""));
    info_span!(
        "function",
        otel.name = %format_args!("function {name}"),
        millstream.function.name = name,
        millstream.function.version = version,
    )
}

/// The guest may compute until `limit` has passed, and lets others have its thread at the next tick.
fn due(store: &mut Store<State>, limit: Duration) {
    store.data_mut().set_due(limit);
    store.set_epoch_deadline(1);
}

/// The function, compiled now if it must be, and its state: on a thread that may wait.
async fn fetch(engine: &Engine, stage: &Stage) -> Result<(Arc<Function>, Vec<u8>), Failure> {
    let (engine, stage, span) = (engine.clone(), stage.clone(), Span::current());
    let fetched = tokio::task::spawn_blocking(move || {
        let compiling = info_span!(parent: &span, "map code");
        let function = compiling.in_scope(|| engine.load(&stage.function))?;
        let reading = info_span!(parent: &span, "read state");
        let state = reading.in_scope(|| engine.artifacts().read_verified(&stage.state, MAX_STATE));
        let state = state.map_err(|error| error::host(format!("can't read its state: {error}")))?;
        Ok((function, state))
    });
    fetched.await.map_err(|error| error::host(format!("can't load a stage: {error}")))?
}

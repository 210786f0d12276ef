//! One stage of a pipeline in a server.

use std::{sync::Arc, time::Duration};

use millstream_workflow::{artifact::Stage, failure::Failure};
use serde_json::{Map, Value};
use tracing::{Instrument as _, Span, info_span};
use wasmtime::{Store, component::ResourceAny};

use super::{Request, Response};
use crate::{
    contract::{self, served_model, types},
    engine::Engine,
    error,
    function::{self, Function},
    host::{State, report::Reporter},
    memory::Budget,
    predictor::{MAX_STATE, in_stage},
    trap,
};
#[cfg(target_os = "linux")]
use crate::{large_pages::Place, snapshot::Snapshot};

/// A stage that is loaded, in a component of its own.
pub struct Loaded {
    /// For messages: name and version.
    name: String,
    store: Store<State>,
    guest: served_model::Guest,
    predictor: ResourceAny,
}

/// Why a stage did not answer.
pub enum Stop {
    /// It says what is wrong with the request.
    Refused(Failure),
    /// It is not to be used again.
    Broken(Failure),
}

impl Loaded {
    /// Brings the stage back from a copy of its memory if there is one, or else loads its state.
    ///
    /// # Errors
    /// What the stage says of its state, or what is wrong with the stage.
    pub async fn new(
        engine: &Engine,
        stage: &Stage,
        memory: Budget,
        limit: Duration,
    ) -> Result<Self, Failure> {
        let name = format!("{} {}", stage.name, stage.version);
        let fetched = fetch(engine, stage).await.map_err(|failure| in_stage(&name, failure))?;
        #[cfg(target_os = "linux")]
        if let Some(snapshot) = fetched.snapshot {
            let before = memory.used();
            let resuming = Self::resume(engine, &name, &fetched.function, snapshot, memory.share(), limit);
            match resuming.instrument(info_span!("resume")).await {
                Ok(Some(loaded)) => return Ok(loaded),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(stage = name, %error, "a predictor did not come back from the copy of its memory");
                }
            }
            // Whatever was wrong with the copy, the state itself is there.
            memory.back_to(before);
            engine.snapshots().forget(&stage.function, &stage.state);
            let refetched = fetch(engine, stage).await.map_err(|failure| in_stage(&name, failure))?;
            return Self::load(engine, stage, name, refetched, memory, limit).await;
        }
        Self::load(engine, stage, name, fetched, memory, limit).await
    }

    async fn load(
        engine: &Engine,
        stage: &Stage,
        name: String,
        fetched: Fetched,
        #[cfg_attr(not(target_os = "linux"), expect(unused_mut))] mut memory: Budget,
        limit: Duration,
    ) -> Result<Self, Failure> {
        let Fetched { function, state, .. } = fetched;
        #[cfg(target_os = "linux")]
        let place = Place::default();
        #[cfg(target_os = "linux")]
        memory.note(function.is_resumable().then(|| place.clone()));
        let host = State::new(function.uses_wasi(), 0, memory, Reporter::silent());
        let mut store = function::served_store(engine, host);
        due(&mut store, limit);
        let (guest, _) = function.served(&mut store).await.map_err(|failure| in_stage(&name, failure))?;
        match guest.predictor().call_load(&mut store, &state).instrument(info_span!("load state")).await {
            Ok(Ok(predictor)) => {
                #[cfg(target_os = "linux")]
                keep(engine, stage, &mut store, &place).await;
                Ok(Self { name, store, guest, predictor })
            }
            Ok(Err(failure)) => Err(in_stage(&name, contract::failure(failure))),
            Err(error) => Err(in_stage(&name, trap::failure(error, store.data()))),
        }
    }

    /// None if the guest has no predictor for this copy.
    #[cfg(target_os = "linux")]
    async fn resume(
        engine: &Engine,
        name: &str,
        function: &Function,
        snapshot: Snapshot,
        mut memory: Budget,
        limit: Duration,
    ) -> wasmtime::Result<Option<Self>> {
        let place = Place::default();
        memory.note(Some(place.clone()));
        let host = State::new(function.uses_wasi(), 0, memory, Reporter::silent());
        let mut store = function::served_store(engine, host);
        due(&mut store, limit);
        let served = function.served(&mut store).await;
        store.data_mut().memory.note(None);
        let (guest, resuming) = served.map_err(|failure| wasmtime::Error::msg(failure.to_string()))?;
        let (Some(resuming), Some(mapping)) = (resuming, place.only()) else { return Ok(None) };
        if !resuming.call_reserve(&mut store, snapshot.bytes as u64).await? {
            return Ok(None);
        }
        // SAFETY: the guest has returned. The file is a copy of the memory of an instance of its component, from a folder
        // that is ours alone, where files come and go as a whole and keep their bytes.
        unsafe { mapping.replace(&snapshot.file, snapshot.bytes)? };
        let predictor = resuming.call_resume(&mut store).await?;
        Ok(predictor.map(|predictor| Self { name: name.to_owned(), store, guest, predictor }))
    }

    pub async fn describe(&mut self, limit: Duration) -> Result<Map<String, Value>, Failure> {
        due(&mut self.store, limit);
        let answer = self.guest.predictor().call_describe(&mut self.store, self.predictor).await;
        let text = answer.map_err(|error| in_stage(&self.name, trap::failure(error, self.store.data())))?;
        serde_json::from_str(&text).map_err(|error| {
            let message = format!("its predictor's description is not a JSON object: {error}");
            in_stage(&self.name, error::function(message))
        })
    }

    pub async fn predict(&mut self, request: Request, limit: Duration) -> Result<Response, Stop> {
        let Request { content_type, accept, body } = request;
        let request = types::Request { content_type, accept, body };
        self.store.data_mut().take_unseen();
        due(&mut self.store, limit);
        let span = span(&self.name);
        let predictor = self.guest.predictor();
        let answer = predictor.call_predict(&mut self.store, self.predictor, &request).instrument(span).await;
        let types::Response { content_type, body } = self.settle(answer)?;
        Ok(Response { content_type, body })
    }

    /// What it has said of the rows of its last answer.
    pub fn take_unseen(&mut self) -> Vec<types::Unseen> {
        self.store.data_mut().take_unseen()
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

/// What a stage is made of.
struct Fetched {
    function: Arc<Function>,
    /// Empty if there is a copy of the memory in which it is loaded.
    state: Vec<u8>,
    #[cfg(target_os = "linux")]
    snapshot: Option<Snapshot>,
}

/// The function, compiled now if it must be, and its state or a copy of its memory: on a thread that may wait.
async fn fetch(engine: &Engine, stage: &Stage) -> Result<Fetched, Failure> {
    let (engine, stage, span) = (engine.clone(), stage.clone(), Span::current());
    let fetched = tokio::task::spawn_blocking(move || {
        let compiling = info_span!(parent: &span, "map code");
        let function = compiling.in_scope(|| engine.load(&stage.function))?;
        #[cfg(target_os = "linux")]
        if function.is_resumable() {
            let verified = || engine.artifacts().verify(&stage.state).is_ok();
            if let Some(snapshot) = engine.snapshots().open(&stage.function, &stage.state, verified) {
                return Ok(Fetched { function, state: Vec::new(), snapshot: Some(snapshot) });
            }
        }
        let reading = info_span!(parent: &span, "read state");
        let state = reading.in_scope(|| engine.artifacts().read_verified(&stage.state, MAX_STATE));
        let state = state.map_err(|error| error::host(format!("can't read its state: {error}")))?;
        Ok(Fetched {
            function,
            state,
            #[cfg(target_os = "linux")]
            snapshot: None,
        })
    });
    fetched.await.map_err(|error| error::host(format!("can't load a stage: {error}")))?
}

/// Keeps a copy of the memory of a guest that has loaded its state, if that is all it has. Without one the next load takes
/// longer, and that is all.
#[cfg(target_os = "linux")]
async fn keep(engine: &Engine, stage: &Stage, store: &mut Store<State>, place: &Place) {
    store.data_mut().memory.note(None);
    let Some(mapping) = place.only() else { return };
    let (engine, stage) = (engine.clone(), stage.clone());
    let kept = tokio::task::spawn_blocking(move || {
        // SAFETY: the guest has returned, and whoever waits for this holds its store. If nobody waits any more, the store is
        // gone, and the memory lives for as long as this has it.
        unsafe { engine.snapshots().keep(&stage.function, &stage.state, &mapping) }
    });
    match kept.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "no copy of a predictor's memory can be kept"),
        Err(error) => tracing::warn!(%error, "keeping a copy of a predictor's memory broke off"),
    }
}

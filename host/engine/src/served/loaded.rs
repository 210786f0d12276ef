//! One stage of a pipeline in a server.

use std::sync::Arc;

use millstream_core::{artifact::Stage, failure::Failure};
use serde_json::{Map, Value};
use tracing::{Instrument as _, Span, info_span};
use wasmtime::{Store, component::ResourceAny};

use super::{Request, Response};
use crate::{
    contract::{self, served_model, types},
    deadline::Deadline,
    engine::Engine,
    error,
    function::{self, Function},
    host::{Abort, State, report::Reporter},
    memory::Budget,
    predictor::{MAX_STATE, in_stage},
    text::truncate,
    trap,
};
#[cfg(target_os = "linux")]
use crate::{
    large_pages::{Mapping, Place},
    snapshot::Snapshot,
};

/// A stage that is loaded, in a component of its own.
pub struct LoadedStage {
    /// For messages: name and version.
    name: String,
    store: Store<State>,
    guest: served_model::Guest,
    predictor: ResourceAny,
    /// The memory that a copy's file is mapped into, and which copy.
    #[cfg(target_os = "linux")]
    resumed: Option<Resumed>,
}

#[cfg(target_os = "linux")]
struct Resumed {
    engine: Engine,
    stage: Stage,
    mapping: Arc<Mapping>,
}

/// Longest description of a predictor, in bytes.
const MAX_DESCRIPTION: usize = 4 << 20;

/// Longest media type of an answer, in bytes.
const MAX_MEDIA_TYPE: usize = 255;

/// Why a stage did not answer.
pub enum Stop {
    /// It says what is wrong with the request.
    Refused(Failure),
    /// It is not to be used again.
    Broken(Failure),
}

impl LoadedStage {
    /// Brings the stage back from a copy of its memory if there is one, or else loads its state.
    ///
    /// # Errors
    /// What the stage says of its state, or what is wrong with the stage.
    pub async fn new(engine: &Engine, stage: &Stage, memory: Budget, due: Deadline) -> Result<Self, Failure> {
        let name = stage_name(stage);
        let fetched = fetch(engine, stage, due).await.map_err(|failure| in_stage(&name, failure))?;
        #[cfg(target_os = "linux")]
        if let Some(snapshot) = fetched.snapshot {
            let before = memory.used();
            let resuming = Self::resume(engine, stage, &fetched.function, snapshot, memory.share(), due);
            match resuming.instrument(info_span!("resume")).await {
                Ok(Some(loaded)) => return Ok(loaded),
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(stage = name, %error, "a predictor did not come back from the copy of its memory");
                }
            }
            // Whatever was wrong with the copy, the state itself is there.
            memory.back_to(before);
            engine.forget_snapshot(stage);
            let refetched = fetch(engine, stage, due).await.map_err(|failure| in_stage(&name, failure))?;
            return Self::load(engine, stage, name, refetched, memory, due).await;
        }
        Self::load(engine, stage, name, fetched, memory, due).await
    }

    async fn load(
        engine: &Engine,
        stage: &Stage,
        name: String,
        fetched: Fetched,
        #[cfg_attr(not(target_os = "linux"), expect(unused_mut))] mut memory: Budget,
        due: Deadline,
    ) -> Result<Self, Failure> {
        let Fetched { function, state, .. } = fetched;
        #[cfg(target_os = "linux")]
        let place = Place::default();
        #[cfg(target_os = "linux")]
        memory.note(function.is_resumable().then(|| place.clone()));
        let host = State::new(function.uses_wasi(), 0, memory, Reporter::silent());
        let mut store = function::served_store(engine, host);
        set_due(&mut store, due);
        let (guest, _) =
            function.served(&mut store, due).await.map_err(|failure| in_stage(&name, failure))?;
        let model = guest.predictor();
        let loading = model.call_load(&mut store, &state).instrument(info_span!("load state"));
        match due.hold(loading).await {
            Ok(Ok(predictor)) => {
                #[cfg(target_os = "linux")]
                keep(engine, stage, &mut store, &place).await;
                Ok(Self {
                    name,
                    store,
                    guest,
                    predictor,
                    #[cfg(target_os = "linux")]
                    resumed: None,
                })
            }
            Ok(Err(failure)) => Err(in_stage(&name, contract::failure(failure))),
            Err(error) => Err(in_stage(&name, trap::failure(error, store.data()))),
        }
    }

    /// None if the guest has no predictor for this copy.
    #[cfg(target_os = "linux")]
    async fn resume(
        engine: &Engine,
        stage: &Stage,
        function: &Function,
        snapshot: Snapshot,
        mut memory: Budget,
        due: Deadline,
    ) -> wasmtime::Result<Option<Self>> {
        let place = Place::default();
        memory.note(Some(place.clone()));
        let host = State::new(function.uses_wasi(), 0, memory, Reporter::silent());
        let mut store = function::served_store(engine, host);
        set_due(&mut store, due);
        let served = function.served(&mut store, due).await;
        store.data_mut().memory.note(None);
        let (guest, resuming) = served.map_err(|failure| wasmtime::Error::msg(failure.to_string()))?;
        let (Some(resuming), Some(mapping)) = (resuming, place.only()) else { return Ok(None) };
        if !due.hold(resuming.call_reserve(&mut store, snapshot.bytes as u64)).await? {
            return Ok(None);
        }
        // SAFETY: the guest has returned. The file is a copy of the memory of an instance of its component, as its keyed
        // digest says. If it is cut short nevertheless, the mapping says so, and what the guest answers is not believed.
        unsafe { mapping.replace(&snapshot.file, snapshot.bytes)? };
        let predictor = due.hold(resuming.call_resume(&mut store)).await?;
        if mapping.is_torn() {
            return Err(wasmtime::Error::msg("the copy was cut short"));
        }
        let name = stage_name(stage);
        let resumed = Some(Resumed { engine: engine.clone(), stage: stage.clone(), mapping });
        Ok(predictor.map(|predictor| Self { name, store, guest, predictor, resumed }))
    }

    /// Why nothing that the guest says can be believed: a page of its memory was not to be had from the copy's file.
    fn torn(&self) -> Option<Failure> {
        #[cfg(target_os = "linux")]
        if let Some(Resumed { engine, stage, mapping }) = &self.resumed
            && mapping.is_torn()
        {
            engine.forget_snapshot(stage);
            let failure = error::host(
                "the file with the copy of its memory was cut short or can't be read; the predictor is loaded anew",
            );
            return Some(in_stage(&self.name, failure));
        }
        None
    }

    pub async fn describe(&mut self, due: Deadline) -> Result<Map<String, Value>, Failure> {
        set_due(&mut self.store, due);
        let answer = due.hold(self.guest.predictor().call_describe(&mut self.store, self.predictor)).await;
        if let Some(torn) = self.torn() {
            return Err(torn);
        }
        let text = answer.map_err(|error| in_stage(&self.name, trap::failure(error, self.store.data())))?;
        let wrong = |message: String| in_stage(&self.name, error::function(message));
        if text.len() > MAX_DESCRIPTION {
            return Err(wrong(format!(
                "its predictor's description has {} bytes; it may have {MAX_DESCRIPTION}",
                text.len()
            )));
        }
        serde_json::from_str(&text)
            .map_err(|error| wrong(format!("its predictor's description is not a JSON object: {error}")))
    }

    pub async fn predict(&mut self, request: Request, due: Deadline) -> Result<Response, Stop> {
        let Request { content_type, accept, body } = request;
        let request = types::Request { content_type, accept, body };
        self.store.data_mut().take_unseen();
        set_due(&mut self.store, due);
        let span = span(&self.name);
        let predictor = self.guest.predictor();
        let asking = predictor.call_predict(&mut self.store, self.predictor, &request).instrument(span);
        let answer = due.hold(asking).await;
        let types::Response { content_type, body } = self.settle(answer)?;
        if content_type.is_empty()
            || content_type.len() > MAX_MEDIA_TYPE
            || content_type.contains(|c: char| !c.is_ascii() || c.is_ascii_control())
        {
            let said = truncate(&content_type, MAX_MEDIA_TYPE);
            let failure = error::function(format!("it answered with a media type that is none: {said:?}"));
            return Err(Stop::Broken(in_stage(&self.name, failure)));
        }
        Ok(Response { content_type, body })
    }

    /// What it has said of the rows of its last answer.
    pub fn take_unseen(&mut self) -> Vec<types::Unseen> {
        self.store.data_mut().take_unseen()
    }

    fn settle<T>(&self, answer: wasmtime::Result<Result<T, types::Failure>>) -> Result<T, Stop> {
        let broken = |failure| Stop::Broken(in_stage(&self.name, failure));
        if let Some(torn) = self.torn() {
            return Err(Stop::Broken(torn));
        }
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            // What the guest says of its own memory or of itself casts doubt on its next answer.
            Ok(Err(types::Failure::OutOfMemory(message))) => {
                // It knows that there was no more; the host knows which limit that was.
                let own = contract::failure(types::Failure::OutOfMemory(message));
                Err(broken(
                    self.store.data().memory.exhausted().map_or(own.clone(), |limit| both(limit, own)),
                ))
            }
            Ok(Err(failure @ types::Failure::Internal(_))) => Err(broken(contract::failure(failure))),
            Ok(Err(failure)) => Err(Stop::Refused(contract::failure(failure))),
            Err(error) => Err(broken(trap::failure(error, self.store.data()))),
        }
    }
}

/// The host's word on a limit, and the guest's own.
fn both(host: Failure, guest: Failure) -> Failure {
    match (host, guest) {
        (Failure::Limit { limit, message }, Failure::Limit { message: own, .. }) if !own.is_empty() => {
            Failure::Limit { limit, message: format!("{message} (the function says: {own})") }
        }
        (host, _) => host,
    }
}

fn stage_name(stage: &Stage) -> String {
    format!("{} {}", stage.name, stage.version)
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

/// The guest may compute until then, and lets others have its thread at the tick after the next: after one tick at least, so
/// that a call that takes microseconds does not give way because a tick happened to fall into it.
fn set_due(store: &mut Store<State>, due: Deadline) {
    store.data_mut().set_due(due);
    store.set_epoch_deadline(2);
}

/// What a stage is made of.
struct Fetched {
    function: Arc<Function>,
    /// Empty if there is a copy of the memory in which it is loaded.
    state: Vec<u8>,
    #[cfg(target_os = "linux")]
    snapshot: Option<Snapshot>,
}

/// The function, compiled now if it must be, and its state or a copy of its memory: on a thread that may wait. What takes
/// too long goes on there, and whoever comes next finds it done.
async fn fetch(engine: &Engine, stage: &Stage, due: Deadline) -> Result<Fetched, Failure> {
    let (engine, stage, span) = (engine.clone(), stage.clone(), Span::current());
    let fetched = tokio::task::spawn_blocking(move || {
        let compiling = info_span!(parent: &span, "map code");
        let function = compiling.in_scope(|| engine.load(&stage.function))?;
        #[cfg(target_os = "linux")]
        if function.is_resumable()
            && let Some(snapshots) = engine.snapshots()
        {
            let verified = || engine.artifacts().verify(&stage.state).is_ok();
            if let Some(snapshot) = snapshots.open(&stage.function, &stage.state, verified) {
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
    let fetched = async { fetched.await.map_err(wasmtime::Error::from) };
    match due.hold(fetched).await {
        Ok(fetched) => fetched,
        Err(error) => match error.downcast::<Abort>() {
            Ok(Abort(overdue)) => Err(overdue),
            Err(error) => Err(error::host(format!("can't load a stage: {error}"))),
        },
    }
}

/// Keeps a copy of the memory of a guest that has loaded its state, if that is all it has. Without one the next load takes
/// longer, and that is all.
#[cfg(target_os = "linux")]
async fn keep(engine: &Engine, stage: &Stage, store: &mut Store<State>, place: &Place) {
    store.data_mut().memory.note(None);
    if engine.snapshots().is_none() {
        return;
    }
    let Some(mapping) = place.only() else { return };
    let (engine, stage) = (engine.clone(), stage.clone());
    let kept = tokio::task::spawn_blocking(move || {
        // SAFETY: the guest has returned, and whoever waits for this holds its store. If nobody waits any more, the store is
        // gone, and the memory lives for as long as this has it.
        engine
            .snapshots()
            .map_or(Ok(()), |copies| unsafe { copies.keep(&stage.function, &stage.state, &mapping) })
    });
    match kept.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "no copy of a predictor's memory can be kept"),
        Err(error) => tracing::warn!(%error, "keeping a copy of a predictor's memory broke off"),
    }
}

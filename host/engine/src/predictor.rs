//! Fitted pipelines, loaded.

use millstream_core::{
    artifact::{Pipeline, Stage},
    failure::Failure,
};
use serde_json::{Map, Value, json};
use wasmtime::{Store, component::ResourceAny};

use crate::{
    contract::{self, model, types},
    engine::Engine,
    error, function,
    host::{State, report::Reporter},
    memory::Budget,
    trap,
    unseen::{Sums, Unseen},
};

/// A pipeline whose stages are loaded, each in a component of its own.
pub struct Predictor {
    stages: Vec<Loaded>,
    description: String,
    unseen: Sums,
}

struct Loaded {
    /// For messages: name and version.
    name: String,
    store: Store<State>,
    guest: model::Guest,
    predictor: ResourceAny,
}

/// Why a pipeline did not load or predict.
pub(crate) enum Refusal {
    /// A stage says what is wrong with what it was given.
    ByStage(types::Failure),
    /// A stage or the host broke.
    Broken(Failure),
}

/// Largest state of a stage. It has to fit into a component's memory beside what is made of it.
pub(crate) const MAX_STATE: u64 = 2 << 30;

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::ByStage(failure) => contract::failure(failure),
            Refusal::Broken(failure) => failure,
        }
    }
}

impl Predictor {
    /// Loads every stage of `pipeline`. They may use `memory` bytes together.
    ///
    /// # Errors
    ///
    /// What a stage says of its state, or what is wrong with a stage.
    pub fn load(engine: &Engine, name: &str, pipeline: &Pipeline, memory: u64) -> Result<Self, Failure> {
        Ok(Self::load_within(engine, name, pipeline, Budget::new(memory), Reporter::silent())?)
    }

    /// The same within the budget of a job, whose log gets what the stages print.
    pub(crate) fn load_within(
        engine: &Engine,
        name: &str,
        pipeline: &Pipeline,
        memory: Budget,
        reporter: Reporter,
    ) -> Result<Self, Refusal> {
        let load = |stage| Loaded::new(engine, stage, memory.share(), reporter.clone());
        let mut stages = pipeline.stages.iter().map(load).collect::<Result<Vec<_>, _>>()?;
        let mut last = match stages.last_mut() {
            Some(last) => last.describe()?,
            None => return Err(Refusal::Broken(error::host(format!("model `{name}` has no stages")))),
        };
        // Rows go in by the first stage: its columns are the model's.
        if let [first, .., _] = stages.as_mut_slice() {
            match first.describe()?.remove("inputs") {
                Some(inputs) => _ = last.insert("inputs".to_owned(), inputs),
                None => _ = last.remove("inputs"),
            }
        }
        last.remove("accepts");
        let description = describe(name, pipeline, last).to_string();
        Ok(Self { stages, description, unseen: Sums::default() })
    }

    /// Arrow IPC stream in, Arrow IPC stream out: every stage in turn.
    ///
    /// # Errors
    ///
    /// What a stage says of the table, or that it broke. A predictor that broke is not to be used again.
    pub fn predict_table(&mut self, table: Vec<u8>) -> Result<Vec<u8>, Failure> {
        Ok(self.predict(table)?)
    }

    pub(crate) fn predict(&mut self, table: Vec<u8>) -> Result<Vec<u8>, Refusal> {
        let (mut table, mut found) = (table, Sums::default());
        for (place, stage) in self.stages.iter_mut().enumerate() {
            table = stage.predict(&table)?;
            found.stage(place, stage.store.data_mut().take_unseen());
        }
        self.unseen.answer(found);
        Ok(table)
    }

    /// What was unlike training in all rows that were answered.
    pub(crate) fn unseen(&self) -> &[Unseen] {
        self.unseen.list()
    }

    /// JSON: `{"name", "stages": [{"function", "version"}], "target"?, "task"?, "classes"?}` and whatever else the
    /// last stage says.
    pub fn describe(&self) -> &str {
        &self.description
    }
}

/// What the last stage says, under the pipeline's own name and stages.
pub(crate) fn describe(name: &str, pipeline: &Pipeline, last: Map<String, Value>) -> Value {
    let stage = |stage: &Stage| json!({ "function": stage.name, "version": stage.version });
    let mut description = last;
    description.insert("name".to_owned(), name.into());
    description.insert("stages".to_owned(), pipeline.stages.iter().map(stage).collect());
    Value::Object(description)
}

impl Loaded {
    fn new(engine: &Engine, stage: &Stage, memory: Budget, reporter: Reporter) -> Result<Self, Refusal> {
        let name = format!("{} {}", stage.name, stage.version);
        let broken = |failure| Refusal::Broken(in_stage(&name, failure));
        let function = engine.load(&stage.function).map_err(broken)?;
        let state = engine.artifacts().read_verified(&stage.state, MAX_STATE);
        let state = state.map_err(|error| broken(error::host(format!("can't read its state: {error}"))))?;
        let mut store = function::store(engine, State::new(function.uses_wasi(), 0, memory, reporter));
        let guest = function.model(&mut store).map_err(broken)?;
        let loaded = guest.predictor().call_load(&mut store, &state);
        match loaded {
            Ok(Ok(predictor)) => Ok(Self { name, store, guest, predictor }),
            Ok(Err(failure)) => Err(Refusal::ByStage(failure)),
            Err(error) => Err(broken(trap::failure(error, store.data()))),
        }
    }

    fn describe(&mut self) -> Result<Map<String, Value>, Refusal> {
        let answer = self.guest.predictor().call_describe(&mut self.store, self.predictor);
        let text = answer.map_err(|error| self.broken(error))?;
        serde_json::from_str(&text).map_err(|error| {
            let message = format!("its predictor's description is not a JSON object: {error}");
            Refusal::Broken(in_stage(&self.name, error::function(message)))
        })
    }

    fn predict(&mut self, table: &[u8]) -> Result<Vec<u8>, Refusal> {
        // What it said of rows that it did not answer.
        self.store.data_mut().take_unseen();
        match self.guest.predictor().call_predict_table(&mut self.store, self.predictor, table) {
            Ok(Ok(predictions)) => Ok(predictions),
            Ok(Err(failure)) => Err(Refusal::ByStage(failure)),
            Err(error) => Err(self.broken(error)),
        }
    }

    fn broken(&self, error: wasmtime::Error) -> Refusal {
        Refusal::Broken(in_stage(&self.name, trap::failure(error, self.store.data())))
    }
}

/// Says in which stage of the model it happened.
pub(crate) fn in_stage(stage: &str, failure: Failure) -> Failure {
    let place = |message: String| format!("model stage `{stage}`: {message}");
    match failure {
        Failure::Function { message, backtrace } => Failure::Function { message: place(message), backtrace },
        Failure::Host { message } => Failure::Host { message: place(message) },
        Failure::Limit { limit, message } => Failure::Limit { limit, message: place(message) },
        other => other,
    }
}

//! Fitted pipelines in a server: loaded once, asked many times, by requests as they came.

mod loaded;

use std::time::Duration;

use loaded::{LoadedStage, Stop};
use millstream_core::{artifact::Pipeline, failure::Failure};
use serde_json::{Map, Value};
use tracing::{Instrument as _, info_span};

use crate::{
    deadline::Deadline,
    engine::Engine,
    error,
    memory::{Budget, Memory},
    predictor::describe,
    unseen::{Sums, Unseen},
};

/// A pipeline whose stages are loaded, each in a component of its own. Its calls give way to others on their thread after
/// a few milliseconds, and end at their time limit.
///
/// After an error that is not the request's fault ([`Served::is_broken`]) it is not to be used again.
pub struct Served {
    stages: Vec<LoadedStage>,
    /// Of each stage but the last, what it is to answer in.
    hand_overs: Vec<String>,
    description: String,
    memory: Budget,
    broken: bool,
    unseen: Sums,
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

/// The same for stages that say that they take it: for a row or two, Arrow's stream takes longer than the stages.
const MATRIX: &str = "application/vnd.millstream.matrix";

impl Served {
    /// Loads every stage of `pipeline` within `limit`, all of them together by the clock on the wall; on a runtime that
    /// has a timer. They may use `memory` together: a number of bytes, or that and a [`Quota`](crate::Quota).
    ///
    /// # Errors
    ///
    /// What a stage says of its state, or what is wrong with a stage.
    pub async fn load(
        engine: &Engine,
        name: &str,
        pipeline: &Pipeline,
        memory: impl Into<Memory>,
        limit: Duration,
    ) -> Result<Self, Failure> {
        let due = Deadline::after(limit);
        let memory = Budget::within(memory.into());
        let mut stages = Vec::with_capacity(pipeline.stages.len());
        for stage in &pipeline.stages {
            let span = info_span!("load function", millstream.function.name = stage.name);
            stages.push(LoadedStage::new(engine, stage, memory.share(), due).instrument(span).await?);
        }
        let mut described = Vec::with_capacity(stages.len());
        for stage in &mut stages {
            described.push(stage.describe(due).await?);
        }
        let hand_over = |next: &Map<String, Value>| match takes_matrix(next) {
            true => format!("{MATRIX}, {ARROW}"),
            false => ARROW.to_owned(),
        };
        let hand_overs = described.iter().skip(1).map(hand_over).collect();
        // Requests are read by the first stage.
        let inputs = described.first_mut().and_then(|first| first.remove("inputs"));
        let Some(mut last) = described.pop() else {
            return Err(error::host(format!("model `{name}` has no stages")));
        };
        last.remove("accepts");
        let mut description = describe(name, pipeline, last);
        if let Some(inputs) = inputs {
            description["inputs"] = inputs;
        }
        Ok(Self {
            stages,
            hand_overs,
            description: description.to_string(),
            memory,
            broken: false,
            unseen: Sums::default(),
        })
    }

    /// Answers a request within `limit`, all stages together by the clock on the wall: the first stage reads it, the last one
    /// writes the answer.
    ///
    /// # Errors
    ///
    /// What a stage says of the rows; that one broke or took too long.
    pub async fn predict(&mut self, request: Request, limit: Duration) -> Result<Response, Failure> {
        // Whoever drops the call in its middle leaves a guest that stopped in its middle.
        self.broken = true;
        self.unseen.clear();
        let answer = self.through_stages(request, Deadline::after(limit)).await;
        self.broken = matches!(answer, Err(Stop::Broken(_)));
        if answer.is_err() {
            self.unseen.clear();
        }
        answer.map_err(|stop| match stop {
            Stop::Refused(failure) | Stop::Broken(failure) => failure,
        })
    }

    async fn through_stages(&mut self, mut request: Request, due: Deadline) -> Result<Response, Stop> {
        let Some((last, before)) = self.stages.split_last_mut() else {
            return Err(Stop::Broken(error::host("the model has no stages")));
        };
        if !before.is_empty() {
            // The answer's format is that of the request as it came, unless the client says otherwise.
            let accept = match request.accept.take() {
                Some(accept) => accept.replace("*/*", &request.content_type),
                None => request.content_type.clone(),
            };
            for (place, (stage, hand_over)) in before.iter_mut().zip(&self.hand_overs).enumerate() {
                request.accept = Some(hand_over.clone());
                let Response { content_type, body } = stage.predict(request, due).await?;
                self.unseen.stage(place, stage.take_unseen());
                request = Request { content_type, accept: None, body };
            }
            request.accept = Some(accept);
        }
        let answer = last.predict(request, due).await?;
        self.unseen.stage(before.len(), last.take_unseen());
        Ok(answer)
    }

    /// What was unlike training in the rows of the last answer; it is told once.
    pub fn take_unseen(&mut self) -> Vec<Unseen> {
        self.unseen.take()
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

fn takes_matrix(described: &Map<String, Value>) -> bool {
    let accepts = described.get("accepts").and_then(Value::as_array);
    accepts.is_some_and(|types| types.iter().any(|media_type| media_type == MATRIX))
}

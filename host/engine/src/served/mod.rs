//! Fitted pipelines in a server: loaded once, asked many times, by requests as they came.

mod loaded;

use std::time::Duration;

use millstream_workflow::{artifact::Pipeline, failure::Failure};

use crate::{engine::Engine, error, memory::Budget, predictor::describe};
use loaded::{Loaded, Stop};

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
            stages.push(Loaded::new(engine, stage, memory.share(), limit).await?);
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

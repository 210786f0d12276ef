//! `models`: fitted pipelines that came as inputs.

use std::io::Read as _;

use millstream_core::{
    artifact::{Artifact, Pipeline, Stage},
    failure::Failure,
};
use wasmtime::component::Resource;

use super::{JobState, State, abort};
use crate::{
    contract::{
        models::{Host, HostPredictor},
        types,
    },
    predictor::{Predictor, Refusal},
};

/// A pipeline that a job has loaded.
pub struct Model(Predictor);

/// Largest pipeline document. Stages are a few hundred bytes each.
const MAX_PIPELINE: u64 = 1 << 20;

/// The stages in a model artifact.
fn read_pipeline(
    job: &JobState,
    artifact: &Artifact,
    channel: &str,
) -> wasmtime::Result<Result<Pipeline, types::Failure>> {
    let place = format!("{channel}/{}", artifact.name);
    let mut text = Vec::new();
    let read = job.open(artifact, &place)?.take(MAX_PIPELINE).read_to_end(&mut text);
    read.map_err(|error| abort(Failure::Host { message: format!("can't read input {place}: {error}") }))?;
    let pipeline = serde_json::from_slice::<Pipeline>(&text);
    let problem = match pipeline {
        Ok(pipeline) if !pipeline.stages.is_empty() => return Ok(Ok(pipeline)),
        Ok(_) => "it has no stages".to_owned(),
        Err(error) => error.to_string(),
    };
    Ok(Err(types::Failure::InvalidInput(types::InvalidInput {
        message: format!("not a model (`{}`): {problem}", Pipeline::MEDIA_TYPE),
        channel: Some(channel.to_owned()),
        part: Some(artifact.name.clone()),
        row: None,
        column: None,
    })))
}

/// A guest gets back what a stage says of its input; everything else ends the job.
fn refuse<T>(refusal: Refusal) -> wasmtime::Result<Result<T, types::Failure>> {
    match refusal {
        Refusal::ByStage(failure) => Ok(Err(failure)),
        Refusal::Broken(failure) => Err(abort(failure)),
    }
}

impl Host for State {
    fn load(
        &mut self,
        channel: String,
        part: u32,
    ) -> wasmtime::Result<Result<Resource<Model>, types::Failure>> {
        let (memory, reporter) = (self.memory.share(), self.reporter.clone());
        let job = self.job()?;
        job.interrupt.check()?;
        let artifact = job.part(&channel, part)?;
        let pipeline = match read_pipeline(job, artifact, &channel)? {
            Ok(pipeline) => pipeline,
            Err(failure) => return Ok(Err(failure)),
        };
        let name = artifact.name.clone();
        match Predictor::load_within(&job.engine, &name, &pipeline, memory, reporter) {
            Ok(predictor) => Ok(Ok(self.hold(Model(predictor))?)),
            Err(refusal) => refuse(refusal),
        }
    }

    fn catch_up(
        &mut self,
        channel: String,
        like: String,
    ) -> wasmtime::Result<Result<Option<Resource<Model>>, types::Failure>> {
        let (memory, reporter) = (self.memory.share(), self.reporter.clone());
        let job = self.job()?;
        job.interrupt.check()?;
        let (own, wanted) = (job.stages(&channel), job.stages(&like));
        let Some(missing) = wanted.strip_prefix(own) else {
            return Ok(Err(other_stages(&channel, own, &like, wanted)));
        };
        if missing.is_empty() {
            return Ok(Ok(None));
        }
        let pipeline = Pipeline { stages: missing.to_vec() };
        match Predictor::load_within(&job.engine, &like, &pipeline, memory, reporter) {
            Ok(predictor) => Ok(Ok(Some(self.hold(Model(predictor))?))),
            Err(refusal) => refuse(refusal),
        }
    }
}

impl JobState {
    /// The fitted stages that a channel's rows have been through.
    fn stages(&self, channel: &str) -> &[Stage] {
        self.job.inputs.get(channel).map_or(&[], |parts| &parts.stages)
    }
}

/// Rows that cannot be made like others: nothing takes a stage back.
fn other_stages(channel: &str, own: &[Stage], like: &str, wanted: &[Stage]) -> types::Failure {
    let named = |stages: &[Stage]| match stages {
        [] => "none".to_owned(),
        stages => stages.iter().map(|stage| format!("`{}`", stage.name)).collect::<Vec<_>>().join(", "),
    };
    types::Failure::InvalidInput(types::InvalidInput {
        message: format!(
            "these rows came through other fitted stages ({}) than those of `{like}` ({}); give them as they were before those \
             stages, which are then applied",
            named(own),
            named(wanted)
        ),
        channel: Some(channel.to_owned()),
        part: None,
        row: None,
        column: None,
    })
}

impl HostPredictor for State {
    fn predict(
        &mut self,
        model: Resource<Model>,
        table: Vec<u8>,
    ) -> wasmtime::Result<Result<Vec<u8>, types::Failure>> {
        self.job()?.interrupt.check()?;
        match self.table.get_mut(&model)?.0.predict(table) {
            Ok(predictions) => Ok(Ok(predictions)),
            Err(refusal) => refuse(refusal),
        }
    }

    fn describe(&mut self, model: Resource<Model>) -> wasmtime::Result<String> {
        Ok(self.table.get(&model)?.0.describe().to_owned())
    }

    fn unseen(&mut self, model: Resource<Model>) -> wasmtime::Result<Vec<types::Unseen>> {
        Ok(self.table.get(&model)?.0.unseen().iter().map(Into::into).collect())
    }

    fn drop(&mut self, model: Resource<Model>) -> wasmtime::Result<()> {
        self.table.delete(model)?;
        Ok(())
    }
}

//! `run-workflow`: a run of another workflow, started once for a task's key; its end wakes this task.

use std::path::Path;

use millstream_core::{completion::Results, failure::Failure, task::Message};
use millstream_language::acts::Act;
use millstream_plan::{
    Plan,
    compile::{self, Options},
};
use millstream_state::{Run, RunState};
use millstream_worker::{Records, acts::Context, host_failure};
use serde_json::{Map, Value};

use crate::{runs, workflows};

pub(super) fn perform(context: &Context<'_>) -> Result<Option<Results>, Failure> {
    let host = |error: &dyn std::fmt::Display| Failure::Host { message: error.to_string() };
    let records = Records::new(context.home.store().clone());
    // One child for each task of each run; not for each key: a caller that is run again runs it again.
    let message = context.message;
    let child = format!("{}-{}-{}", message.run, message.step, message.task);
    let plan = match records.plan(&child).map_err(|error| host(&error))? {
        Some(plan) => {
            // The first start may have been cut off before its messages were sent.
            runs::resume(context.home, &plan).map_err(|error| host(&error))?;
            plan
        }
        None => start(context, &child)?,
    };
    let progress = Run::new(&plan, &records).progress().map_err(|error| host(&error))?;
    match progress.state {
        RunState::Running => Ok(None),
        RunState::Succeeded => {
            Ok(Some(Results { message: format!("run {child} succeeded"), ..Results::default() }))
        }
        RunState::Failed | RunState::Cancelled => Err(Failure::InvalidInput {
            message: format!("run {child} did not succeed; see `millstream status {child}`"),
            channel: None,
            part: None,
            row: None,
            column: None,
        }),
    }
}

/// A workflow's file is text; it is small.
const MAX_WORKFLOW_BYTES: u64 = 16 << 20;

fn start(context: &Context<'_>, child: &str) -> Result<Plan, Failure> {
    let parameter = |message: String| {
        let name = if context.text("file").is_some() { "file" } else { "workflow" };
        Failure::InvalidParameter { name: name.to_owned(), message, allowed: None }
    };
    let base = Path::new(context.plan.base.as_deref().unwrap_or("."));
    let frozen = &context.plan.frozen;
    // What it is called, its text, where its relative paths begin, and its version if it was pushed.
    let (path, text, folder, version) = match context.text("file") {
        Some(file) => {
            let file = base.join(file);
            let path = file.to_string_lossy().into_owned();
            let text = frozen.workflows.get(&path).copied();
            (path, text, file.parent().unwrap_or(base).to_owned(), None)
        }
        None => {
            let name = context.text("workflow").unwrap_or_default();
            let stored = frozen.stored.get(name);
            let text = stored.map(|stored| stored.digest);
            (name.to_owned(), text, workflows::BASE.into(), stored.map(|stored| stored.version))
        }
    };
    let digest = text.ok_or_else(|| {
        parameter(format!(
            "workflow {path} was not taken in when the run started, as its name depends on results of steps; name it outright, or \
             by parameters, items or the matrix"
        ))
    })?;
    let bytes = context
        .home
        .artifacts()
        .read_verified(&digest, MAX_WORKFLOW_BYTES)
        .map_err(|error| host_failure(&error))?;
    let text = String::from_utf8_lossy(&bytes);
    let checked =
        compile::check(&path, &text, frozen).map_err(|diagnostics| parameter(diagnostics.to_string()))?;
    let params = match context.task.params.get("params") {
        Some(Value::Object(params)) => params.clone(),
        _ => Map::new(),
    };
    let options = Options {
        run: child.to_owned(),
        created: context.home.now(),
        params,
        no_cache: !context.plan.cache,
        ..Options::default()
    };
    let parent = Message {
        run: context.message.run.clone(),
        step: context.message.step.clone(),
        task: context.message.task,
    };
    let at = (folder.as_path(), version);
    runs::start_child(context.home, frozen, &checked, &options, at, parent).map_err(|error| match error {
        runs::Error::Plan(error) => parameter(error.to_string()),
        other => Failure::Host { message: other.to_string() },
    })
}

/// The runs that this one may wait for.
pub fn children(plan: &Plan) -> Vec<String> {
    let waiting = plan.steps.iter().filter(|(_, step)| step.is(Act::RunWorkflow));
    waiting
        .flat_map(|(name, step)| (0..step.count().unwrap_or(0)).map(move |task| (name, task)))
        .map(|(name, task)| format!("{}-{name}-{task}", plan.run))
        .collect()
}

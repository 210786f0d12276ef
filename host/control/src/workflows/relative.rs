//! A stored workflow is run from any folder, so that it reads nothing by relative paths.

use millstream_language::{acts::Act, model::ParamType};
use millstream_plan::{Plan, compile::Checked};
use millstream_state::{CalledAt, Outside};
use serde_json::Value;

use super::Error;

/// A path that leads elsewhere on another machine, or from another folder.
fn is_relative(source: &str) -> bool {
    let elsewhere = source.contains("://") || source.starts_with("artifact:");
    !source.is_empty() && !source.starts_with('/') && !source.starts_with("${{") && !elsewhere
}

/// Refuses a workflow that reads by relative paths, as far as its text tells.
///
/// # Errors
/// `Invalid`, with the way out.
pub(super) fn refuse(checked: &Checked) -> Result<(), Error> {
    let workflow = &checked.workflow;
    let defaults = workflow.params.iter().filter(|(_, param)| param.kind == ParamType::Uri);
    let defaults = defaults.filter_map(|(name, param)| {
        let default = param.default.as_ref()?.as_str()?;
        Some((format!("the default of parameter `{name}`"), default.to_owned()))
    });
    let steps = workflow.steps.iter().flat_map(|(name, step)| {
        let inputs = step.inputs.iter().flat_map(move |(channel, inputs)| {
            inputs.0.iter().map(move |text| (format!("input `{channel}` of step `{name}`"), text.clone()))
        });
        let file =
            step.with.get("file").filter(|_| step.uses == Act::RunWorkflow.name()).and_then(Value::as_str);
        inputs.chain(file.map(|file| (format!("the workflow of step `{name}`"), file.to_owned())))
    });
    refuse_found(defaults.chain(steps).find(|(_, text)| is_relative(text)))
}

/// Refuses a run of a stored workflow that reads by relative paths: what comes from parameters and items is known by now.
///
/// # Errors
/// `Invalid`, with the way out.
pub(crate) fn refuse_of(plan: &Plan) -> Result<(), Error> {
    let outside = Outside::of(plan);
    let files = outside.workflows.iter().filter_map(|called| match &called.at {
        CalledAt::File(file) => Some(file),
        CalledAt::Stored(_) => None,
    });
    let relative = outside.sources.iter().chain(files).find(|source| is_relative(source));
    refuse_found(relative.map(|source| ("the run".to_owned(), source.clone())))
}

fn refuse_found(found: Option<(String, String)>) -> Result<(), Error> {
    match found {
        None => Ok(()),
        Some((what, source)) => Err(Error::Invalid(format!(
            "{what} reads {source}, and a stored workflow is run from any folder: make it a parameter of type `uri` without a default, \
             which is given by `-p NAME=PATH`, or write an absolute path or a URL (a workflow: `workflow: NAME`)"
        ))),
    }
}

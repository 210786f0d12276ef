//! `register`: a pipeline becomes an immutable version of a model.

use std::collections::BTreeMap;

use millstream_store::ErrorKind;
use millstream_workflow::{
    artifact::{Parts, Pipeline},
    completion::{Origin, Results},
    failure::Failure,
};
use serde_json::{Map, Value};

use super::Context;
use crate::{
    models::{ApprovalStatus, ModelVersion, Models},
    task::host_failure,
};

/// A model artifact lists a pipeline's stages; it is small.
const MAX_MODEL_BYTES: u64 = 16 << 20;

pub(super) fn perform(context: &Context<'_>) -> Result<Results, Failure> {
    let model = match context.inputs.get("model").map(|channel| channel.parts.as_slice()) {
        Some([model]) => model.clone(),
        other => {
            return Err(Failure::InvalidInput {
                message: format!(
                    "a version is made of one model, but there are {}: pick one, such as `[0]` or \
                     `[argmax(steps.evaluate.metrics.auc)]`",
                    other.map_or(0, <[_]>::len)
                ),
                channel: Some("model".to_owned()),
                part: None,
                row: None,
                column: None,
            });
        }
    };
    let bytes = context
        .home
        .artifacts()
        .read_verified(&model.digest, MAX_MODEL_BYTES)
        .map_err(|e| host_failure(&e))?;
    let pipeline: Pipeline = serde_json::from_slice(&bytes).map_err(|error| Failure::InvalidInput {
        message: format!("this is not a model artifact: {error}"),
        channel: Some("model".to_owned()),
        part: Some(model.name.clone()),
        row: None,
        column: None,
    })?;
    let metrics = match context.task.params.get("metrics") {
        Some(Value::Object(metrics)) => metrics.clone(),
        _ => Map::new(),
    };
    let approval_status = match context.text("approval") {
        Some("approved") => ApprovalStatus::Approved,
        Some("rejected") => ApprovalStatus::Rejected,
        _ => ApprovalStatus::PendingManualApproval,
    };
    let Some(name) = context.text("name").map(str::to_owned) else {
        return Err(Failure::InvalidParameter {
            name: "name".to_owned(),
            message: "the model needs a name".to_owned(),
            allowed: None,
        });
    };
    let models = Models::new(context.home.store().as_ref());
    let registered = models
        .register(&ModelVersion {
            name: name.clone(),
            version: 0,
            description: context.text("description").filter(|text| !text.is_empty()).map(str::to_owned),
            model: model.clone(),
            pipeline,
            metrics,
            origin: Origin {
                run: context.message.run.clone(),
                step: context.message.step.clone(),
                task: context.message.task,
            },
            workflow: context.plan.workflow.clone(),
            key: context.key,
            created: context.home.now(),
            approval_status,
        })
        .map_err(|error| host_failure(&error))?;
    if let Some(alias) = context.text("alias") {
        models.point(&name, alias, registered.version).map_err(|error| match error.kind() {
            ErrorKind::InvalidKey => Failure::InvalidParameter {
                name: "alias".to_owned(),
                message: error.to_string(),
                allowed: Some("letters, digits, `-` and `_`".to_owned()),
            },
            _ => host_failure(&error),
        })?;
    }
    Ok(Results {
        outputs: BTreeMap::from([("model".to_owned(), Parts { parts: vec![model], stages: Vec::new() })]),
        metrics: BTreeMap::from([("version".to_owned(), f64::from(registered.version))]),
        message: format!("{name} version {}", registered.version),
    })
}

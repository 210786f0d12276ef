//! `register`: a pipeline becomes an immutable version of a model.

use std::collections::{BTreeMap, BTreeSet};

use millstream_core::{
    artifact::{Digest, Parts, Pipeline},
    completion::{Completion, Origin, Outcome, Results},
    failure::Failure,
    layout,
    manifest::{Direction, Kind},
    task::Task,
};
use millstream_plan::{Plan, Step};
use millstream_registry::{ApprovalStatus, ModelVersion, Source};
use millstream_state::{Input, Outside};
use millstream_store::entries;
use millstream_worker::{acts::Context, host_failure, sources};
use serde_json::{Map, Value};

use super::failure;
use crate::Control;

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
        message: format!("the input is not a model: {error}"),
        channel: Some("model".to_owned()),
        part: Some(model.name.clone()),
        row: None,
        column: None,
    })?;
    let metrics = match context.task.params.get("metrics") {
        Some(Value::Object(metrics)) => metrics.clone(),
        _ => figures(context, &model.digest)?,
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
    let version = ModelVersion {
        name: name.clone(),
        version: 0,
        description: context.text("description").filter(|text| !text.is_empty()).map(str::to_owned),
        model: model.clone(),
        pipeline,
        schema: None,
        metrics,
        origin: Origin {
            run: context.message.run.clone(),
            step: context.message.step.clone(),
            task: context.message.task,
        },
        workflow: context.plan.workflow.clone(),
        data: data(context.plan),
        key: context.key,
        created: context.home.now(),
        approval_status,
        removing: None,
        removed: None,
    };
    let registered = Control::new(context.home)
        .register(version, context.text("alias"))
        .map_err(|error| failure("name", error))?;
    Ok(Results {
        outputs: BTreeMap::from([("model".to_owned(), Parts { parts: vec![model], stages: Vec::new() })]),
        metrics: BTreeMap::from([("version".to_owned(), f64::from(registered.version))]),
        message: format!("{name} version {}", registered.version),
    })
}

/// The figures of a model whose step names none: of the steps before it that had the model as an input and measured something, or
/// else of the task that made the model. Figures of which neither more nor less is better say nothing of a model.
fn figures(context: &Context<'_>, model: &Digest) -> Result<Map<String, Value>, Failure> {
    let (mut measured, mut made) = (Vec::new(), None);
    for (name, step) in before(context) {
        let prefix = layout::all_done(&context.plan.run, Some(name));
        for entry in entries(context.home.store().as_ref(), &prefix) {
            let key = entry.map_err(|error| host_failure(&error))?.key;
            let object = context.home.store().get(&key).map_err(|error| host_failure(&error))?;
            let done: Completion = serde_json::from_slice(&object.bytes)
                .map_err(|error| Failure::Host { message: format!("{key} is damaged: {error}") })?;
            let Outcome::Done(results) = done.outcome else { continue };
            let function =
                step.variant(done.task).and_then(|variant| context.plan.functions.get(&variant.uses));
            let Some(manifest) = function.map(|function| &function.manifest) else { continue };
            let of_interest = |metric: &str| {
                let metric = manifest.metrics.iter().find(|declared| declared.name == metric);
                metric.is_some_and(|metric| metric.direction != Direction::Neither)
            };
            let figures: Map<String, Value> = results
                .metrics
                .iter()
                .filter(|(metric, figure)| of_interest(metric) && figure.is_finite())
                .map(|(metric, figure)| (metric.clone(), Value::from(*figure)))
                .collect();
            if figures.is_empty() {
                continue;
            }
            let is_it = |parts: &Parts| parts.parts.iter().any(|part| part.digest == *model);
            if results.outputs.values().any(is_it) {
                made.get_or_insert(figures);
            } else if manifest.channels.iter().any(|channel| channel.kind == Kind::Model) {
                let task = Task { step: name.to_owned(), task: done.task };
                let resolved =
                    context.run.again(&task).map_err(|e| Failure::Host { message: e.to_string() })?;
                let went_in = resolved.is_some_and(|task| {
                    task.inputs
                        .values()
                        .flatten()
                        .any(|input| matches!(input, Input::Parts(parts) if is_it(parts)))
                });
                if went_in {
                    measured.push((name, figures));
                    // Another task with the same model measures the same.
                    break;
                }
            }
        }
    }
    Ok(match measured.len() {
        0 => made.unwrap_or_default(),
        1 => measured.remove(0).1,
        // Several steps: each figure says whose it is.
        _ => measured
            .into_iter()
            .flat_map(|(step, figures)| {
                figures.into_iter().map(move |(name, figure)| (format!("{step}.{name}"), figure))
            })
            .collect(),
    })
}

/// The steps that this one needs, directly or through others, in the order of the plan.
fn before<'a>(context: &Context<'a>) -> impl Iterator<Item = (&'a str, &'a Step)> {
    let plan = context.plan;
    let mut needed = BTreeSet::new();
    let mut queue = vec![context.message.step.as_str()];
    while let Some(step) = queue.pop() {
        let needs = plan.steps.get(step).map(|step| step.needs.as_slice()).unwrap_or_default();
        queue.extend(needs.iter().map(String::as_str).filter(|need| needed.insert(*need)));
    }
    plan.steps.iter().map(|(name, step)| (name.as_str(), step)).filter(move |(name, _)| needed.contains(name))
}

/// The files that the run reads.
fn data(plan: &Plan) -> Vec<Source> {
    let parts =
        Outside::of(plan).sources.into_iter().filter_map(|source| sources::of_run(plan, &source).ok());
    let mut data: Vec<Source> = parts
        .flat_map(|parts| parts.parts)
        .map(|part| Source { name: part.name, digest: part.digest })
        .collect();
    data.sort_by(|a, b| (&a.name, a.digest).cmp(&(&b.name, b.digest)));
    data.dedup();
    data
}

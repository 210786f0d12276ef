//! `deploy`: a version goes behind an endpoint, by the same operation as on the command line.

use std::collections::BTreeMap;

use millstream_core::{
    artifact::Digest,
    completion::{Completion, Outcome, Results},
    failure::Failure,
    layout,
};
use millstream_deployment::{
    Deploy, Moved, Settings, describe,
    names::{Pick, Reference},
};
use millstream_engine::Request as Rows;
use millstream_language::acts::Act;
use millstream_registry::{Author, Deployed, IdempotentRequest, Models};
use millstream_store::ErrorKind;
use millstream_worker::{acts::Context, host_failure};

use super::failure;
use crate::{Control, trial::MAX_SAMPLE};

pub(super) fn perform(context: &Context<'_>) -> Result<Results, Failure> {
    let mut document = context.task.params.clone();
    if context.text("model").is_none() {
        document.insert("model".to_owned(), registered(context)?.to_string().into());
    }
    let wish =
        Deploy::read(&document, Settings::parse).map_err(|misread| failure("model", misread.into()))?;
    let endpoint = context.text("endpoint").unwrap_or_default();
    let message = context.message;
    // A task deploys once in its run. By the task's key it would do so once for ever: a later run with the same inputs means it
    // again, whatever was deployed in between.
    let request = format!("{}/{}/{}", message.run, message.step, message.task);
    let who = format!("run {}", message.run);
    let author = Author {
        who: &who,
        at: context.home.now(),
        // The right to change a workflow, or to start its runs, makes nobody an administrator.
        admin: false,
        request: Some(IdempotentRequest::of(&request)),
    };
    let deployed = Control::new(context.home)
        .deploy(endpoint, &wish, &author, sample(context)?.as_ref())
        .map_err(|error| {
            let at =
                if matches!(error, millstream_registry::Error::Forbidden(_)) { "config" } else { "model" };
            failure(at, error)
        })?;
    let figures =
        [("version", f64::from(deployed.version.version)), ("revision", deployed.endpoint.revision as f64)];
    Ok(Results {
        outputs: BTreeMap::new(),
        metrics: figures.map(|(name, figure)| (name.to_owned(), figure)).into(),
        message: said(&deployed, &wish.alias),
    })
}

/// One line for people.
fn said(deployed: &Deployed, alias: &str) -> String {
    let name = &deployed.endpoint.name;
    let now = deployed.endpoint.aliases.get(alias).map(|alias| describe(&alias.variants)).unwrap_or_default();
    match deployed.moved {
        Some(Moved::Already) => format!("{name}: {} was there already", deployed.version.reference()),
        Some(Moved::Begun) => format!("{name}: rollout began, {now}"),
        _ => format!("{name}: {now}"),
    }
}

/// The version that the one `register` step before this one has made.
fn registered(context: &Context<'_>) -> Result<Reference, Failure> {
    let fault = |message: String| Failure::InvalidParameter {
        name: "model".to_owned(),
        message,
        allowed: Some("NAME, NAME@VERSION or NAME@ALIAS".to_owned()),
    };
    let steps = &context.plan.steps;
    let needs = steps.get(&context.message.step).map(|step| step.needs.as_slice()).unwrap_or_default();
    let registers = |step: &&String| steps.get(*step).is_some_and(|step| step.is(Act::Register));
    let before: Vec<&String> = needs.iter().filter(registers).collect();
    let [step] = before.as_slice() else {
        return Err(fault(format!(
            "name the model to deploy: {} `register` steps come before this one",
            before.len()
        )));
    };
    if steps[*step].count() != Some(1) {
        return Err(fault(format!("step `{step}` registers several versions; name the one to deploy")));
    }
    let store = context.home.store().as_ref();
    let key = layout::done(&context.message.run, step, 0);
    let completion: Completion = match store.get(&key) {
        Ok(object) => serde_json::from_slice(&object.bytes)
            .map_err(|error| Failure::Host { message: format!("{key} is damaged: {error}") })?,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(fault(format!("step `{step}` has registered nothing")));
        }
        Err(error) => return Err(host_failure(&error)),
    };
    let (Some(key), Outcome::Done(results)) = (completion.key, &completion.outcome) else {
        return Err(fault(format!("step `{step}` has registered nothing")));
    };
    let number = results.metrics.get("version").copied().unwrap_or_default() as u32;
    let version = of_key(&Models::new(store), &key, number)?;
    version.ok_or_else(|| fault(format!("the version that step `{step}` has registered was removed")))
}

/// The version of that number which the task of this key has registered.
fn of_key(models: &Models<'_>, key: &Digest, number: u32) -> Result<Option<Reference>, Failure> {
    use millstream_registry::Error;
    for name in models.names().map_err(|error| failure("model", error))? {
        match models.version(&name, number) {
            Ok(version) if version.key == *key => {
                return Ok(Some(Reference { model: name, pick: Pick::Version(number) }));
            }
            // Another model's damaged record is not this one's concern.
            Ok(_) | Err(Error::NotFound(_)) => {}
            Err(Error::Store(error)) if error.kind() == ErrorKind::Corrupt => {}
            Err(error) => return Err(failure("model", error)),
        }
    }
    Ok(None)
}

/// The rows to ask.
fn sample(context: &Context<'_>) -> Result<Option<Rows>, Failure> {
    let parts = context.inputs.get("sample").map(|channel| channel.parts.as_slice()).unwrap_or_default();
    let Some(part) = parts.first() else { return Ok(None) };
    if part.size > MAX_SAMPLE {
        return Err(Failure::InvalidInput {
            message: format!("a sample has at most {} MiB; a few rows are enough", MAX_SAMPLE >> 20),
            channel: Some("sample".to_owned()),
            part: Some(part.name.clone()),
            row: None,
            column: None,
        });
    }
    let body =
        context.home.artifacts().read_verified(&part.digest, MAX_SAMPLE).map_err(|e| host_failure(&e))?;
    Ok(Some(Rows { content_type: part.media_type.clone(), accept: None, body }))
}

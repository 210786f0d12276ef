//! Runs, as requests start and see them.

use millstream_api::{RunAnswer, RunError, RunRequest};
use millstream_control::{runs, workflows};
use millstream_language::triggers::Kind;
use millstream_state::Run;
use millstream_triggers::{Error, Outcome, Triggers, is_signed_by};
use millstream_worker::{Home, Records};
use serde_json::{Map, Value, json};

/// The name of the trigger: there is one of its kind.
const HTTP: &str = "http";

/// Calls to the store wait, and are made on a thread where that harms nobody.
pub async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, RunError> + Send + 'static,
) -> Result<T, RunError> {
    let called = tokio::task::spawn_blocking(call).await;
    called.unwrap_or_else(|error| Err(RunError::Unavailable(error.to_string())))
}

/// The variable that holds the secret by which requests for runs of a workflow are signed; none if they need no signature.
pub fn secret(triggers: &Triggers, workflow: &str) -> Result<Option<String>, RunError> {
    let (_, trigger) = triggers.find(workflow, Some(HTTP)).map_err(refused)?;
    match trigger.kind {
        Kind::Http(http) => Ok(http.secret),
        _ => Ok(None),
    }
}

/// Starts a run.
pub fn start(triggers: &Triggers, asked: &RunRequest) -> Result<RunAnswer, RunError> {
    if let Some(variable) = secret(triggers, &asked.workflow)? {
        let Some(secret) = std::env::var(&variable).ok().filter(|secret| !secret.is_empty()) else {
            return Err(RunError::Signature(format!(
                "the signature cannot be checked: {variable} is not set where this server runs"
            )));
        };
        let Some(signature) = &asked.signature else {
            return Err(RunError::Signature(
                "the request is not signed: send `X-Hub-Signature-256: sha256=HEX`, the HMAC-SHA-256 of the body".to_owned(),
            ));
        };
        if !is_signed_by(secret.as_bytes(), &asked.body, signature) {
            return Err(RunError::Signature(
                "the signature does not fit the body: another secret, or another body".to_owned(),
            ));
        }
    }
    let accepted =
        triggers.accept_for(&asked.workflow, HTTP, &asked.event, asked.params.clone()).map_err(refused)?;
    match accepted.outcome {
        Outcome::Started { run } => Ok(RunAnswer::Started(run)),
        Outcome::Waiting { run } => Ok(RunAnswer::Waiting(run)),
        Outcome::Duplicate { run } => Ok(RunAnswer::Repeated(run)),
        Outcome::NotStarted { why } => Ok(RunAnswer::NotStarted(why)),
        Outcome::Refused { why } => Err(RunError::Refused(why)),
    }
}

fn refused(error: Error) -> RunError {
    let message = error.to_string();
    match error {
        Error::NoSuchTrigger(_)
        | Error::Workflow(workflows::Error::NotFound(_) | workflows::Error::Invalid(_)) => {
            RunError::NotFound(message)
        }
        error if error.is_transient() => RunError::Unavailable(message),
        _ => RunError::Refused(message),
    }
}

/// How a run stands.
pub fn document(home: &Home, run: &str) -> Result<Value, RunError> {
    let unavailable = |error: &dyn std::fmt::Display| RunError::Unavailable(error.to_string());
    let plan = runs::find(home, run).map_err(|error| match error {
        runs::Error::NoSuchRun { .. } | runs::Error::Ambiguous { .. } => {
            RunError::NotFound(error.to_string())
        }
        error => unavailable(&error),
    })?;
    let records = Records::new(home.store().clone());
    let progress = Run::new(&plan, &records).progress().map_err(|error| unavailable(&error))?;
    let steps: Map<String, Value> = progress
        .steps
        .iter()
        .map(|(name, step)| {
            let document = json!({
                "done": step.done, "failed": step.failed, "count": step.count, "settled": step.settled,
            });
            (name.clone(), document)
        })
        .collect();
    Ok(json!({
        "run": plan.run,
        "workflow": plan.workflow,
        "version": plan.version,
        "state": progress.state.name(),
        "created": plan.created,
        "params": plan.params,
        "trigger": plan.trigger,
        "steps": steps,
    }))
}

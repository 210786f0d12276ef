//! `approve`: the run waits until a person decides.

use millstream_store::{ErrorKind, PutOptions};
use millstream_workflow::{
    completion::Results,
    failure::Failure,
    layout,
    plan::Plan,
    state::{Message, Task},
};
use serde::{Deserialize, Serialize};

use super::Context;
use crate::{
    home::Home,
    task::{host_failure, send},
};

/// What a person decided. The first decision holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Go on, or fail the step.
    pub approved: bool,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// When, in milliseconds since 1970 UTC.
    pub at: u64,
}

/// Why a decision cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody was faster.
    #[error("that has been decided already: {}", if .0.approved { "approved" } else { "rejected" })]
    Decided(Decision),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] millstream_store::Error),
    /// The queue failed; decide again.
    #[error(transparent)]
    Queue(#[from] millstream_queue::Error),
}

pub(super) fn perform(context: &Context<'_>) -> Result<Option<Results>, Failure> {
    let message = context.message;
    let key = layout::decision(&message.run, &message.step, message.task);
    let decision = match context.home.store().get(&key) {
        Ok(object) => serde_json::from_slice::<Decision>(&object.bytes)
            .map_err(|error| Failure::Host { message: format!("{key} is damaged: {error}") })?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(host_failure(&error)),
    };
    let comment = decision.comment.map(|comment| format!(": {comment}")).unwrap_or_default();
    if decision.approved {
        return Ok(Some(Results { message: format!("approved{comment}"), ..Results::default() }));
    }
    Err(Failure::InvalidInput {
        message: format!("rejected{comment}"),
        channel: None,
        part: None,
        row: None,
        column: None,
    })
}

/// Writes down what a person decided of a waiting step, and sends its task.
///
/// # Errors
/// It was decided before, or store or queue failed.
pub fn decide(home: &Home, plan: &Plan, message: &Message, decision: &Decision) -> Result<(), Error> {
    let key = layout::decision(&message.run, &message.step, message.task);
    let bytes = serde_json::to_vec(decision).expect("a decision is JSON");
    match home.store().put(&key, &bytes, &PutOptions::absent()) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::PreconditionFailed => {
            let earlier = serde_json::from_slice::<Decision>(&home.store().get(&key)?.bytes).ok();
            // The same decision again sends the task again: the first call may have been cut off before that.
            if let Some(earlier) = earlier.filter(|earlier| earlier.approved != decision.approved) {
                return Err(Error::Decided(earlier));
            }
        }
        Err(error) => return Err(error.into()),
    }
    Ok(send(home, plan, &[Task { step: message.step.clone(), task: message.task }])?)
}

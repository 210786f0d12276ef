//! `approve`: the run waits until a person decides.

use millstream_core::{completion::Results, failure::Failure, layout};
use millstream_store::ErrorKind;
use millstream_worker::{acts::Context, host_failure};

use crate::approvals::Decision;

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

//! The deeds of the host's acts: `register`, `deploy`, `approve`, `run-workflow`. A task's key makes each idempotent.

mod approve;
mod deploy;
mod register;
mod run_workflow;

use millstream_core::{completion::Results, failure::Failure};
use millstream_language::acts::Act;
use millstream_worker::{Acts, acts::Context, host_failure};

pub(crate) use run_workflow::children;

/// Carries out the host's acts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Deeds;

impl Acts for Deeds {
    fn perform(&self, act: Act, context: &Context<'_>) -> Result<Option<Results>, Failure> {
        match act {
            Act::Register => register::perform(context).map(Some),
            Act::Deploy => deploy::perform(context).map(Some),
            Act::Approve => approve::perform(context),
            Act::RunWorkflow => run_workflow::perform(context),
        }
    }
}

/// Whose fault it is, as a task's failure says it. What passes, passes when the task is tried again.
fn failure(parameter: &str, error: millstream_registry::Error) -> Failure {
    use millstream_registry::Error;
    match error {
        Error::Store(error) => host_failure(&error),
        Error::Check { failure, .. } if failure.is_transient() => *failure,
        Error::Misread(misread) => Failure::InvalidParameter {
            name: misread.member.to_owned(),
            message: misread.message,
            allowed: None,
        },
        other => Failure::InvalidParameter {
            name: parameter.to_owned(),
            message: other.to_string(),
            allowed: None,
        },
    }
}

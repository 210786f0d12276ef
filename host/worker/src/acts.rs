//! What the host itself does for a step: `register`, `deploy`, `approve`, `run-workflow`. A task's key makes each idempotent.

mod approve;
mod deploy;
mod register;
mod run_workflow;

use std::collections::BTreeMap;

use millstream_workflow::{
    artifact::{Digest, Parts},
    completion::Results,
    failure::Failure,
    plan::Plan,
    state::{Message, ResolvedTask, Run},
};

pub use approve::{Decision, decide};
pub use run_workflow::children;

use crate::{functions::Functions, home::Home, records::Records};

/// What an act sees.
pub struct Context<'a> {
    /// Where it happens.
    pub home: &'a Home,
    /// For acts that plan a run.
    pub functions: &'a Functions,
    /// The run's plan.
    pub plan: &'a Plan,
    /// The run.
    pub run: &'a Run<'a, Records>,
    /// The task.
    pub message: &'a Message,
    /// The task's key.
    pub key: Digest,
    /// Its parameters.
    pub task: &'a ResolvedTask,
    /// Its inputs.
    pub inputs: &'a BTreeMap<String, Parts>,
}

impl Context<'_> {
    /// A parameter's text.
    fn text(&self, name: &str) -> Option<&str> {
        self.task.params.get(name).and_then(|value| value.as_str())
    }
}

/// Whose fault it is, as a task's failure says it. What passes, passes when the task is tried again.
fn failure(parameter: &str, error: millstream_registry::Error) -> Failure {
    use millstream_registry::Error;
    match error {
        Error::Store(error) => crate::task::host_failure(&error),
        Error::Check { failure, .. } if failure.is_transient() => *failure,
        other => Failure::InvalidParameter {
            name: parameter.to_owned(),
            message: other.to_string(),
            allowed: None,
        },
    }
}

/// Carries out an act. None: it waits for somebody, who will send the task again.
///
/// # Errors
/// What the act's inputs or the store are at fault for.
pub fn perform(name: &str, context: &Context<'_>) -> Result<Option<Results>, Failure> {
    match name {
        "register" => register::perform(context).map(Some),
        "deploy" => deploy::perform(context).map(Some),
        "approve" => approve::perform(context),
        "run-workflow" => run_workflow::perform(context),
        _ => Err(Failure::InvalidParameter {
            name: "uses".to_owned(),
            message: format!("this version of millstream cannot carry out `{name}`"),
            allowed: Some("register, deploy, approve, run-workflow".to_owned()),
        }),
    }
}

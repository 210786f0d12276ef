//! What the host itself does for a step, as a task sees it. The deeds are passed in: they are operations of `millstream-control`,
//! which knows this crate.

use std::collections::BTreeMap;

use millstream_core::{
    artifact::{Digest, Parts},
    completion::Results,
    failure::Failure,
    task::Message,
};
use millstream_language::acts::Act;
use millstream_plan::Plan;
use millstream_state::{ResolvedTask, Run};

use crate::{home::Home, records::Records};

/// What an act sees.
pub struct Context<'a> {
    /// Where it happens.
    pub home: &'a Home,
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
    pub fn text(&self, name: &str) -> Option<&str> {
        self.task.params.get(name).and_then(|value| value.as_str())
    }
}

/// Who carries out acts. A task may be delivered again: what was done once must not be done twice.
pub trait Acts: Send + Sync {
    /// Carries out an act. None: it waits for somebody, who will send the task again.
    ///
    /// # Errors
    /// What the act's inputs or the store are at fault for.
    fn perform(&self, act: Act, context: &Context<'_>) -> Result<Option<Results>, Failure>;
}

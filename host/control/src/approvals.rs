//! What people decide of steps that wait for approval.

use millstream_core::{layout, nearest, task::Task};
use millstream_errors::{Code, Coded};
use millstream_language::acts::Act;
use millstream_plan::Plan;
use millstream_state::Run;
use millstream_store::{ErrorKind, PutOptions};
use millstream_worker::{Home, Records, send};
use serde::{Deserialize, Serialize};

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

/// What became of a decision about one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    /// The decision is stored, and the task continues.
    Now,
    /// The task was done before; nothing was changed.
    Before,
}

/// Why a decision cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such step or task, or it does not wait for anybody. The text says which do.
    #[error("{0}")]
    Invalid(String),
    /// Somebody decided first.
    #[error("the step has been decided already: {}", if .0.approved { "approved" } else { "rejected" })]
    Decided(Decision),
    /// The run's records cannot be read.
    #[error(transparent)]
    State(#[from] millstream_state::Error<millstream_store::Error>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] millstream_store::Error),
    /// The queue failed; decide again.
    #[error(transparent)]
    Queue(#[from] millstream_queue::Error),
}

impl Coded for Error {
    fn code(&self) -> Code {
        match self {
            Self::Invalid(_) => Code::NotWaiting,
            Self::Decided(_) => Code::DecidedAlready,
            Self::State(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Queue(error) => error.code(),
        }
    }
}

/// Decides about a step that waits: about one of its tasks, or all of them. Says what became of each, by number.
///
/// # Errors
/// The step does not wait for approval, it was decided otherwise before, or store or queue failed.
pub fn decide(
    home: &Home,
    plan: &Plan,
    step: &str,
    task: Option<u32>,
    decision: &Decision,
) -> Result<Vec<(u32, Decided)>, Error> {
    let Some(waiting) = plan.steps.get(step) else {
        let help = nearest::or_all(step, plan.steps.keys().map(String::as_str), "steps");
        return Err(Error::Invalid(format!("run {} has no step `{step}`; {help}", plan.run)));
    };
    if !waiting.is(Act::Approve) {
        let names: Vec<&str> = plan
            .steps
            .iter()
            .filter(|(_, step)| step.is(Act::Approve))
            .map(|(name, _)| name.as_str())
            .collect();
        let help = if names.is_empty() { "the run has none".to_owned() } else { names.join(", ") };
        return Err(Error::Invalid(format!("step `{step}` does not use `approve`; steps that do: {help}")));
    }
    let records = Records::new(home.store().clone());
    let run = Run::new(plan, &records);
    let Some(count) = run.progress()?.steps[step].count else {
        return Err(Error::Invalid(format!(
            "step `{step}` has not begun; decide once it waits for approval"
        )));
    };
    if let Some(task) = task.filter(|task| *task >= count) {
        let last = count.saturating_sub(1);
        return Err(Error::Invalid(format!("step `{step}` has no task {task}; its tasks are 0 to {last}")));
    }
    let mut decided = Vec::new();
    for number in task.map_or(0..count, |task| task..task + 1) {
        let task = Task { step: step.to_owned(), task: number };
        if run.completion(&task)?.is_some() {
            decided.push((number, Decided::Before));
            continue;
        }
        write(home, plan, &task, decision)?;
        decided.push((number, Decided::Now));
    }
    Ok(decided)
}

/// Stores a decision, and sends the task that waits for it.
fn write(home: &Home, plan: &Plan, task: &Task, decision: &Decision) -> Result<(), Error> {
    let key = layout::decision(&plan.run, &task.step, task.task);
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
    Ok(send(home, plan, std::slice::from_ref(task))?)
}

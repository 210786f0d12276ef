//! How a run stands, from the names of its records alone.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use millstream_core::{layout, task::Task};

use super::{Error, Objects, Run};

/// How a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// All in all.
    pub state: RunState,
    /// By step, in the order of the plan.
    pub steps: IndexMap<String, StepProgress>,
}

/// A run all in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// Something is still to do.
    Running,
    /// Every step has done its work or had none.
    Succeeded,
    /// A step failed, and nothing is left that could run.
    Failed,
    /// Somebody stopped it before its end.
    Cancelled,
}

impl RunState {
    /// How people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more will happen.
    pub fn has_ended(self) -> bool {
        self != Self::Running
    }
}

/// How a step stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepProgress {
    /// Tasks that are done or skipped.
    pub done: u32,
    /// Tasks that failed; 1 if the step could not start because a step that it needs failed.
    pub failed: u32,
    /// How many tasks it has, if that is known yet; those so far, if they are made in rounds.
    pub count: Option<u32>,
    /// Nothing more will happen in it.
    pub settled: bool,
}

impl<O: Objects> Run<'_, O> {
    /// How the run stands. Costs a few listings, and a read for each step whose tasks are made in rounds.
    pub fn progress(&self) -> Result<Progress, Error<O::Error>> {
        let run = &self.plan.run;
        let tally = |prefix: &str| -> Result<BTreeMap<String, Vec<u32>>, Error<O::Error>> {
            let mut tally: BTreeMap<String, Vec<u32>> = BTreeMap::new();
            for key in self.list(prefix)? {
                if let Some((step, task)) = layout::step_and_task(&key) {
                    tally.entry(step.to_owned()).or_default().push(task);
                }
            }
            Ok(tally)
        };
        // Failures first: a task that is done after its failure was read is then seen as done.
        let failures = tally(&layout::all_failed(run, None))?;
        let gathered: Vec<String> = self.list(&layout::all_gathered(run))?;
        let done = tally(&layout::all_done(run, None))?;
        // Rounds last: a step has at least the tasks that were seen as done or failed.
        let in_rounds = self.plan.steps.values().any(|step| step.count().is_none());
        let rounds = if in_rounds { tally(&layout::all_rounds(run, None))? } else { BTreeMap::new() };
        let none = Vec::new();
        let mut steps = IndexMap::new();
        for (name, step) in &self.plan.steps {
            let done = done.get(name).unwrap_or(&none);
            let is_gathered = gathered.binary_search(&layout::gathered(run, name)).is_ok();
            // A task that was done after all; in a fanned-out step its failure counts until all are gathered.
            let is_over = |task: &u32| is_gathered || (step.is_single() && done.contains(task));
            let failures = failures.get(name).unwrap_or(&none);
            let failed = failures.iter().filter(|task| !is_over(task)).count();
            let both = failures.iter().filter(|task| !is_over(task) && done.contains(task)).count();
            let blocked = failed > 0 && self.is_blocked(name)?;
            let newest = rounds.get(name).and_then(|numbers| numbers.iter().max());
            let count = match (step.count(), newest) {
                (None, Some(newest)) => self.round(name, *newest)?.map(|round| round.end()),
                (count, _) => count,
            };
            let all = count.is_some_and(|count| done.len() + failed - both >= count as usize);
            let settled = blocked || is_gathered || (all && (step.is_single() || failed > 0));
            let progress =
                StepProgress { done: (done.len() - both) as u32, failed: failed as u32, count, settled };
            steps.insert(name.clone(), progress);
        }
        let state = if !steps.values().all(|step| step.settled) {
            if self.is_cancelled()? { RunState::Cancelled } else { RunState::Running }
        } else if steps.values().any(|step| step.failed > 0) {
            RunState::Failed
        } else {
            RunState::Succeeded
        };
        Ok(Progress { state, steps })
    }

    /// Whether the failure of task 0 is one of the whole step, of which nothing ran.
    fn is_blocked(&self, step: &str) -> Result<bool, Error<O::Error>> {
        let record = self.failure(&Task { step: step.to_owned(), task: 0 })?;
        Ok(record.is_some_and(|record| record.attempts == 0))
    }
}

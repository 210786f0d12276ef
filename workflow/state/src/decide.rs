//! What becomes of a step once its needs are settled: it goes, waits, is skipped, is blocked, or cannot go.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ops::Range,
};

use millstream_core::{
    completion::{Completion, FailureRecord, Gathered},
    failure::Failure,
    layout,
    round::Next,
    task::Task,
};
use millstream_language::expr::{EvalError, Expr, Function, Reference, Template, Value, eval};
use millstream_plan::{FanOut, Plan, Step};

use super::{Error, Objects, Run, settled::Settled, values::RunValues};

/// What is to become of a step.
enum Verdict {
    Wait,
    /// These tasks are to do. If `ask`, some of them may have been sent before.
    Go {
        tasks: Range<u32>,
        ask: bool,
    },
    Skip(String),
    Block(String),
    Invalid(Failure),
}

impl<O: Objects> Run<'_, O> {
    /// Decides about each step of `queue`, and about the dependents of those that are settled by that.
    pub(super) fn consider(
        &self,
        mut queue: VecDeque<String>,
        all: bool,
        now: u64,
    ) -> Result<Vec<Task>, Error<O::Error>> {
        let mut ready = Vec::new();
        let mut seen = BTreeSet::new();
        while let Some(name) = queue.pop_front() {
            if seen.contains(&name) {
                continue;
            }
            let step = self.step(&name)?;
            if step.adopted {
                continue;
            }
            let settled = self.settled(&name, step)?;
            match &settled {
                // Its own message sees to its dependents, unless nothing of it ran.
                Settled::Done { .. } => continue,
                Settled::Skipped(_) => {
                    seen.insert(name);
                    queue.extend(step.dependents.iter().filter(|_| !all).cloned());
                    continue;
                }
                Settled::Failed | Settled::Pending => {}
            }
            let settles = match self.verdict(&name, step)? {
                // It comes again if a need of it is settled further on.
                Verdict::Wait => continue,
                Verdict::Go { tasks, ask } => {
                    let failed = settled == Settled::Failed;
                    if failed {
                        self.unblock(&name)?;
                    }
                    if all || failed || ask {
                        ready.extend(self.unfinished(&name, tasks)?);
                    } else {
                        ready.extend(tasks.map(|task| Task { step: name.clone(), task }));
                    }
                    false
                }
                Verdict::Skip(reason) => {
                    self.skip(&name, step, reason, now)?;
                    true
                }
                Verdict::Block(by) => {
                    let failure =
                        Failure::Host { message: format!("step `{by}`, which this one needs, failed") };
                    self.fail(&record(&name, failure, Some(by), now))?;
                    true
                }
                Verdict::Invalid(failure) => {
                    self.fail(&record(&name, failure, None, now))?;
                    true
                }
            };
            if settles && !all {
                queue.extend(step.dependents.iter().cloned());
            }
            seen.insert(name);
        }
        Ok(ready)
    }

    /// Removes the record that a step is blocked: one that was written while a retry set in, as the step can go.
    fn unblock(&self, step: &str) -> Result<(), Error<O::Error>> {
        let task = Task { step: step.to_owned(), task: 0 };
        if self.failure(&task)?.is_some_and(|record| record.blocked_by.is_some()) {
            self.objects.delete(&layout::failed(&self.plan.run, step, 0)).map_err(Error::Store)?;
        }
        Ok(())
    }

    /// Those of a step's tasks that have neither completion nor failure, or are done and have not been counted.
    pub(super) fn unfinished(&self, name: &str, tasks: Range<u32>) -> Result<Vec<Task>, Error<O::Error>> {
        let run = &self.plan.run;
        let among = |folder: String| -> Result<BTreeSet<u32>, Error<O::Error>> {
            let keys = self.list(&folder)?;
            let numbers = keys.iter().filter_map(|key| layout::step_and_task(key)).map(|(_, task)| task);
            Ok(numbers.filter(|task| tasks.contains(task)).collect())
        };
        let done = among(layout::all_done(run, Some(name)))?;
        let uncounted = self.uncounted(name, &tasks, &done)?;
        let mut ended = among(layout::all_failed(run, Some(name)))?;
        ended.extend(done);
        ended.retain(|task| !uncounted.contains(task));
        let left = tasks.filter(|task| !ended.contains(task));
        Ok(left.map(|task| Task { step: name.to_owned(), task }).collect())
    }

    fn verdict(&self, name: &str, step: &Step) -> Result<Verdict, Error<O::Error>> {
        let mut needs = BTreeMap::new();
        let mut failed = None;
        let mut skipped = None;
        let mut pending = false;
        for name in &step.needs {
            let settled = self.settled(name, self.step(name)?)?;
            match &settled {
                Settled::Pending => pending = true,
                Settled::Failed => failed = failed.or(Some(name)),
                Settled::Skipped(_) => skipped = skipped.or(Some(name)),
                Settled::Done { .. } => {}
            }
            needs.insert(name.clone(), settled);
        }
        let condition = match step.condition.as_deref().map(Template::condition).transpose() {
            Ok(condition) => condition,
            Err(problem) => return Ok(Verdict::Invalid(bad_parameter("if", problem.message))),
        };
        if !condition.as_ref().is_some_and(Expr::asks_for_status) {
            if let Some(name) = failed {
                return Ok(Verdict::Block(name.clone()));
            }
            if pending {
                return Ok(Verdict::Wait);
            }
            if let Some(name) = skipped {
                return Ok(Verdict::Skip(format!("step `{name}`, which this one needs, was skipped")));
            }
        } else if pending {
            return Ok(Verdict::Wait);
        }
        let status = |function| match function {
            Function::Success => failed.is_none() && skipped.is_none(),
            Function::Failure => failed.is_some(),
            _ => true,
        };
        let values = RunValues { status: Some(&status), ..RunValues::of_run(self.plan, &needs) };
        if let Some(condition) = condition.as_ref().filter(|condition| !by_task(self.plan, step, condition)) {
            match eval(condition, &values) {
                Ok(Value::Bool(true)) => {}
                Ok(Value::Bool(false)) => return Ok(Verdict::Skip(format!("`if` is false: {condition}"))),
                Ok(other) => {
                    let message = format!("`{condition}` is {}, not a boolean", other.kind());
                    return Ok(Verdict::Invalid(bad_parameter("if", message)));
                }
                Err(error) => return Ok(Verdict::Invalid(bad_parameter("if", explain(error)))),
            }
        }
        self.tasks(name, step, &values)
    }

    /// The tasks of a step whose needs are settled: all of them, or those of its newest round, the first of which is made here.
    fn tasks(&self, name: &str, step: &Step, values: &RunValues<'_>) -> Result<Verdict, Error<O::Error>> {
        let nothing = || Verdict::Skip("for-each found nothing to do".to_owned());
        if let Some(count) = step.count() {
            return Ok(if count == 0 { nothing() } else { Verdict::Go { tasks: 0..count, ask: false } });
        }
        if let Some(newest) = self.rounds(name)?.pop() {
            return Ok(Verdict::Go { tasks: newest.first..newest.end(), ask: true });
        }
        Ok(match self.next_round(step, values, &[], &[], 0) {
            Next::Finished => nothing(),
            Next::Failed(failure) => Verdict::Invalid(failure),
            Next::Round(round) => {
                let round = self.create(&layout::round(&self.plan.run, name, 0), &round)?;
                Verdict::Go { tasks: round.first..round.end(), ask: false }
            }
        })
    }

    fn skip(&self, name: &str, step: &Step, reason: String, now: u64) -> Result<(), Error<O::Error>> {
        if !step.is_single() {
            let gathered = Gathered::Skipped { reason };
            self.create(&layout::gathered(&self.plan.run, name), &gathered)?;
            return Ok(());
        }
        self.complete(&Completion::skipped(name, 0, reason, now)).map(drop)
    }
}

/// Whether a condition is one of each task of a step with a matrix: it speaks of the task's combination, or of what is aligned
/// with that.
pub(super) fn by_task(plan: &Plan, step: &Step, condition: &Expr) -> bool {
    let is_aligned = |other: &str| {
        plan.steps.get(other).is_some_and(|other| {
            matches!(other.fan_out, FanOut::Matrix) && other.keys.iter().any(|key| step.has_key(key))
        })
    };
    matches!(step.fan_out, FanOut::Matrix)
        && condition.references().iter().any(|(reference, _)| match reference {
            Reference::Matrix(_) => true,
            reference => reference.step().is_some_and(is_aligned),
        })
}

pub(super) fn explain(error: EvalError) -> String {
    match error {
        EvalError::Unknown => "a value is not known".to_owned(),
        EvalError::Failed(message) => message,
    }
}

pub(super) fn bad_parameter(name: &str, message: String) -> Failure {
    Failure::InvalidParameter { name: name.to_owned(), message, allowed: None }
}

fn record(step: &str, failure: Failure, blocked_by: Option<String>, now: u64) -> FailureRecord {
    FailureRecord { step: step.to_owned(), task: 0, failure, attempts: 0, at: now, blocked_by }
}

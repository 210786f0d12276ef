//! A run's records, read and written in the order on which safety rests.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use millstream_core::{
    artifact::Parts,
    completion::{Completion, FailureRecord, Figure, Gathered, Origin, Outcome},
    failure::Failure,
    layout,
    task::Task,
};
use millstream_language::expr::{EvalError, Expr, Function, Reference, Template, Value, eval};
use millstream_plan::{FanOut, Plan, Step};
use serde::{Serialize, de::DeserializeOwned};

use super::{Error, Objects, values::RunValues};

/// Completions of a fanned-out step are counted in groups of this many, and groups in groups again.
pub const FAN: u32 = 32;

/// A run: its plan and the store that holds its records.
pub struct Run<'a, O> {
    /// What it does.
    pub plan: &'a Plan,
    /// Where its records are.
    pub objects: &'a O,
}

/// How a step stands, as far as the steps after it are concerned.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Settled {
    /// Not done yet.
    Pending,
    /// Parts and figures by name; a list with an entry for each task.
    /// `skipped` are the tasks that had nothing to do.
    Done {
        outputs: BTreeMap<String, Vec<Parts>>,
        metrics: BTreeMap<String, Vec<Option<f64>>>,
        skipped: Vec<u32>,
    },
    /// Nothing to do.
    Skipped(String),
    /// It, or a step that it needs, has failed.
    Failed,
}

/// What is to become of a step.
enum Verdict {
    Wait,
    Go(u32),
    Skip(String),
    Block(String),
    Invalid(Failure),
}

impl<'a, O: Objects> Run<'a, O> {
    /// The run of `plan`.
    pub fn new(plan: &'a Plan, objects: &'a O) -> Self {
        Self { plan, objects }
    }

    /// Starts the run: takes over the adopted steps' results and gives the tasks that are ready.
    /// `now` is in milliseconds since 1970 UTC.
    pub fn begin(&self, now: u64) -> Result<Vec<Task>, Error<O::Error>> {
        self.adopt()?;
        self.ready(now)
    }

    /// Looks over the whole run and gives every task that is ready and not done. For starts, retries and repairs;
    /// [`Run::advance`] is the cheap way after a task.
    pub fn ready(&self, now: u64) -> Result<Vec<Task>, Error<O::Error>> {
        self.consider(self.plan.steps.keys().cloned().collect(), true, now)
    }

    /// Forgets the run's failures and gives the tasks to send again. A step that ran because of a failure is done
    /// and stays so.
    pub fn retry(&self, now: u64) -> Result<Vec<Task>, Error<O::Error>> {
        for key in self.list(&layout::all_failed(&self.plan.run, None))? {
            self.objects.delete(&key).map_err(Error::Store)?;
        }
        self.objects.delete(&layout::cancel(&self.plan.run)).map_err(Error::Store)?;
        self.ready(now)
    }

    /// Makes the run start no more tasks.
    pub fn cancel(&self) -> Result<(), Error<O::Error>> {
        self.objects.create(&layout::cancel(&self.plan.run), b"").map(drop).map_err(Error::Store)
    }

    /// Whether somebody has cancelled it.
    pub fn is_cancelled(&self) -> Result<bool, Error<O::Error>> {
        Ok(self.objects.get(&layout::cancel(&self.plan.run)).map_err(Error::Store)?.is_some())
    }

    /// The completion of a task.
    pub fn completion(&self, task: &Task) -> Result<Option<Completion>, Error<O::Error>> {
        self.read(&layout::done(&self.plan.run, &task.step, task.task))
    }

    /// The failure of a task.
    pub fn failure(&self, task: &Task) -> Result<Option<FailureRecord>, Error<O::Error>> {
        self.read(&layout::failed(&self.plan.run, &task.step, task.task))
    }

    /// Writes a completion unless there is one, and gives the one that holds.
    pub fn complete(&self, completion: &Completion) -> Result<Completion, Error<O::Error>> {
        self.create(&layout::done(&self.plan.run, &completion.step, completion.task), completion)
    }

    /// Writes down that a task has failed for good; an earlier failure stays.
    pub fn fail(&self, record: &FailureRecord) -> Result<(), Error<O::Error>> {
        self.create(&layout::failed(&self.plan.run, &record.step, record.task), record).map(drop)
    }

    /// After `task` was completed or failed: counts it, settles steps that have nothing to do, and gives the tasks
    /// that are ready now. Reads the direct needs of the direct dependents and no more, unless those are skipped
    /// or blocked in turn. May be repeated; then it may give tasks that were sent before.
    pub fn advance(&self, task: &Task, now: u64) -> Result<Vec<Task>, Error<O::Error>> {
        let step = self.step(&task.step)?;
        let settled = if self.completion(task)?.is_some() {
            step.is_single() || self.count_in(task, step)?
        } else {
            self.failure(task)?.is_some()
        };
        if !settled {
            return Ok(Vec::new());
        }
        self.consider(step.dependents.iter().cloned().collect(), false, now)
    }

    /// Decides about each step of `queue`, and about the dependents of those that are settled by that.
    fn consider(
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
            let settles = match self.verdict(step)? {
                // It comes again if a need of it is settled further on.
                Verdict::Wait => continue,
                Verdict::Go(count) => {
                    let failed = settled == Settled::Failed;
                    if failed {
                        self.unblock(&name)?;
                    }
                    ready.extend(self.unfinished(&name, step, count, all || failed)?);
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

    /// The tasks that have neither completion nor failure; all of them when that is not worth asking.
    fn unfinished(
        &self,
        name: &str,
        step: &Step,
        count: u32,
        ask: bool,
    ) -> Result<Vec<Task>, Error<O::Error>> {
        let run = &self.plan.run;
        let mut done = BTreeSet::new();
        if ask {
            for folder in [layout::all_done(run, Some(name)), layout::all_failed(run, Some(name))] {
                let keys = self.list(&folder)?;
                done.extend(keys.iter().filter_map(|key| layout::step_and_task(key)).map(|(_, task)| task));
            }
            // All done but not gathered: the last one's message was lost between the two, so send one again.
            if !step.is_single() && done.len() == count as usize {
                done.clear();
            }
        }
        Ok((0..count)
            .filter(|task| !done.contains(task))
            .map(|task| Task { step: name.to_owned(), task })
            .collect())
    }

    fn verdict(&self, step: &Step) -> Result<Verdict, Error<O::Error>> {
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
        match count(step, &values) {
            Ok(0) => Ok(Verdict::Skip("for-each found nothing to do".to_owned())),
            Ok(count) => Ok(Verdict::Go(count)),
            Err(error) => Ok(Verdict::Invalid(bad_parameter("for-each", explain(error)))),
        }
    }

    fn skip(&self, name: &str, step: &Step, reason: String, now: u64) -> Result<(), Error<O::Error>> {
        if !step.is_single() {
            let gathered = Gathered::Skipped { reason };
            self.create(&layout::gathered(&self.plan.run, name), &gathered)?;
            return Ok(());
        }
        self.complete(&Completion::skipped(name, 0, reason, now)).map(drop)
    }

    pub(super) fn settled(&self, name: &str, step: &Step) -> Result<Settled, Error<O::Error>> {
        let run = &self.plan.run;
        if step.is_single() {
            if let Some(completion) = self.read::<Completion>(&layout::done(run, name, 0))? {
                return Ok(match completion.outcome {
                    Outcome::Skipped { reason } => Settled::Skipped(reason),
                    Outcome::Done(results) => Settled::Done {
                        outputs: results
                            .outputs
                            .into_iter()
                            .map(|(name, parts)| (name, vec![parts]))
                            .collect(),
                        metrics: results.metrics.into_iter().map(|(name, x)| (name, vec![Some(x)])).collect(),
                        skipped: Vec::new(),
                    },
                });
            }
        } else if let Some(gathered) = self.read::<Gathered>(&layout::gathered(run, name))? {
            return Ok(match gathered {
                Gathered::Skipped { reason } => Settled::Skipped(reason),
                Gathered::Done { outputs, metrics, skipped, .. } => Settled::Done {
                    skipped,
                    outputs,
                    metrics: metrics
                        .into_iter()
                        .map(|(name, list)| (name, list.into_iter().map(|x| x.map(|x| x.0)).collect()))
                        .collect(),
                },
            });
        }
        // A failure left by a task that was done after all does not count.
        for key in self.list(&layout::all_failed(run, Some(name)))? {
            let done = layout::step_and_task(&key)
                .map(|(_, task)| self.completion(&Task { step: name.to_owned(), task }))
                .transpose()?;
            if done.flatten().is_none() {
                return Ok(Settled::Failed);
            }
        }
        Ok(Settled::Pending)
    }

    /// The needs of a step, all settled, or none.
    pub(super) fn needs(&self, step: &Step) -> Result<Option<BTreeMap<String, Settled>>, Error<O::Error>> {
        let mut needs = BTreeMap::new();
        for name in &step.needs {
            match self.settled(name, self.step(name)?)? {
                Settled::Pending => return Ok(None),
                settled => needs.insert(name.clone(), settled),
            };
        }
        Ok(Some(needs))
    }

    /// Why the step was skipped as a whole; none if it was not, or is not settled.
    pub fn skipped(&self, name: &str) -> Result<Option<String>, Error<O::Error>> {
        match self.settled(name, self.step(name)?)? {
            Settled::Skipped(reason) => Ok(Some(reason)),
            _ => Ok(None),
        }
    }

    /// Counts a completed task in the fan-in tree; true if the step is gathered now. Of several tasks that end at
    /// once, at least the last to write its mark sees its group full; more than one may, and does no harm.
    fn count_in(&self, task: &Task, step: &Step) -> Result<bool, Error<O::Error>> {
        let run = &self.plan.run;
        let Some(needs) = self.needs(step)? else { return Ok(false) };
        let values = RunValues::of_run(self.plan, &needs);
        let Ok(total) = count(step, &values) else { return Ok(false) };
        for (level, group, n, size) in path_to_root(task.task, total) {
            let key = layout::mark(run, &task.step, level, group, n);
            self.objects.create(&key, b"").map_err(Error::Store)?;
            let marks = self.list(&layout::marks(run, &task.step, level, group))?;
            if marks.len() < size as usize {
                return Ok(false);
            }
        }
        let key = layout::gathered(run, &task.step);
        if self.read::<Gathered>(&key)?.is_none() {
            let gathered = self.gather(&task.step, total)?;
            self.create(&key, &gathered)?;
        }
        Ok(true)
    }

    fn gather(&self, step: &str, count: u32) -> Result<Gathered, Error<O::Error>> {
        let mut outputs: BTreeMap<String, Vec<Parts>> = BTreeMap::new();
        let mut metrics: BTreeMap<String, Vec<Option<Figure>>> = BTreeMap::new();
        let mut skipped: Vec<(u32, String)> = Vec::new();
        for task in 0..count {
            let key = layout::done(&self.plan.run, step, task);
            let completion: Completion = self.read(&key)?.ok_or_else(|| Error::Damaged {
                key: key.clone(),
                message: "it is marked as done, but missing".to_owned(),
            })?;
            let results = match completion.outcome {
                Outcome::Done(results) => results,
                Outcome::Skipped { reason } => {
                    skipped.push((task, reason));
                    continue;
                }
            };
            for (name, parts) in results.outputs {
                let all = outputs.entry(name).or_insert_with(|| vec![Parts::default(); count as usize]);
                all[task as usize] = parts;
            }
            for (name, value) in results.metrics {
                let all = metrics.entry(name).or_insert_with(|| vec![None; count as usize]);
                all[task as usize] = Some(Figure(value));
            }
        }
        // A step whose tasks were all skipped was skipped, as far as others are concerned.
        if let Some((_, first)) = skipped.first()
            && skipped.len() == count as usize
        {
            return Ok(Gathered::Skipped { reason: first.clone() });
        }
        let skipped = skipped.into_iter().map(|(task, _)| task).collect();
        Ok(Gathered::Done { count, outputs, metrics, skipped })
    }

    /// Takes over the results of adopted steps from the base run.
    fn adopt(&self) -> Result<(), Error<O::Error>> {
        let Some(base) = &self.plan.base_run else { return Ok(()) };
        for (name, step) in self.plan.steps.iter().filter(|(_, step)| step.adopted) {
            let missing = || Error::NotInBase { run: base.clone(), step: name.clone() };
            let keys = self.list(&layout::all_done(base, Some(name)))?;
            let mut adopted = 0;
            for key in &keys {
                let Some(mut completion) = self.read::<Completion>(key)? else { continue };
                let origin = Origin { run: base.clone(), step: name.clone(), task: completion.task };
                completion.cached_from.get_or_insert(origin);
                completion.why = format!("adopted from run {base}");
                self.complete(&completion)?;
                adopted += 1;
            }
            if step.is_single() {
                if adopted == 0 {
                    return Err(missing());
                }
            } else {
                let gathered: Gathered = self.read(&layout::gathered(base, name))?.ok_or_else(missing)?;
                self.create(&layout::gathered(&self.plan.run, name), &gathered)?;
            }
        }
        Ok(())
    }

    pub(super) fn step(&self, name: &str) -> Result<&'a Step, Error<O::Error>> {
        let unknown = || Error::NoSuchTask(Task { step: name.to_owned(), task: 0 });
        self.plan.steps.get(name).ok_or_else(unknown)
    }

    pub(super) fn list(&self, prefix: &str) -> Result<Vec<String>, Error<O::Error>> {
        self.objects.list(prefix).map_err(Error::Store)
    }

    pub(super) fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Error<O::Error>> {
        let bytes = self.objects.get(key).map_err(Error::Store)?;
        bytes
            .map(|bytes| serde_json::from_slice(&bytes))
            .transpose()
            .map_err(|error| Error::Damaged { key: key.to_owned(), message: error.to_string() })
    }

    /// Creates the record unless there is one, and gives the one that holds.
    fn create<T>(&self, key: &str, record: &T) -> Result<T, Error<O::Error>>
    where
        T: Serialize + DeserializeOwned + Clone,
    {
        let damaged = |message: String| Error::Damaged { key: key.to_owned(), message };
        let bytes = serde_json::to_vec(record).map_err(|error| damaged(error.to_string()))?;
        if self.objects.create(key, &bytes).map_err(Error::Store)? {
            return Ok(record.clone());
        }
        // Gone again only if a retry has removed it meanwhile: then ours holds as well as any.
        Ok(self.read(key)?.unwrap_or_else(|| record.clone()))
    }
}

/// How many tasks the step has, its needs being settled.
pub(super) fn count(step: &Step, values: &RunValues<'_>) -> Result<u32, EvalError> {
    match (&step.fan_out, step.count()) {
        (_, Some(count)) => Ok(count),
        (FanOut::Parts(text), None) => super::values::parts(text, values).map(|parts| parts.len() as u32),
        (_, None) => Err(EvalError::failed("the number of tasks is not known")),
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

/// The marks that lead from task `task` of `total` to the root: level, group, place in the group, size of the group.
pub fn path_to_root(task: u32, total: u32) -> Vec<(u32, u32, u32, u32)> {
    let (mut path, mut node, mut nodes) = (Vec::new(), task, total);
    for level in 0.. {
        let group = node / FAN;
        path.push((level, group, node % FAN, FAN.min(nodes - group * FAN)));
        (node, nodes) = (group, nodes.div_ceil(FAN));
        if nodes == 1 {
            break;
        }
    }
    path
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

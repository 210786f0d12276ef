//! A run's records, read and written in the order on which safety rests.

use millstream_core::{
    completion::{Completion, FailureRecord, Gathered, Origin},
    layout,
    round::Round,
    task::Task,
};
use millstream_plan::{Plan, Step};
use serde::{Serialize, de::DeserializeOwned};

use super::{Error, Objects, fan_in::Ended};

/// A run: its plan and the store that holds its records.
pub struct Run<'a, O> {
    /// What it does.
    pub plan: &'a Plan,
    /// Where its records are.
    pub objects: &'a O,
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

    /// Whether all tasks of a step may have ended: what there is to ask before the whole run is looked over. Two requests at most.
    pub fn may_be_settled(&self, step: &str) -> Result<bool, Error<O::Error>> {
        if self.step(step)?.is_single() {
            return Ok(true);
        }
        let run = &self.plan.run;
        if self.objects.get(&layout::gathered(run, step)).map_err(Error::Store)?.is_some() {
            return Ok(true);
        }
        // A step of which a task has failed is not gathered.
        let failed = layout::all_failed(run, Some(step));
        Ok(!self.objects.list_after(&failed, None, 1).map_err(Error::Store)?.is_empty())
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

    /// After `task` was completed or failed: counts it, makes its step's next round if there is one, settles steps that have
    /// nothing to do, and gives the tasks that are ready now. Reads the direct needs of the direct dependents and no more, unless those are skipped
    /// or blocked in turn. May be repeated; then it may give tasks that were sent before.
    pub fn advance(&self, task: &Task, now: u64) -> Result<Vec<Task>, Error<O::Error>> {
        let step = self.step(&task.step)?;
        let settled = match self.completion(task)? {
            None => self.failure(task)?.is_some(),
            Some(_) if step.is_single() => true,
            Some(_) => match self.count_in(task, step, now)? {
                Ended::Waiting => false,
                Ended::Settled => true,
                Ended::Round(tasks) => return Ok(tasks),
            },
        };
        if !settled {
            return Ok(Vec::new());
        }
        self.consider(step.dependents.iter().cloned().collect(), false, now)
    }

    /// Takes over the results of adopted steps from the base run.
    fn adopt(&self) -> Result<(), Error<O::Error>> {
        let Some(base) = &self.plan.base_run else { return Ok(()) };
        for (name, step) in self.plan.steps.iter().filter(|(_, step)| step.adopted) {
            let missing = || Error::NotInBase { run: base.clone(), step: name.clone() };
            let keys = self.list(&layout::all_done(base, Some(name)))?;
            for key in self.list(&layout::all_rounds(base, Some(name)))? {
                if let (Some(round), Some((_, number))) =
                    (self.read::<Round>(&key)?, layout::step_and_task(&key))
                {
                    self.create(&layout::round(&self.plan.run, name, number), &round)?;
                }
            }
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
    pub(super) fn create<T>(&self, key: &str, record: &T) -> Result<T, Error<O::Error>>
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

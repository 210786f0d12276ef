//! The tree in which the tasks of a step are counted: no object is contended by all, and N tasks cost O(N) requests.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use millstream_core::{
    artifact::Parts,
    completion::{Completion, Figure, Gathered, Outcome},
    layout,
    task::Task,
};
use millstream_plan::{FanOut, Step};

use super::{Error, Objects, Run};

/// Completions of a fanned-out step are counted in groups of this many, and groups in groups again.
pub const FAN: u32 = 32;

/// Completions that are asked for at once.
const GATHERED: usize = 256;
/// What the end of a task means for its step.
#[derive(Debug)]
pub(super) enum Ended {
    /// Other tasks of its round have not ended.
    Waiting,
    /// The step's results are gathered, or it has failed as a whole.
    Settled,
    /// Its round is done, and there is another one; these tasks of it are to be sent.
    Round(Vec<Task>),
}

impl<O: Objects> Run<'_, O> {
    /// Counts a completed task in the fan-in tree of its round. Of several tasks that end at once, at least the last to write its
    /// mark sees its group full; more than one may, and does no harm.
    pub(super) fn count_in(&self, task: &Task, step: &Step, now: u64) -> Result<Ended, Error<O::Error>> {
        let run = &self.plan.run;
        let Some((number, round)) = self.round_of(task, step)? else { return Ok(Ended::Waiting) };
        for (level, group, n, size) in path_to_root(task.task - round.first, round.count) {
            let full = if level == 0 {
                self.is_group_done(&task.step, round.first + group * FAN, size)?
            } else {
                let key = layout::mark(run, &task.step, number, level, group, n);
                self.objects.create(&key, b"").map_err(Error::Store)?;
                self.list(&layout::marks(run, &task.step, number, level, group))?.len() >= size as usize
            };
            if !full {
                return Ok(Ended::Waiting);
            }
        }
        let key = layout::gathered(run, &task.step);
        if self.read::<Gathered>(&key)?.is_none() {
            if let Some(ended) = self.after_round(task, step, (number, &round), now)? {
                return Ok(ended);
            }
            let gathered = self.gather(&task.step, step, round.end())?;
            self.create(&key, &gathered)?;
        }
        Ok(Ended::Settled)
    }

    /// Whether `size` tasks from `first` on, a group of the lowest level, are done: their completions are its marks.
    fn is_group_done(&self, step: &str, first: u32, size: u32) -> Result<bool, Error<O::Error>> {
        let run = &self.plan.run;
        let prefix = layout::all_done(run, Some(step));
        let after = first.checked_sub(1).map(|before| layout::done(run, step, before));
        let keys = self.objects.list_after(&prefix, after.as_deref(), size as usize).map_err(Error::Store)?;
        let last = layout::done(run, step, first + size - 1);
        Ok(keys.len() == size as usize && keys.last() == Some(&last))
    }

    /// Of the tasks that are done, those whose messages were lost before they were counted: one for each mark that is missing, or
    /// for what comes after the round. `tasks` end with the newest round; those before it are counted, as it is there.
    pub(super) fn uncounted(
        &self,
        name: &str,
        tasks: &Range<u32>,
        done: &BTreeSet<u32>,
    ) -> Result<BTreeSet<u32>, Error<O::Error>> {
        let (run, step) = (&self.plan.run, self.step(name)?);
        let newest = Task { step: name.to_owned(), task: tasks.end.saturating_sub(1) };
        let found = if step.is_single() || done.is_empty() { None } else { self.round_of(&newest, step)? };
        let Some((number, round)) = found else { return Ok(BTreeSet::new()) };
        let marks: BTreeSet<String> = self.list(&layout::all_marks(run, name, number))?.into_iter().collect();
        let is_marked = |level, group, n| match level {
            0 => done.contains(&(round.first + group * FAN + n)),
            _ => marks.contains(&layout::mark(run, name, number, level, group, n)),
        };
        let is_full = |level, group, size: u32| (0..size).all(|n| is_marked(level, group, n));
        let mut missing = BTreeSet::new();
        let mut uncounted = BTreeSet::new();
        for &task in done.iter().filter(|task| round.contains(**task)) {
            let path = path_to_root(task - round.first, round.count);
            let end = path.iter().find(|(level, group, n, size)| {
                !is_marked(*level, *group, *n) || !is_full(*level, *group, *size)
            });
            let lost = match end {
                // It is counted, and its group waits for others.
                Some((level, group, n, _)) if is_marked(*level, *group, *n) => continue,
                Some((level, group, n, _)) => (*level, *group, *n),
                None => (u32::MAX, 0, 0),
            };
            if missing.insert(lost) {
                uncounted.insert(task);
            }
        }
        Ok(uncounted)
    }

    fn gather(&self, name: &str, step: &Step, count: u32) -> Result<Gathered, Error<O::Error>> {
        if let FanOut::Trials(tuning) = &step.fan_out {
            return self.best_trial(name, step, tuning, count);
        }
        let mut outputs: BTreeMap<String, Vec<Parts>> = BTreeMap::new();
        let mut metrics: BTreeMap<String, Vec<Option<Figure>>> = BTreeMap::new();
        let mut skipped: Vec<(u32, String)> = Vec::new();
        let keys: Vec<String> = (0..count).map(|task| layout::done(&self.plan.run, name, task)).collect();
        let read = keys.chunks(GATHERED).flat_map(|keys| match self.objects.get_many(keys) {
            Ok(found) => found.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(Error::Store(error))],
        });
        for ((task, key), bytes) in (0..count).zip(&keys).zip(read) {
            let results = match counted(key, bytes?)?.outcome {
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
        Ok(Gathered::Done { count, outputs, metrics, skipped, best: None })
    }

    /// The completion of a task that was counted.
    pub(super) fn counted(&self, name: &str, task: u32) -> Result<Completion, Error<O::Error>> {
        let key = layout::done(&self.plan.run, name, task);
        let bytes = self.objects.get(&key).map_err(Error::Store)?;
        counted(&key, bytes)
    }
}

/// What a completion that was counted says.
fn counted<E>(key: &str, bytes: Option<Vec<u8>>) -> Result<Completion, Error<E>> {
    let bytes = bytes.ok_or_else(|| damaged(key, "it is marked as done, but missing"))?;
    serde_json::from_slice(&bytes).map_err(|error| damaged(key, error.to_string()))
}

fn damaged<E>(key: &str, message: impl Into<String>) -> Error<E> {
    Error::Damaged { key: key.to_owned(), message: message.into() }
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

//! The tree in which the tasks of a step are counted: no object is contended by all, and N tasks cost O(N) requests.

use std::collections::BTreeMap;

use millstream_core::{
    artifact::Parts,
    completion::{Completion, Figure, Gathered, Outcome},
    layout,
    task::Task,
};
use millstream_plan::Step;

use super::{Error, Objects, Run, decide::count, values::RunValues};

/// Completions of a fanned-out step are counted in groups of this many, and groups in groups again.
pub const FAN: u32 = 32;

/// Completions that are asked for at once.
const GATHERED: usize = 256;

impl<O: Objects> Run<'_, O> {
    /// Counts a completed task in the fan-in tree; true if the step is gathered now. Of several tasks that end at
    /// once, at least the last to write its mark sees its group full; more than one may, and does no harm.
    pub(super) fn count_in(&self, task: &Task, step: &Step) -> Result<bool, Error<O::Error>> {
        let run = &self.plan.run;
        let Some(needs) = self.needs(step)? else { return Ok(false) };
        let values = RunValues::of_run(self.plan, &needs);
        let Ok(total) = count(step, &values) else { return Ok(false) };
        for (level, group, n, size) in path_to_root(task.task, total) {
            let full = if level == 0 {
                self.is_group_done(&task.step, group, size)?
            } else {
                let key = layout::mark(run, &task.step, level, group, n);
                self.objects.create(&key, b"").map_err(Error::Store)?;
                self.list(&layout::marks(run, &task.step, level, group))?.len() >= size as usize
            };
            if !full {
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

    /// Whether all tasks of a group of the lowest level are done: their completions are its marks.
    fn is_group_done(&self, step: &str, group: u32, size: u32) -> Result<bool, Error<O::Error>> {
        let run = &self.plan.run;
        let (first, prefix) = (group * FAN, layout::all_done(run, Some(step)));
        let after = first.checked_sub(1).map(|before| layout::done(run, step, before));
        let keys = self.objects.list_after(&prefix, after.as_deref(), size as usize).map_err(Error::Store)?;
        let last = layout::done(run, step, first + size - 1);
        Ok(keys.len() == size as usize && keys.last() == Some(&last))
    }

    fn gather(&self, step: &str, count: u32) -> Result<Gathered, Error<O::Error>> {
        let mut outputs: BTreeMap<String, Vec<Parts>> = BTreeMap::new();
        let mut metrics: BTreeMap<String, Vec<Option<Figure>>> = BTreeMap::new();
        let mut skipped: Vec<(u32, String)> = Vec::new();
        let keys: Vec<String> = (0..count).map(|task| layout::done(&self.plan.run, step, task)).collect();
        let read = keys.chunks(GATHERED).flat_map(|keys| match self.objects.get_many(keys) {
            Ok(found) => found.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(Error::Store(error))],
        });
        for ((task, key), bytes) in (0..count).zip(&keys).zip(read) {
            let missing = || damaged(key, "it is marked as done, but missing");
            let completion: Completion = serde_json::from_slice(&bytes?.ok_or_else(missing)?)
                .map_err(|error| damaged(key, error.to_string()))?;
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

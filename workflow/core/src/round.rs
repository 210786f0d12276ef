//! Tasks that are made while a run goes on, as how many there are, or what they do, follows from results.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{completion::Figure, failure::Failure};

/// Tasks that a step was given at one time. Created once; the next round is made when all tasks of this one are done.
///
/// What a round holds is a pure function of the plan, the results of the steps before, and the rounds before. The record makes sure
/// that all workers agree on it even so: after a retry the steps before may have other results, and versions of millstream may differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Round {
    /// The number of its first task: how many there are in the rounds before.
    pub first: u32,
    /// How many tasks it has, at least 1. All rounds of a step but the last have as many.
    pub count: u32,
    /// The parameters that each trial tries; empty where the tasks of a step differ by their place alone. A trial has one task, or
    /// as many as there are folds, one after another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trials: Vec<Map<String, Value>>,
    /// It trains on all rows what the rounds before have found to be best in folds: one task, whose outputs are the step's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refit: bool,
    /// The objective of each trial of the round before, none where it reported none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<Option<Figure>>,
    /// The task of the round before whose end made this one. Its message sees to it that this round's tasks are sent; messages of
    /// other tasks that come again send nothing, or each repetition would multiply from round to round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_by: Option<u32>,
}

/// What comes after the rounds that a step has had.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Another one.
    Round(Round),
    /// None: its results can be gathered. If there was none before, the step has nothing to do.
    Finished,
    /// The step cannot go on.
    Failed(Failure),
}

impl Round {
    /// The only round of a step, of `count` tasks.
    pub fn only(count: u32) -> Self {
        Self { first: 0, count, trials: Vec::new(), refit: false, scores: Vec::new(), made_by: None }
    }

    /// The number of the first task after it: how many there are so far.
    pub fn end(&self) -> u32 {
        self.first + self.count
    }

    /// Whether the task is one of it.
    pub fn contains(&self, task: u32) -> bool {
        (self.first..self.end()).contains(&task)
    }

    /// What task `task` of its step tries; none if it is no task of this round, or none with parameters of its own.
    pub fn trial(&self, task: u32) -> Option<&Map<String, Value>> {
        self.trials.get((task.checked_sub(self.first)? / self.tasks_of_a_trial()) as usize)
    }

    /// How many tasks each of its trials has.
    pub fn tasks_of_a_trial(&self) -> u32 {
        self.count.checked_div(self.trials.len() as u32).unwrap_or(1).max(1)
    }

    /// The place of the fold that task `task` trains and measures in; none if its trials have no folds.
    pub fn fold(&self, task: u32) -> Option<u32> {
        let folds = self.tasks_of_a_trial();
        let place = task.checked_sub(self.first)? % folds;
        (folds > 1 && !self.trials.is_empty()).then_some(place)
    }
}

/// Bytes of tables that make one shard under `shards: auto`.
pub const SHARD_SIZE: u64 = 32 << 20;

/// The most shards or parts that a step can have.
pub const MOST_TASKS: u32 = 100_000;

/// How many shards `shards: auto` makes of tables of so many bytes: one for each 32 MiB that have begun, from 1 to 100,000.
pub fn shards_of(bytes: u64) -> u32 {
    bytes.div_ceil(SHARD_SIZE).clamp(1, u64::from(MOST_TASKS)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_32_mib_that_have_begun_are_a_shard() {
        for (bytes, shards) in [
            (0, 1),
            (1, 1),
            (SHARD_SIZE, 1),
            (SHARD_SIZE + 1, 2),
            (10 * SHARD_SIZE, 10),
            (u64::MAX, MOST_TASKS),
        ] {
            assert_eq!(shards_of(bytes), shards, "{bytes}");
        }
    }
}

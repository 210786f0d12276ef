//! Which task is meant: within its run, and in a queue.

use serde::{Deserialize, Serialize};

/// One task of a run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Task {
    /// The step.
    pub step: String,
    /// Which of its tasks, from 0.
    pub task: u32,
}

impl std::fmt::Display for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.step, self.task)
    }
}

/// What a queue carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The run.
    pub run: String,
    /// The step.
    pub step: String,
    /// Which of its tasks.
    pub task: u32,
}

//! A workflow made ready to run: everything that can be decided before the first task.

use std::collections::BTreeMap;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{artifact::Digest, manifest::Manifest, state::Message};

/// What a run will do. Written once, under `runs/<run>/plan.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plan {
    /// Version of this format; see [`Plan::FORMAT`].
    pub format: u32,
    /// The run.
    pub run: String,
    /// The workflow's name.
    pub workflow: String,
    /// Start of the run, in milliseconds since 1970 UTC.
    pub created: u64,
    /// The parameters, defaults filled in.
    pub params: Map<String, Value>,
    /// The functions that its steps use, by name.
    pub functions: BTreeMap<String, Function>,
    /// Its steps in an order in which they could run one by one.
    pub steps: IndexMap<String, Step>,
    /// The run whose results the adopted steps take over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_run: Option<String>,
    /// Whether results of earlier runs may be taken from the cache.
    pub cache: bool,
    /// The folder in which relative paths of sources begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// The task that waits for this run's end: a `run-workflow` of another run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Message>,
    /// The run of this workflow before this one, to explain what has changed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
}

/// A function as it was when the run started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Function {
    /// The component.
    pub digest: Digest,
    /// What it says of itself.
    pub manifest: Manifest,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Step {
    /// Its result comes from the base run; nothing of it runs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopted: bool,
    /// Steps that must be settled before this one, in order of declaration.
    pub needs: Vec<String>,
    /// Steps that name this one among their needs.
    pub dependents: Vec<String>,
    /// `if:`, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// How many tasks it has, and what makes them differ.
    pub fan_out: FanOut,
    /// What each task runs: one entry, or one for each combination of the matrix.
    pub variants: Vec<Variant>,
    /// `inputs:`, by channel; each value a string that may hold an expression.
    pub inputs: IndexMap<String, Vec<String>>,
    /// For functions that draw random numbers: a number, or an expression that gives one.
    pub seed: Value,
    /// When to try again.
    pub retry: Retry,
    /// What a task may use.
    pub limits: Limits,
    /// Whether its results may be taken from the cache.
    pub cache: bool,
    /// The pool whose hosts run it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
}

/// What a task runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    /// A function of the plan, or an act of the host (see [`crate::acts`]).
    pub uses: String,
    /// Parameters; strings may hold expressions.
    #[serde(default)]
    pub with: Map<String, Value>,
    /// The values of this combination; empty without a matrix.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub matrix: Map<String, Value>,
}

/// What makes a step's tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FanOut {
    /// One task.
    Single,
    /// One task for each variant.
    Matrix,
    /// Task i of N takes share i of the rows.
    Shards(u32),
    /// One task for each value.
    Items(Vec<Value>),
    /// One task for each part of the channel that the expression names; known when the needs are done.
    Parts(String),
}

/// When to try a task again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Retry {
    /// How often a task is tried at most, the first time included. Only faults of the host are tried again.
    pub max_attempts: u32,
    /// Wait before the second attempt, in milliseconds; doubled before each further one.
    pub backoff: u64,
}

impl Default for Retry {
    fn default() -> Self {
        Self { max_attempts: 3, backoff: 1_000 }
    }
}

impl Retry {
    /// Milliseconds to wait after attempt `attempt` (from 1) has failed; at most an hour.
    pub fn wait_after(&self, attempt: u32) -> u64 {
        let doublings = attempt.saturating_sub(1).min(32);
        self.backoff.saturating_mul(1 << doublings).min(3_600_000)
    }
}

/// What a task may use; none means the host's own limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Limits {
    /// Bytes of memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<u64>,
    /// Milliseconds for one attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<u64>,
    /// Bytes that it may write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<u64>,
}

impl Plan {
    /// The format that this crate writes.
    pub const FORMAT: u32 = 1;

    /// Reads `plan.json`; refuses a plan of another format.
    pub fn from_json(bytes: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Header {
            format: u32,
        }
        let unreadable = |error: serde_json::Error| format!("the plan can't be read: {error}");
        let Header { format } = serde_json::from_slice(bytes).map_err(unreadable)?;
        if format != Self::FORMAT {
            return Err(format!(
                "the plan has format {format}, but this version of millstream reads format {}: run the workflow again",
                Self::FORMAT
            ));
        }
        serde_json::from_slice(bytes).map_err(unreadable)
    }
}

impl Plan {
    /// The sources that the steps to be run name outright or through a parameter alone, so that they can be looked for before
    /// anything runs.
    pub fn plain_sources(&self) -> Vec<String> {
        let mut sources = Vec::new();
        let inputs =
            self.steps.values().filter(|step| !step.adopted).flat_map(|step| step.inputs.values().flatten());
        for input in inputs {
            let source = match input.trim().strip_prefix("${{").and_then(|rest| rest.strip_suffix("}}")) {
                None if input.contains("${{") => None,
                None => Some(input.clone()),
                Some(inner) => inner
                    .trim()
                    .strip_prefix("params.")
                    .and_then(|name| self.params.get(name))
                    .and_then(|value| value.as_str().map(str::to_owned)),
            };
            sources.extend(source);
        }
        sources
    }
}

impl Step {
    /// What task `task` runs.
    pub fn variant(&self, task: u32) -> Option<&Variant> {
        match self.fan_out {
            FanOut::Matrix => self.variants.get(task as usize),
            _ => self.variants.first(),
        }
    }

    /// How many tasks the step has, if that is known before the run starts.
    pub fn count(&self) -> Option<u32> {
        match &self.fan_out {
            FanOut::Single => Some(1),
            FanOut::Matrix => Some(self.variants.len() as u32),
            FanOut::Shards(count) => Some(*count),
            FanOut::Items(items) => Some(items.len() as u32),
            FanOut::Parts(_) => None,
        }
    }

    /// Whether it has one task and no fan-in.
    pub fn is_single(&self) -> bool {
        matches!(self.fan_out, FanOut::Single)
    }
}

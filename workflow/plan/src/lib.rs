//! A workflow made ready to run: everything that can be decided before the first task.
//!
//! Pure: no IO, no async, no clock, no randomness.

pub mod combination;
pub mod compile;
pub mod lambda;

use std::{collections::BTreeMap, path::Path};

use indexmap::IndexMap;
use millstream_core::{
    artifact::{Digest, Parts},
    event::CloudEvent,
    manifest::Manifest,
    number,
    round::Round,
    task::Message,
};
use millstream_language::{
    Functions, acts::Act, expr::Value as Expression, model::MAX_ATTEMPTS, tuning::Tuning,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::combination::Choice;

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
    /// Which version of the workflow it is, if that was pushed; none if its text came from a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
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
    /// What started it, if nobody did so by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Triggered>,
    /// The run of this workflow before this one, to explain what has changed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// What it reads from outside of the store, as that was when the run started.
    #[serde(default, skip_serializing_if = "Frozen::is_empty")]
    pub frozen: Frozen,
}

/// Files as they were when a run started, so that any worker on any machine can do its tasks. Keys are full paths or patterns, as
/// they are on the machine where it was started.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Frozen {
    /// Sources.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sources: BTreeMap<String, Parts>,
    /// The files of workflows that `run-workflow` steps run: artifacts.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub workflows: BTreeMap<String, Digest>,
    /// Workflows that were pushed and that `run-workflow` steps run, by what the steps call them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stored: BTreeMap<String, StoredWorkflow>,
    /// The functions that those workflows use, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub functions: BTreeMap<String, Function>,
}

/// What started a run by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Triggered {
    /// The trigger's name, such as `schedule` or `object-created-2`.
    pub name: String,
    /// The event, as it was when it came.
    pub event: CloudEvent,
}

impl Frozen {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
            && self.workflows.is_empty()
            && self.stored.is_empty()
            && self.functions.is_empty()
    }
}

impl Functions for Frozen {
    fn get(&self, name: &str) -> Option<(Digest, &Manifest)> {
        self.functions.get(name).map(|function| (function.digest, &function.manifest))
    }

    fn names(&self) -> Vec<&str> {
        self.functions.keys().map(String::as_str).collect()
    }
}

/// A version of a workflow that was pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredWorkflow {
    /// From 1.
    pub version: u32,
    /// Its text, an artifact.
    pub digest: Digest,
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
    /// The keys of its matrix that tell its combinations apart; other steps are aligned by them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
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
    /// A function of the plan, or an act of the host (see [`millstream_language::acts`]).
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
    /// Task i of N takes share i of the rows; N follows from the size of the tables that go in (see
    /// [`shards_of`](millstream_core::round::shards_of)), which is known when the needs are done.
    SizedShards,
    /// Trials of a search for parameters, in rounds.
    Trials(Box<Tuning>),
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
        Self { max_attempts: MAX_ATTEMPTS, backoff: 1_000 }
    }
}

impl Retry {
    /// Milliseconds to wait after attempt `attempt` (from 1) has failed; at most an hour.
    pub fn wait_after(&self, attempt: u32) -> u64 {
        let doublings = attempt.saturating_sub(1).min(32);
        self.backoff.saturating_mul(1 << doublings).min(3_600_000)
    }
}

/// The seed that a value is: a whole number from 0 to 2^64-1, also if it is written `7.0`.
pub fn seed(value: &Value) -> Option<u64> {
    number::whole(value).and_then(|whole| u64::try_from(whole).ok())
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
    /// What `${{ event }}` is: what started the run, or null.
    pub fn event(&self) -> Expression {
        self.trigger.as_ref().map_or(Expression::Null, |trigger| trigger.event.to_value().into())
    }

    /// What started it, in a word: the trigger's name, the step of another run, or `hand`.
    pub fn started_by(&self) -> &str {
        match (&self.trigger, &self.parent) {
            (Some(trigger), _) => &trigger.name,
            (None, Some(_)) => Act::RunWorkflow.name(),
            (None, None) => "hand",
        }
    }

    /// The workflow for people: `churn@3` if it was pushed, else `churn`.
    pub fn workflow_version(&self) -> String {
        match self.version {
            Some(version) => format!("{}@{version}", self.workflow),
            None => self.workflow.clone(),
        }
    }

    /// The format that this crate writes.
    pub const FORMAT: u32 = 3;

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

/// By which name a plan whose relative paths begin in `base` knows a source (see [`Frozen`]): its full path or pattern.
pub fn source_name(base: &Path, source: &str) -> String {
    base.join(source.strip_prefix("file://").unwrap_or(source)).to_string_lossy().into_owned()
}

impl Plan {
    /// The parts of `source` as they were when the run started; none if nobody could tell then that it would be read.
    pub fn source(&self, source: &str) -> Option<&Parts> {
        let base = Path::new(self.base.as_deref().unwrap_or("."));
        self.frozen.sources.get(&source_name(base, source))
    }
}

impl Variant {
    /// Whether it is this act of the host.
    pub fn is(&self, act: Act) -> bool {
        self.uses == act.name()
    }
}

impl Step {
    /// Whether any of its tasks is this act of the host.
    pub fn is(&self, act: Act) -> bool {
        self.variants.iter().any(|variant| variant.is(act))
    }

    /// What task `task` runs.
    pub fn variant(&self, task: u32) -> Option<&Variant> {
        match self.fan_out {
            FanOut::Matrix => self.variants.get(task as usize),
            _ => self.variants.first(),
        }
    }

    /// How many tasks the step has, if that is known before the run starts. Else they are made in [rounds](millstream_core::round::Round).
    pub fn count(&self) -> Option<u32> {
        match &self.fan_out {
            FanOut::Single => Some(1),
            FanOut::Matrix => Some(self.variants.len() as u32),
            FanOut::Shards(count) => Some(*count),
            FanOut::Items(items) => Some(items.len() as u32),
            FanOut::Parts(_) | FanOut::SizedShards | FanOut::Trials(_) => None,
        }
    }

    /// How many tasks each of its rounds has, but for the last one; see [`Round`](millstream_core::round::Round).
    pub fn round_size(&self) -> u32 {
        match &self.fan_out {
            FanOut::Trials(tuning) => tuning.max_parallel.max(1) * tuning.tasks_of_a_trial(),
            _ => u32::MAX,
        }
    }

    /// Whether steps that refer to it get a list, with an entry for each task.
    pub fn is_list(&self) -> bool {
        !matches!(self.fan_out, FanOut::Single | FanOut::Trials(_))
    }

    /// Whether one of its combinations has that key.
    pub fn has_key(&self, key: &str) -> bool {
        self.variants.iter().any(|variant| variant.matrix.contains_key(key))
    }

    /// Which tasks of this step a task of `own` means, and whether that is one and no list; none without a matrix: then all.
    ///
    /// `values` is the combination of that task, `by_hand` what the reference says of keys: a value, or none for any.
    ///
    /// # Errors
    /// There is no such combination.
    pub fn chosen(
        &self,
        own: Option<&Self>,
        values: Option<&Map<String, Value>>,
        by_hand: &[(String, Option<Value>)],
    ) -> Result<Option<(Vec<usize>, bool)>, String> {
        let aligned = |key: &str| values.is_some() && own.is_some_and(|own| own.has_key(key));
        if !matches!(self.fan_out, FanOut::Matrix)
            || (by_hand.is_empty() && !self.keys.iter().any(|key| aligned(key)))
        {
            return Ok(None);
        }
        let set: Vec<(String, bool)> =
            by_hand.iter().map(|(key, value)| (key.clone(), value.is_some())).collect();
        let wanted: Vec<(String, Value)> =
            by_hand.iter().filter_map(|(key, value)| Some((key.clone(), value.clone()?))).collect();
        let all = self.variants.iter().map(|variant| &variant.matrix).collect();
        let choice = Choice::new(&self.keys, all, aligned, &set);
        let places = choice.places(values, &wanted)?;
        Ok(Some((places.to_vec(), choice.one)))
    }

    /// What makes task `task` differ from the others of its matrix: `algorithm=ridge, fold=2`.
    pub fn label(&self, task: u32) -> Option<String> {
        let variant = self.variants.get(task as usize).filter(|_| matches!(self.fan_out, FanOut::Matrix))?;
        Some(Self::label_of(&variant.matrix, &self.keys))
    }

    /// What the tasks of a round try, in which folds, as people write it.
    pub fn round_labels(&self, round: &Round) -> Vec<String> {
        let FanOut::Trials(tuning) = &self.fan_out else { return Vec::new() };
        let label = |task: u32| {
            let trial = self.trial_label(round.trial(task)?);
            let fold = match (&tuning.folds, round.refit) {
                (Some(_), true) => "all rows".to_owned(),
                (Some(folds), false) => folds.label(round.fold(task)?),
                (None, _) => String::new(),
            };
            let parts: Vec<&str> =
                [trial.as_str(), fold.as_str()].into_iter().filter(|part| !part.is_empty()).collect();
            Some(parts.join(", "))
        };
        (round.first..round.end()).filter_map(label).collect()
    }

    /// What a trial tries, as people write it: `eta=0.1, max_depth=4`.
    pub fn trial_label(&self, trial: &Map<String, Value>) -> String {
        match &self.fan_out {
            FanOut::Trials(tuning) => {
                let resource = tuning.resource.iter().map(|resource| &resource.parameter);
                Self::label_of(trial, &tuning.search.keys().chain(resource).cloned().collect::<Vec<_>>())
            }
            _ => Self::label_of(trial, &[]),
        }
    }

    /// Values in the order of the file.
    fn label_of(values: &Map<String, Value>, order: &[String]) -> String {
        let rank = |key: &String| order.iter().position(|other| other == key).unwrap_or(usize::MAX);
        let mut pairs: Vec<_> = values.iter().collect();
        pairs.sort_by_key(|(key, _)| rank(key));
        combination::label(pairs)
    }

    /// Whether it has one task and no fan-in.
    pub fn is_single(&self) -> bool {
        matches!(self.fan_out, FanOut::Single)
    }
}

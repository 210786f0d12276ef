//! What a job is asked, what it says meanwhile, and what it answers. All of it travels to and from executor processes.

use std::{collections::BTreeMap, time::Duration};

use millstream_core::artifact::{Artifact, Digest, Parts};
use serde::{Deserialize, Serialize};

use crate::float;

/// One execution of a function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Job {
    /// The component, whose bytes the store holds.
    pub function: Digest,
    /// JSON object that meets the manifest's schema, defaults filled in.
    pub params: String,
    /// The parts of each channel. A channel of kind `model` holds pipelines (`Pipeline::MEDIA_TYPE`).
    pub inputs: BTreeMap<String, Parts>,
    /// Seed of the step.
    pub seed: u64,
    /// The share of the rows to take, when the step is fanned out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// What the function may use.
    #[serde(default)]
    pub limits: Limits,
    /// Inputs that whoever asks has found sound, with what their files were then (`millstream_store::Identity`). Others are
    /// hashed when they are opened first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sound: BTreeMap<Digest, String>,
}

/// One of `count` shares of a step's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// From 0.
    pub index: u32,
    /// At least 1.
    pub count: u32,
}

/// What a function may use before it is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Limits {
    /// Bytes of linear memory, all instances of the job together. A single component can't use more than 4 GiB.
    pub memory: u64,
    /// From the request to the answer. Enforced by executor processes only: see [`crate::Local`].
    pub wall_time: Duration,
    /// Bytes written to all outputs together.
    pub output: u64,
    /// Log lines kept; the rest are dropped, with one line that says so.
    pub log_lines: u64,
    /// Points of learning curves kept; the rest are dropped, with a log line that says so.
    pub metric_points: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 4 << 30,
            wall_time: Duration::from_secs(3600),
            output: 64 << 30,
            log_lines: 10_000,
            metric_points: 100_000,
        }
    }
}

/// How a job went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Done {
    /// One line for people.
    pub message: String,
    /// Final figures by name. May hold NaN and infinities.
    #[serde(with = "float::map")]
    pub metrics: BTreeMap<String, f64>,
    /// The parts of each output in the order of their creation. Outputs without parts are absent. A part of an
    /// output of kind `model` is the state that the function wrote, not yet a pipeline.
    pub outputs: BTreeMap<String, Vec<Artifact>>,
}

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// For the function's author.
    Debug,
    /// For whoever runs it.
    Info,
    /// Something to look at.
    Warn,
    /// What went wrong.
    Error,
}

/// What a job says while it runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The function's first instruction is about to run.
    Started {
        /// Since the executor had the request: component looked up, linked, instantiated.
        preparation: Duration,
    },
    /// A log line.
    Log {
        /// How much it matters.
        level: Level,
        /// At most 16 KiB.
        message: String,
    },
    /// How far it is. At most about twenty a second get through.
    Progress {
        /// In the function's own unit.
        done: u64,
        /// In the same unit, if known.
        total: Option<u64>,
    },
    /// A point of a learning curve.
    Metric {
        /// Which metric.
        name: String,
        /// May be NaN or infinite.
        #[serde(with = "float")]
        value: f64,
        /// Where on the curve.
        step: u64,
    },
    /// What a phase of the job took. Comes when the job has ended.
    Phase {
        /// The function's own word, such as `fit`.
        name: String,
        /// All of its parts together.
        time: Duration,
    },
}

//! A version of a model, as it is written down.

use millstream_core::{
    artifact::{Artifact, Digest, Pipeline},
    completion::Origin,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Whether a version may be deployed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApprovalStatus {
    /// Somebody has to decide. It can be deployed, unless the endpoint takes approved versions only.
    #[default]
    PendingManualApproval,
    /// Yes.
    Approved,
    /// No, nowhere.
    Rejected,
}

/// An immutable version of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ModelVersion {
    /// The model.
    pub name: String,
    /// From 1.
    pub version: u32,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The model artifact.
    pub model: Artifact,
    /// Its stages: functions and states by digest.
    pub pipeline: Pipeline,
    /// What goes in and comes out, as far as the model says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Schema>,
    /// Figures that it was registered with.
    pub metrics: Map<String, Value>,
    /// The task that registered it.
    pub origin: Origin,
    /// The workflow of that run.
    pub workflow: String,
    /// The files that the run had read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<Source>,
    /// That task's key: registering twice is registering once.
    pub key: Digest,
    /// When, in milliseconds since 1970 UTC.
    pub created: u64,
    /// Whether it may be deployed.
    pub approval_status: ApprovalStatus,
    /// Somebody began to remove it then, and has not come to an end: it is there as if nobody had. In milliseconds since 1970
    /// UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removing: Option<u64>,
    /// When it was removed, in milliseconds since 1970 UTC. The record stays, so that no other version gets its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<u64>,
}

impl ModelVersion {
    /// `churn@3`
    pub fn reference(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

/// What goes into a model and comes out of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Schema {
    /// The columns that the last stage takes in.
    pub features: Vec<String>,
    /// The column that it predicts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What kind of prediction it makes, such as `classification`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The classes in the order of the probabilities.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<Value>,
}

impl Schema {
    /// Out of a predictor's description; none if it says nothing that is known here.
    pub fn of(description: &str) -> Option<Self> {
        let schema: Self = serde_json::from_str(description).ok()?;
        (schema != Self::default()).then_some(schema)
    }
}

/// A file that a run has read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Source {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub digest: Digest,
}

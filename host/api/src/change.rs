//! Changes of an endpoint that can be asked for over HTTP.

use std::collections::BTreeMap;

use millstream_workflow::endpoint::LIVE;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// Somebody asks for a change.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Of which endpoint.
    pub endpoint: String,
    /// Who asks: goes into the endpoint's history.
    pub who: String,
    /// The caller's idempotency key: the same key makes the change once.
    pub request: Option<String>,
    /// The caller may do everything: what only an administrator may is not refused.
    pub by_admin: bool,
    /// What is asked.
    pub action: Action,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A version behind an alias.
    Deploy(Deploy),
    /// Weights of the variants that there are.
    Traffic(Traffic),
    /// Back to who answered before the last deployment.
    Rollback(Reason),
    /// The rollout under way is completed now.
    Promote(Reason),
    /// The rollout under way is taken back now.
    Abort(Reason),
}

/// A version behind an alias. An endpoint that is not there yet is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Deploy {
    /// `NAME`, `NAME@VERSION` or `NAME@ALIAS`; the newest approved version if none is named.
    pub model: String,
    /// The endpoint's alias.
    #[serde(default = "live")]
    pub alias: String,
    /// The variant's name; `<model>-<version>` if none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// As a workflow's `deploy` step has it: `{"canary": "10%", "bake": "5m", "alarms": ["error-rate > 1%"]}`, or
    /// `"all-at-once"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Value>,
    /// Changes of how the endpoint is served, by setting: `{"timeout": "5s", "capture": 0.1, "sticky": null}`. What is not
    /// named stays as it is; null is the setting's default.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub config: Option<Value>,
    /// Kept in the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Weights of the variants that there are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Traffic {
    /// By variant; those that are not named keep theirs.
    pub weights: BTreeMap<String, f64>,
    /// The endpoint's alias.
    #[serde(default = "live")]
    pub alias: String,
    /// Kept in the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Deploy {
    /// The members of a request.
    pub const MEMBERS: &[&str] = &["model", "alias", "variant", "rollout", "config", "reason"];
}

impl Traffic {
    /// The members of a request.
    pub const MEMBERS: &[&str] = &["weights", "alias", "reason"];
}

impl Reason {
    /// The members of a request.
    pub const MEMBERS: &[&str] = &["alias", "reason"];
}

/// Of which alias, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Reason {
    /// The endpoint's alias.
    #[serde(default = "live")]
    pub alias: String,
    /// Kept in the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Default for Reason {
    fn default() -> Self {
        Self { alias: live(), reason: None }
    }
}

/// What is given, also if it is null.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

fn live() -> String {
    LIVE.to_owned()
}

/// Why a change was not made. The message says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// No such endpoint, alias, variant, model or version.
    #[error("{0}")]
    NotFound(String),
    /// What was asked makes no sense; `parameter` names the member.
    #[error("{message}")]
    Invalid {
        /// Which member of the request.
        parameter: Option<String>,
        /// What is wrong with it.
        message: String,
    },
    /// An administrator may do that, and the caller is none.
    #[error("{0}")]
    Forbidden(String),
    /// Another change came first, a rollout is under way, or the version may not be deployed.
    #[error("{0}")]
    Conflict(String),
    /// The version was tried before any traffic, and failed.
    #[error("{0}")]
    Unfit(String),
    /// The store is out of reach, or the server is going down.
    #[error("{0}")]
    Unavailable(String),
}

//! Endpoints: what is written down of them, and the rules by which traffic moves.
//!
//! An [`Endpoint`] is one object in the store. Every change of it is one conditional write, so that an alias is at any moment
//! the old one or the new one. The rules are pure: time, observations and random draws are passed in.

pub mod alarm;
pub mod rollout;
pub mod routing;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use rollout::Rollout;

/// The alias that requests go through unless they name another.
pub const LIVE: &str = "live";

/// A named HTTP target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Endpoint {
    /// Lower-case letters, digits and hyphens.
    pub name: String,
    /// Counts the changes, from 1.
    pub revision: u64,
    /// When it was made, in milliseconds since 1970 UTC.
    pub created: u64,
    /// By name; `live` is always there.
    pub aliases: BTreeMap<String, Alias>,
    /// How it is served.
    #[serde(default)]
    pub config: Config,
    /// The newest changes, oldest first; older ones are in the history.
    pub changes: Vec<Change>,
}

/// A pointer to weighted versions that is switched as a whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Alias {
    /// Who answers.
    pub variants: Vec<Variant>,
    /// Who answered before the last deployment: where `rollback` goes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous: Vec<Variant>,
    /// A move to another version that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
}

/// A version behind an alias.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Variant {
    /// Names it in requests and metrics: `<model>-<version>` unless it was given a name.
    pub name: String,
    /// The model.
    pub model: String,
    /// Its version.
    pub version: u32,
    /// Its share of the requests, relative to the other variants'.
    pub weight: f64,
    /// Gets a copy of the requests; its answers are compared and dropped.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shadow: bool,
}

/// How an endpoint is served.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Config {
    /// Keeps a caller on one variant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sticky: Option<Sticky>,
    /// Share of requests that are captured, from 0 to 1.
    pub capture: f64,
    /// Longest time for one answer, in milliseconds.
    pub timeout: u64,
    /// An idle predictor is unloaded after this many milliseconds; none keeps it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle: Option<u64>,
    /// Memory of one predictor, in bytes.
    pub memory: u64,
    /// Requests at once, waiting ones included; more are told to come back.
    pub concurrency: u32,
    /// Rows in one request.
    pub max_rows: u64,
    /// Longest time that a request waits for others to be answered with it, in milliseconds; 0 waits for none.
    #[serde(skip_serializing_if = "is_zero")]
    pub batch_wait: u64,
    /// Serves any registered model whose name begins so, as the request's target model says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multi_model: Option<String>,
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sticky: None,
            capture: 0.0,
            timeout: 30_000,
            idle: Some(15 * 60_000),
            memory: 2 << 30,
            concurrency: 256,
            max_rows: 1_000_000,
            batch_wait: 0,
            multi_model: None,
        }
    }
}

/// What a caller is recognised by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sticky {
    /// A request header.
    Header(String),
    /// A cookie.
    Cookie(String),
}

/// Who changed what, when and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Change {
    /// The endpoint's revision that it made.
    pub revision: u64,
    /// When, in milliseconds since 1970 UTC.
    pub at: u64,
    /// A user, an API key, a run or a server.
    pub who: String,
    /// Which alias; none for a change of the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// The weighted versions before, such as `churn@3 90%, churn@4 10%`.
    pub from: String,
    /// The weighted versions after.
    pub to: String,
    /// What was done, and why: `deployed`, `canary 10%`, `rolled back: error rate 4.1% > 1%`.
    pub why: String,
    /// The caller's idempotency key: the same key makes a change once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
}

//! Endpoints: what is written down of them, and the rules by which traffic moves.
//!
//! An [`Endpoint`] is one object in the store. Every change of it is one conditional write, so that an alias is at any moment
//! the old one or the new one. The rules are pure: time, observations and random draws are passed in.

mod action;
pub mod alarm;
mod alias;
mod config;
pub mod drift;
pub mod latency;
pub mod names;
pub mod observations;
pub mod plan;
pub mod rollout;
pub mod routing;
mod settings;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use action::{Action, Deploy, Misread, ReadSettings, Reason, Target, Traffic};
pub use alias::{Alias, Moved, Refused};
pub use config::{Config, Sticky};
pub use settings::{SETTINGS, Settings};

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
    /// It was removed. The record stays, so that nobody's change can bring it back, and revisions go on counting.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
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

impl Variant {
    /// A version that answers, under its usual name `<model>-<version>`.
    pub fn of(model: &str, version: u32) -> Self {
        let name = format!("{model}-{version}");
        Self { name, model: model.to_owned(), version, weight: 100.0, shadow: false }
    }

    /// `churn@3`
    pub fn reference(&self) -> String {
        format!("{}@{}", self.model, self.version)
    }

    /// Its weight among those that answer: a shadow has none.
    pub fn traffic(&self) -> f64 {
        if self.shadow { 0.0 } else { self.weight }
    }

    /// Whether both are the same version under the same name, whatever their weights.
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.name, &self.model, self.version) == (&other.name, &other.model, other.version)
    }
}

/// Each variant's share of the requests, in percent; zero for all if nobody has weight.
pub fn shares(variants: &[Variant]) -> Vec<f64> {
    let all: f64 = variants.iter().map(Variant::traffic).sum();
    variants.iter().map(|v| if all > 0.0 { 100.0 * v.traffic() / all } else { 0.0 }).collect()
}

/// Variants for people: `churn@3 90%, churn@4 10%, churn@5 shadow`. A name that is not the usual one is said.
pub fn describe(variants: &[Variant]) -> String {
    let one = |(variant, share): (&Variant, f64)| {
        let usual = variant.name == format!("{}-{}", variant.model, variant.version);
        let name = if usual { String::new() } else { format!(" ({})", variant.name) };
        let share = (share * 100.0).round() / 100.0;
        let share = if variant.shadow { "shadow".to_owned() } else { format!("{share}%") };
        format!("{}{name} {share}", variant.reference())
    };
    variants.iter().zip(shares(variants)).map(one).collect::<Vec<_>>().join(", ")
}

impl Endpoint {
    /// All variants that it speaks of, with the alias's name: those that answer, those to roll back to, and those of
    /// rollouts. Their versions are in use.
    pub fn in_use(&self) -> impl Iterator<Item = (&str, &Variant)> {
        self.aliases.iter().flat_map(|(name, alias)| {
            let moving = alias.rollout.iter().flat_map(|rollout| rollout.from.iter().chain([&rollout.to]));
            let all = alias.variants.iter().chain(&alias.previous).chain(moving);
            all.map(move |variant| (name.as_str(), variant))
        })
    }

    /// Refuses a record that nobody could serve: an alias without a variant (unless the endpoint serves any model), two
    /// variants of one name, no `live`.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), String> {
        if !self.aliases.contains_key(LIVE) {
            return Err(format!("it has no alias `{LIVE}`"));
        }
        self.config.check()?;
        self.aliases.iter().try_for_each(|(name, alias)| {
            if alias.variants.is_empty() && self.config.multi_model.is_some() {
                return Ok(());
            }
            alias.check().map_err(|why| format!("alias `{name}`: {why}"))
        })
    }
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
    /// SHA-256 of what the key was used for, if the caller gave it: the key is good for nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

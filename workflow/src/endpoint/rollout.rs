//! Moving an alias from one set of variants to another: all at once, as a canary, or in linear steps.

use serde::{Deserialize, Serialize};

use super::{Variant, alarm::Alarm};

/// How traffic moves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// In one step.
    AllAtOnce,
    /// This share first, in percent; the rest after the interval.
    Canary(f64),
    /// This share more, in percent, after each interval.
    Linear(f64),
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plan {
    /// How traffic moves.
    pub strategy: Strategy,
    /// Between two steps, in milliseconds.
    pub interval: u64,
    /// How long the new version is watched with all of the traffic before the old one is let go, in milliseconds.
    pub bake: u64,
    /// The whole rollout may take this long, in milliseconds; after that it is rolled back.
    pub time_limit: u64,
    /// What rolls it back.
    pub alarms: Vec<Alarm>,
}

/// A rollout under way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rollout {
    /// Names it.
    pub id: String,
    /// Where traffic comes from.
    pub from: Vec<Variant>,
    /// Where it goes.
    pub to: Variant,
    /// How.
    pub plan: Plan,
    /// When it began, in milliseconds since 1970 UTC.
    pub started: u64,
    /// When the present share was reached, or watching began anew, in milliseconds since 1970 UTC.
    pub since: u64,
    /// The present share of the new version, in percent.
    pub share: f64,
    /// Who asked for it.
    pub who: String,
}

//! `tune:`, a search for the parameters with which a metric is best.

use indexmap::IndexMap;
use millstream_core::quantity::Duration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::CrossValidate;
use crate::tuning::Strategy;

/// A search for the parameters with which a metric is best.
///
/// Each point that is tried is a task of its own, a trial. Trials run in rounds; a round begins when the one before has ended. What
/// the step gives are the outputs and the metrics of its best trial. A trial that fails ends the search after its round;
/// `millstream retry` runs it again and goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tune {
    /// How points are chosen: `grid` tries all combinations, the last parameter running fastest; `random` draws by the step's `seed`;
    /// `bayesian` tries where the trials so far say that better ones are likely (a tree-structured Parzen estimator); `hyperband`
    /// tries many points with little of `resource` and goes on with the best third or so (asynchronous successive halving).
    #[schemars(with = "Strategy")]
    pub strategy: String,
    /// `maximize METRIC` or `minimize METRIC`: a metric of the function.
    pub objective: String,
    /// How many trials there are at most. A grid has as many as there are combinations, if this is not given.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100000))]
    pub max_jobs: Option<u32>,
    /// How many trials make a round; `auto`, which is also what holds if it is not given, is 10.
    #[serde(default)]
    pub max_parallel: Parallel,
    /// Begins no further round once a trial is at least as good.
    #[serde(default)]
    pub target: Option<f64>,
    /// Begins no further round once the trials have taken so long, from the start of the first to the end of the last: `20m`.
    #[serde(default)]
    pub max_time: Option<Duration>,
    /// Points to try before others. Parameters that a point leaves out are chosen as usual.
    #[serde(default)]
    pub try_first: Vec<Map<String, Value>>,
    /// The parameter of which more means a better and a dearer trial, for `hyperband`: one parameter, and how much of it there is.
    #[serde(default)]
    #[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
    pub resource: IndexMap<String, ResourceRange>,
    /// An earlier run, or `RUN/STEP`: the trials of its search (of the step of the same name, if none is named) count as history
    /// for `bayesian`, as they are when this run starts. A trial counts whose objective is of the same name.
    #[serde(default)]
    pub warm_start: Option<String>,
    /// The same as `cross-validate` of the step.
    #[serde(default)]
    pub cross_validate: Option<CrossValidate>,
    /// What to try of each parameter: a list of values, or a range.
    #[schemars(extend("minProperties" = 1))]
    pub search: IndexMap<String, Search>,
    /// Kept for later.
    #[serde(default)]
    #[schemars(skip)]
    pub early_stopping: Option<Value>,
}

/// How much of the parameter under `resource` a trial gets: `min` at first, then `factor` times as much as before, up to `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ResourceRange {
    /// What a trial begins with.
    #[schemars(range(min = 1))]
    pub min: u32,
    /// The most that one gets.
    #[schemars(range(min = 1))]
    pub max: u32,
    /// One point of so many goes on; 3 if not given.
    #[serde(default = "three")]
    #[schemars(range(min = 2, max = 100))]
    pub factor: u32,
}

fn three() -> u32 {
    3
}

/// How many trials make a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Parallel(pub u32);

impl Default for Parallel {
    fn default() -> Self {
        Self(10)
    }
}

impl<'de> Deserialize<'de> for Parallel {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(auto) if auto == "auto" => Ok(Self::default()),
            other => match other.as_u64() {
                Some(count @ 1..=1_000) => Ok(Self(count as u32)),
                _ => Err(serde::de::Error::custom(format!(
                    "`auto` or a number from 1 to 1000 is wanted, not {other}"
                ))),
            },
        }
    }
}

impl JsonSchema for Parallel {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Parallel".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "anyOf": [{ "const": "auto" }, { "type": "integer", "minimum": 1, "maximum": 1000 }] })
    }
}

/// What to try of a parameter.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Search {
    /// One of these.
    Values(Vec<Value>),
    /// Something within a range.
    Range(SearchRange),
    /// One of these, where other parameters have certain values.
    Conditional(SearchValues),
}

/// Values to try of a parameter that belongs to a point only where others have certain values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchValues {
    /// One of these.
    pub values: Vec<Value>,
    /// As of a range.
    #[serde(default)]
    pub when: Map<String, Value>,
}

/// Numbers to try of a parameter: whole ones if the parameter takes no others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchRange {
    /// The least and the greatest.
    pub range: [f64; 2],
    /// `linear`, or `log`: as likely within 1 to 10 as within 10 to 100.
    #[serde(default)]
    pub scale: Scale,
    /// Tries this many values, evenly spaced on the scale, the ends included. A grid needs it where numbers need not be whole.
    #[serde(default)]
    #[schemars(range(min = 2, max = 1000))]
    pub steps: Option<u32>,
    /// Tried only where parameters before it have these values, or one of these: `{ booster: dart }`. Elsewhere it is left out.
    #[serde(default)]
    pub when: Map<String, Value>,
}

/// How a range is spaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// Evenly.
    #[default]
    Linear,
    /// Evenly by magnitude.
    Log,
}

impl<'de> Deserialize<'de> for Search {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Array(values) => Ok(Self::Values(values)),
            Value::Object(map) if map.contains_key("values") => serde_json::from_value(Value::Object(map))
                .map(Self::Conditional)
                .map_err(|error| serde::de::Error::custom(format!("these are no values: {error}"))),
            range @ Value::Object(_) => serde_json::from_value(range)
                .map(Self::Range)
                .map_err(|error| serde::de::Error::custom(format!("this is no range: {error}"))),
            other => Err(serde::de::Error::custom(format!(
                "a list of values or {{ range: [LEAST, GREATEST] }} is wanted, not {other}"
            ))),
        }
    }
}

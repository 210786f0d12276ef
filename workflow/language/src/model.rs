//! A workflow file as Rust types. The JSON Schema of workflows comes from here, and from the manifests.

use indexmap::IndexMap;
use millstream_core::quantity::{Duration, Size};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

mod cross_validate;
mod tune;

use crate::triggers::{Concurrency, On};

pub use cross_validate::CrossValidate;
pub use tune::{Parallel, ResourceRange, Scale, Search, SearchRange, SearchValues, Tune};

/// A workflow: what starts it, parameters, steps.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Workflow {
    /// Lower-case letters, digits and hyphens.
    #[schemars(regex(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"))]
    pub name: String,
    /// What it is for.
    #[schemars(default)]
    pub description: Option<String>,
    /// What starts runs of it by itself, once it is pushed: `${{ event.* }}`.
    #[schemars(default)]
    pub on: On,
    /// How many runs that triggers have started there may be at once; as many as there are events if not given.
    #[schemars(default)]
    pub concurrency: Option<Concurrency>,
    /// What may differ from run to run: `${{ params.NAME }}`.
    #[schemars(default)]
    pub params: IndexMap<String, Param>,
    /// What it does. Order follows from references.
    #[schemars(extend("minProperties" = 1))]
    pub steps: IndexMap<String, Step>,
}

/// A parameter. Without a default, each run must give it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Param {
    /// What kind of value it takes.
    #[serde(rename = "type")]
    pub kind: ParamType,
    /// The value if a run gives none.
    #[serde(default)]
    pub default: Option<Value>,
    /// Whether each run must give it; so it is anyway if there is no default.
    #[serde(default)]
    pub required: Option<bool>,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
}

/// What kind of value a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ParamType {
    /// Text.
    String,
    /// A number.
    Number,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// A file, folder, glob or URI.
    Uri,
    /// A list of any values.
    List,
}

/// One node of a workflow: a function with parameters and inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Step {
    /// A function, an act of the host, or `${{ matrix.NAME }}`.
    pub uses: String,
    /// A title for people.
    #[serde(default)]
    pub name: Option<String>,
    /// By channel: an expression, a path, URI or glob, or a list of such.
    #[serde(default)]
    pub inputs: IndexMap<String, Inputs>,
    /// The function's parameters.
    #[serde(default)]
    pub with: Map<String, Value>,
    /// Steps to wait for, besides those that expressions refer to.
    #[serde(default)]
    pub needs: Names,
    /// The step is skipped if this is false; one combination of a matrix, if it speaks of that.
    #[serde(default, rename = "if")]
    pub condition: Option<Condition>,
    /// A task for each part of a channel (an expression that gives it), for each share of the rows (`{ shards: N }`, or
    /// `{ shards: auto }`: one for each 32 MiB that have begun of the tables that go in), or for each value (`{ items: LIST }`).
    #[serde(default)]
    pub for_each: Option<ForEach>,
    /// A task for each combination of values.
    #[serde(default)]
    pub matrix: Option<Matrix>,
    /// A search for parameters: a task for each point that is tried.
    #[serde(default)]
    pub tune: Option<Tune>,
    /// Measures the model in folds before it is fitted to all rows.
    #[serde(default)]
    pub cross_validate: Option<CrossValidate>,
    /// Time for one attempt at a task; the same as `limits.time`.
    #[serde(default)]
    pub timeout: Option<Duration>,
    /// When to try again after a fault of the host.
    #[serde(default)]
    pub retry: Option<Retry>,
    /// What a task may use.
    #[serde(default)]
    pub limits: Option<Limits>,
    /// Whether an earlier result for the same key may be taken.
    #[serde(default = "yes")]
    pub cache: bool,
    /// For functions that draw random numbers: a whole number, or an expression that gives one.
    #[serde(default)]
    pub seed: Option<Value>,
    /// Hosts started with `--pool NAME` run it; on AWS the pool of this name. Without it, the least pool that holds `limits.memory`.
    #[serde(default)]
    pub pool: Option<String>,
}

fn yes() -> bool {
    true
}

/// A condition: an expression, with or without `${{ }}`, or a boolean.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Condition(#[schemars(with = "Either<bool, String>")] pub String);

/// What goes into a channel.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Inputs(#[schemars(with = "Either<String, Vec<String>>")] pub Vec<String>);

/// Names of steps: one, or a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Names(#[schemars(with = "Either<String, Vec<String>>")] pub Vec<String>);

/// Two forms of one thing, for the schema.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code)]
enum Either<A, B> {
    One(A),
    Other(B),
}

/// When to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Retry {
    /// How often a task is tried at most, the first time included; from 1 to 100.
    #[serde(default = "attempts")]
    #[schemars(range(min = 1, max = 100))]
    pub max_attempts: u32,
    /// Wait before the second attempt, such as `10s`; doubled before each further one, up to an hour. `1s` if not given.
    #[serde(default)]
    pub backoff: Option<Duration>,
}

/// How often a task is tried if its step does not say.
pub const MAX_ATTEMPTS: u32 = 3;

fn attempts() -> u32 {
    MAX_ATTEMPTS
}

/// What a task may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Memory of the function's instance, such as `512MiB`; `4GiB` if not given, which is the most that a function can have.
    #[serde(default)]
    pub memory: Option<Size>,
    /// Time for one attempt, such as `90s` or `15m`; `1h` if not given.
    #[serde(default)]
    pub time: Option<Duration>,
    /// What it may write in all, such as `1GiB`; `64GiB` if not given.
    #[serde(default)]
    pub output: Option<Size>,
}

/// A task for each combination of the values under all keys, in order of declaration, the last key running fastest.
///
/// `include` and `exclude` work as in GitHub Actions. An entry of `include` may carry `with`: parameters for the
/// combinations that it meets, laid over the step's own.
///
/// Beyond that, what would do nothing is refused: an entry of `exclude` that excludes nothing, a key in it that is none of the
/// matrix, a combination that is there twice. `1` is `1.0`, and not `'1'`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Matrix {
    /// Adds values to the combinations that agree with an entry, or a combination of its own if none does.
    #[serde(default)]
    pub include: Vec<Map<String, Value>>,
    /// Leaves out the combinations that agree with an entry.
    #[serde(default)]
    pub exclude: Vec<Map<String, Value>>,
    /// Values by name.
    #[serde(flatten)]
    pub axes: IndexMap<String, Vec<Value>>,
}

/// A task for each of something.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForEach {
    /// Task i of N takes share i of the rows: a number, an expression over parameters, or `auto`: one for each 32 MiB that have
    /// begun of the tables that go in, counted when these are there.
    Shards(Value),
    /// A task for each part of a channel; with `as`, the part goes into that channel of the function.
    Parts {
        /// An expression that gives a channel.
        parts: String,
        /// A channel of the function.
        r#as: Option<String>,
    },
    /// A task for each value: a list, or an expression over parameters that gives one.
    Items(Value),
}

impl JsonSchema for ForEach {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ForEach".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let expr = serde_json::json!({ "type": "string", "pattern": r"^\s*\$\{\{.*\}\}\s*$" });
        schemars::json_schema!({
            "description": "A task for each part of a channel, for each shard of the rows, or for each item of a list.",
            "oneOf": [
                expr,
                {
                    "type": "object", "additionalProperties": false, "required": ["shards"],
                    "properties": { "shards": {
                        "description": "How many; `auto`: one for each 32 MiB that have begun of the tables that go in.",
                        "anyOf": [{ "type": "integer", "minimum": 1, "maximum": 100000 }, { "const": "auto" }, expr]
                    } }
                },
                {
                    "type": "object", "additionalProperties": false, "required": ["parts"],
                    "properties": { "parts": expr, "as": { "type": "string" } }
                },
                {
                    "type": "object", "additionalProperties": false, "required": ["items"],
                    "properties": { "items": { "anyOf": [{ "type": "array" }, expr] } }
                }
            ]
        })
    }
}

/// Reads a type that has several forms from JSON; errors stand at the place of the whole.
macro_rules! from_json {
    ($type:ty, $json:ident => $read:expr) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let $json = Value::deserialize(deserializer)?;
                let read: Result<Self, String> = $read;
                read.map_err(serde::de::Error::custom)
            }
        }
    };
}

fn texts(json: Value, what: &str) -> Result<Vec<String>, String> {
    let text = |json: Value| match json {
        Value::String(text) => Ok(text),
        other => Err(format!("{what} is wanted, not {other}")),
    };
    match json {
        Value::Array(items) => items.into_iter().map(text).collect(),
        one => Ok(vec![text(one)?]),
    }
}

from_json!(Inputs, json => texts(json, "an expression, a path or a list of such").map(Inputs));
from_json!(Names, json => texts(json, "the name of a step or a list of names").map(Names));
from_json!(Condition, json => match json {
    Value::String(text) => Ok(Condition(text)),
    Value::Bool(value) => Ok(Condition(value.to_string())),
    other => Err(format!("an expression is wanted, not {other}")),
});
from_json!(ForEach, json => {
    let forms = "write an expression that gives a channel, or one of { shards: N }, { shards: auto }, { parts: EXPRESSION, as: CHANNEL }, { items: LIST }";
    match json {
        Value::String(parts) => Ok(ForEach::Parts { parts, r#as: None }),
        Value::Object(map) => {
            let mut entries: Vec<_> = map.into_iter().collect();
            entries.sort_by_key(|(key, _)| key == "as");
            let mut entries = entries.into_iter();
            match (entries.next(), entries.next(), entries.next()) {
                (Some((key, shards)), None, _) if key == "shards" => Ok(ForEach::Shards(shards)),
                (Some((key, items)), None, _) if key == "items" => Ok(ForEach::Items(items)),
                (Some((key, Value::String(parts))), None, _) if key == "parts" => Ok(ForEach::Parts { parts, r#as: None }),
                (Some((key, Value::String(parts))), Some((other, Value::String(channel))), None)
                    if key == "parts" && other == "as" => Ok(ForEach::Parts { parts, r#as: Some(channel) }),
                _ => Err(forms.to_owned()),
            }
        }
        _ => Err(forms.to_owned()),
    }
});

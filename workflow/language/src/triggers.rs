//! `on:`, what starts runs of a workflow by itself, and `concurrency:`, how many of these runs there may be at once.

mod events;
mod read;
mod schedule;

use millstream_core::quantity::Size;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use events::{event_type, fields_of};
pub use read::read;
pub use schedule::{Cadence, timezone};

use crate::model::Condition;

/// The triggers of a workflow, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct On(pub Vec<Trigger>);

/// A trigger and its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    /// `schedule`; `schedule-2` for the second of a list, and so on.
    pub name: String,
    /// Its place in a list, if it stands in one.
    pub place: Option<usize>,
    /// What it waits for.
    pub kind: Kind,
}

/// What a trigger waits for.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// An object that was written.
    ObjectCreated(OnObject),
    /// A time.
    Schedule(OnSchedule),
    /// A request.
    Http(OnHttp),
    /// A message in a queue of the user's.
    Queue(OnQueue),
    /// The end of another workflow's run.
    WorkflowCompleted(OnCompleted),
    /// An endpoint's alarm.
    Alarm(OnAlarm),
}

impl Kind {
    /// All names, as `on:` has them.
    pub const NAMES: [&str; 6] =
        ["object-created", "schedule", "http", "queue", "workflow-completed", "alarm"];

    /// As `on:` has it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ObjectCreated(_) => Self::NAMES[0],
            Self::Schedule(_) => Self::NAMES[1],
            Self::Http(_) => Self::NAMES[2],
            Self::Queue(_) => Self::NAMES[3],
            Self::WorkflowCompleted(_) => Self::NAMES[4],
            Self::Alarm(_) => Self::NAMES[5],
        }
    }

    /// The condition that an event must meet.
    pub fn condition(&self) -> Option<&Condition> {
        match self {
            Self::ObjectCreated(of) => of.condition.as_ref(),
            Self::Schedule(of) => of.condition.as_ref(),
            Self::Http(of) => of.condition.as_ref(),
            Self::Queue(of) => of.condition.as_ref(),
            Self::WorkflowCompleted(of) => of.condition.as_ref(),
            Self::Alarm(of) => of.condition.as_ref(),
        }
    }

    /// The parameters of the runs that it starts.
    pub fn params(&self) -> &Map<String, Value> {
        match self {
            Self::ObjectCreated(of) => &of.params,
            Self::Schedule(of) => &of.params,
            Self::Http(of) => &of.params,
            Self::Queue(of) => &of.params,
            Self::WorkflowCompleted(of) => &of.params,
            Self::Alarm(of) => &of.params,
        }
    }
}

impl Trigger {
    /// Where it stands in the file.
    pub fn path(&self) -> Vec<String> {
        let place = self.place.map(|place| place.to_string());
        ["on".to_owned(), self.kind.name().to_owned()].into_iter().chain(place).collect()
    }

    /// Why it cannot work in Lambda, where nothing runs between two events; none if it can.
    pub fn unfit_in_lambda(&self) -> Option<String> {
        match &self.kind {
            Kind::ObjectCreated(object) => {
                let folder = object.bucket.as_deref().filter(|bucket| bucket.starts_with("file:"))?;
                Some(format!(
                    "{folder} is a folder, which `millstream serve` watches on its own machine; name a bucket"
                ))
            }
            Kind::Schedule(schedule) => {
                let interval = schedule.cadence().ok()?.least_interval();
                (interval < 60_000).then(|| {
                    format!(
                        "`{}` is faster than once a minute, which is what EventBridge Scheduler can do",
                        schedule.text()
                    )
                })
            }
            Kind::Queue(queue) => Some(format!(
                "nobody listens to queue `{}` there; `millstream serve` does, or send its messages to the workflow by `http`",
                queue.name
            )),
            Kind::Http(_) | Kind::WorkflowCompleted(_) | Kind::Alarm(_) => None,
        }
    }
}

/// Starts a run for each object that is written and fits all that is given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OnObject {
    /// The bucket; any if not given. `file:///an/absolute/folder` is a folder that `millstream serve` watches.
    #[serde(default)]
    pub bucket: Option<String>,
    /// How the key begins.
    #[serde(default)]
    pub prefix: Option<String>,
    /// How the key ends.
    #[serde(default)]
    pub suffix: Option<String>,
    /// A pattern for the whole key: `*` and `?` within a folder, `**` across folders, `[a-z]`.
    #[serde(default)]
    pub glob: Option<String>,
    /// The size of the object.
    #[serde(default)]
    pub size: Option<SizeRange>,
    /// Whether files that are in a watched folder when the server starts are events, too. Each starts one run, however often the
    /// server starts.
    #[serde(default)]
    pub existing: bool,
    /// Starts no run if this is false: an expression over `event`.
    #[serde(default, rename = "if")]
    pub condition: Option<Condition>,
    /// The run's parameters: values, or expressions over `event`.
    #[serde(default)]
    pub params: Map<String, Value>,
}

/// From how many to how many bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SizeRange {
    /// At least so many, such as `1KiB`.
    #[serde(default)]
    pub min: Option<Size>,
    /// At most so many.
    #[serde(default)]
    pub max: Option<Size>,
}

/// Starts runs at times: `cron` or `rate`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OnSchedule {
    /// Five fields: minute, hour, day of the month, month, day of the week.
    #[serde(default)]
    pub cron: Option<String>,
    /// Each so often, such as `5 minutes`: `1 hour` is each full hour (UTC).
    #[serde(default)]
    pub rate: Option<String>,
    /// The time zone of `cron`, such as `Europe/Berlin`; `UTC` if not given.
    #[serde(default)]
    pub timezone: Option<String>,
    /// What becomes of times that came while nobody was there to start runs.
    #[serde(default)]
    pub missed: Missed,
    /// Starts no run if this is false: an expression over `event`.
    #[serde(default, rename = "if")]
    pub condition: Option<Condition>,
    /// The run's parameters: values, or expressions over `event`.
    #[serde(default)]
    pub params: Map<String, Value>,
}

impl OnSchedule {
    /// As it is written, `0 6 * * *` or `rate(5 minutes)`.
    pub fn text(&self) -> String {
        match (&self.cron, &self.rate) {
            (Some(cron), _) => cron.clone(),
            (None, rate) => format!("rate({})", rate.as_deref().unwrap_or_default()),
        }
    }

    /// When it is due.
    ///
    /// # Errors
    /// The key that is wrong, what is wrong with it, and what would be right.
    pub fn cadence(&self) -> Result<Cadence, (&'static str, String, Option<String>)> {
        Cadence::of(self)
    }
}

/// What becomes of times that came while nobody was there to start runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Missed {
    /// One run for all of them.
    #[default]
    RunOnce,
    /// None.
    Skip,
    /// A run for each, of the newest 100.
    RunAll,
}

/// Starts a run for each `POST /workflows/NAME/runs`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OnHttp {
    /// The name of the environment variable, where the server runs, that holds a secret. Requests must then carry the HMAC-SHA-256 of
    /// their body in `X-Hub-Signature-256: sha256=HEX`, and need no API key.
    #[serde(default)]
    pub secret: Option<String>,
    /// Starts no run if this is false: an expression over `event`.
    #[serde(default, rename = "if")]
    pub condition: Option<Condition>,
    /// The run's parameters: values, or expressions over `event`. Those that the request names come before them.
    #[serde(default)]
    pub params: Map<String, Value>,
}

/// Starts a run for each message in a queue.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OnQueue {
    /// The queue's name.
    pub name: String,
    /// Starts no run if this is false: an expression over `event`.
    #[serde(default, rename = "if")]
    pub condition: Option<Condition>,
    /// The run's parameters: values, or expressions over `event`.
    #[serde(default)]
    pub params: Map<String, Value>,
}

/// Starts a run when a run of another workflow has ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OnCompleted {
    /// The other workflow.
    pub name: String,
    /// How its run must have ended.
    #[serde(default)]
    pub on: Outcome,
    /// Starts no run if this is false: an expression over `event`.
    #[serde(default, rename = "if")]
    pub condition: Option<Condition>,
    /// The run's parameters: values, or expressions over `event`.
    #[serde(default)]
    pub params: Map<String, Value>,
}

/// How a run must have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It has succeeded.
    #[default]
    Succeeded,
    /// It has failed.
    Failed,
    /// It has succeeded or failed.
    Any,
}

/// Starts a run when an alarm of an endpoint's rollout has gone off.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OnAlarm {
    /// The endpoint.
    pub endpoint: String,
    /// What the alarm watches: `error-rate`, `drift`, `p50`, `p90`, `p95`, `p99`, `p999`, or a workflow's metric; any if not given.
    #[serde(default)]
    pub metric: Option<String>,
    /// Starts no run if this is false: an expression over `event`.
    #[serde(default, rename = "if")]
    pub condition: Option<Condition>,
    /// The run's parameters: values, or expressions over `event`.
    #[serde(default)]
    pub params: Map<String, Value>,
}

/// How many runs that triggers have started there may be at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Concurrency {
    /// At most so many, from 1 to 1000.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1000))]
    pub limit: u32,
    /// What becomes of an event when there are that many.
    #[serde(default)]
    pub policy: Policy,
}

fn one() -> u32 {
    1
}

/// What becomes of an event when there are as many runs as there may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Its run starts when another one has ended; the first that came comes first.
    #[default]
    Queue,
    /// It starts no run.
    Skip,
    /// The oldest of the runs is cancelled, and its own starts.
    CancelOlder,
}

/// One of a kind, or a list.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "for the schema alone")]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

/// A text, or the long form.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "for the schema alone")]
enum Short<T> {
    /// The short form.
    Text(String),
    Long(T),
}

/// What starts runs by itself.
#[derive(JsonSchema)]
#[schemars(rename = "On", rename_all = "kebab-case", deny_unknown_fields)]
#[allow(dead_code, reason = "for the schema alone")]
struct Written {
    /// Objects that are written, in S3, in the buckets of `millstream serve`, or as files in a watched folder.
    #[schemars(default)]
    object_created: Option<OneOrMany<OnObject>>,
    /// Times: cron of five fields, `rate(5 minutes)`, or the long form.
    #[schemars(default)]
    schedule: Option<OneOrMany<Short<OnSchedule>>>,
    /// Requests `POST /workflows/NAME/runs`.
    #[schemars(default)]
    http: Option<OnHttp>,
    /// Messages in a queue of yours: its name, or the long form.
    #[schemars(default)]
    queue: Option<OneOrMany<Short<OnQueue>>>,
    /// The end of another workflow's runs: its name, or the long form.
    #[schemars(default)]
    workflow_completed: Option<OneOrMany<Short<OnCompleted>>>,
    /// Alarms of endpoints.
    #[schemars(default)]
    alarm: Option<OneOrMany<OnAlarm>>,
}

impl JsonSchema for On {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "On".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        <Written as JsonSchema>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{self, Sink};

    fn all(text: &str) -> Vec<Trigger> {
        let sink = Sink::default();
        let on = read(&yaml::load(text).unwrap(), &sink);
        assert!(sink.borrow().is_empty(), "{sink:?}");
        on.0
    }

    #[test]
    fn short_forms_are_the_long_ones() {
        let short = all("{ schedule: rate(5 minutes), queue: orders, workflow-completed: other, http: }");
        let long = all(
            "{ schedule: { rate: 5 minutes }, queue: { name: orders }, workflow-completed: { name: other }, http: {} }",
        );
        assert_eq!(short, long);
        let several = all("{ schedule: [0 6 * * *, { cron: 0 7 * * * }] }");
        let names: Vec<&str> = several.iter().map(|trigger| trigger.name.as_str()).collect();
        assert_eq!(names, ["schedule", "schedule-2"]);
        assert_eq!(several[1].path(), ["on", "schedule", "1"]);
    }

    #[test]
    fn what_needs_somebody_who_is_always_there_does_not_fit_lambda() {
        let on = "{ object-created: [{ prefix: a/ }, { bucket: 'file:///in' }], schedule: [rate(1 minute), rate(30 seconds)],
                    queue: orders, http: {}, workflow-completed: other }";
        let unfit: Vec<bool> = all(on).iter().map(|trigger| trigger.unfit_in_lambda().is_some()).collect();
        assert_eq!(unfit, [false, true, false, true, true, false, false]);
    }
}

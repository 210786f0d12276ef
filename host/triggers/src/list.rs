//! What people ask about triggers: when each started last, when it starts next, and why its last event started nothing.

use millstream_core::layout;
use millstream_language::triggers::{Kind, Trigger};
use serde::Serialize;

use crate::{
    Error, Triggers,
    concurrency::Running,
    records::{self, ClockRecord, Last},
};

/// A trigger of a workflow's newest version.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Listed {
    /// The workflow.
    pub workflow: String,
    /// Its version.
    pub version: u32,
    /// The trigger's name.
    pub trigger: String,
    /// What it waits for, in a line.
    pub waits_for: String,
    /// When a schedule is due next, in milliseconds since 1970 UTC.
    pub next: Option<u64>,
    /// Its last event and start, if there was one.
    pub last: Option<Last>,
    /// Runs that the workflow's triggers have started and that have not ended, where `concurrency` counts them.
    pub running: usize,
    /// Events that wait for one of them to end.
    pub waiting: usize,
}

impl Triggers {
    /// All triggers of the workflows that were pushed.
    ///
    /// # Errors
    /// What the store met, or a record is damaged.
    pub fn list(&self) -> Result<Vec<Listed>, Error> {
        let inner = &self.0;
        let now = inner.home.now();
        let mut all = Vec::new();
        for loaded in inner.catalog.all(&inner.home)?.iter() {
            let runs: Running =
                records::read(inner.store(), &layout::triggers_running(loaded.name()))?.unwrap_or_default();
            for trigger in &loaded.on {
                let next = match &trigger.kind {
                    Kind::Schedule(schedule) => {
                        let key = layout::trigger_clock(loaded.name(), &trigger.name);
                        let clock: Option<ClockRecord> = records::read(inner.store(), &key)?;
                        // What is overdue starts as soon as somebody serves.
                        let from = clock.map_or(now, |clock| clock.at);
                        schedule.cadence().ok().and_then(|cadence| cadence.next_after(from))
                    }
                    _ => None,
                };
                all.push(Listed {
                    workflow: loaded.name().to_owned(),
                    version: loaded.version.version,
                    trigger: trigger.name.clone(),
                    waits_for: in_words(loaded.name(), trigger),
                    next,
                    last: records::read(inner.store(), &layout::last_event(loaded.name(), &trigger.name))?,
                    running: runs.running.len(),
                    waiting: runs.waiting.len(),
                });
            }
        }
        Ok(all)
    }
}

fn in_words(workflow: &str, trigger: &Trigger) -> String {
    match &trigger.kind {
        Kind::ObjectCreated(object) => {
            let place = object.bucket.as_deref().unwrap_or("any bucket");
            let ends = || {
                let (prefix, suffix) = (object.prefix.as_deref(), object.suffix.as_deref());
                format!("{}*{}", prefix.unwrap_or_default(), suffix.unwrap_or_default())
            };
            format!("{} in {place}", object.glob.clone().unwrap_or_else(ends))
        }
        Kind::Schedule(schedule) => match &schedule.timezone {
            Some(zone) => format!("{} {zone}", schedule.text()),
            None => schedule.text(),
        },
        Kind::Http(_) => format!("POST /workflows/{workflow}/runs"),
        Kind::Queue(queue) => format!("queue {}", queue.name),
        Kind::WorkflowCompleted(other) => format!("end of {}", other.name),
        Kind::Alarm(alarm) => match &alarm.metric {
            Some(metric) => format!("{metric} of endpoint {}", alarm.endpoint),
            None => format!("any alarm of endpoint {}", alarm.endpoint),
        },
    }
}

//! `MILLSTREAM_ROLE=trigger`: starts runs, when an object was written, by the clock, or because somebody asks by HTTP.
//!
//! An event that could not be dealt with fails the invocation: whoever sent it tries again, and one event starts one run, however
//! often it comes.

use std::sync::Arc;

use lambda_runtime::{Diagnostic, LambdaEvent};
use millstream_api::{Config, Gateway, GatewayAnswer};
use millstream_core::event::CloudEvent;
use millstream_engine::Package;
use millstream_serving::Live;
use millstream_triggers::{Accepted, Error, Outcome, Triggers};
use millstream_worker::Home;
use serde_json::{Value, json, value::RawValue};
use tokio::sync::OnceCell;

use crate::{
    BootstrapError,
    answer::Answer,
    home,
    packaged::PackagedFunctions,
    role::{Role, failed},
    settings::FunctionSettings,
};

/// Starts runs.
pub struct TriggerRole {
    home: Home,
    triggers: Triggers,
    memory: u64,
    /// The routes that start runs and show them; made at the first request.
    gateway: OnceCell<Gateway<Live>>,
}

/// What an event is.
#[derive(Debug, PartialEq)]
enum Asked {
    /// The clock's.
    Tick,
    /// A request of HTTP.
    Http,
    /// Something has happened.
    Events(Vec<CloudEvent>),
}

/// What starts runs in `home`, of the package's functions.
pub fn triggers(home: &Home, package: Package) -> Triggers {
    Triggers::new(home.clone(), Arc::new(PackagedFunctions::new(package)))
}

impl TriggerRole {
    /// Opens the home and the package.
    ///
    /// # Errors
    /// One of them cannot be used; the variable is told.
    pub fn open(settings: &FunctionSettings) -> Result<Self, BootstrapError> {
        let package = home::package(settings)?;
        let home = home::open(settings)?.packaged(package.clone());
        let triggers = triggers(&home, package);
        Ok(Self { home, triggers, memory: settings.task_memory(), gateway: OnceCell::new() })
    }

    async fn gateway(&self) -> Result<&Gateway<Live>, Diagnostic> {
        let open = || async {
            let serving = millstream_serving::open(&self.home, 1, self.memory)
                .map_err(|error| failed("Host", error))?;
            let live = Live::new(serving, self.home.clone(), Some(self.triggers.clone()), false);
            // Who may ask, the function URL has decided.
            let config = Config::new(([127, 0, 0, 1], 0).into());
            Gateway::for_runs(&config, live).map_err(|error| failed("Host", error))
        };
        self.gateway.get_or_try_init(open).await
    }

    async fn http(&self, event: &RawValue) -> Result<Answer, Diagnostic> {
        let answered = self.gateway().await?.answer(event.get().to_owned().into(), false).await;
        match answered.map_err(|why| failed(&why.kind, why.message))? {
            GatewayAnswer::Json(json) => {
                let text = String::from_utf8(json.into()).map_err(|error| failed("Answer", error))?;
                RawValue::from_string(text).map(Answer::Whole).map_err(|error| failed("Answer", error))
            }
            GatewayAnswer::Stream(..) => {
                Err(failed("Answer", "an answer that nobody wanted streamed is streamed"))
            }
        }
    }
}

impl Role for TriggerRole {
    fn runtime(&self) -> tokio::runtime::Builder {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1);
        builder
    }

    async fn answer(&self, event: LambdaEvent<Box<RawValue>>) -> Result<Answer, Diagnostic> {
        let payload = event.payload;
        let asked = read(&payload)?;
        if asked == Asked::Http {
            return self.http(&payload).await;
        }
        let triggers = self.triggers.clone();
        // The store is read by calls that wait.
        let accepted = tokio::task::spawn_blocking(move || match asked {
            Asked::Tick => tick(&triggers),
            Asked::Http => Ok(Vec::new()),
            Asked::Events(events) => accept(&triggers, &events),
        });
        let accepted = accepted.await.map_err(|error| failed("Panicked", error))?;
        let accepted = accepted.map_err(|error| failed("Trigger", error))?;
        let told: Vec<Value> = accepted.iter().map(told).collect();
        Answer::json(&json!({"accepted": told})).map_err(|error| failed("Answer", error))
    }
}

/// Which of the three it is.
fn read(payload: &RawValue) -> Result<Asked, Diagnostic> {
    let wrong = |why: &dyn std::fmt::Display| {
        failed(
            "NotForTriggers",
            format_args!(
                "this function takes events of S3, ticks of the scheduler and requests, and this is none: {why}"
            ),
        )
    };
    let json: Value = serde_json::from_str(payload.get()).map_err(|error| wrong(&error))?;
    if let Some(asked) = json.get("millstream") {
        return match asked.as_str() {
            Some("tick") => Ok(Asked::Tick),
            _ => Err(wrong(&format_args!("`millstream` is {asked}; it is \"tick\""))),
        };
    }
    let is_http = ["requestContext", "rawPath", "httpMethod"].iter().any(|name| json.get(name).is_some());
    if is_http {
        return Ok(Asked::Http);
    }
    CloudEvent::read_all(&json).map(Asked::Events).map_err(|why| wrong(&why))
}

/// What the clock brings: schedules that are due, alarms, and what other invocations have left.
fn tick(triggers: &Triggers) -> Result<Vec<Accepted>, Error> {
    let mut accepted = triggers.tick()?.accepted;
    accepted.extend(triggers.look_for_alarms()?);
    triggers.recover()?;
    Ok(accepted)
}

/// All events of an invocation. One that can never be read is said, and does not keep the others from starting runs.
fn accept(triggers: &Triggers, events: &[CloudEvent]) -> Result<Vec<Accepted>, Error> {
    let mut accepted = Vec::new();
    for event in events {
        match triggers.accept(event) {
            Ok(all) => accepted.extend(all),
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => {
                tracing::error!(source = event.source, id = event.id, %error, "an event starts no run")
            }
        }
    }
    Ok(accepted)
}

fn told(accepted: &Accepted) -> Value {
    let Accepted { workflow, trigger, outcome } = accepted;
    match outcome {
        Outcome::Started { run } => tracing::info!(workflow, trigger, run, "started"),
        Outcome::Waiting { run } => tracing::info!(workflow, trigger, run, "waits for another run's end"),
        Outcome::Refused { why } => tracing::error!(workflow, trigger, why, "a run can never start so"),
        Outcome::Duplicate { .. } | Outcome::NotStarted { .. } => {}
    }
    json!({"workflow": workflow, "trigger": trigger, "outcome": outcome})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(event: &Value) -> Result<Asked, String> {
        let payload = RawValue::from_string(event.to_string()).unwrap();
        read(&payload).map_err(|error| error.error_message)
    }

    #[test]
    fn events_are_told_apart() {
        assert_eq!(asked(&json!({"millstream": "tick", "time": "2026-11-30T20:00:00Z"})), Ok(Asked::Tick));
        let url = json!({"version": "2.0", "rawPath": "/workflows/churn/runs", "requestContext": {"http": {"method": "POST"}}});
        assert_eq!(asked(&url), Ok(Asked::Http));
        let event = json!({
            "source": "aws.s3", "detail-type": "Object Created", "time": "2026-11-30T20:00:00Z",
            "detail": {"bucket": {"name": "raw"}, "object": {"key": "in/a.csv", "size": 5, "sequencer": "1"}},
        });
        match asked(&event) {
            Ok(Asked::Events(events)) => assert_eq!(events[0].subject.as_deref(), Some("in/a.csv")),
            other => panic!("{other:?}"),
        }
        for (event, says) in [
            (json!({"millstream": "tock"}), "it is \"tick\""),
            (json!({"Records": [{"eventSource": "aws:sqs"}]}), "not of S3"),
            (json!("hello"), "neither"),
        ] {
            let why = asked(&event).unwrap_err();
            assert!(why.contains(says), "{why}");
        }
    }
}

//! Whether an event is one that a trigger waits for, and what it gives the run. Pure.

use millstream_core::event::{self, CloudEvent};
use millstream_language::{
    expr::{EvalError, Function, KeyValues, Reference, Template, Value, Values, eval, fill},
    triggers::{Kind, OnObject, Outcome, Trigger},
};
use serde_json::{Map, Value as Json};

/// Whether events of this type are what the trigger waits for. Requests and messages are sent to their trigger, whatever their type.
pub fn waits_for(kind: &Kind, event: &CloudEvent) -> bool {
    let wanted = match kind {
        Kind::ObjectCreated(_) => event::OBJECT_CREATED,
        Kind::Schedule(_) => event::SCHEDULE,
        Kind::WorkflowCompleted(_) => event::WORKFLOW_COMPLETED,
        Kind::Alarm(_) => event::ALARM,
        Kind::Http(_) | Kind::Queue(_) => return false,
    };
    event.kind == wanted
}

/// Whether the event fits the trigger of `workflow`, its `if` included.
///
/// # Errors
/// Why it does not.
pub fn fits(workflow: &str, trigger: &Trigger, event: &CloudEvent) -> Result<(), String> {
    match &trigger.kind {
        Kind::ObjectCreated(wanted) => object(wanted, &event.data_as()?)?,
        Kind::Schedule(schedule) => {
            let tick: event::ScheduleTick = event.data_as()?;
            if tick.workflow != workflow || tick.schedule != schedule.text() {
                return Err(format!("it is for `{}` of workflow {}", tick.schedule, tick.workflow));
            }
        }
        Kind::WorkflowCompleted(wanted) => {
            let ended: event::WorkflowCompleted = event.data_as()?;
            let fits = match wanted.on {
                Outcome::Succeeded => ended.state == "succeeded",
                Outcome::Failed => ended.state == "failed",
                Outcome::Any => true,
            };
            if ended.workflow != wanted.name {
                return Err(format!("the run is one of workflow {}", ended.workflow));
            }
            if !fits {
                return Err(format!("run {} has {}", ended.run, ended.state));
            }
        }
        Kind::Alarm(wanted) => {
            let alarm: event::AlarmFired = event.data_as()?;
            if alarm.endpoint != wanted.endpoint {
                return Err(format!("the alarm is one of endpoint {}", alarm.endpoint));
            }
            if let Some(metric) = wanted.metric.as_ref().filter(|metric| **metric != alarm.metric) {
                return Err(format!("the alarm watches {}, not {metric}", alarm.metric));
            }
        }
        Kind::Http(_) | Kind::Queue(_) => {}
    }
    let Some(condition) = trigger.kind.condition() else { return Ok(()) };
    let expr = Template::condition(&condition.0).map_err(|problem| problem.message)?;
    match eval(&expr, &OfEvent(event)).map_err(explained)? {
        Value::Bool(true) => Ok(()),
        Value::Bool(false) => Err(format!("its `if` is false: {expr}")),
        other => Err(format!("its `if` is {}, not a boolean: {expr}", other.kind())),
    }
}

fn object(wanted: &OnObject, object: &event::ObjectCreated) -> Result<(), String> {
    let key = &object.key;
    if let Some(bucket) = &wanted.bucket {
        let bucket = folder(bucket).unwrap_or_else(|| bucket.clone());
        if bucket != object.bucket {
            return Err(format!("it lies in {}, not in {bucket}", object.bucket));
        }
    }
    if let Some(prefix) = wanted.prefix.as_ref().filter(|prefix| !key.starts_with(prefix.as_str())) {
        return Err(format!("its key, {key}, does not begin with {prefix}"));
    }
    if let Some(suffix) = wanted.suffix.as_ref().filter(|suffix| !key.ends_with(suffix.as_str())) {
        return Err(format!("its key, {key}, does not end with {suffix}"));
    }
    if let Some(glob) = &wanted.glob {
        let pattern = glob::Pattern::new(glob).map_err(|error| error.to_string())?;
        // `*` stays in its folder, as in a shell.
        let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::new() };
        if !pattern.matches_with(key, options) {
            return Err(format!("its key, {key}, does not match {glob}"));
        }
    }
    if let Some(size) = &wanted.size {
        let too_small = size.min.is_some_and(|min| object.size < min.0);
        let too_large = size.max.is_some_and(|max| object.size > max.0);
        if too_small || too_large {
            let how = if too_small { "less than `min`" } else { "more than `max`" };
            return Err(format!("it has {} bytes, {how}", object.size));
        }
    }
    Ok(())
}

/// The folder that a `bucket` names, without a slash at its end; none if it is no folder.
pub fn folder(bucket: &str) -> Option<String> {
    let path = bucket.strip_prefix("file:")?;
    let path = path.strip_prefix("//").unwrap_or(path).trim_end_matches('/');
    Some(if path.is_empty() { "/".to_owned() } else { path.to_owned() })
}

/// The parameters that the trigger gives a run.
///
/// # Errors
/// Why one of them has no value.
pub fn params(trigger: &Trigger, event: &CloudEvent) -> Result<Map<String, Json>, String> {
    let given = trigger.kind.params().iter();
    given
        .map(|(name, value)| match fill(value, &OfEvent(event)) {
            Ok(value) => Ok((name.clone(), value)),
            Err(error) => Err(format!("parameter `{name}`: {}", explained(error))),
        })
        .collect()
}

fn explained(error: EvalError) -> String {
    match error {
        EvalError::Unknown => "it depends on something that only a run knows".to_owned(),
        EvalError::Failed(message) => message,
    }
}

/// What is known before there is a run.
struct OfEvent<'a>(&'a CloudEvent);

impl Values for OfEvent<'_> {
    fn reference(&self, reference: &Reference, _: &KeyValues) -> Result<Value, EvalError> {
        match reference {
            Reference::Event => Ok(self.0.to_value().into()),
            _ => Err(EvalError::Unknown),
        }
    }

    fn status(&self, _: Function) -> Result<bool, EvalError> {
        Err(EvalError::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use millstream_core::quantity::Size;
    use millstream_language::{
        model::Condition,
        triggers::{OnCompleted, SizeRange},
    };
    use serde_json::json;

    use super::*;

    fn written(key: &str, size: u64) -> CloudEvent {
        let data = event::ObjectCreated {
            bucket: "raw".to_owned(),
            key: key.to_owned(),
            uri: format!("s3://raw/{key}"),
            size,
            ..event::ObjectCreated::default()
        };
        CloudEvent::object_created("s3://raw", &data, None)
    }

    fn on(object: OnObject) -> Trigger {
        Trigger { name: "object-created".to_owned(), place: None, kind: Kind::ObjectCreated(object) }
    }

    #[test]
    fn an_object_must_fit_everything_that_is_given() {
        let text = |text: &str| Some(text.to_owned());
        let size = |min, max| SizeRange { min: Some(Size(min)), max: Some(Size(max)) };
        let any = OnObject::default;
        for (wanted, why) in [
            (any(), None),
            (OnObject { prefix: text("in/"), suffix: text(".csv"), ..any() }, None),
            (OnObject { glob: text("in/*.csv"), size: Some(size(1, 10)), ..any() }, None),
            (OnObject { bucket: text("raw"), ..any() }, None),
            (OnObject { bucket: text("other"), ..any() }, Some("it lies in raw, not in other")),
            (OnObject { prefix: text("out/"), ..any() }, Some("does not begin with out/")),
            (OnObject { suffix: text(".json"), ..any() }, Some("does not end with .json")),
            (OnObject { glob: text("*.csv"), ..any() }, Some("does not match *.csv")),
            (OnObject { size: Some(size(6, 10)), ..any() }, Some("5 bytes, less than `min`")),
            (OnObject { size: Some(size(1, 4)), ..any() }, Some("5 bytes, more than `max`")),
        ] {
            match (fits("w", &on(wanted), &written("in/a.csv", 5)), why) {
                (Ok(()), None) => {}
                (Err(found), Some(why)) => assert!(found.contains(why), "{found}"),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn conditions_and_parameters_see_the_event() {
        let params =
            json!({"source": "${{ event.data.uri }}", "note": "from ${{ event.data.bucket }}", "n": 3});
        let wanted = OnObject {
            condition: Some(Condition("event.data.size > 4".to_owned())),
            params: params.as_object().unwrap().clone(),
            ..OnObject::default()
        };
        let trigger = on(wanted);
        let event = written("a b.csv", 5);
        assert_eq!(fits("w", &trigger, &event), Ok(()));
        assert_eq!(
            Json::Object(super::params(&trigger, &event).unwrap()),
            json!({"source": "s3://raw/a b.csv", "note": "from raw", "n": 3})
        );
        let small = fits("w", &trigger, &written("a.csv", 4)).unwrap_err();
        assert_eq!(small, "its `if` is false: event.data.size > 4");
    }

    #[test]
    fn a_run_that_has_ended_must_have_ended_as_wanted() {
        let ended = |state: &str| {
            let data = event::WorkflowCompleted {
                workflow: "prepare".to_owned(),
                run: "r".to_owned(),
                state: state.to_owned(),
                ..event::WorkflowCompleted::default()
            };
            CloudEvent::new(event::WORKFLOW_COMPLETED, "/runs/r", state, json!(data))
        };
        let on = |outcome| Trigger {
            name: String::new(),
            place: None,
            kind: Kind::WorkflowCompleted(OnCompleted {
                name: "prepare".to_owned(),
                on: outcome,
                ..OnCompleted::default()
            }),
        };
        assert_eq!(fits("w", &on(Outcome::Succeeded), &ended("succeeded")), Ok(()));
        assert_eq!(fits("w", &on(Outcome::Any), &ended("cancelled")), Ok(()));
        let why = fits("w", &on(Outcome::Succeeded), &ended("failed")).unwrap_err();
        assert_eq!(why, "run r has failed");
        assert!(!waits_for(&on(Outcome::Any).kind, &written("a", 1)));
    }

    #[test]
    fn a_folder_is_called_by_its_path() {
        assert_eq!(folder("file:///a/b/"), Some("/a/b".to_owned()));
        assert_eq!(folder("file:/a/b"), Some("/a/b".to_owned()));
        assert_eq!(folder("raw"), None);
    }
}

//! `on:` and `concurrency:`: whether each trigger can ever start a run, and what it gives the run.

use millstream_core::nearest;
use millstream_deployment::alarm::Alarm as DeploymentAlarm;
use millstream_language::{
    expr::{Keys, Reference, Scope, Template, Type, check},
    model::ParamType,
    triggers::{Kind, OnAlarm, OnObject, Trigger, event_type},
};
use serde_json::Value;

use super::{Compiler, NAME_RULE, is_name};

/// What an expression of a trigger may refer to.
struct TriggerScope {
    event: Type,
}

impl Scope for TriggerScope {
    fn reference(&self, reference: &Reference, _: &Keys) -> Result<Type, (String, Option<String>)> {
        match reference {
            Reference::Event => Ok(self.event.clone()),
            other => Err((
                format!("`{other}` means nothing here"),
                Some("a trigger knows `event` alone: there is no run yet".to_owned()),
            )),
        }
    }

    fn has_status(&self) -> bool {
        false
    }
}

impl Compiler<'_> {
    /// Checks all triggers, and how many runs there may be.
    pub(super) fn triggers(&mut self) {
        let workflow = &self.checked.workflow;
        for trigger in &workflow.on.0 {
            self.trigger(trigger);
        }
        if let Some(concurrency) = workflow.concurrency
            && !(1..=1000).contains(&concurrency.limit)
        {
            self.refuse(&["concurrency", "limit"], "`limit` is from 1 to 1000", None);
        }
    }

    fn trigger(&mut self, trigger: &Trigger) {
        let path = trigger.path();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let at = |key: &'static str| -> Vec<&str> { path.iter().copied().chain([key]).collect() };
        match &trigger.kind {
            Kind::ObjectCreated(object) => self.object_created(&path, object),
            Kind::Schedule(schedule) => {
                if let Err((key, message, help)) = schedule.cadence() {
                    // In the short form there is no key; then the whole is shown.
                    self.refuse(&at(key), message, help);
                }
            }
            Kind::Http(http) => {
                if let Some(secret) = &http.secret
                    && !is_variable(secret)
                {
                    let help = "write the name of an environment variable, such as `CHURN_SECRET`, and never the secret itself";
                    self.refuse(&at("secret"), "this is no name of a variable", help.to_owned());
                }
            }
            Kind::Queue(queue) => {
                let reserved = ["tasks", "inference"]
                    .iter()
                    .any(|own| queue.name == *own || queue.name.starts_with(&format!("{own}-")));
                if !is_name(&queue.name) {
                    self.refuse(
                        &at("name"),
                        format!("`{}` is no name for a queue", queue.name),
                        NAME_RULE.to_owned(),
                    );
                } else if reserved {
                    let help =
                        "`tasks`, `inference` and what begins with them and a hyphen are Millstream's own"
                            .to_owned();
                    self.refuse(&at("name"), format!("`{}` is not a queue of yours", queue.name), help);
                }
            }
            Kind::WorkflowCompleted(other) => {
                if !is_name(&other.name) {
                    self.refuse(
                        &at("name"),
                        format!("`{}` is no name of a workflow", other.name),
                        NAME_RULE.to_owned(),
                    );
                } else if other.name == self.checked.workflow.name {
                    let help = "each run's end would start the next; use `schedule` for that".to_owned();
                    self.refuse(&at("name"), "a workflow can't wait for its own end", help);
                }
            }
            Kind::Alarm(alarm) => self.alarm(&at("endpoint"), &at("metric"), alarm),
        }
        self.conditions(&path, trigger);
    }

    fn object_created(&mut self, path: &[&str], object: &OnObject) {
        let at = |key: &'static str| -> Vec<&str> { path.iter().copied().chain([key]).collect() };
        let is_folder = object.bucket.as_deref().is_some_and(|bucket| bucket.starts_with("file:"));
        if let Some(bucket) = &object.bucket {
            let folder = bucket.strip_prefix("file:");
            match folder {
                Some(rest) if rest.strip_prefix("//").unwrap_or(rest).starts_with('/') => {}
                Some(_) => {
                    let help =
                        "write `file:///an/absolute/folder`: a stored workflow is the same wherever it runs";
                    self.refuse(&at("bucket"), "the folder is relative", help.to_owned());
                }
                None if is_bucket(bucket) => {}
                None => {
                    let help = "write a bucket's name (3 to 63 of a-z, 0-9, `-` and `.`), or `file:///an/absolute/folder`";
                    self.refuse(&at("bucket"), format!("`{bucket}` is no bucket"), help.to_owned());
                }
            }
        }
        if object.existing && !is_folder {
            let help = "take it out, or name a folder: `bucket: file:///an/absolute/folder`".to_owned();
            self.refuse_key(&at("existing"), "`existing` is for watched folders", help);
        }
        if let Some(prefix) = object.prefix.as_ref().filter(|prefix| prefix.starts_with('/')) {
            let help = format!("keys begin without a slash: `{}`", prefix.trim_start_matches('/'));
            self.refuse(&at("prefix"), "no key begins so", help);
        }
        if let Some(glob) = &object.glob
            && let Err(error) = glob::Pattern::new(glob)
        {
            self.refuse(&at("glob"), format!("this is no pattern: {}", error.msg), None);
        }
        if let Some(size) = object.size
            && let (Some(min), Some(max)) = (size.min, size.max)
            && min.0 > max.0
        {
            self.refuse(&at("size"), "`min` is more than `max`: no object fits", None);
        }
    }

    fn alarm(&mut self, endpoint: &[&str], metric: &[&str], alarm: &OnAlarm) {
        if !is_name(&alarm.endpoint) {
            self.refuse(
                endpoint,
                format!("`{}` is no name of an endpoint", alarm.endpoint),
                NAME_RULE.to_owned(),
            );
        }
        // A metric is what stands before the comparison of an alarm.
        if let Some(name) = &alarm.metric
            && [" > 1%", " > 1ms", " > 1"]
                .iter()
                .all(|rest| DeploymentAlarm::parse(&format!("{name}{rest}")).is_err())
        {
            let known = ["error-rate", "drift", "p50", "p90", "p95", "p99", "p999"];
            let help = nearest::or_all(name, known, "metrics");
            self.refuse(metric, format!("there is no metric `{name}`"), help);
        }
    }

    /// `if` and `params`: expressions over the event.
    fn conditions(&mut self, path: &[&str], trigger: &Trigger) {
        let Some(event) = event_type([trigger]) else { return };
        let scope = TriggerScope { event };
        let condition: Vec<&str> = path.iter().copied().chain(["if"]).collect();
        if let Some(text) = trigger.kind.condition() {
            match Template::condition(&text.0) {
                Ok(expr) => match check(&expr, &scope) {
                    Ok(Type::Bool | Type::Any) => {}
                    Ok(other) => {
                        self.refuse(
                            &condition,
                            format!("a condition is a boolean, but this is {other}"),
                            None,
                        );
                    }
                    Err(problems) => {
                        problems.into_iter().for_each(|problem| self.refuse_in(&condition, &text.0, problem));
                    }
                },
                Err(problem) => self.refuse_in(&condition, &text.0, problem),
            }
        }
        let workflow = &self.checked.workflow;
        for (name, value) in trigger.kind.params() {
            let at: Vec<&str> = path.iter().copied().chain(["params", name.as_str()]).collect();
            let Some(param) = workflow.params.get(name) else {
                let names = workflow.params.keys().map(String::as_str);
                let help = nearest::or_all(name, names, "parameters");
                self.refuse_key(&at, format!("the workflow has no parameter `{name}`"), help);
                continue;
            };
            self.given(&at, value, param.kind, &scope);
        }
        // A request may bring its own.
        if matches!(trigger.kind, Kind::Http(_)) {
            return;
        }
        let missing: Vec<&str> = workflow
            .params
            .iter()
            .filter(|(name, param)| {
                (param.default.is_none() || param.required == Some(true))
                    && !trigger.kind.params().contains_key(*name)
            })
            .map(|(name, _)| name.as_str())
            .collect();
        if let Some(first) = missing.first() {
            let message = format!("this starts runs without the parameter `{}`", missing.join("`, `"));
            let help = format!("add `params: {{ {first}: ... }}` to it, or give the parameter a default");
            self.refuse_key(path, message, help);
        }
    }

    fn given(&mut self, at: &[&str], value: &Value, kind: ParamType, scope: &TriggerScope) {
        match value {
            Value::String(text) if text.contains("${{") => {
                let Some((_, found)) = self.template(at, text, scope) else { return };
                let fits = match kind {
                    ParamType::String | ParamType::Uri => matches!(found, Type::String),
                    ParamType::Number | ParamType::Integer => found.is_number(),
                    ParamType::Boolean => matches!(found, Type::Bool),
                    ParamType::List => matches!(found, Type::List(_)),
                };
                if !fits && found != Type::Any {
                    self.refuse(at, format!("this is {found}, but {} is wanted", super::wanted(kind)), None);
                }
            }
            other if !super::fits(kind, other) => {
                self.refuse(at, format!("this is {other}, but {} is wanted", super::wanted(kind)), None);
            }
            _ => {}
        }
    }
}

fn is_variable(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_uppercase() || b == b'_')
        && bytes.all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// By S3's rules.
fn is_bucket(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    let ends = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    (3..=63).contains(&name.len())
        && name.bytes().all(fits)
        && ends(name.bytes().next())
        && ends(name.bytes().last())
}

//! One object per line for everything that happens, for programs.

use std::io::{self, Write as _};

use millstream_core::{completion::Figure, task::Message};
use millstream_engine::Event;
use millstream_errors::Coded as _;
use millstream_plan::Plan;
use millstream_state::Progress;
use millstream_worker::Notice;
use serde_json::{Value, json};

use super::{Display, Summary, foreign};

/// See the module.
#[derive(Default)]
pub struct Json {
    run: String,
}

impl Json {
    fn line(&self, event: &str, fields: Value) {
        let mut object = json!({"event": event, "run": self.run});
        if let (Value::Object(object), Value::Object(fields)) = (&mut object, fields) {
            object.extend(fields);
        }
        // A reader that has gone away does not stop the run.
        let _ = writeln!(io::stdout(), "{}", foreign::json(&object.to_string()));
    }

    fn task(&self, event: &str, (task, name): &(&Message, &str), mut fields: Value) {
        fields["label"] = (*name).into();
        fields["step"] = task.step.as_str().into();
        fields["task"] = task.task.into();
        self.line(event, fields);
    }
}

impl Display for Json {
    fn begin(&mut self, plan: &Plan) {
        self.run.clone_from(&plan.run);
        let steps: Vec<&String> = plan.steps.keys().collect();
        self.line("run-started", json!({"workflow": plan.workflow, "params": plan.params, "steps": steps}));
    }

    fn skipped(&mut self, step: &str, reason: &str) {
        self.line("step-skipped", json!({"step": step, "reason": reason}));
    }

    fn notice(&mut self, task: &Message, name: &str, notice: &Notice) {
        let task = &(task, name);
        match notice {
            Notice::Started { attempt } => self.task("task-started", task, json!({"attempt": attempt})),
            // The completion has the phases.
            Notice::Said(Event::Started { .. } | Event::Phase { .. }) => {}
            Notice::Said(Event::Log { level, message }) => {
                self.task("log", task, json!({"level": level, "message": message}));
            }
            Notice::Said(Event::Progress { done, total }) => {
                self.task("progress", task, json!({"done": done, "total": total}));
            }
            Notice::Said(Event::Metric { name, value, step }) => {
                let value = Figure(*value);
                self.task("metric", task, json!({"name": name, "value": value, "at": step}));
            }
            Notice::Completed(completion) => {
                self.task("task-completed", task, json!({"completion": completion}))
            }
            Notice::Retrying { failure, wait } => {
                let code = failure.code();
                self.task("task-retrying", task, json!({"code": code, "failure": failure, "wait-ms": wait}));
            }
            Notice::Failed(record) => {
                let (code, message) = (record.failure.code(), record.failure.to_string());
                let fields = json!({"code": code, "failure": record.failure, "message": message});
                self.task("task-failed", task, fields);
            }
        }
    }

    fn progress(&mut self, _: &Progress) {}

    fn note(&mut self, text: &str) {
        self.line("note", json!({"message": text}));
    }

    fn end(&mut self, summary: &Summary<'_>) -> io::Result<()> {
        let mut fields = json!(summary.overview);
        fields["exported"] = json!(summary.exported);
        self.line("run-ended", fields);
        Ok(())
    }
}

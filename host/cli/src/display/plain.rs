//! A line for each thing that happens, where there is no terminal.

use std::io::{self, Write};

use millstream_engine::{Event, Level};
use millstream_worker::Notice;
use millstream_workflow::{
    completion::{Completion, Figure, Outcome},
    plan::Plan,
    state::{Message, Progress},
};

use super::{Display, Summary, text};

/// See the module.
pub struct Plain {
    out: Box<dyn Write>,
}

impl Plain {
    /// Writes to `out`.
    pub fn new(out: Box<dyn Write>) -> Self {
        Self { out }
    }

    fn line(&mut self, line: &str) {
        // A reader that has gone away does not stop the run.
        let _ = writeln!(self.out, "{line}");
    }
}

/// `train`, or `train.2` of a step with several tasks.
pub fn task_name(task: &Message, several: bool) -> String {
    if several { format!("{}.{}", task.step, task.task) } else { task.step.clone() }
}

/// What a completed task came to, in a line.
pub fn completed(completion: &Completion) -> String {
    let spent = completion.finished.saturating_sub(completion.started);
    match &completion.outcome {
        Outcome::Skipped { reason } => format!("skipped: {reason}"),
        Outcome::Done(results) => {
            let how = match &completion.cached_from {
                Some(origin) => format!("cached from {}", origin.run),
                None => format!("done in {}", text::duration(spent)),
            };
            let metrics: Vec<(String, Figure)> =
                results.metrics.iter().map(|(name, value)| (name.clone(), Figure(*value))).collect();
            let said =
                if results.message.is_empty() { text::metrics(&metrics, 6) } else { results.message.clone() };
            if said.is_empty() { how } else { format!("{how}: {said}") }
        }
    }
}

impl Display for Plain {
    fn begin(&mut self, plan: &Plan) {
        self.line(&format!("run {} ({})", plan.run, text::count(plan.steps.len() as u64, "step")));
    }

    fn notice(&mut self, task: &Message, notice: &Notice) {
        let name = task_name(task, task.task > 0);
        match notice {
            Notice::Started { attempt: 1 } => self.line(&format!("{name}: started")),
            Notice::Started { attempt } => self.line(&format!("{name}: started, attempt {attempt}")),
            Notice::Said(Event::Log { level: level @ (Level::Warn | Level::Error), message }) => {
                let level = if *level == Level::Warn { "warning" } else { "error" };
                self.line(&format!("{name}: {level}: {message}"));
            }
            Notice::Said(_) => {}
            Notice::Completed(completion) => self.line(&format!("{name}: {}", completed(completion))),
            Notice::Retrying { failure, wait } => {
                self.line(&format!("{name}: {failure}; tried again in {}", text::duration(*wait)));
            }
            Notice::Failed(record) => self.line(&format!("{name}: failed: {}", record.failure)),
        }
    }

    fn progress(&mut self, _: &Progress) {}

    fn note(&mut self, text: &str) {
        self.line(text);
    }

    fn end(&mut self, summary: &Summary<'_>) -> io::Result<()> {
        summary.print()
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeMap,
        sync::{Arc, Mutex},
    };

    use millstream_workflow::{
        completion::{FailureRecord, Results},
        failure::Failure,
    };

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn completion(outcome: Outcome) -> Notice {
        Notice::Completed(Box::new(Completion {
            step: "train".to_owned(),
            task: 0,
            outcome,
            key: None,
            cached_from: None,
            why: String::new(),
            started: 1_000,
            finished: 2_500,
            attempt: 1,
            phases: Vec::new(),
        }))
    }

    #[test]
    fn a_line_for_each_thing_that_matters() {
        let out = Shared::default();
        let mut plain = Plain::new(Box::new(out.clone()));
        let task = |step: &str, task| Message { run: "r".to_owned(), step: step.to_owned(), task };
        let metrics = BTreeMap::from([("auc".to_owned(), 0.99715)]);
        plain.notice(&task("train", 0), &Notice::Started { attempt: 1 });
        plain.notice(&task("train", 0), &Notice::Said(Event::Progress { done: 1, total: Some(2) }));
        let warning = Event::Log { level: Level::Warn, message: "few rows".to_owned() };
        plain.notice(&task("train", 1), &Notice::Said(warning));
        plain
            .notice(&task("train", 0), &completion(Outcome::Done(Results { metrics, ..Results::default() })));
        plain
            .notice(&task("deploy", 0), &completion(Outcome::Skipped { reason: "`if` is false".to_owned() }));
        let failure = Failure::InvalidInput {
            message: "it is empty".to_owned(),
            channel: Some("table".to_owned()),
            part: None,
            row: Some(3),
            column: None,
        };
        let record =
            FailureRecord { step: "s".to_owned(), task: 0, failure, attempts: 1, at: 0, blocked_by: None };
        plain.notice(&task("score", 0), &Notice::Failed(Box::new(record)));
        let text = String::from_utf8(out.0.lock().unwrap().clone()).unwrap();
        assert_eq!(
            text,
            "train: started\n\
             train.1: warning: few rows\n\
             train: done in 1.5s: auc 0.9971\n\
             deploy: skipped: `if` is false\n\
             score: failed: input `table`, row 3: it is empty\n"
        );
    }
}

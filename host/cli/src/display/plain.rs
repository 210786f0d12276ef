//! A line for each thing that happens, where there is no terminal.

use std::io::{self, Write};

use millstream_core::{
    completion::{Completion, Figure, Outcome},
    task::Message,
};
use millstream_engine::{Event, Level};
use millstream_errors::Coded as _;
use millstream_plan::Plan;
use millstream_state::Progress;
use millstream_worker::Notice;

use super::{Display, Summary, foreign, text};

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
        let _ = writeln!(self.out, "{}", foreign::printed(line));
    }
}

/// What a completed task came to, in a line.
pub fn completed(completion: &Completion) -> String {
    let spent = completion.finished.saturating_sub(completion.started);
    match &completion.outcome {
        Outcome::Skipped { reason } => format!("skipped: {}", foreign::line(reason)),
        Outcome::Done(results) => {
            let how = match &completion.cached_from {
                Some(origin) => format!("cached from {}", foreign::line(&origin.run)),
                None => format!("done in {}", text::duration(spent)),
            };
            let metrics: Vec<(String, Figure)> =
                results.metrics.iter().map(|(name, value)| (name.clone(), Figure(*value))).collect();
            let said = if results.message.is_empty() {
                text::metrics(&metrics, 6)
            } else {
                foreign::line(&results.message).into_owned()
            };
            if said.is_empty() { how } else { format!("{how}: {said}") }
        }
    }
}

impl Display for Plain {
    fn begin(&mut self, plan: &Plan) {
        self.line(&format!("run {} ({})", plan.run, text::count(plan.steps.len() as u64, "step")));
    }

    fn skipped(&mut self, step: &str, reason: &str) {
        self.line(&format!("{step}: skipped: {}", foreign::line(reason)));
    }

    fn notice(&mut self, _: &Message, name: &str, notice: &Notice) {
        let name = foreign::line(name);
        match notice {
            Notice::Started { attempt: 1 } => self.line(&format!("{name}: started")),
            Notice::Started { attempt } => self.line(&format!("{name}: started, attempt {attempt}")),
            Notice::Said(Event::Log { level: level @ (Level::Warn | Level::Error), message }) => {
                let level = if *level == Level::Warn { "warning" } else { "error" };
                self.line(&format!("{name}: {level}: {}", foreign::indented(message, "    ")));
            }
            Notice::Said(_) => {}
            Notice::Completed(completion) => self.line(&format!("{name}: {}", completed(completion))),
            Notice::Retrying { failure, wait } => {
                let failure = foreign::indented(&failure.to_string(), "    ");
                self.line(&format!("{name}: {failure}; tried again in {}", text::duration(*wait)));
            }
            Notice::Failed(record) => {
                let failure = foreign::indented(&record.failure.to_string(), "    ");
                self.line(&format!("{name}: failed[{}]: {failure}", record.failure.code()));
            }
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

    use millstream_core::{
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
        let task = Message { run: "r".to_owned(), step: "train".to_owned(), task: 0 };
        let mut told = |name: &str, notice: &Notice| plain.notice(&task, name, notice);
        let metrics = BTreeMap::from([("auc".to_owned(), 0.99715)]);
        told("train", &Notice::Started { attempt: 1 });
        told("train", &Notice::Said(Event::Progress { done: 1, total: Some(2) }));
        let warning = Event::Log { level: Level::Warn, message: "few rows".to_owned() };
        told("train[fold=1, rows=a\u{7}]", &Notice::Said(warning));
        told("train", &completion(Outcome::Done(Results { metrics, ..Results::default() })));
        told("deploy", &completion(Outcome::Skipped { reason: "`if` is false".to_owned() }));
        let failure = Failure::InvalidInput {
            message: "it is empty".to_owned(),
            channel: Some("table".to_owned()),
            part: None,
            row: Some(3),
            column: None,
        };
        let record =
            FailureRecord { step: "s".to_owned(), task: 0, failure, attempts: 1, at: 0, blocked_by: None };
        told("score", &Notice::Failed(Box::new(record)));
        let forged = "bad\u{1b}]0;owned\u{7}\nscore: done\u{9b}2K".to_owned();
        told("log", &Notice::Said(Event::Log { level: Level::Warn, message: forged.clone() }));
        told("log", &completion(Outcome::Done(Results { message: forged, ..Results::default() })));
        plain.skipped("after", "for-each found nothing to do");
        let text = String::from_utf8(out.0.lock().unwrap().clone()).unwrap();
        assert_eq!(
            text,
            "train: started\n\
             train[fold=1, rows=a\\u{7}]: warning: few rows\n\
             train: done in 1.5s: auc 0.9971\n\
             deploy: skipped: `if` is false\n\
             score: failed[MS0101]: input `table`, row 3: it is empty\n\
             log: warning: bad\\u{1b}]0;owned\\u{7}\n\
             \x20   score: done\\u{9b}2K\n\
             log: done in 1.5s: bad\\u{1b}]0;owned\\u{7}\\nscore: done\\u{9b}2K\n\
             after: skipped: for-each found nothing to do\n"
        );
    }
}

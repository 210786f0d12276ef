//! Nothing but what went wrong, and what functions warn of: for a run that a command makes for its own ends.

use std::io;

use millstream_core::task::Message;
use millstream_engine::{Event, Level};
use millstream_plan::Plan;
use millstream_state::Progress;
use millstream_worker::Notice;

use super::{Display, Summary, error_line, foreign};
use crate::overview::State;

/// See the module.
#[derive(Default)]
pub struct Quiet;

impl Display for Quiet {
    fn begin(&mut self, _: &Plan) {}

    fn skipped(&mut self, _: &str, _: &str) {}

    fn notice(&mut self, _: &Message, _: &str, notice: &Notice) {
        if let Notice::Said(Event::Log { level: Level::Warn | Level::Error, message }) = notice {
            error_line(&format!("warning: {}", foreign::indented(message, "  ")));
        }
    }

    fn progress(&mut self, _: &Progress) {}

    fn note(&mut self, text: &str) {
        error_line(text);
    }

    fn end(&mut self, summary: &Summary<'_>) -> io::Result<()> {
        if summary.overview.state == "succeeded" {
            return Ok(());
        }
        let tasks = summary.overview.steps.iter().flat_map(|step| &step.tasks);
        for task in tasks.filter(|task| task.state == State::Failed) {
            let (Some(code), Some(error)) = (task.code, &task.error) else { continue };
            error_line(&format!("error[{code}]: {}", foreign::indented(error, "  ")));
        }
        // Where to look; the command that made the run is what people try again.
        if let Some((command, what)) = summary.next.first() {
            error_line(&format!("  {command}  {what}"));
        }
        Ok(())
    }
}

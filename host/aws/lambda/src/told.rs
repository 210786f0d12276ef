//! What goes to the function's log.

use std::io;

use millstream_core::task::Message;
use millstream_worker::{Notice, Watch};
use tracing_subscriber::{filter::LevelFilter, fmt};

/// Lines of plain text on standard error, without times, which CloudWatch adds.
pub fn log_to_stderr() {
    fmt()
        .with_writer(io::stderr)
        .with_ansi(false)
        .without_time()
        .with_target(false)
        .with_max_level(LevelFilter::INFO)
        .init();
}

/// Tells what became of tasks.
pub struct Told;

impl Watch for Told {
    fn notice(&self, task: &Message, notice: Notice) {
        let Message { run, step, task } = task;
        match notice {
            Notice::Started { attempt } => tracing::info!(run, step, task, attempt, "started"),
            Notice::Completed(_) => tracing::info!(run, step, task, "done"),
            Notice::Retrying { failure, wait } => {
                tracing::warn!(run, step, task, %failure, wait, "failed; it is tried again");
            }
            Notice::Failed(record) => tracing::error!(run, step, task, failure = %record.failure, "failed"),
            // It is in the task's own log, in the store.
            Notice::Said(_) => {}
        }
    }
}

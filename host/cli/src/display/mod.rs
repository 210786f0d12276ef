//! What people, or programs, see of a run as it happens. Data goes to standard output, everything else to standard error.

pub mod foreign;
mod json;
mod plain;
mod quiet;
mod summary;
pub mod table;
mod terminal;
pub mod text;
pub mod wrap;

use std::{
    io::{self, Write},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use millstream_api::Traces;
use millstream_core::task::Message;
use millstream_plan::Plan;
use millstream_state::Progress;
use millstream_worker::Notice;
use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer, Registry, filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

pub use json::Json;
pub use plain::Plain;
pub use quiet::Quiet;
pub use summary::{Exported, Summary, steps};
pub use terminal::Terminal;

/// Shows a run.
pub trait Display {
    /// It begins, or goes on.
    fn begin(&mut self, plan: &Plan);

    /// A step was skipped as a whole.
    fn skipped(&mut self, step: &str, reason: &str);

    /// Something happened to one of its tasks, which people call `name`.
    fn notice(&mut self, task: &Message, name: &str, notice: &Notice);

    /// How it stands; other processes may have done tasks.
    fn progress(&mut self, progress: &Progress);

    /// Something that people should know.
    fn note(&mut self, text: &str);

    /// It has ended, one way or another; nothing is shown after that but the summary.
    fn end(&mut self, summary: &Summary<'_>) -> io::Result<()>;
}

/// The right display for where the output goes.
pub fn choose(json: bool) -> Box<dyn Display> {
    if json {
        Box::new(Json::default())
    } else if Term::stderr().features().is_attended() {
        Box::new(Terminal::new())
    } else {
        Box::new(Plain::new(Box::new(io::stderr())))
    }
}

/// The bars on the terminal, if there are any: whoever else writes must take them away meanwhile.
static BARS: Mutex<Option<MultiProgress>> = Mutex::new(None);

/// A line on standard error, above bars that are there. A terminal gets lines that end between words.
pub fn error_line(text: &str) {
    let text = foreign::printed(text);
    let term = Term::stderr();
    let text = match term.features().is_attended() {
        true => wrap::wrap_lines(&text, usize::from(term.size().1).max(20), 2).into(),
        false => text,
    };
    // Where nobody can be told, there is nobody to tell that.
    let write = || drop(writeln!(io::stderr(), "{text}"));
    match &*BARS.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(bars) => bars.suspend(write),
        None => write(),
    }
}

fn bars_are(bars: Option<MultiProgress>) {
    *BARS.lock().unwrap_or_else(PoisonError::into_inner) = bars;
}

/// What libraries warn of goes to standard error.
///
/// A server's spans go to the collector that the environment names, until what is returned is dropped; without a collector
/// none is made.
pub fn log_to_stderr(server: bool) -> Result<Option<Traces>, String> {
    let found = if server { millstream_api::traces_from_environment()? } else { None };
    let (layer, traces) = found.unzip();
    subscriber(layer).init();
    Ok(traces)
}

fn subscriber<L: Layer<Registry> + Send + Sync>(traces: Option<L>) -> impl Subscriber + Send + Sync {
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(|| Lines)
        .with_ansi(false)
        .with_target(false)
        .without_time()
        // What S3's clients do wrong they are told themselves.
        .with_filter(Targets::new().with_default(LevelFilter::WARN).with_target("s3s", LevelFilter::OFF));
    tracing_subscriber::registry().with(traces).with(lines)
}

/// Writes whole lines above the bars.
struct Lines;

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        error_line(&foreign::line(String::from_utf8_lossy(bytes).trim()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Turns until dropped. Quick things show none.
pub fn spinner(text: &'static str) -> Spinner {
    let (done, wait) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        if wait.recv_timeout(Duration::from_millis(300)) != Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            return;
        }
        if !Term::stderr().features().is_attended() {
            error_line(text);
            return;
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let style = ProgressStyle::with_template("{spinner:.cyan} {msg} {elapsed:.dim}");
        bar.set_style(style.expect("the template is right"));
        bar.set_message(text);
        bar.enable_steady_tick(Duration::from_millis(100));
        // Ends when the sender is dropped.
        let _ = wait.recv();
        bar.finish_and_clear();
    });
    Spinner { done: Some(done), thread: Some(thread) }
}

/// See [`spinner`].
pub struct Spinner {
    done: Option<std::sync::mpsc::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.done.take();
        if let Some(thread) = self.thread.take() {
            // It draws, and nothing depends on that.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::Identity;

    use super::*;

    #[test]
    fn without_a_collector_no_span_is_made() {
        let subscriber = subscriber(None::<Identity>);
        assert_eq!(subscriber.max_level_hint(), Some(LevelFilter::WARN));
        tracing::subscriber::with_default(subscriber, || {
            assert!(tracing::info_span!("request").is_disabled());
        });
    }
}

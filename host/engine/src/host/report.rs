//! `report`: log lines, progress and learning curves, and what WASI programs print.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{State, breach};
use crate::{
    Event, Level, Limits,
    contract::{
        report::{self, Host},
        types,
    },
    text::truncate,
};

/// Where a job's events go, within their limits. Clones are the same reporter.
#[derive(Clone)]
pub(crate) struct Reporter(Arc<Mutex<Inner>>);

struct Inner {
    sink: Box<dyn FnMut(Event) + Send>,
    logs: Allowance,
    points: Allowance,
    last_words: VecDeque<String>,
    /// When progress last got through, and what has not since.
    shown: Option<Instant>,
    held_back: Option<Event>,
    phases: Phases,
}

/// The time that each phase has taken so far, in the order in which they first began.
#[derive(Default)]
struct Phases {
    taken: Vec<(String, Duration)>,
    /// The place of the one that goes on, and since when.
    current: Option<(usize, Instant)>,
}

/// How many more of something get through.
struct Allowance {
    left: u64,
    limit: u64,
}

/// Longest log message or metric name, in bytes.
pub(crate) const MAX_MESSAGE: usize = 16 << 10;

/// Columns and kinds that a predictor may say of one answer that they are unlike training.
const MAX_UNSEEN: usize = 4096;
/// How much of a name that is refused is shown, in bytes.
const MAX_SHOWN: usize = 100;

/// Lines on standard error that may be last words.
const LAST_LINES: usize = 12;

/// Shortest time between two progress events.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(50);

/// Most phases of a job, and the longest name of one in bytes. What is beyond is not timed.
const MAX_PHASES: usize = 16;
const MAX_PHASE_NAME: usize = 64;

impl Allowance {
    fn new(limit: u64) -> Self {
        Self { left: limit, limit }
    }

    /// Whether this one gets through; `Some(true)` for the first that does not.
    fn take(&mut self) -> Option<bool> {
        match self.left {
            // One below zero: the note has been written.
            u64::MAX => Some(false),
            0 => {
                self.left = u64::MAX;
                Some(true)
            }
            _ => {
                self.left -= 1;
                None
            }
        }
    }
}

impl Phases {
    fn begin(&mut self, name: Option<&str>) {
        let now = Instant::now();
        if let Some((place, since)) = self.current.take() {
            self.taken[place].1 += now - since;
        }
        let sound = |name: &&str| {
            !name.is_empty() && name.len() <= MAX_PHASE_NAME && !name.contains(char::is_control)
        };
        let Some(name) = name.filter(sound) else { return };
        let place = self.taken.iter().position(|(taken, _)| taken == name).or_else(|| {
            let place = self.taken.len();
            (place < MAX_PHASES).then(|| {
                self.taken.push((name.to_owned(), Duration::ZERO));
                place
            })
        });
        self.current = place.map(|place| (place, now));
    }
}

impl Reporter {
    /// Sends what the limits let through to `sink`.
    pub fn new(limits: &Limits, sink: impl FnMut(Event) + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            sink: Box::new(sink),
            logs: Allowance::new(limits.log_lines.min(u64::MAX - 1)),
            points: Allowance::new(limits.metric_points.min(u64::MAX - 1)),
            last_words: VecDeque::new(),
            shown: None,
            held_back: None,
            phases: Phases::default(),
        })))
    }

    /// Drops everything.
    pub fn silent() -> Self {
        Self::new(&Limits::default(), |_| ())
    }

    /// Sends the engine's own event.
    pub fn send(&self, event: Event) {
        (self.inner().sink)(event);
    }

    /// A log line.
    pub fn log(&self, level: Level, message: &str) {
        let message = truncate(message, MAX_MESSAGE);
        let mut inner = self.inner();
        inner.last_words.clear();
        if level == Level::Error {
            inner.last_words.push_back(message.clone());
        }
        inner.log(level, message);
    }

    /// A line on standard output or error of a WASI program.
    pub fn print(&self, level: Level, line: &str) {
        let line = truncate(line, MAX_MESSAGE);
        let mut inner = self.inner();
        if level == Level::Warn {
            if inner.last_words.len() == LAST_LINES {
                inner.last_words.pop_front();
            }
            inner.last_words.push_back(line.clone());
        }
        inner.log(level, line);
    }

    /// The error that the guest logged last of all, or the last lines on its standard error: a panic's message or a
    /// traceback, if a trap follows.
    pub fn last_words(&self) -> Option<String> {
        let words = &mut self.inner().last_words;
        (!words.is_empty()).then(|| words.make_contiguous().join("\n"))
    }

    fn progress(&self, done: u64, total: Option<u64>) {
        let mut inner = self.inner();
        let event = Event::Progress { done, total };
        if inner.shown.is_some_and(|shown| shown.elapsed() < PROGRESS_INTERVAL) {
            inner.held_back = Some(event);
        } else {
            inner.held_back = None;
            inner.shown = Some(Instant::now());
            (inner.sink)(event);
        }
    }

    fn phase(&self, name: Option<&str>) {
        self.inner().phases.begin(name);
    }

    /// Lets the latest progress through, and what each phase took. For the job's end.
    pub fn flush(&self) {
        let mut inner = self.inner();
        inner.phases.begin(None);
        for (name, time) in std::mem::take(&mut inner.phases.taken) {
            (inner.sink)(Event::Phase { name, time });
        }
        if let Some(event) = inner.held_back.take() {
            (inner.sink)(event);
        }
    }

    fn metric(&self, name: &str, value: f64, step: u64) {
        let mut inner = self.inner();
        match inner.points.take() {
            None => (inner.sink)(Event::Metric { name: truncate(name, MAX_MESSAGE), value, step }),
            Some(true) => {
                let message = format!("more than {} metric points: the rest are dropped", inner.points.limit);
                (inner.sink)(Event::Log { level: Level::Warn, message });
            }
            Some(false) => (),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn log(&mut self, level: Level, message: String) {
        match self.logs.take() {
            None => (self.sink)(Event::Log { level, message }),
            Some(true) => {
                let message = format!("more than {} log lines: the rest are dropped", self.logs.limit);
                (self.sink)(Event::Log { level: Level::Warn, message });
            }
            Some(false) => (),
        }
    }
}

impl State {
    pub fn log(&mut self, level: report::Level, message: &str) -> wasmtime::Result<()> {
        self.interrupt()?;
        let level = match level {
            report::Level::Debug => Level::Debug,
            report::Level::Info => Level::Info,
            report::Level::Warn => Level::Warn,
            report::Level::Error => Level::Error,
        };
        self.reporter.log(level, message);
        Ok(())
    }

    pub fn metric(&mut self, name: &str, value: f64, step: u64) -> wasmtime::Result<()> {
        self.interrupt()?;
        if name.contains(char::is_control) {
            return Err(breach(format!(
                "it reported a metric whose name has control characters: {:?}",
                truncate(name, MAX_SHOWN)
            )));
        }
        self.reporter.metric(name, value, step);
        Ok(())
    }

    pub fn phase(&mut self, name: Option<&str>) -> wasmtime::Result<()> {
        self.interrupt()?;
        // A model that a job asks is a part of that job's own phase.
        if self.job.is_some() {
            self.reporter.phase(name);
        }
        Ok(())
    }
}

/// As the contract has it; [`bounded`](super::bounded) is linked in place of what takes text.
impl Host for State {
    fn log(&mut self, level: report::Level, message: String) -> wasmtime::Result<()> {
        Self::log(self, level, &message)
    }

    fn progress(&mut self, done: u64, total: Option<u64>) -> wasmtime::Result<()> {
        self.interrupt()?;
        self.reporter.progress(done, total);
        Ok(())
    }

    fn metric(&mut self, name: String, value: f64, step: u64) -> wasmtime::Result<()> {
        Self::metric(self, &name, value, step)
    }

    fn novelties(&mut self, found: Vec<types::Unseen>) -> wasmtime::Result<()> {
        self.interrupt()?;
        // A job has no rows to answer; of a predictor that says more, the beginning is enough.
        let room = if self.job.is_some() { 0 } else { MAX_UNSEEN.saturating_sub(self.unseen.len()) };
        self.unseen.extend(found.into_iter().take(room));
        Ok(())
    }

    fn phase(&mut self, name: Option<String>) -> wasmtime::Result<()> {
        Self::phase(self, name.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn reporter(limits: Limits) -> (Reporter, mpsc::Receiver<Event>) {
        let (sender, receiver) = mpsc::channel();
        (Reporter::new(&limits, move |event| sender.send(event).unwrap()), receiver)
    }

    #[test]
    fn lines_beyond_the_limit_leave_one_note() {
        let (reporter, events) = reporter(Limits { log_lines: 3, ..Limits::default() });
        for line in 0..100 {
            reporter.log(Level::Info, &line.to_string());
        }
        let lines: Vec<_> = events.try_iter().collect();
        assert_eq!(lines.len(), 4);
        let note =
            Event::Log { level: Level::Warn, message: "more than 3 log lines: the rest are dropped".into() };
        assert_eq!(lines[3], note);
    }

    #[test]
    fn progress_is_thinned_but_ends_at_the_end() {
        let (reporter, events) = reporter(Limits::default());
        for done in 1..=1000 {
            reporter.progress(done, Some(1000));
        }
        reporter.flush();
        let events: Vec<_> = events.try_iter().collect();
        assert!(events.len() < 100, "{}", events.len());
        assert_eq!(events.last(), Some(&Event::Progress { done: 1000, total: Some(1000) }));
    }

    #[test]
    fn last_words_are_the_last() {
        let (reporter, _events) = reporter(Limits::default());
        reporter.log(Level::Error, "early");
        assert_eq!(reporter.last_words().as_deref(), Some("early"));
        reporter.log(Level::Info, "went on");
        assert_eq!(reporter.last_words(), None);
        for line in 0..LAST_LINES {
            reporter.print(Level::Warn, &format!("frame {line}"));
        }
        reporter.print(Level::Warn, "ValueError: no");
        let words = reporter.last_words().unwrap();
        assert_eq!(words.lines().count(), LAST_LINES);
        assert!(words.ends_with("frame 11\nValueError: no"), "{words}");
    }

    #[test]
    fn time_goes_to_the_phase_that_was_named_last() {
        let (reporter, events) = reporter(Limits::default());
        for name in [Some("read"), Some("fit"), None, Some("read"), Some("")] {
            reporter.phase(name);
            std::thread::sleep(Duration::from_millis(2));
        }
        reporter.phase(Some("with\nlines"));
        (0..100).for_each(|i| reporter.phase(Some(&format!("phase {i}"))));
        reporter.flush();
        let told: Vec<Event> = events.try_iter().collect();
        let time = |place: usize| match &told[place] {
            Event::Phase { name, time } => (name.as_str(), *time),
            other => panic!("{other:?}"),
        };
        assert_eq!((told.len(), time(0).0, time(1).0), (MAX_PHASES, "read", "fit"));
        assert!(time(0).1 >= Duration::from_millis(4) && time(1).1 >= Duration::from_millis(2), "{told:?}");
        reporter.flush();
        assert_eq!(events.try_iter().count(), 0);
    }
}

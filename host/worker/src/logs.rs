//! What tasks say while they run, kept in the store as numbered pieces of JSON Lines.
//!
//! Objects can't be appended to; a piece is written once a second while there is something to write, and at the end.
//! `runs/<run>/logs/<step>/<task>/<attempt>/<piece>.jsonl`

use std::{collections::BTreeSet, time::Duration};

use millstream_engine::{Event, Level};
use millstream_queue::Clock;
use millstream_store::{PutOptions, Store, entries};
use serde::{Deserialize, Serialize};

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Milliseconds since 1970 UTC.
    pub at: u64,
    /// What was said.
    #[serde(flatten)]
    pub event: Said,
}

/// What a function said that is worth keeping.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Said {
    /// A message.
    Log {
        /// How much it matters.
        level: Level,
        /// What it says.
        message: String,
    },
    /// A point of a learning curve. No value is one that is not finite.
    Metric {
        /// Which.
        name: String,
        /// How much.
        value: Option<f64>,
        /// Where on the curve.
        step: u64,
    },
}

impl Said {
    /// What is kept of an event; progress is not.
    pub fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Log { level, message } => Some(Self::Log { level: *level, message: message.clone() }),
            Event::Metric { name, value, step } => Some(Self::Metric {
                name: name.clone(),
                value: value.is_finite().then_some(*value),
                step: *step,
            }),
            Event::Started { .. } | Event::Progress { .. } | Event::Phase { .. } => None,
        }
    }
}

const FLUSH_AFTER: Duration = Duration::from_secs(1);
const FLUSH_BYTES: usize = 256 * 1024;

/// Writes one attempt's log. A log that cannot be written does not stop the task.
pub struct Writer<'a> {
    store: &'a dyn Store,
    clock: &'a dyn Clock,
    task: String,
    /// Known with the first piece: what an attempt that was killed has said stays.
    attempt: Option<u32>,
    buffer: Vec<u8>,
    pieces: u32,
    flushed: Duration,
}

impl<'a> Writer<'a> {
    /// `task` is the folder of the task's logs and ends with a slash.
    pub fn new(store: &'a dyn Store, clock: &'a dyn Clock, task: String) -> Self {
        let flushed = clock.monotonic();
        Self { store, clock, task, attempt: None, buffer: Vec::new(), pieces: 0, flushed }
    }

    /// Adds a line.
    pub fn add(&mut self, line: &Line) {
        serde_json::to_writer(&mut self.buffer, line).expect("a line is JSON");
        self.buffer.push(b'\n');
        let since = self.clock.monotonic().saturating_sub(self.flushed);
        if self.buffer.len() >= FLUSH_BYTES || since >= FLUSH_AFTER {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.flushed = self.clock.monotonic();
        if self.buffer.is_empty() {
            return;
        }
        let attempt = *self.attempt.get_or_insert_with(|| next_attempt(self.store, &self.task));
        let key = format!("{}{attempt}/{:06}.jsonl", self.task, self.pieces);
        if let Err(error) = self.store.put(&key, &self.buffer, &PutOptions::default().relaxed()) {
            tracing::warn!(%key, %error, "a piece of a log is lost");
        }
        self.pieces += 1;
        self.buffer.clear();
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        self.flush();
    }
}

fn next_attempt(store: &dyn Store, task: &str) -> u32 {
    let attempts =
        entries(store, task).flatten().filter_map(|entry| place(&entry.key)).map(|place| place.attempt);
    attempts.max().unwrap_or(0) + 1
}

/// Where a line of a log stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The step.
    pub step: String,
    /// Which of its tasks.
    pub task: u32,
    /// Which attempt at it, from 1.
    pub attempt: u32,
}

/// The lines of all pieces under `prefix` that are not among those `seen`; follow a log by calling it again.
///
/// # Errors
/// What the store met.
pub fn read(
    store: &dyn Store,
    prefix: &str,
    seen: &mut BTreeSet<String>,
    mut line: impl FnMut(Place, Line),
) -> Result<(), millstream_store::Error> {
    for entry in entries(store, prefix) {
        let key = entry?.key;
        if seen.contains(&key) {
            continue;
        }
        let Some(place) = place(&key) else { continue };
        let object = store.get(&key)?;
        for text in object.bytes.split(|byte| *byte == b'\n').filter(|text| !text.is_empty()) {
            if let Ok(read) = serde_json::from_slice(text) {
                line(place.clone(), read);
            }
        }
        seen.insert(key);
    }
    Ok(())
}

/// `runs/<run>/logs/<step>/<task>/<attempt>/<piece>.jsonl`
fn place(key: &str) -> Option<Place> {
    let parts: Vec<&str> = key.split('/').collect();
    let [_, _, "logs", step, task, attempt, _] = parts.as_slice() else { return None };
    Some(Place { step: (*step).to_owned(), task: task.parse().ok()?, attempt: attempt.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use millstream_queue::SystemClock;
    use millstream_store::MemoryStore;

    use super::*;

    fn line(message: &str) -> Line {
        Line { at: 1, event: Said::Log { level: Level::Info, message: message.to_owned() } }
    }

    #[test]
    fn a_log_reads_back_piece_by_piece() {
        let store = MemoryStore::default();
        let mut seen = BTreeSet::new();
        let mut all = Vec::new();
        for _ in 1..=2 {
            let mut writer = Writer::new(&store, &SystemClock, "runs/r/logs/train/000003/".to_owned());
            writer.add(&line("one"));
            writer.add(&line("two"));
            drop(writer);
            read(&store, "runs/r/logs/", &mut seen, |place, line| all.push((place, line))).unwrap();
        }
        assert_eq!(all.len(), 4, "nothing twice");
        assert_eq!(all[3], (Place { step: "train".to_owned(), task: 3, attempt: 2 }, line("two")));
    }

    #[test]
    fn a_figure_that_json_cannot_hold_is_kept_as_none() {
        let said = Said::of(&Event::Metric { name: "loss".to_owned(), value: f64::NAN, step: 1 });
        let text = serde_json::to_string(&Line { at: 1, event: said.unwrap() }).unwrap();
        assert!(serde_json::from_str::<Line>(&text).is_ok(), "{text}");
    }
}

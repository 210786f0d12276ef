//! Who works on a home: a record of each worker, renewed while it lives.
//!
//! The record is for people. No task depends on it: whoever has a message does the task, and who ends without a word is found out by
//! the queue.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use millstream_core::{layout, task::Message};
use millstream_queue::{Clock, Wake};
use millstream_store::{ErrorKind, PutOptions, Result, entries};
use serde::{Deserialize, Serialize};

use crate::Home;

/// Between two renewals: of a store on this machine, and of one over the network, where each costs money.
const EVERY: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(60)];
/// So much later than it said, a record is that of a worker that has gone, in milliseconds.
const LATE: u64 = 10_000;
/// A worker that ends waits so long for its record to be removed.
const LET_GO: Duration = Duration::from_secs(2);
/// Records of workers that have gone are kept so long, in milliseconds: a day.
const KEPT: u64 = 86_400_000;

/// A worker, as it said last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct WorkerRecord {
    /// Its machine's name and its process.
    pub name: String,
    /// When it began, in milliseconds since 1970 UTC.
    pub since: u64,
    /// When it said so, in milliseconds since 1970 UTC.
    pub seen: u64,
    /// How often it says so, in milliseconds.
    pub every: u64,
    /// Tasks that it does at once.
    pub threads: u32,
    /// The pools whose tasks it does, besides those of no pool.
    pub pools: Vec<String>,
    /// What it does.
    pub doing: Vec<TaskInHand>,
}

/// A task that a worker does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TaskInHand {
    /// Which.
    #[serde(flatten)]
    pub task: Message,
    /// Since when, in milliseconds since 1970 UTC.
    pub since: u64,
}

impl WorkerRecord {
    /// Whether it has said something lately.
    pub fn is_alive(&self, now: u64) -> bool {
        self.seen + self.every + LATE >= now
    }
}

/// All workers that are there, or were within a day, by name. One that was killed is there still, and not alive.
///
/// # Errors
/// The store failed.
pub fn workers(home: &Home) -> Result<Vec<WorkerRecord>> {
    let keys = entries(home.store().as_ref(), layout::WORKERS)
        .map(|entry| entry.map(|entry| entry.key))
        .collect::<Result<Vec<_>>>()?;
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let mut found = Vec::new();
    for (key, object) in keys.iter().zip(home.store().get_many(&keys)) {
        match object.map(|object| serde_json::from_slice(&object.bytes)) {
            Ok(Ok(record)) => found.push(record),
            // It is written anew within a minute.
            Ok(Err(error)) => tracing::warn!(key, %error, "a worker's record is damaged"),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

/// Whether anybody does the tasks of a pool: one of these workers, or a function of Lambda.
///
/// # Errors
/// The store failed.
pub fn is_served(home: &Home, workers: &[WorkerRecord], pool: &str) -> Result<bool> {
    let now = home.now();
    let here =
        workers.iter().any(|worker| worker.is_alive(now) && worker.pools.iter().any(|own| own == pool));
    Ok(here || home.pools()?.is_some_and(|pools| pools.iter().any(|one| one.name == pool)))
}

/// The tasks that a worker has in hand.
#[derive(Debug, Default)]
pub(crate) struct Hands(Mutex<(u64, BTreeMap<u64, TaskInHand>)>);

impl Hands {
    fn lock(&self) -> MutexGuard<'_, (u64, BTreeMap<u64, TaskInHand>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a task in hand, until the guard is dropped.
    pub(crate) fn take(&self, task: &Message, since: u64) -> InHand<'_> {
        let mut hands = self.lock();
        hands.0 += 1;
        let number = hands.0;
        hands.1.insert(number, TaskInHand { task: task.clone(), since });
        InHand { hands: self, number }
    }

    fn all(&self) -> Vec<TaskInHand> {
        self.lock().1.values().cloned().collect()
    }
}

/// A task is in hand.
pub(crate) struct InHand<'a> {
    hands: &'a Hands,
    number: u64,
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        self.hands.lock().1.remove(&self.number);
    }
}

/// Says that a worker is there, until it is dropped.
pub struct Presence {
    clock: Arc<dyn Clock>,
    /// It is to end.
    over: Arc<Wake>,
    /// The record is gone.
    gone: Arc<Wake>,
}

impl Presence {
    /// Writes the record, and renews it from then on. What the store refuses is logged, and tried again.
    pub(crate) fn start(home: Home, hands: Arc<Hands>, threads: usize, pools: &[String]) -> io::Result<Self> {
        let every = EVERY[usize::from(home.store().looks().metered)];
        let mut record = WorkerRecord {
            name: name(),
            since: home.now(),
            seen: 0,
            every: every.as_millis() as u64,
            threads: u32::try_from(threads).unwrap_or(u32::MAX),
            pools: pools.to_vec(),
            doing: Vec::new(),
        };
        let clock = Arc::clone(home.clock());
        let (over, gone) = (Arc::new(Wake::default()), Arc::new(Wake::default()));
        let (told, tell, time) = (Arc::clone(&over), Arc::clone(&gone), Arc::clone(&clock));
        let renew = move || {
            let key = layout::worker(&record.name);
            sweep(&home);
            loop {
                (record.seen, record.doing) = (home.now(), hands.all());
                if let Err(error) = write(&home, &key, &record) {
                    tracing::warn!(%error, "cannot say that this worker is there");
                }
                if time.wait(&told, 0, every) {
                    break;
                }
            }
            if let Err(error) = home.store().delete(&key) {
                tracing::debug!(%error, "a worker's record was left behind");
            }
            tell.notify();
        };
        clock.spawn("presence", Box::new(renew))?;
        Ok(Self { clock, over, gone })
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.over.notify();
        self.clock.wait(&self.gone, 0, LET_GO);
    }
}

fn write(home: &Home, key: &str, record: &WorkerRecord) -> Result<()> {
    let bytes = serde_json::to_vec(record)
        .map_err(|error| millstream_store::Error::new(ErrorKind::Corrupt, error.to_string()))?;
    home.store().put(key, &bytes, &PutOptions::default()).map(drop)
}

/// Removes the records of workers that went without a word long ago.
fn sweep(home: &Home) {
    let old = |record: &WorkerRecord| record.seen + KEPT < home.now();
    match workers(home) {
        Ok(found) => {
            for record in found.iter().filter(|record| old(record)) {
                let _ = home.store().delete(&layout::worker(&record.name));
            }
        }
        Err(error) => tracing::debug!(%error, "records of old workers were not looked at"),
    }
}

/// This machine and process. No two that live at once on a machine have the same.
pub fn name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String =
        host.trim().chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(32).collect();
    let host = if host.is_empty() { "machine" } else { &host };
    format!("{host}-{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::tests::home;

    #[test]
    fn a_worker_is_there_until_it_ends_and_says_what_it_does() {
        let home = home();
        let hands = Arc::new(Hands::default());
        let message = Message { run: "r".to_owned(), step: "train".to_owned(), task: 3 };
        let in_hand = hands.take(&message, 7);
        let presence = Presence::start(home.clone(), hands.clone(), 2, &["gpu".to_owned()]).unwrap();
        let record = loop {
            if let Some(record) = workers(&home).unwrap().pop() {
                break record;
            }
            std::thread::yield_now();
        };
        assert!(record.is_alive(home.now()));
        assert_eq!((record.threads, record.pools), (2, vec!["gpu".to_owned()]));
        assert_eq!(record.doing, [TaskInHand { task: message, since: 7 }]);
        drop(in_hand);
        assert!(hands.all().is_empty());
        drop(presence);
        assert!(workers(&home).unwrap().is_empty());
    }

    #[test]
    fn who_went_without_a_word_is_not_alive_and_forgotten_after_a_day() {
        let home = home();
        let mut record = WorkerRecord {
            name: "m-1".to_owned(),
            since: 0,
            seen: home.now() - 60_000,
            every: 5_000,
            threads: 1,
            pools: Vec::new(),
            doing: Vec::new(),
        };
        let mut put = |seen: u64| {
            record.seen = seen;
            let bytes = serde_json::to_vec(&record).unwrap();
            home.store().put(&layout::worker(&record.name), &bytes, &PutOptions::default()).unwrap();
        };
        put(home.now() - 60_000);
        sweep(&home);
        assert!(!workers(&home).unwrap()[0].is_alive(home.now()));
        put(home.now() - KEPT - 1);
        sweep(&home);
        assert!(workers(&home).unwrap().is_empty());
    }
}

//! A home in memory whose workflows have a step that needs no function.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use millstream_control::{runs, workflows};
use millstream_core::{
    artifact::Digest,
    completion::{Completion, Outcome as Ended, Results},
    event::{CloudEvent, ObjectCreated},
    layout,
    manifest::Manifest,
};
use millstream_language::Functions;
use millstream_plan::Plan;
use millstream_queue::{Clock, ManualClock, MemoryQueue, QueueOptions};
use millstream_state::{Run, RunState};
use millstream_store::{
    Entry, Error, ErrorKind, MemoryStore, Object, Page, PutOptions, Result, Store, TempFile, Version,
};
use millstream_triggers::Triggers;
use millstream_worker::{Home, Records, home::HomeLocation};

/// None: the steps are acts of the host.
pub struct NoFunctions;

impl Functions for NoFunctions {
    fn get(&self, _: &str) -> Option<(Digest, &Manifest)> {
        None
    }

    fn names(&self) -> Vec<&str> {
        Vec::new()
    }
}

/// A store and a queue that several processes share.
pub struct World {
    pub store: Arc<dyn Store>,
    pub queue: Arc<MemoryQueue>,
    pub clock: Arc<ManualClock>,
}

impl World {
    pub fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        let queue = MemoryQueue::new(clock.clone(), QueueOptions::default()).unwrap();
        Self { store: Arc::new(MemoryStore::new()), queue: Arc::new(queue), clock }
    }

    /// A home of these, as one process has it.
    pub fn home(&self) -> Home {
        self.home_over(self.store.clone())
    }

    pub fn home_over(&self, store: Arc<dyn Store>) -> Home {
        let clock: Arc<dyn Clock> = self.clock.clone();
        Home::new(HomeLocation::of_folder("nowhere"), store, self.queue.clone(), clock)
    }

    /// Another process.
    pub fn process(&self) -> Triggers {
        Triggers::new(self.home(), Arc::new(NoFunctions))
    }

    /// A process that dies: after so many calls its store answers nothing more.
    pub fn dying(&self, calls: i64) -> Triggers {
        let store = Arc::new(Dying { inner: self.store.clone(), left: AtomicI64::new(calls) });
        Triggers::new(self.home_over(store), Arc::new(NoFunctions))
    }

    /// Pushes workflow `name` with these lines under it; its one step waits for a person.
    pub fn push(&self, name: &str, lines: &str) {
        let text = format!("name: {name}\n{lines}\nsteps:\n  ask: {{ uses: approve }}\n");
        workflows::push(&self.home(), &NoFunctions, "w.yaml", &text, "tester")
            .unwrap_or_else(|error| panic!("{error}"));
        // What a process knows of workflows is a moment old.
        self.clock.advance(Duration::from_secs(1));
    }

    pub fn now(&self) -> u64 {
        self.home().now()
    }

    pub fn runs(&self) -> Vec<String> {
        runs::names(&self.home()).unwrap()
    }

    pub fn plan(&self, run: &str) -> Plan {
        Records::new(self.store.clone()).plan(run).unwrap().expect("the run is there")
    }

    /// Ends a run as a worker does: its step is done.
    pub fn finish(&self, run: &str) -> (Plan, RunState) {
        let plan = self.plan(run);
        let records = Records::new(self.store.clone());
        let ending = Run::new(&plan, &records);
        let done = Completion {
            outcome: Ended::Done(Results::default()),
            ..Completion::skipped("ask", 0, String::new(), self.now())
        };
        ending.complete(&done).unwrap();
        let state = ending.progress().unwrap().state;
        (plan, state)
    }

    /// Keys below a prefix.
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        millstream_store::entries(self.store.as_ref(), prefix).map(|entry| entry.unwrap().key).collect()
    }

    pub fn is_cancelled(&self, run: &str) -> bool {
        self.store.head(&layout::cancel(run)).is_ok()
    }
}

/// An object that was written.
pub fn written(key: &str, sequencer: u64) -> CloudEvent {
    let data = ObjectCreated {
        bucket: "raw".to_owned(),
        key: key.to_owned(),
        uri: format!("s3://raw/{key}"),
        size: 10,
        version_id: Some("null".to_owned()),
        sequencer: Some(format!("{sequencer:016X}")),
        ..ObjectCreated::default()
    };
    CloudEvent::object_created("s3://raw", &data, None)
}

/// A store that answers so many calls and no more.
struct Dying {
    inner: Arc<dyn Store>,
    left: AtomicI64,
}

impl Dying {
    fn live(&self) -> Result<&dyn Store> {
        match self.left.fetch_sub(1, Ordering::SeqCst) > 0 {
            true => Ok(self.inner.as_ref()),
            false => Err(Error::new(ErrorKind::Unavailable, "this process is dead")),
        }
    }
}

impl Store for Dying {
    fn get(&self, key: &str) -> Result<Object> {
        self.live()?.get(key)
    }

    fn get_range(&self, key: &str, offset: u64, len: u64) -> Result<Vec<u8>> {
        self.live()?.get_range(key, offset, len)
    }

    fn head(&self, key: &str) -> Result<Entry> {
        self.live()?.head(key)
    }

    fn put(&self, key: &str, bytes: &[u8], options: &PutOptions) -> Result<Version> {
        self.live()?.put(key, bytes, options)
    }

    fn put_file(&self, key: &str, file: TempFile, options: &PutOptions) -> Result<Version> {
        self.live()?.put_file(key, file, options)
    }

    fn temp_file(&self) -> Result<TempFile> {
        self.live()?.temp_file()
    }

    fn list(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page> {
        self.live()?.list(prefix, start_after, limit)
    }

    fn delete(&self, key: &str) -> Result<()> {
        self.live()?.delete(key)
    }

    fn looks(&self) -> millstream_store::Looks {
        self.inner.looks()
    }

    fn location(&self) -> String {
        self.inner.location()
    }
}

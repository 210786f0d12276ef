//! What all parts of a simulation share: the baton, the misfortunes, the store and the queue as they really are, and what was seen.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use millstream_queue::{Clock, Wake, Work};
use millstream_store::MemoryStore;

use crate::{
    baton::{Baton, OUTSIDE},
    faults::{Faults, Sabotage},
};

/// When virtual time begins: 2026-01-01, in seconds since 1970.
const BEGIN: u64 = 1_767_225_600;

pub struct World {
    pub baton: Arc<Baton>,
    pub sabotage: Option<Sabotage>,
    /// Objects as they are, behind the network.
    pub objects: MemoryStore,
    /// Something happened to the messages.
    pub messages: Arc<Wake>,
    /// A process has died.
    pub deaths: Arc<Wake>,
    seen: Mutex<Seen>,
}

/// What the simulation knows and nobody else.
#[derive(Default)]
pub struct Seen {
    pub faults: Faults,
    /// When an object was written, and by which process.
    pub written: BTreeMap<String, (Duration, usize)>,
    /// How far the wall clock of a process is off, in milliseconds.
    pub skew: BTreeMap<usize, i64>,
    /// Artifacts that were damaged.
    pub damaged: BTreeSet<String>,
    /// A task has failed that would not have without misfortune, or somebody has cancelled a run.
    pub disturbed: bool,
    /// Processes that were asked to stop.
    pub leaving: BTreeSet<usize>,
    /// How often functions were executed.
    pub executions: u64,
    /// How often each misfortune struck, for the report.
    pub struck: BTreeMap<&'static str, u64>,
}

impl World {
    pub fn new(seed: u64, faults: Faults, sabotage: Option<Sabotage>, trace: bool) -> Self {
        Self {
            baton: Arc::new(Baton::new(seed, trace)),
            sabotage,
            objects: MemoryStore::new(),
            messages: Arc::default(),
            deaths: Arc::default(),
            seen: Mutex::new(Seen { faults, ..Seen::default() }),
        }
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn has(&self, sabotage: Sabotage) -> bool {
        self.sabotage == Some(sabotage)
    }

    /// From now on all goes well.
    pub fn calm(&self) {
        self.baton.note(|| "calm".to_owned());
        self.seen().faults = Faults::default();
    }

    /// Whether something of this likelihood happens.
    pub fn chance(&self, likelihood: f64) -> bool {
        likelihood > 0.0 && self.baton.draw(|random| random.f64()) < likelihood
    }

    /// Whether a misfortune strikes.
    pub fn strikes(&self, name: &'static str, likelihood: impl FnOnce(&Faults) -> f64) -> bool {
        let likelihood = likelihood(&self.seen().faults);
        let strikes = self.chance(likelihood);
        if strikes {
            self.baton.note(|| format!("fault {name}"));
            *self.seen().struck.entry(name).or_default() += 1;
        }
        strikes
    }

    /// Evenly between the two.
    pub fn between(&self, least: Duration, most: Duration) -> Duration {
        let (least, most) = (least.as_micros() as u64, most.as_micros() as u64);
        Duration::from_micros(self.baton.draw(|random| random.u64(least..=most)))
    }

    /// On the way to the store or queue, or back; whoever asks may not live to see the end of it.
    pub fn travel(&self, process: usize) {
        let time = if self.strikes("slow", |faults| faults.slow) {
            self.between(Duration::from_millis(500), Duration::from_secs(90))
        } else {
            self.between(Duration::from_micros(200), Duration::from_millis(20))
        };
        if process != OUTSIDE {
            if self.strikes("stop", |faults| faults.stop) {
                let time = self.between(Duration::from_secs(1), Duration::from_secs(200));
                self.baton.stop(process, time);
            }
            if self.strikes("clock", |faults| faults.clock) {
                let off = self.baton.draw(|random| random.i64(-600_000..=600_000));
                self.seen().skew.insert(process, off);
            }
            if self.strikes("leave", |faults| faults.leave) {
                self.seen().leaving.insert(process);
                self.deaths.notify();
            }
            if self.strikes("kill", |faults| faults.kill) {
                self.deaths.notify();
                self.baton.kill(process);
            }
        }
        self.baton.pause(time);
    }
}

/// The clocks of one process.
pub struct ProcessClock {
    pub world: Arc<World>,
    pub process: usize,
}

impl Clock for ProcessClock {
    fn now(&self) -> SystemTime {
        let skew = self.world.seen().skew.get(&self.process).copied().unwrap_or(0);
        let millis = (self.world.baton.now().as_millis() as u64).saturating_add_signed(skew);
        UNIX_EPOCH + Duration::from_secs(BEGIN) + Duration::from_millis(millis)
    }

    fn monotonic(&self) -> Duration {
        self.world.baton.now()
    }

    fn wait(&self, wake: &Arc<Wake>, seen: u64, timeout: Duration) -> bool {
        self.world.baton.wait(wake, seen, timeout)
    }

    fn spawn(&self, name: &str, work: Work) -> io::Result<()> {
        self.world.baton.spawn(self.process, name, work)
    }
}

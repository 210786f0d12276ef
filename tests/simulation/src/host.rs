//! One schedule: workers that come and go, somebody who starts runs, and the end that all must come to.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use millstream_consumer::{Handle, Handled, Loops, Options};
use millstream_control::{Deeds, runs};
use millstream_core::{layout, task::Message};
use millstream_engine::Cancel;
use millstream_language::Functions as _;
use millstream_plan::{
    Frozen, Function, Plan,
    compile::{self},
};
use millstream_queue::{Clock, DeadLetter, Delivery, MemoryQueue, Queue as _, QueueOptions};
use millstream_state::{Run, RunState};
use millstream_store::{MemoryStore, PutOptions, Store as _, entries};
use millstream_worker::{
    Home, Ignore, Records, Tasks, changes,
    home::{HomeLocation, queue_name},
};

use crate::{
    baton::OUTSIDE,
    executor::{Executor, WAS_DONE, catalog},
    faults::{Faults, Sabotage},
    oracle::{self, EndState},
    plans::{self, Case},
    queue::ProcessQueue,
    store::ProcessStore,
    world::{ProcessClock, World},
};

/// How long messages stay invisible.
pub const VISIBILITY: Duration = Duration::from_secs(60);
/// Once all goes well, everything comes to its end within this time.
const PATIENCE: Duration = Duration::from_secs(12 * 3600);
/// Nobody's folder: a simulation has no files.
const BASE: &str = "/simulation";

/// How a schedule went.
#[derive(Debug)]
pub struct ScheduleReport {
    /// What repeats it.
    pub seed: u64,
    /// What was found wrong.
    pub wrong: Option<String>,
    /// The workflow.
    pub case: Case,
    /// What could go wrong.
    pub faults: Faults,
    /// How often each misfortune struck.
    pub struck: BTreeMap<&'static str, u64>,
    /// Steps from one pause to the next.
    pub steps: u64,
    /// Virtual time.
    pub time: Duration,
    /// Functions that were executed.
    pub executions: u64,
    /// The end state was compared with that of the schedule without faults.
    pub compared: bool,
    /// Runs without faults: more than one if the workflow runs another.
    pub runs: usize,
    /// A hash of all that happened: the same for the same seed.
    pub trace: u64,
    /// All that happened, if it was asked for.
    pub lines: Vec<String>,
}

/// Runs the schedule of a seed.
pub fn run(seed: u64, sabotage: Option<Sabotage>, trace: bool) -> ScheduleReport {
    let mut random = fastrand::Rng::with_seed(seed);
    let case = plans::case(&mut random);
    let faults = Faults::draw(&mut random);
    let calm = Schedule::new(seed, &case, Faults::default(), None, trace);
    let wanted = calm.world.baton.run(|| calm.calm());
    let Some(wanted) = wanted else {
        return calm.outcome(seed, case, Faults::default(), false);
    };
    let runs = calm.runs();
    let schedule = Schedule::new(seed, &case, faults.clone(), sabotage, trace);
    let compared = schedule.world.baton.run(|| schedule.stormy(&wanted)).unwrap_or(false);
    ScheduleReport { runs, ..schedule.outcome(seed, case, faults, compared) }
}

#[derive(Clone)]
struct Schedule {
    world: Arc<World>,
    case: Case,
    queue: MemoryQueue,
    clock: Arc<ProcessClock>,
    /// The loops of all processes that may be alive.
    loops: Arc<Mutex<BTreeMap<usize, Weak<Loops<Handler>>>>>,
    /// What dead processes held, whose messages come again only when their time has passed.
    graves: Arc<Mutex<Vec<Arc<MemoryQueue>>>>,
}

/// What a thread of a worker does.
type Body = Box<dyn FnOnce(&Loops<Handler>) + Send>;

/// Tasks, and what the simulation does and sees around them.
struct Handler {
    world: Arc<World>,
    tasks: Tasks,
    messages: Arc<MemoryQueue>,
}

impl Handle for Handler {
    type Cancel = Cancel;

    fn handle(&self, delivery: &Delivery, cancel: &Cancel) -> Handled {
        if let Ok(Message { run, step, task }) = serde_json::from_str(&delivery.body) {
            WAS_DONE.set(self.world.objects.head(&layout::done(&run, &step, task)).is_ok());
        }
        if self.world.has(Sabotage::DeleteEarly) {
            self.messages.delete(&delivery.receipt).expect("a queue in memory deletes");
        }
        let handled = self.tasks.handle(delivery, cancel);
        self.world.baton.note(|| format!("handled {} {handled:?}", delivery.body));
        handled
    }

    fn cancel(&self, cancel: &Cancel) {
        cancel.cancel();
    }

    fn look(&self, in_hand: &[(Delivery, Cancel)]) {
        Handle::look(&self.tasks, in_hand);
    }

    fn bury(&self, letter: &DeadLetter) -> bool {
        self.world.baton.note(|| format!("bury {letter:?}"));
        self.tasks.bury(letter)
    }
}

impl Schedule {
    fn new(seed: u64, case: &Case, faults: Faults, sabotage: Option<Sabotage>, trace: bool) -> Self {
        let world = Arc::new(World::new(seed, faults, sabotage, trace));
        let clock = Arc::new(ProcessClock { world: world.clone(), process: OUTSIDE });
        let options = QueueOptions { max_receive_count: 20 };
        let queue = MemoryQueue::new(clock.clone(), options).expect("the options are right");
        Self { world, case: case.clone(), queue, clock, loops: Arc::default(), graves: Arc::default() }
    }

    fn outcome(&self, seed: u64, case: Case, faults: Faults, compared: bool) -> ScheduleReport {
        let baton = &self.world.baton;
        let seen = self.world.seen();
        ScheduleReport {
            seed,
            wrong: baton.found(),
            case,
            faults,
            struck: seen.struck.clone(),
            steps: baton.steps(),
            time: baton.now(),
            executions: seen.executions,
            compared,
            runs: self.runs(),
            trace: baton.trace(),
            lines: baton.lines(),
        }
    }

    /// How many runs have begun.
    fn runs(&self) -> usize {
        let keys = entries(&self.world.objects, "runs/").filter_map(Result::ok);
        keys.filter(|entry| entry.key.ends_with("/plan.json")).count()
    }

    /// Without faults, with one worker; what comes of it.
    fn calm(&self) -> EndState {
        self.supervise(1);
        self.start("run-one");
        self.settle();
        self.check_ended();
        self.end_state("run-one")
    }

    /// With all that can go wrong, and then without. Says whether the end states could be compared.
    fn stormy(&self, wanted: &EndState) -> bool {
        let (world, baton) = (&self.world, &self.world.baton);
        for _ in 0..baton.draw(|random| random.u32(1..=3)) {
            let threads = baton.draw(|random| random.usize(1..=2));
            self.supervise(threads);
        }
        let mut runs = vec!["run-one".to_owned()];
        self.start("run-one");
        if world.chance(0.25) {
            baton.pause(world.between(Duration::ZERO, Duration::from_secs(100)));
            runs.push("run-two".to_owned());
            self.start("run-two");
        }
        let end = baton.now() + world.between(Duration::from_secs(5), Duration::from_secs(600));
        while baton.now() < end && !(self.is_settled() && self.unended().is_empty()) {
            baton.pause(Duration::from_secs(4));
            if world.chance(0.05) && world.strikes("meddle", |faults| faults.meddle) {
                self.meddle(&runs);
            }
        }
        world.calm();
        self.settle();
        self.check_ended();
        // Somebody retries what has failed by misfortune, or was cancelled.
        for run in runs.iter().filter(|run| self.is_unlucky(run)) {
            self.retry(run);
        }
        self.settle();
        self.check_ended();
        let (disturbed, damaged) = {
            let seen = world.seen();
            (seen.disturbed, !seen.damaged.is_empty())
        };
        let compared = !(self.case.asks_for_status && disturbed);
        for run in &runs {
            let found = self.end_state(run);
            let differences = oracle::differences(wanted, &found);
            if compared && !differences.is_empty() {
                baton.wrong(format!("{run} has come to another end:\n    {}", differences.join("\n    ")));
            }
        }
        if let Err(what) = oracle::whole(&world.objects, &runs, damaged) {
            baton.wrong(what);
        }
        compared
    }

    fn home(&self, process: usize, messages: Arc<MemoryQueue>) -> (Home, Arc<ProcessQueue>, Arc<dyn Clock>) {
        let world = &self.world;
        let clock: Arc<dyn Clock> = Arc::new(ProcessClock { world: world.clone(), process });
        let store = Arc::new(ProcessStore { world: world.clone(), process });
        let queue =
            Arc::new(ProcessQueue { world: world.clone(), process, messages, clock: self.clock.clone() });
        (Home::new(HomeLocation::of_folder(BASE), store, queue.clone(), clock.clone()), queue, clock)
    }

    /// The home of whoever starts runs.
    fn outside(&self) -> Home {
        self.home(OUTSIDE, Arc::new(self.queue.clone())).0
    }

    /// Has a worker of so many threads run, and a new one whenever it has died.
    fn supervise(&self, threads: usize) {
        let this = self.clone();
        let supervising = move || {
            loop {
                let process = this.work(threads);
                this.until_gone(process);
                let (world, baton) = (&this.world, &this.world.baton);
                baton.pause(world.between(Duration::from_millis(1), Duration::from_secs(30)));
                // What it held is visible again, if it went with it.
                world.messages.notify();
            }
        };
        self.world
            .baton
            .spawn(OUTSIDE, "supervisor", Box::new(supervising))
            .expect("there is room for a thread");
    }

    fn work(&self, threads: usize) -> usize {
        let (world, baton) = (&self.world, &self.world.baton);
        let process = baton.process();
        let messages = Arc::new(self.queue.clone());
        if world.chance(0.5) {
            self.graves.lock().unwrap_or_else(PoisonError::into_inner).push(messages.clone());
        }
        let (home, queue, clock) = self.home(process, messages.clone());
        let executor = Executor { world: world.clone(), process, artifacts: home.artifacts().clone() };
        let tasks = Tasks::new(home, Arc::new(executor), Arc::new(Deeds), Arc::new(Ignore));
        let handler = Handler { world: world.clone(), tasks, messages };
        let random = fastrand::Rng::with_seed(baton.draw(|random| random.u64(..)));
        let options = Options {
            queues: vec![queue_name(None)],
            threads,
            wait: Some(Duration::from_secs(20)),
            visibility: VISIBILITY,
            heartbeat: Duration::from_secs(10),
            look: Duration::from_secs(2),
            dead_letters: Some(Duration::from_secs(30)),
            let_go: Duration::from_secs(10),
        };
        let loops = Arc::new(Loops::new(queue, clock, random, handler, options));
        self.loops.lock().unwrap_or_else(PoisonError::into_inner).insert(process, Arc::downgrade(&loops));
        let spawn = |body: Body| {
            let loops = loops.clone();
            let work = Box::new(move || body(&loops));
            baton.spawn(process, "worker", work).expect("there is room for a thread");
        };
        for _ in 0..threads {
            spawn(Box::new(|loops| loops.serve(&queue_name(None))));
        }
        spawn(Box::new(Loops::heartbeat));
        spawn(Box::new(Loops::bury));
        process
    }

    /// Waits until a process has died; sees to it that one that is to stop does.
    fn until_gone(&self, process: usize) {
        let (world, baton) = (&self.world, &self.world.baton);
        loop {
            let seen = world.deaths.seen();
            if !baton.is_alive(process) {
                break;
            }
            if world.seen().leaving.contains(&process) {
                let end = baton.now() + Duration::from_secs(10);
                loop {
                    let Some(loops) = self.loops_of(process) else { break };
                    loops.stop();
                    loops.cancel();
                    let left = loops.in_hand();
                    drop(loops);
                    if left == 0 || baton.now() >= end {
                        break;
                    }
                    baton.pause(Duration::from_millis(200));
                }
                baton.kill(process);
                break;
            }
            baton.wait(&world.deaths, seen, Duration::from_secs(3600));
        }
        self.loops.lock().unwrap_or_else(PoisonError::into_inner).remove(&process);
    }

    fn loops_of(&self, process: usize) -> Option<Arc<Loops<Handler>>> {
        self.loops.lock().unwrap_or_else(PoisonError::into_inner).get(&process).and_then(Weak::upgrade)
    }

    /// Starts a run, and tries again until it is started.
    fn start(&self, run: &str) {
        let home = self.outside();
        while let Err(error) = self.try_start(&home, run) {
            self.world.baton.note(|| format!("cannot start {run}: {error}"));
            self.world.baton.pause(Duration::from_secs(1));
        }
    }

    /// As `millstream-control` starts runs, without the files from which it takes in what a run reads.
    fn try_start(&self, home: &Home, run: &str) -> Result<(), String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let catalog = catalog();
        let checked = compile::check("main.yaml", &self.case.text, &catalog)
            .unwrap_or_else(|faults| panic!("{faults}\n{}", self.case.text));
        let options =
            compile::Options { run: run.to_owned(), created: home.now(), ..compile::Options::default() };
        let mut plan = checked.plan(&catalog, &options).unwrap_or_else(|error| panic!("{error}"));
        plan.base = Some(BASE.to_owned());
        if let Some(child) = &self.case.child {
            let written = home.artifacts().put(child.as_bytes()).map_err(|error| text(&error))?;
            let function = |name: &str| {
                let (digest, manifest) = catalog.get(name)?;
                Some((name.to_owned(), Function { digest, manifest: manifest.clone() }))
            };
            plan.frozen = Frozen {
                workflows: BTreeMap::from([(format!("{BASE}/child.yaml"), written.digest)]),
                functions: catalog.names().into_iter().filter_map(function).collect(),
                ..Frozen::default()
            };
        }
        plan.previous =
            changes::follow(home.store().as_ref(), &plan.workflow, run).map_err(|error| text(&error))?;
        let key = layout::plan(run);
        let plan = match home.store().get(&key) {
            // Whoever started it died, or lost the answer.
            Ok(there) => Plan::from_json(&there.bytes)?,
            Err(_) => {
                let bytes = serde_json::to_vec(&plan).map_err(|error| text(&error))?;
                home.store().put(&key, &bytes, &PutOptions::absent()).map_err(|error| text(&error))?;
                plan
            }
        };
        runs::resume(home, &plan).map_err(|error| text(&error))
    }

    fn plan(&self, run: &str) -> Option<Plan> {
        let object = self.world.objects.get(&layout::plan(run)).ok()?;
        Plan::from_json(&object.bytes).ok()
    }

    fn retry(&self, run: &str) {
        let home = self.outside();
        let Some(plan) = self.plan(run) else { return };
        self.world.baton.note(|| format!("retry {run}"));
        while let Err(error) = runs::retry(&home, &plan) {
            self.world.baton.note(|| format!("cannot retry {run}: {error}"));
            self.world.baton.pause(Duration::from_secs(1));
        }
    }

    /// Somebody cancels a run, or retries it.
    fn meddle(&self, runs: &[String]) {
        let run = &runs[self.world.baton.draw(|random| random.usize(0..runs.len()))];
        if self.world.chance(0.5) {
            self.retry(run);
            return;
        }
        let Some(plan) = self.plan(run) else { return };
        self.world.seen().disturbed = true;
        self.world.baton.note(|| format!("cancel {run}"));
        // Whoever meets an error here cancels again, or lets it be.
        if let Err(error) = runs::cancel(&self.outside(), &plan) {
            self.world.baton.note(|| format!("cannot cancel {run}: {error}"));
        }
    }

    /// Nothing is in the queue, and nobody has anything in hand.
    fn is_settled(&self) -> bool {
        let stats = self.queue.stats(&queue_name(None)).expect("a queue in memory counts");
        let loops = self.loops.lock().unwrap_or_else(PoisonError::into_inner);
        let busy = loops.values().filter_map(Weak::upgrade).any(|loops| loops.in_hand() > 0);
        stats.visible + stats.in_flight + stats.delayed == 0 && !busy
    }

    fn settle(&self) {
        let baton = &self.world.baton;
        let end = baton.now() + PATIENCE;
        let mut looked = 0;
        loop {
            if self.is_settled() {
                let dead = self.queue.stats(&queue_name(None)).expect("a queue in memory counts").dead;
                // Dead letters are seen to within a minute.
                looked += 1;
                if dead == 0 || self.unended().is_empty() || looked > 60 {
                    return;
                }
            }
            if baton.now() > end {
                baton.wrong(format!("messages are left after {PATIENCE:?} in which all went well"));
            }
            baton.pause(Duration::from_secs(4));
        }
    }

    /// The names of all runs.
    fn names(&self) -> BTreeSet<String> {
        entries(&self.world.objects, layout::RUNS)
            .map(|entry| entry.expect("a store in memory lists").key)
            .filter_map(|key| key.split('/').nth(1).map(str::to_owned))
            .collect()
    }

    fn state_of(&self, plan: &Plan) -> RunState {
        let store: Arc<MemoryStore> = Arc::new(self.world.objects.clone());
        let records = Records::new(store);
        match Run::new(plan, &records).progress() {
            Ok(progress) => progress.state,
            Err(error) => {
                self.world.baton.wrong(format!("{} does not read: {error}", plan.run));
                RunState::Running
            }
        }
    }

    fn unended(&self) -> Vec<String> {
        let plans = self.names().into_iter().filter_map(|run| self.plan(&run));
        plans.filter(|plan| !self.state_of(plan).has_ended()).map(|plan| plan.run).collect()
    }

    fn check_ended(&self) {
        // A run whose start was cut off, and given up by the step that was to start it, begins when that is retried.
        let given_up =
            |run: &String| self.names().iter().any(|other| waits_for(other, run) && self.is_unlucky(other));
        let mut unended = self.unended();
        unended.retain(|run| !given_up(run));
        if !unended.is_empty() {
            self.world.baton.wrong(format!("nothing is left in the queue, and {unended:?} have not ended"));
        }
    }

    /// Whether a run would have come to another end without misfortune, or one of those that it has started.
    fn is_unlucky(&self, run: &str) -> bool {
        let store = &self.world.objects;
        self.names().iter().filter(|name| *name == run || waits_for(run, name)).any(|name| {
            store.head(&layout::cancel(name)).is_ok()
                || oracle::failures(store, name).iter().any(oracle::is_misfortune)
        })
    }

    /// The end states of a run and of those that it started.
    fn end_state(&self, run: &str) -> EndState {
        let mut all = EndState::new();
        for name in self.names().iter().filter(|name| name.starts_with(run)) {
            match oracle::end_state(&self.world.objects, name) {
                Ok(state) => all.extend(state.into_iter().map(|(key, value)| {
                    let text = value.to_string().replace(run, "RUN");
                    let value = serde_json::from_str(&text).expect("it was JSON before");
                    (format!("{}/{key}", name.replace(run, "RUN")), value)
                })),
                Err(what) => self.world.baton.wrong(what),
            }
        }
        all
    }
}

/// Whether a step of `run` has started `other`.
fn waits_for(run: &str, other: &str) -> bool {
    other.strip_prefix(run).is_some_and(|rest| rest.starts_with('-'))
}

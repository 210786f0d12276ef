//! One baton for all threads: only who holds it runs. It goes to whoever's time comes next, and the virtual clock with it.
//!
//! Code under test is synchronous, so that each simulated thread is a thread of the system; it runs from one pause to the next, and
//! nothing that happens depends on the system's scheduler.

use std::{
    any::Any,
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use millstream_queue::{Wake, Work};

/// The thread that set up the simulation.
const FIRST: usize = 0;
/// The process that nobody kills: who starts runs, and who starts workers anew.
pub const OUTSIDE: usize = 0;
/// More steps than any schedule needs that comes to an end.
const MAX_STEPS: u64 = 400_000;

/// The payload with which the threads of a process that was killed unwind.
struct Killed;

pub struct Baton {
    state: Mutex<State>,
    /// Who has it.
    turn: AtomicUsize,
}

struct State {
    /// Microseconds of virtual time.
    now: u64,
    random: fastrand::Rng,
    threads: Vec<Thread>,
    processes: Vec<Process>,
    steps: u64,
    /// All threads are to unwind.
    over: bool,
    /// What the first one to notice found wrong.
    wrong: Option<String>,
    /// A hash of all that happened, and the lines themselves if somebody wants them.
    trace: u64,
    lines: Option<Vec<String>>,
}

struct Thread {
    process: usize,
    system: Option<thread::Thread>,
    wakes_at: u64,
    /// It also wakes when there were more events than that.
    wake: Option<(Arc<Wake>, u64)>,
    ended: bool,
}

struct Process {
    alive: bool,
    /// Like one that was sent SIGSTOP, until then.
    stopped_until: u64,
}

thread_local! {
    static CURRENT: std::cell::Cell<usize> = const { std::cell::Cell::new(FIRST) };
}

fn current() -> usize {
    CURRENT.get()
}

impl Baton {
    /// This thread holds it.
    pub fn new(seed: u64, trace: bool) -> Self {
        CURRENT.set(FIRST);
        let first = Thread {
            process: OUTSIDE,
            system: Some(thread::current()),
            wakes_at: 0,
            wake: None,
            ended: false,
        };
        let state = State {
            now: 0,
            random: fastrand::Rng::with_seed(seed),
            threads: vec![first],
            processes: vec![Process { alive: true, stopped_until: 0 }],
            steps: 0,
            over: false,
            wrong: None,
            trace: 0xcbf2_9ce4_8422_2325,
            lines: trace.then(Vec::new),
        };
        Self { state: Mutex::new(state), turn: AtomicUsize::new(FIRST) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Virtual time since the beginning.
    pub fn now(&self) -> Duration {
        Duration::from_micros(self.state().now)
    }

    /// Draws from the seed.
    pub fn draw<T>(&self, draw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        draw(&mut self.state().random)
    }

    /// How many steps were made.
    pub fn steps(&self) -> u64 {
        self.state().steps
    }

    /// A hash of all that happened.
    pub fn trace(&self) -> u64 {
        self.state().trace
    }

    /// All that happened, a line each, if it was asked for.
    pub fn lines(&self) -> Vec<String> {
        self.state().lines.take().unwrap_or_default()
    }

    /// Writes down that something happened.
    pub fn note(&self, what: impl FnOnce() -> String) {
        let what = what();
        let mut state = self.state();
        let thread = current();
        let line =
            format!("{:>12.6} p{} t{thread} {what}", state.now as f64 / 1e6, state.threads[thread].process);
        for byte in line.bytes() {
            state.trace = (state.trace ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if let Some(lines) = &mut state.lines {
            lines.push(line);
        }
    }

    /// Something is wrong: the schedule ends here. The first one counts.
    pub fn wrong(&self, what: String) {
        self.note(|| format!("WRONG {what}"));
        let mut state = self.state();
        state.wrong.get_or_insert(what);
        state.over = true;
    }

    /// What was found wrong.
    pub fn found(&self) -> Option<String> {
        self.state().wrong.clone()
    }

    /// A new process.
    pub fn process(&self) -> usize {
        let mut state = self.state();
        state.processes.push(Process { alive: true, stopped_until: 0 });
        state.processes.len() - 1
    }

    pub fn is_alive(&self, process: usize) -> bool {
        self.state().processes[process].alive
    }

    /// Ends a process: its threads do nothing from now on but unwind, this one among them if it is one of its.
    pub fn kill(&self, process: usize) {
        let mut state = self.state();
        state.processes[process].alive = false;
        state.processes[process].stopped_until = 0;
        let (now, own) = (state.now, state.threads[current()].process == process);
        for thread in state.threads.iter_mut().filter(|thread| thread.process == process) {
            thread.wakes_at = now;
        }
        drop(state);
        if own && !thread::panicking() {
            panic::resume_unwind(Box::new(Killed));
        }
    }

    /// Lets a process do nothing for that long, wherever its threads are.
    pub fn stop(&self, process: usize, time: Duration) {
        let mut state = self.state();
        let until = state.now + micros(time);
        let process = &mut state.processes[process];
        process.stopped_until = process.stopped_until.max(until);
    }

    /// This thread goes on after that time.
    pub fn pause(&self, time: Duration) {
        self.hand_over(time, None);
    }

    /// This thread goes on after that time, or when there were more events than `seen`. Says whether there were.
    pub fn wait(&self, wake: &Arc<Wake>, seen: u64, time: Duration) -> bool {
        self.hand_over(time, Some((Arc::clone(wake), seen)));
        wake.seen() != seen
    }

    fn hand_over(&self, time: Duration, wake: Option<(Arc<Wake>, u64)>) {
        // What a thread does while it unwinds has no effect and takes no time.
        if thread::panicking() {
            return;
        }
        let me = current();
        let mut state = self.state();
        state.steps += 1;
        if state.steps > MAX_STEPS && !state.over {
            state.wrong = Some(format!("it did not come to its end within {MAX_STEPS} steps"));
            state.over = true;
        }
        if !state.over {
            let wakes_at = state.now + micros(time);
            state.threads[me].wakes_at = wakes_at;
            state.threads[me].wake = wake;
            let next = state.next();
            drop(state);
            if next != me {
                self.give(next);
                self.await_turn(me);
            }
            state = self.state();
        }
        let gone = state.over || !state.processes[state.threads[me].process].alive;
        drop(state);
        if gone {
            panic::resume_unwind(Box::new(Killed));
        }
    }

    fn give(&self, next: usize) {
        let system = self.state().threads[next].system.clone();
        self.turn.store(next, Ordering::SeqCst);
        if let Some(system) = system {
            system.unpark();
        }
    }

    fn await_turn(&self, me: usize) {
        while self.turn.load(Ordering::SeqCst) != me {
            thread::park();
        }
    }

    /// A new thread of a process. It begins when its time comes.
    pub fn spawn(self: &Arc<Self>, process: usize, name: &str, work: Work) -> std::io::Result<()> {
        let number = {
            let mut state = self.state();
            let wakes_at = state.now + state.random.u64(0..200);
            state.threads.push(Thread { process, system: None, wakes_at, wake: None, ended: false });
            state.threads.len() - 1
        };
        let baton = Arc::clone(self);
        let started = thread::Builder::new().name(name.to_owned()).stack_size(1 << 20).spawn(move || {
            CURRENT.set(number);
            baton.await_turn(number);
            let gone = {
                let state = baton.state();
                state.over || !state.processes[process].alive
            };
            if gone {
                drop(work);
            } else if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(work)) {
                baton.unwound(payload.as_ref());
            }
            baton.end(number);
        })?;
        self.state().threads[number].system = Some(started.thread().clone());
        Ok(())
    }

    fn unwound(&self, payload: &(dyn Any + Send)) {
        if payload.is::<Killed>() {
            return;
        }
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no text");
        self.wrong(format!("a thread panicked: {text}"));
    }

    fn end(&self, me: usize) {
        let mut state = self.state();
        state.threads[me].ended = true;
        state.threads[me].wake = None;
        let next = if state.over { FIRST } else { state.next() };
        drop(state);
        self.give(next);
    }

    /// Runs the first thread's part, and lets all other threads unwind. Gives nothing if something was found wrong.
    pub fn run<T>(&self, body: impl FnOnce() -> T) -> Option<T> {
        let done = panic::catch_unwind(AssertUnwindSafe(body));
        let done = match done {
            Ok(done) => Some(done),
            Err(payload) => {
                self.unwound(payload.as_ref());
                None
            }
        };
        loop {
            let next = {
                let mut state = self.state();
                state.over = true;
                (1..state.threads.len()).find(|thread| !state.threads[*thread].ended)
            };
            let Some(next) = next else { break };
            self.give(next);
            self.await_turn(FIRST);
        }
        done.filter(|_| self.found().is_none())
    }
}

impl State {
    /// Whose time comes next, and moves the clock there. Those whose time comes at once are drawn from.
    fn next(&mut self) -> usize {
        let (mut best, mut ties, mut next) = (u64::MAX, 0, FIRST);
        for (number, thread) in self.threads.iter().enumerate().filter(|(_, thread)| !thread.ended) {
            let woken = thread.wake.as_ref().is_some_and(|(wake, seen)| wake.seen() != *seen);
            let due = if woken { self.now } else { thread.wakes_at };
            let at = due.max(self.processes[thread.process].stopped_until).max(self.now);
            if at < best {
                (best, ties, next) = (at, 1, number);
            } else if at == best {
                ties += 1;
                if self.random.u32(0..ties) == 0 {
                    next = number;
                }
            }
        }
        self.now = best;
        next
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX / 4).min(u64::MAX / 4)
}

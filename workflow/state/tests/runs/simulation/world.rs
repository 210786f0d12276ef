//! A store and a queue that several workers share, one of them running at a time: whose turn it is after a request, the seed says.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Condvar, Mutex, MutexGuard},
};

use millstream_core::task::Task;
use millstream_state::Objects;

use crate::{common::Died, random::Dice};

/// A fault that is put in on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sabotage {
    #[default]
    None,
    /// Rounds are written without a condition.
    RoundsAreReplaced,
    /// Listings miss writes that have ended before.
    ListingsAreStale,
    /// A message is deleted before what follows from it is sent.
    MessagesAreDeletedEarly,
}

/// What goes wrong, and how often at most.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    pub deaths: usize,
    pub duplicates: usize,
    pub losses: usize,
    pub sabotage: Sabotage,
}

/// What a worker is asked to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Job {
    Task(Task),
    /// Look over the run, and send what is ready.
    Look,
    Cancel,
}

#[derive(Debug)]
struct State {
    dice: Dice,
    objects: BTreeMap<String, Vec<u8>>,
    /// Written, but whoever writes them has not heard of it yet: listings may miss them.
    fresh: BTreeSet<String>,
    queue: Vec<Job>,
    faults: Faults,
    turn: usize,
    /// What each worker has in hand.
    held: Vec<Option<Job>>,
    /// Whether its message comes again if it dies.
    comes_back: Vec<bool>,
    /// Workers that die: nothing that they do has an effect.
    dying: Vec<bool>,
    over: bool,
    requests: usize,
}

/// Store and queue.
pub struct World {
    state: Mutex<State>,
    turn: Condvar,
}

/// One worker's view.
#[derive(Clone, Copy)]
pub struct Hand<'a> {
    pub world: &'a World,
    pub worker: usize,
}

impl World {
    pub fn new(
        dice: Dice,
        workers: usize,
        objects: BTreeMap<String, Vec<u8>>,
        queue: Vec<Job>,
        faults: Faults,
    ) -> Self {
        let state = State {
            dice,
            objects,
            fresh: BTreeSet::new(),
            queue,
            faults,
            turn: 0,
            held: vec![None; workers],
            comes_back: vec![true; workers],
            dying: vec![false; workers],
            over: false,
            requests: 0,
        };
        Self { state: Mutex::new(state), turn: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|error| error.into_inner())
    }

    /// What is left when all workers have gone home.
    pub fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        self.state().objects.clone()
    }

    /// Sends all workers home.
    pub fn end(&self) {
        self.state().over = true;
        self.turn.notify_all();
    }
}

impl<'a> Hand<'a> {
    /// Gives the turn to anybody who has something to do, and waits for the next one.
    fn turn(&self) -> MutexGuard<'a, State> {
        let mut state = self.world.state();
        // A worker that has not had its first turn has none to give.
        if state.turn == self.worker {
            let has_work = !state.queue.is_empty();
            let able: Vec<usize> = (0..state.held.len())
                .filter(|worker| has_work || state.held[*worker].is_some() || *worker == self.worker)
                .collect();
            let next = state.dice.roll(able.len());
            state.turn = able[next];
            self.world.turn.notify_all();
        }
        while state.turn != self.worker && !state.over {
            state = self.world.turn.wait(state).unwrap_or_else(|error| error.into_inner());
        }
        state.requests += 1;
        assert!(state.requests < 200_000, "there is no end to it");
        state
    }

    /// A request in which the worker may die. Says whether it had its effect all the same.
    fn request(&self) -> Result<MutexGuard<'a, State>, (MutexGuard<'a, State>, bool)> {
        let mut state = self.turn();
        if state.over || state.dying[self.worker] {
            return Err((state, false));
        }
        if state.faults.deaths > 0 && state.dice.once_in(25) {
            state.faults.deaths -= 1;
            state.dying[self.worker] = true;
            let done = state.dice.once_in(2);
            return Err((state, done));
        }
        Ok(state)
    }

    /// Takes a message. None: there is none, and nobody has one in hand.
    pub fn receive(&self) -> Option<Job> {
        loop {
            let mut state = self.turn();
            if state.over {
                return None;
            }
            if !state.queue.is_empty() {
                let len = state.queue.len();
                let at = state.dice.roll(len);
                let job = state.queue.swap_remove(at);
                state.held[self.worker] = Some(job.clone());
                return Some(job);
            }
            if state.held.iter().all(Option::is_none) {
                return None;
            }
        }
    }

    /// After a message was worked on: sends what follows from it, and deletes it. If the worker has died, it comes again.
    pub fn settle(&self, ready: Result<Vec<Task>, Died>) {
        let early = self.world.state().faults.sabotage == Sabotage::MessagesAreDeletedEarly;
        let sent = ready.and_then(|ready| {
            if early {
                self.world.state().comes_back[self.worker] = false;
            }
            ready.into_iter().try_for_each(|task| self.send(task))
        });
        let deleted = sent.and_then(|()| match self.request() {
            Ok(mut state) => {
                if state.faults.duplicates > 0 && state.dice.once_in(8) {
                    state.faults.duplicates -= 1;
                    let again = state.held[self.worker].clone();
                    state.queue.extend(again);
                }
                Ok(())
            }
            Err((_, true)) => Ok(()),
            Err(_) => Err(Died),
        });
        let mut state = self.world.state();
        let held = state.held[self.worker].take();
        state.dying[self.worker] = false;
        let comes_back = std::mem::replace(&mut state.comes_back[self.worker], true);
        if deleted.is_err() && comes_back {
            state.queue.extend(held);
        }
    }

    fn send(&self, task: Task) -> Result<(), Died> {
        let put = |state: &mut State| {
            if state.faults.losses > 0 && state.dice.once_in(6) {
                state.faults.losses -= 1;
            } else {
                state.queue.push(Job::Task(task));
            }
        };
        match self.request() {
            Ok(mut state) => {
                put(&mut state);
                Ok(())
            }
            Err((mut state, done)) => {
                if done {
                    put(&mut state);
                }
                Err(Died)
            }
        }
    }
}

impl State {
    /// Whether it was not there.
    fn create(&mut self, key: &str, bytes: &[u8]) -> bool {
        let replaced = self.faults.sabotage == Sabotage::RoundsAreReplaced && key.contains("/rounds/");
        let is_new = replaced || !self.objects.contains_key(key);
        if is_new {
            self.objects.insert(key.to_owned(), bytes.to_vec());
            self.fresh.insert(key.to_owned());
        }
        is_new
    }
}

impl Objects for Hand<'_> {
    type Error = Died;

    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Died> {
        self.request().map(|state| state.objects.get(key).cloned()).map_err(|_| Died)
    }

    fn create(&self, key: &str, bytes: &[u8]) -> Result<bool, Died> {
        let is_new = match self.request() {
            Ok(mut state) => state.create(key, bytes),
            Err((mut state, done)) => {
                if done {
                    state.create(key, bytes);
                    state.fresh.remove(key);
                }
                return Err(Died);
            }
        };
        // Others go on before the answer comes.
        let mut state = match self.request() {
            Ok(state) => state,
            Err((state, _)) => state,
        };
        state.fresh.remove(key);
        if state.dying[self.worker] { Err(Died) } else { Ok(is_new) }
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, Died> {
        let listed = |state: &mut State| -> BTreeSet<String> {
            let keys: Vec<String> =
                state.objects.keys().filter(|key| key.starts_with(prefix)).cloned().collect();
            let stale = state.faults.sabotage == Sabotage::ListingsAreStale;
            keys.into_iter()
                .filter(|key| {
                    let may_be_missed = state.fresh.contains(key) || (stale && state.dice.once_in(4));
                    !may_be_missed || state.dice.once_in(2)
                })
                .collect()
        };
        let mut keys = listed(&mut *self.request().map_err(|_| Died)?);
        // What is written while it goes on is in it, or not.
        let mut state = self.request().map_err(|_| Died)?;
        let later = listed(&mut state);
        for key in later {
            if !keys.contains(&key) && state.dice.once_in(2) {
                keys.insert(key);
            }
        }
        Ok(keys.into_iter().collect())
    }

    fn delete(&self, key: &str) -> Result<(), Died> {
        let (mut state, done) = match self.request() {
            Ok(state) => (state, true),
            Err((state, done)) => (state, done),
        };
        if done {
            state.objects.remove(key);
        }
        if state.dying[self.worker] { Err(Died) } else { Ok(()) }
    }
}

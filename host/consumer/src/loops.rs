//! The loops themselves, each for a thread of its own.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use millstream_queue::{Clock, Delivery, Error, MAX_VISIBILITY, MessageId, Queue, Receipt, Wake};

use crate::{Handle, Handled};

/// Entries of one batch, as in SQS.
const BATCH: usize = 10;
/// Dead letters that are looked at in one go.
const PAGE: usize = 100;
/// The first wait after trouble, and the longest.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(120));

/// What is consumed, and at which pace.
#[derive(Clone, Debug)]
pub struct Options {
    /// The queues.
    pub queues: Vec<String>,
    /// Messages of each queue in hand at once; at least 1.
    pub threads: usize,
    /// How long one `receive` waits for a message; none: as long as the queue says.
    pub wait: Option<Duration>,
    /// How long a message stays invisible without a heartbeat; several times `heartbeat`.
    pub visibility: Duration,
    /// How often a message in hand gets a heartbeat.
    pub heartbeat: Duration,
    /// How often [`Handle::look`] is called while something is in hand.
    pub look: Duration,
    /// How often dead letters are looked at; none: as often as the queue says.
    pub dead_letters: Option<Duration>,
    /// How long messages in hand have to end when the consumer stops.
    pub let_go: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            queues: Vec::new(),
            threads: 1,
            wait: None,
            visibility: Duration::from_secs(60),
            heartbeat: Duration::from_secs(10),
            look: Duration::from_millis(250),
            dead_letters: None,
            let_go: Duration::from_secs(10),
        }
    }
}

/// The wait after trouble number `nth` (from 1) in a row: doubled each time, and somewhere in its upper half, as `drawn` from 0 to 1
/// says, so that those who met the same trouble do not come back together.
pub fn backoff(nth: u32, drawn: f64) -> Duration {
    let whole = BACKOFF.0.saturating_mul(1 << nth.saturating_sub(1).min(16)).min(BACKOFF.1);
    whole.mul_f64(0.5 + drawn.clamp(0.0, 1.0) / 2.0)
}

/// What the threads of a consumer share.
pub struct Loops<H: Handle> {
    queue: Arc<dyn Queue>,
    pub(crate) clock: Arc<dyn Clock>,
    random: Mutex<fastrand::Rng>,
    handler: H,
    pub(crate) options: Options,
    state: Mutex<State<H::Cancel>>,
    /// Something was taken in hand or let go.
    pub(crate) hands: Arc<Wake>,
    /// No more messages are taken.
    stop: Arc<Wake>,
}

struct State<C> {
    taking: bool,
    in_hand: BTreeMap<String, InHand<C>>,
}

/// A message that a thread is busy with.
struct InHand<C> {
    delivery: Delivery,
    cancel: C,
    /// When it was received or got its last heartbeat, and was looked at.
    beaten: Duration,
    looked: Duration,
}

/// A message in hand, until dropped.
struct Holding<'a, H: Handle> {
    loops: &'a Loops<H>,
    handle: &'a str,
    cancel: H::Cancel,
}

impl<H: Handle> Drop for Holding<'_, H> {
    fn drop(&mut self) {
        self.loops.state().in_hand.remove(self.handle);
        self.loops.hands.notify();
    }
}

impl<H: Handle> Loops<H> {
    /// Nothing is taken before one of the loops runs. `random` spreads what is tried again.
    pub fn new(
        queue: Arc<dyn Queue>,
        clock: Arc<dyn Clock>,
        random: fastrand::Rng,
        handler: H,
        options: Options,
    ) -> Self {
        Self {
            queue,
            clock,
            random: Mutex::new(random),
            handler,
            options,
            state: Mutex::new(State { taking: true, in_hand: BTreeMap::new() }),
            hands: Arc::default(),
            stop: Arc::default(),
        }
    }

    /// A panic elsewhere leaves the state usable: entries come and go one at a time.
    fn state(&self) -> MutexGuard<'_, State<H::Cancel>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes no more messages. What is in hand goes on.
    pub fn stop(&self) {
        self.state().taking = false;
        self.stop.notify();
        self.hands.notify();
        // Where a wait for messages is long, the end of a process is not.
        self.queue.interrupt();
    }

    /// How long a `receive` that is under way is waited for at the end.
    pub(crate) fn linger(&self) -> Duration {
        self.queue.waits().linger
    }

    /// How many messages are in hand.
    pub fn in_hand(&self) -> usize {
        self.state().in_hand.len()
    }

    /// Ends the work on what is in hand.
    pub fn cancel(&self) {
        let tokens: Vec<_> = self.state().in_hand.values().map(|one| one.cancel.clone()).collect();
        tokens.iter().for_each(|token| self.handler.cancel(token));
    }

    fn is_taking(&self) -> bool {
        self.state().taking
    }

    /// Waits that long, or until the consumer stops.
    fn pause(&self, time: Duration) {
        let seen = self.stop.seen();
        if self.is_taking() {
            self.clock.wait(&self.stop, seen, time);
        }
    }

    fn backoff(&self, nth: u32) -> Duration {
        backoff(nth, self.random.lock().unwrap_or_else(PoisonError::into_inner).f64())
    }

    /// Takes messages of `queue`, one at a time, until the consumer stops.
    pub fn serve(&self, queue: &str) {
        let mut failures = 0;
        let wait = self.options.wait.unwrap_or_else(|| self.queue.waits().receive);
        while self.is_taking() {
            match self.queue.receive(queue, 1, wait, self.options.visibility) {
                Ok(deliveries) => {
                    failures = 0;
                    deliveries.iter().for_each(|delivery| self.deliver(delivery));
                }
                Err(error) => {
                    // Once, until it works again: a queue that is damaged or can only be read stays so.
                    if failures == 0 {
                        tracing::warn!(queue, %error, "cannot receive; it is tried again");
                    }
                    failures += 1;
                    self.pause(self.backoff(failures));
                }
            }
        }
    }

    fn deliver(&self, delivery: &Delivery) {
        // Let go even if the work panics, so that nobody waits for it or keeps its message.
        let Some(holding) = self.take(delivery) else {
            if let Err(error) = self.queue.extend(&delivery.receipt, Duration::ZERO) {
                tracing::debug!(%error, "a message becomes visible later");
            }
            return;
        };
        let settled = match self.handler.handle(delivery, &holding.cancel) {
            Handled::Delete => self.queue.delete(&delivery.receipt),
            Handled::Again(wait) => self.queue.extend(&delivery.receipt, wait.min(MAX_VISIBILITY)),
            Handled::Trouble => self.queue.extend(&delivery.receipt, self.backoff(delivery.receive_count)),
        };
        self.handler.settled();
        // The message comes again, is found to be done, and is deleted then.
        if let Err(error) = settled {
            tracing::warn!(body = delivery.body, %error, "cannot settle a message");
        }
    }

    /// None: the consumer has stopped meanwhile.
    fn take<'a>(&'a self, delivery: &'a Delivery) -> Option<Holding<'a, H>> {
        let cancel = H::Cancel::default();
        let now = self.clock.monotonic();
        let mut state = self.state();
        if !state.taking {
            return None;
        }
        let handle = &delivery.receipt.handle;
        let in_hand = InHand { delivery: delivery.clone(), cancel: cancel.clone(), beaten: now, looked: now };
        state.in_hand.insert(handle.clone(), in_hand);
        drop(state);
        self.hands.notify();
        Some(Holding { loops: self, handle, cancel })
    }

    /// Keeps messages in hand invisible, and looks whether somebody still wants them. Ends when the consumer has stopped and nothing
    /// is in hand.
    pub fn heartbeat(&self) {
        loop {
            let seen = self.hands.seen();
            let now = self.clock.monotonic();
            let mut next = self.options.heartbeat;
            {
                let state = self.state();
                if !state.taking && state.in_hand.is_empty() {
                    return;
                }
                for one in state.in_hand.values() {
                    let beat = (one.beaten + self.options.heartbeat).saturating_sub(now);
                    let look = (one.looked + self.options.look).saturating_sub(now);
                    next = next.min(beat).min(look);
                }
            }
            if !next.is_zero() {
                self.clock.wait(&self.hands, seen, next);
                continue;
            }
            self.look(now);
            self.beat(now);
        }
    }

    fn look(&self, now: Duration) {
        let mut due = Vec::new();
        for one in self.state().in_hand.values_mut().filter(|one| one.looked + self.options.look <= now) {
            one.looked = now;
            due.push((one.delivery.clone(), one.cancel.clone()));
        }
        if !due.is_empty() {
            self.handler.look(&due);
        }
    }

    /// Whoever is due soon goes with those who are due, as they share a request.
    fn beat(&self, now: Duration) {
        let mut due: Vec<Receipt> = Vec::new();
        {
            let mut state = self.state();
            let age = |one: &InHand<H::Cancel>| now.saturating_sub(one.beaten);
            if state.in_hand.values().all(|one| age(one) < self.options.heartbeat) {
                return;
            }
            for one in state.in_hand.values_mut().filter(|one| age(one) >= self.options.heartbeat / 2) {
                one.beaten = now;
                due.push(one.delivery.receipt.clone());
            }
        }
        due.sort_by(|a, b| a.queue.cmp(&b.queue));
        for same_queue in due.chunk_by(|a, b| a.queue == b.queue) {
            for batch in same_queue.chunks(BATCH) {
                match self.queue.extend_batch(batch, self.options.visibility) {
                    Ok(beaten) => beaten
                        .iter()
                        .filter_map(|one| one.as_ref().err())
                        .for_each(|error| tracing::debug!(%error, "a heartbeat came too late")),
                    Err(error) => tracing::debug!(%error, "heartbeats are lost"),
                }
            }
        }
    }

    /// Has dead letters written down, until the consumer stops.
    pub fn bury(&self) {
        let mut buried = HashSet::new();
        while self.is_taking() {
            let mut there = HashSet::new();
            for queue in &self.options.queues {
                if let Err(error) = self.bury_all(queue, &buried, &mut there) {
                    tracing::debug!(queue, %error, "cannot look at the dead letters");
                }
            }
            // Whoever was redriven may die again.
            buried = there;
            self.pause(self.options.dead_letters.unwrap_or_else(|| self.queue.waits().dead_letters));
        }
    }

    /// Has a queue's dead letters written down, but for those that are. Notes down which are now.
    fn bury_all(
        &self,
        queue: &str,
        buried: &HashSet<MessageId>,
        there: &mut HashSet<MessageId>,
    ) -> Result<(), Error> {
        // Not every kind of queue shows its dead letters.
        let Some(admin) = self.queue.admin() else { return Ok(()) };
        let mut after = None;
        loop {
            let page = admin.dead_letters(queue, after.as_ref(), PAGE)?;
            for letter in page.letters {
                if buried.contains(&letter.id) || self.handler.bury(&letter) {
                    there.insert(letter.id);
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}

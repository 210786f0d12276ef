//! Threads that take messages and do tasks, until told to stop.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use millstream_core::{layout, task::Message};
use millstream_engine::Cancel;
use millstream_queue::{Delivery, MAX_DELAY, MessageId, Receipt};

use crate::{
    failpoint::reached,
    home::{Home, queue_name},
    task::{Handled, Tasks},
};

/// How long a message stays invisible without a heartbeat.
const VISIBILITY: Duration = Duration::from_secs(60);
/// How often a heartbeat is sent, and looked whether a run was cancelled.
const HEARTBEAT: Duration = Duration::from_secs(10);
const CANCEL_CHECK: Duration = Duration::from_millis(250);
const WAIT: Duration = Duration::from_millis(500);
/// How long tasks have to let go.
const LET_GO: Duration = Duration::from_secs(10);
const DEAD_LETTER_CHECK: Duration = Duration::from_secs(5);
/// Dead letters that are looked at in one go.
const PAGE: usize = 100;

/// What a worker serves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Tasks at once; best as many as the machine has cores.
    pub threads: usize,
    /// Besides the queue that every host serves.
    pub pools: Vec<String>,
}

/// A running worker. Dropped, it lets go of its tasks and ends.
pub struct Worker {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    home: Home,
    tasks: Tasks,
    queues: Vec<String>,
    stop: AtomicBool,
    in_hand: Mutex<HashMap<String, InHand>>,
}

/// A message that a thread is busy with.
struct InHand {
    receipt: Receipt,
    run: Option<String>,
    cancel: Cancel,
}

/// A message in hand, until dropped.
struct Holding<'a> {
    shared: &'a Shared,
    handle: &'a str,
}

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        self.shared.in_hand().remove(self.handle);
    }
}

impl Worker {
    /// Starts the threads.
    pub fn start(home: Home, tasks: Tasks, options: &Options) -> Self {
        let queues = std::iter::once(queue_name(None))
            .chain(options.pools.iter().map(|pool| queue_name(Some(pool))))
            .collect();
        let shared =
            Arc::new(Shared { home, tasks, queues, stop: AtomicBool::new(false), in_hand: Mutex::default() });
        let mut threads = Vec::new();
        for queue in 0..shared.queues.len() {
            for number in 0..options.threads.max(1) {
                threads.push(spawn(&format!("task-{queue}-{number}"), &shared, move |shared| {
                    shared.serve(queue)
                }));
            }
        }
        threads.push(spawn("heartbeat", &shared, Shared::heartbeat));
        threads.push(spawn("dead-letters", &shared, Shared::bury));
        Self { shared, threads }
    }

    /// Lets tasks in hand come to their end, takes no more, and ends.
    pub fn finish(mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        while !self.shared.in_hand().is_empty() {
            thread::sleep(Duration::from_millis(1));
        }
        // Threads that wait for messages need not be waited for: what they still receive they give back.
        self.threads.clear();
    }

    /// Ends tasks in hand, which go back to the queue, and ends.
    ///
    /// What does not let go within ten seconds is left to the end of the process; the queue gives it to others then.
    pub fn abort(mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        let end = Instant::now() + LET_GO;
        loop {
            let left = {
                let in_hand = self.shared.in_hand();
                in_hand.values().for_each(|one| one.cancel.cancel());
                in_hand.len()
            };
            if left == 0 {
                break;
            }
            if Instant::now() >= end {
                tracing::warn!(left, "tasks do not let go, and are left");
                break;
            }
            thread::sleep(Duration::from_millis(1));
        }
        self.threads.clear();
    }

    fn stop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop();
    }
}

fn spawn(name: &str, shared: &Arc<Shared>, body: impl FnOnce(&Shared) + Send + 'static) -> JoinHandle<()> {
    let shared = shared.clone();
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || body(&shared))
        .expect("the system has room for a thread")
}

impl Shared {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    fn in_hand(&self) -> MutexGuard<'_, HashMap<String, InHand>> {
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, queue: usize) {
        while !self.stopped() {
            match self.home.queue().receive(&self.queues[queue], 1, WAIT, VISIBILITY) {
                Ok(deliveries) if self.stopped() => {
                    deliveries.iter().for_each(|delivery| self.give_back(delivery))
                }
                Ok(deliveries) => deliveries.iter().for_each(|delivery| self.deliver(delivery)),
                Err(error) => {
                    tracing::warn!(%error, "cannot receive");
                    thread::sleep(WAIT);
                }
            }
        }
    }

    fn give_back(&self, delivery: &Delivery) {
        if let Err(error) = self.home.queue().extend(&delivery.receipt, Duration::ZERO) {
            tracing::debug!(%error, "a message becomes visible later");
        }
    }

    fn deliver(&self, delivery: &Delivery) {
        let cancel = Cancel::new();
        let run = serde_json::from_str::<Message>(&delivery.body).ok().map(|message| message.run);
        let in_hand = InHand { receipt: delivery.receipt.clone(), run, cancel: cancel.clone() };
        self.in_hand().insert(delivery.receipt.handle.clone(), in_hand);
        // Let go even if the task panics, so that nobody waits for it or keeps its message.
        let _holding = Holding { shared: self, handle: &delivery.receipt.handle };
        let handled = self.tasks.handle(delivery, &cancel);
        let settled = match handled {
            Handled::Delete => self.home.queue().delete(&delivery.receipt),
            Handled::Again(wait) => self.home.queue().extend(&delivery.receipt, wait.min(MAX_DELAY)),
        };
        reached("deleted");
        // The message comes again, finds its task done, and is deleted then.
        if let Err(error) = settled {
            tracing::warn!(body = delivery.body, %error, "cannot settle a message");
        }
    }

    /// Keeps messages in hand invisible, and ends tasks of runs that were cancelled.
    fn heartbeat(&self) {
        let mut since = Duration::ZERO;
        while !self.stopped() {
            thread::park_timeout(CANCEL_CHECK);
            since += CANCEL_CHECK;
            let in_hand: Vec<_> = self
                .in_hand()
                .values()
                .map(|one| (one.receipt.clone(), one.run.clone(), one.cancel.clone()))
                .collect();
            for (_, run, cancel) in &in_hand {
                if let Some(run) = run
                    && self.home.store().head(&layout::cancel(run)).is_ok()
                {
                    cancel.cancel();
                }
            }
            if since >= HEARTBEAT {
                since = Duration::ZERO;
                for (receipt, _, _) in &in_hand {
                    if let Err(error) = self.home.queue().extend(receipt, VISIBILITY) {
                        tracing::debug!(%error, "a heartbeat came too late");
                    }
                }
            }
        }
    }

    /// Marks as failed what was delivered too often: tasks that took each worker down with them. Their messages stay in the dead
    /// letters until somebody retries the run or removes them.
    fn bury(&self) {
        let mut buried = HashSet::new();
        while !self.stopped() {
            let mut there = HashSet::new();
            for queue in &self.queues {
                if let Err(error) = self.bury_all(queue, &buried, &mut there) {
                    tracing::debug!(queue, %error, "cannot look at the dead letters");
                }
            }
            // Whoever was redriven may die again.
            buried = there;
            thread::park_timeout(DEAD_LETTER_CHECK);
        }
    }

    /// Marks the tasks of a queue's dead letters, but for those that are buried. Notes down which are now.
    fn bury_all(
        &self,
        queue: &str,
        buried: &HashSet<MessageId>,
        there: &mut HashSet<MessageId>,
    ) -> Result<(), millstream_queue::Error> {
        // Not every kind of queue shows its dead letters.
        let Some(admin) = self.home.queue().admin() else { return Ok(()) };
        let mut after = None;
        loop {
            let page = admin.dead_letters(queue, after.as_ref(), PAGE)?;
            for letter in page.letters {
                if buried.contains(&letter.id) {
                    there.insert(letter.id);
                    continue;
                }
                let Ok(message) = serde_json::from_str::<Message>(&letter.body) else { continue };
                let why = "each worker that had this task ended before the task did: it may need more memory than the machine \
                           has, or somebody kills the workers; its message is in the dead letters (`millstream dead list`)"
                    .to_owned();
                if self.tasks.give_up(&message, letter.receive_count, why) == Handled::Delete {
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

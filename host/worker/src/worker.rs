//! A worker: a consumer of tasks.

use std::{collections::HashMap, io, sync::Arc};

use millstream_consumer::{Consumer, Handle, Handled, Options as Pace};
use millstream_core::{layout, task::Message};
use millstream_engine::Cancel;
use millstream_queue::{DeadLetter, Delivery, Waits};

use crate::{
    failpoint::reached,
    home::{Home, queue_name},
    presence::Presence,
    task::Tasks,
};

/// What a worker serves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Tasks at once; best as many as the machine has cores.
    pub threads: usize,
    /// Besides the queue that every host serves.
    pub pools: Vec<String>,
    /// It ends soon, with a run, and so waits for messages in short turns.
    pub brief: bool,
}

/// A running worker. Dropped, it lets go of its tasks and ends.
pub struct Worker {
    consumer: Consumer<Tasks>,
    presence: Option<Presence>,
}

impl Worker {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system has no room for a thread.
    pub fn start(home: Home, tasks: Tasks, options: &Options) -> io::Result<Self> {
        let pools = options.pools.iter().map(|pool| queue_name(Some(pool)));
        let queues = std::iter::once(queue_name(None)).chain(pools).collect();
        let pace = Pace::default();
        let looks = home.store().looks();
        // Whether a run was cancelled is asked along with the heartbeat where a look costs money.
        let look = if looks.metered { pace.heartbeat } else { looks.least };
        let wait = options.brief.then(|| Waits::SHORT.min(home.queue().waits().receive));
        let pace = Pace { queues, threads: options.threads, wait, look, ..pace };
        #[expect(clippy::disallowed_methods, reason = "where a real worker gets its randomness")]
        let random = fastrand::Rng::new();
        let hands = Arc::clone(tasks.hands());
        let consumer = Consumer::start(home.queue().clone(), home.clock().clone(), random, tasks, pace)?;
        // Who ends with its run, is asked after by nobody: that costs no requests.
        let is_announced = !(options.brief && looks.metered);
        let presence = is_announced
            .then(|| Presence::start(home, hands, options.threads, &options.pools))
            .transpose()?;
        Ok(Self { consumer, presence })
    }

    /// Lets tasks in hand come to their end, takes no more, and ends.
    pub fn finish(self) {
        self.consumer.finish();
        drop(self.presence);
    }

    /// Ends tasks in hand, which go back to the queue, and ends.
    ///
    /// What does not let go within ten seconds is left to the end of the process; the queue gives it to others then.
    pub fn abort(self) {
        self.consumer.abort();
        drop(self.presence);
    }
}

/// What is said of a task whose message is in the dead letters.
const WHY: &str = "each worker that had this task ended before the task did: it may need more memory than the machine has, or \
                   somebody kills the workers; its message is in the dead letters (`millstream dead list`)";

impl Handle for Tasks {
    type Cancel = Cancel;

    fn handle(&self, delivery: &Delivery, cancel: &Cancel) -> Handled {
        Self::handle(self, delivery, cancel)
    }

    fn cancel(&self, cancel: &Cancel) {
        cancel.cancel();
    }

    /// Ends tasks of runs that were cancelled: one request for each run.
    fn look(&self, in_hand: &[(Delivery, Cancel)]) {
        let mut cancelled = HashMap::new();
        for (delivery, cancel) in in_hand {
            let Ok(Message { run, .. }) = serde_json::from_str(&delivery.body) else { continue };
            let there = || self.home().store().head(&layout::cancel(&run)).is_ok();
            if *cancelled.entry(run.clone()).or_insert_with(there) {
                cancel.cancel();
            }
        }
    }

    fn settled(&self) {
        reached("deleted");
    }

    /// Marks as failed what was delivered too often: a task that took each worker down with it.
    fn bury(&self, letter: &DeadLetter) -> bool {
        // What names no task stays as it is.
        let Ok(message) = serde_json::from_str::<Message>(&letter.body) else { return true };
        self.give_up(&message, letter.receive_count, WHY.to_owned()) == Handled::Delete
    }
}

//! The loops on threads, and how they end.

use std::{
    io,
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use millstream_queue::{Clock, Queue, Wake};

use crate::{Handle, Loops, Options};

/// A running consumer. Dropped, it ends the work in hand, whose messages go back, and waits for its threads, but not for long.
pub struct Consumer<H: Handle> {
    loops: Arc<Loops<H>>,
    alive: Arc<Alive>,
    /// Nobody waits for the threads.
    left: bool,
}

/// Threads that have not ended.
#[derive(Default)]
struct Alive {
    count: AtomicUsize,
    ended: Arc<Wake>,
}

/// One of them.
struct Living(Arc<Alive>);

impl Living {
    fn new(alive: &Arc<Alive>) -> Self {
        alive.count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(alive))
    }
}

impl Drop for Living {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::SeqCst);
        self.0.ended.notify();
    }
}

/// Tells the threads that the end comes, while what they have in hand may go on.
#[derive(Clone)]
pub struct Ending(Weak<dyn Stop>);

trait Stop: Send + Sync {
    fn stop(&self);
}

impl<H: Handle> Stop for Loops<H> {
    fn stop(&self) {
        Self::stop(self);
    }
}

impl Ending {
    /// From now on no more messages are taken.
    pub fn begin(&self) {
        if let Some(loops) = self.0.upgrade() {
            loops.stop();
        }
    }
}

impl<H: Handle> Consumer<H> {
    /// Starts the threads: some for each queue, one for heartbeats and one for dead letters.
    ///
    /// # Errors
    /// The system has no room for a thread.
    pub fn start(
        queue: Arc<dyn Queue>,
        clock: Arc<dyn Clock>,
        random: fastrand::Rng,
        handler: H,
        options: Options,
    ) -> io::Result<Self> {
        let (threads, queues) = (options.threads.max(1), options.queues.clone());
        let consumer = Self {
            loops: Arc::new(Loops::new(queue, clock, random, handler, options)),
            alive: Arc::default(),
            left: false,
        };
        for queue in queues {
            for number in 0..threads {
                let queue = queue.clone();
                consumer.spawn(&format!("{queue}-{number}"), move |loops| loops.serve(&queue))?;
            }
        }
        consumer.spawn("heartbeat", Loops::heartbeat)?;
        consumer.spawn("dead-letters", Loops::bury)?;
        Ok(consumer)
    }

    fn spawn(&self, name: &str, body: impl FnOnce(&Loops<H>) + Send + 'static) -> io::Result<()> {
        let (loops, living) = (Arc::clone(&self.loops), Living::new(&self.alive));
        let work = move || {
            // Lets go of what the handler holds before it is said that the thread has ended.
            let _living = living;
            let loops = loops;
            body(&loops);
        };
        self.loops.clock.spawn(name, Box::new(work))
    }

    /// For whoever hears first that the end comes.
    pub fn ending(&self) -> Ending {
        let loops = Arc::downgrade(&self.loops);
        Ending(loops)
    }

    /// Lets messages in hand come to their end, takes no more, and ends. Threads that wait for messages are waited for no longer than
    /// the queue says ([`Waits::linger`](millstream_queue::Waits)): what they still receive they give back.
    pub fn finish(mut self) {
        self.loops.stop();
        loop {
            let seen = self.loops.hands.seen();
            if self.loops.in_hand() == 0 {
                break;
            }
            self.loops.clock.wait(&self.loops.hands, seen, self.loops.options.let_go);
        }
        self.left = true;
        self.linger();
    }

    /// Ends the work in hand, whose messages go back to the queue, and ends. What does not let go in time is left to the end of the
    /// process; the queue gives it to others then. Gives the number of those.
    pub fn abort(mut self) -> usize {
        self.left = true;
        let left = self.let_go(self.end());
        self.linger();
        left
    }

    /// What is handed out to a request that nobody reads any more is with nobody until its time has passed.
    fn linger(&self) {
        self.join(self.loops.clock.monotonic() + self.loops.linger());
    }

    /// Waits until all threads have ended, or until `end`.
    fn join(&self, end: Duration) {
        let clock = &self.loops.clock;
        loop {
            let seen = self.alive.ended.seen();
            let time = end.saturating_sub(clock.monotonic());
            if self.alive.count.load(Ordering::SeqCst) == 0 || time.is_zero() {
                return;
            }
            clock.wait(&self.alive.ended, seen, time);
        }
    }

    /// Until when a consumer that stops now waits.
    fn end(&self) -> Duration {
        self.loops.clock.monotonic() + self.loops.options.let_go
    }

    fn let_go(&self, end: Duration) -> usize {
        self.loops.stop();
        let clock = &self.loops.clock;
        loop {
            let seen = self.loops.hands.seen();
            self.loops.cancel();
            let (left, time) = (self.loops.in_hand(), end.saturating_sub(clock.monotonic()));
            if left == 0 {
                return 0;
            }
            if time.is_zero() {
                tracing::warn!(left, "messages in hand do not let go, and are left");
                return left;
            }
            clock.wait(&self.loops.hands, seen, time);
        }
    }
}

impl<H: Handle> Drop for Consumer<H> {
    fn drop(&mut self) {
        if self.left {
            return;
        }
        let end = self.end();
        self.let_go(end);
        self.join(end);
    }
}

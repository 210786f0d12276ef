//! Time, passed in, so that visibility, time limits and waits can be simulated.

use std::{
    io,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::Wake;

/// Work for a thread of its own.
pub type Work = Box<dyn FnOnce() + Send>;

/// Says what time it is, and waits. Whoever waits through it can be simulated: a virtual clock knows all threads that wait, and moves
/// on when all of them do. Queues keep times to the millisecond.
pub trait Clock: Send + Sync {
    /// Now, as all processes that share the queue see it. People and time servers may set it back.
    fn now(&self) -> SystemTime;

    /// What has passed since some moment before; never goes back.
    fn monotonic(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }

    /// Blocks until there were more events than `seen`, or for `timeout`. Says whether there were.
    fn wait(&self, wake: &Arc<Wake>, seen: u64, timeout: Duration) -> bool {
        wake.wait(seen, timeout)
    }

    /// Does `work` on a thread of its own.
    ///
    /// # Errors
    /// The system has no room for a thread.
    fn spawn(&self, name: &str, work: Work) -> io::Result<()> {
        thread::Builder::new().name(name.to_owned()).spawn(work).map(drop)
    }
}

/// The machine's wall clock, which its processes share. When it is set back, messages in flight stay so for longer.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// Moves only when told to. Starts at one day after the Unix epoch.
#[derive(Debug)]
pub struct ManualClock(AtomicU64);

impl Default for ManualClock {
    fn default() -> Self {
        Self(AtomicU64::new(24 * 60 * 60 * 1000))
    }
}

impl ManualClock {
    /// Moves on by `by`, rounded up to the millisecond.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(millis_up(by) as u64, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Whole milliseconds, rounded up: no message is visible too early.
pub(crate) fn millis_up(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX)
}

/// Milliseconds since the Unix epoch.
pub(crate) fn now_millis(clock: &dyn Clock) -> i64 {
    let since = clock.now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The inverse of [`now_millis`].
pub(crate) fn from_millis(millis: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

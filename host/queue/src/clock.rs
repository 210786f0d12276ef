//! Time, passed in, so that visibility can be simulated.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Says what time it is. Queues keep times to the millisecond.
pub trait Clock: Send + Sync {
    /// Now, as all processes that share the queue see it.
    fn now(&self) -> SystemTime;
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

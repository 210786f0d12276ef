//! What a task does before its function runs (copying sources, checking inputs) ends with its run and with its time, too.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use millstream_core::failure::Failure;
use millstream_engine::Cancel;
use millstream_queue::{Clock, Wake};
use millstream_store::Going;

/// How long a task may take, and who may end it.
#[derive(Clone)]
pub struct Bounds {
    cancel: Cancel,
    clock: Arc<dyn Clock>,
    began: Duration,
    limit: Duration,
    /// The limit is not the task's own.
    of_invocation: bool,
}

/// How often somebody who waits looks.
const POLL: Duration = Duration::from_millis(20);

/// What work on a thread of its own has come to.
struct Aside<T> {
    result: Mutex<Option<T>>,
    over: AtomicBool,
    stopped: AtomicBool,
    wake: Arc<Wake>,
}

/// Says that the work is over, even if it panics.
struct Over<T>(Arc<Aside<T>>);

impl<T> Drop for Over<T> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::SeqCst);
        self.0.wake.notify();
    }
}

impl Bounds {
    /// From now on, for `limit`.
    pub fn new(clock: &Arc<dyn Clock>, cancel: &Cancel, limit: Duration) -> Self {
        Self {
            cancel: cancel.clone(),
            clock: Arc::clone(clock),
            began: clock.monotonic(),
            limit,
            of_invocation: false,
        }
    }

    /// The limit is what an invocation leaves, and not the task's own.
    #[must_use]
    pub fn of_invocation(self) -> Self {
        Self { of_invocation: true, ..self }
    }

    /// What ends the task.
    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// What has passed.
    pub fn spent(&self) -> Duration {
        self.clock.monotonic().saturating_sub(self.began)
    }

    /// What is left of the time.
    pub fn left(&self) -> Duration {
        self.limit.saturating_sub(self.spent())
    }

    /// Does `work`, whose words are `what` ("reading a.csv"), on a thread of its own. At a cancel or when the time is over
    /// nobody waits for it any more: a file system that hangs keeps that thread and nothing else. It is told by `Going`.
    ///
    /// # Errors
    /// `Cancelled`, `Limit` of time, `Host` if there is no thread.
    pub fn within<T: Send + 'static>(
        &self,
        what: &str,
        work: impl FnOnce(Going<'_>) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let host = |message: String| Failure::Host { message };
        let aside = Arc::new(Aside {
            result: Mutex::new(None),
            over: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            wake: Arc::default(),
        });
        let there = Arc::clone(&aside);
        let working = move || {
            let over = Over(there);
            let aside = &over.0;
            let result = work(&|| !aside.stopped.load(Ordering::Relaxed));
            // Nobody may wait for it any more.
            *aside.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        };
        self.clock
            .spawn("preparing", Box::new(working))
            .map_err(|error| host(format!("cannot start a thread for {what}: {error}")))?;
        loop {
            let seen = aside.wake.seen();
            // Asked in this order: it is over once the result is there.
            let is_over = aside.over.load(Ordering::SeqCst);
            if let Some(result) = aside.result.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return Ok(result);
            }
            if is_over {
                return Err(host(format!("{what} panicked; this is a bug in Millstream")));
            }
            let end = if self.cancel.is_cancelled() {
                Failure::Cancelled
            } else if self.left().is_zero() {
                self.out_of_time(Some(what))
            } else {
                self.clock.wait(&aside.wake, seen, POLL);
                continue;
            };
            aside.stopped.store(true, Ordering::Relaxed);
            return Err(end);
        }
    }

    /// The time is over, while it did `what`.
    pub fn out_of_time(&self, what: Option<&str>) -> Failure {
        let what = what.map(|what| format!(" ({what})")).unwrap_or_default();
        let limit = self.limit;
        let message = if self.of_invocation {
            format!(
                "it ran longer than the {limit:.1?} that an invocation of this Lambda function leaves it{what}; give it less to do, \
                 split it (`for-each`), or let a worker outside of Lambda do it (`pool:`)"
            )
        } else {
            format!(
                "it ran longer than {limit:?}{what}; raise the limit (`limits: {{ time: ... }}` of the step) or give it less to do"
            )
        };
        Failure::Limit { limit: "time".to_owned(), message }
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use std::{thread, time::Instant};

    use millstream_queue::SystemClock;

    use super::*;

    fn bounds(cancel: &Cancel, limit: Duration) -> Bounds {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Bounds::new(&clock, cancel, limit)
    }

    fn endless(going: Going<'_>) -> u64 {
        let mut rounds = 0;
        while going() {
            rounds += 1;
            thread::sleep(Duration::from_millis(1));
        }
        rounds
    }

    #[test]
    fn what_ends_in_time_gives_its_result() {
        let bounds = bounds(&Cancel::new(), Duration::from_secs(60));
        assert_eq!(bounds.within("counting", |going| if going() { 7 } else { 0 }), Ok(7));
        assert!(matches!(
            bounds.within::<()>("breaking", |_| panic!("on purpose")),
            Err(Failure::Host { .. })
        ));
    }

    #[test]
    fn time_and_cancel_end_the_wait_even_if_the_work_hangs() {
        let short = bounds(&Cancel::new(), Duration::from_millis(30));
        let Err(Failure::Limit { limit, message }) = short.within("reading x", endless) else { panic!() };
        assert!(limit == "time" && message.contains("reading x"), "{message}");
        let hangs = |_: Going<'_>| thread::sleep(Duration::from_secs(30));
        let began = Instant::now();
        assert!(matches!(short.within("hanging", hangs), Err(Failure::Limit { .. })));
        let cancel = Cancel::new();
        cancel.cancel();
        let long = bounds(&cancel, Duration::from_secs(60));
        assert_eq!(long.within("hanging", hangs), Err(Failure::Cancelled));
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}

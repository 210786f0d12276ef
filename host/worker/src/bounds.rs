//! What a task does before its function runs (copying sources, checking inputs) ends with its run and with its time, too.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use millstream_core::failure::Failure;
use millstream_engine::Cancel;
use millstream_store::Going;

/// How long a task may take, and who may end it.
#[derive(Clone)]
pub struct Bounds {
    cancel: Cancel,
    began: Instant,
    limit: Duration,
}

/// How often somebody who waits looks.
const POLL: Duration = Duration::from_millis(20);

impl Bounds {
    /// From now on, for `limit`.
    pub fn new(cancel: &Cancel, limit: Duration) -> Self {
        Self { cancel: cancel.clone(), began: Instant::now(), limit }
    }

    /// What ends the task.
    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// What has passed.
    pub fn spent(&self) -> Duration {
        self.began.elapsed()
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
        let stop = Arc::new(AtomicBool::new(false));
        let (sender, done) = mpsc::sync_channel(1);
        let stopped = Arc::clone(&stop);
        let working = move || {
            let result = work(&|| !stopped.load(Ordering::Relaxed));
            // Nobody may wait for it any more.
            let _ = sender.send(result);
        };
        thread::Builder::new()
            .name("preparing".to_owned())
            .spawn(working)
            .map_err(|error| host(format!("cannot start a thread for {what}: {error}")))?;
        loop {
            match done.recv_timeout(POLL) {
                Ok(result) => return Ok(result),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(host(format!("{what} panicked; this is a bug in Millstream")));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            let over = if self.cancel.is_cancelled() {
                Failure::Cancelled
            } else if self.left().is_zero() {
                self.out_of_time(Some(what))
            } else {
                continue;
            };
            stop.store(true, Ordering::Relaxed);
            return Err(over);
        }
    }

    /// The time is over, while it did `what`.
    pub fn out_of_time(&self, what: Option<&str>) -> Failure {
        let what = what.map(|what| format!(" ({what})")).unwrap_or_default();
        Failure::Limit {
            limit: "time".to_owned(),
            message: format!(
                "it ran longer than {:?}{what}; raise the limit (`limits: {{ time: ... }}` of the step) or give it less to do",
                self.limit
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let bounds = Bounds::new(&Cancel::new(), Duration::from_secs(60));
        assert_eq!(bounds.within("counting", |going| if going() { 7 } else { 0 }), Ok(7));
        assert!(matches!(
            bounds.within::<()>("breaking", |_| panic!("on purpose")),
            Err(Failure::Host { .. })
        ));
    }

    #[test]
    fn time_and_cancel_end_the_wait_even_if_the_work_hangs() {
        let short = Bounds::new(&Cancel::new(), Duration::from_millis(30));
        let Err(Failure::Limit { limit, message }) = short.within("reading x", endless) else { panic!() };
        assert!(limit == "time" && message.contains("reading x"), "{message}");
        let hangs = |_: Going<'_>| thread::sleep(Duration::from_secs(30));
        let began = Instant::now();
        assert!(matches!(short.within("hanging", hangs), Err(Failure::Limit { .. })));
        let cancel = Cancel::new();
        cancel.cancel();
        let long = Bounds::new(&cancel, Duration::from_secs(60));
        assert_eq!(long.within("hanging", hangs), Err(Failure::Cancelled));
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}

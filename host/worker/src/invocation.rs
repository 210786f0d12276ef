//! What is left of a process that ends by itself, as an invocation of Lambda does.

use std::{sync::Arc, time::Duration};

use millstream_core::failure::Failure;
use millstream_engine::{Cancel, Limits};
use millstream_plan::lambda;
use millstream_queue::Clock;

use crate::bounds::Bounds;

/// What an invocation leaves to the tasks that it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLeft {
    /// When it ends, by the home's clock ([`Clock::monotonic`](millstream_queue::Clock::monotonic)).
    pub end: Duration,
    /// How long it had when it began.
    pub whole: Duration,
}

/// How often a task that needs more time than this function's invocations have is given back before it is taken for one that can
/// never be done.
const GIVEN_BACK: u32 = 3;

impl TimeLeft {
    /// What is kept for the end.
    fn margin(&self) -> Duration {
        Duration::from_millis(lambda::margin(millis(self.whole)))
    }

    /// When whatever has not ended by itself is to be told so.
    pub fn last_call(&self) -> Duration {
        self.end.saturating_sub(self.margin() / 2)
    }

    /// What is left for tasks.
    fn left(&self, now: Duration) -> Duration {
        self.end.saturating_sub(now).saturating_sub(self.margin())
    }

    /// The time that a task may take which begins `now` and was delivered so often.
    ///
    /// # Errors
    /// `Cancelled`: there is too little left, and it is to be given back; `Limit`: there is never enough.
    pub(crate) fn time(
        &self,
        asked: Option<Duration>,
        now: Duration,
        deliveries: u32,
    ) -> Result<Duration, Failure> {
        let left = self.left(now);
        // All that it had, but for what it took to come here.
        let fresh = now + self.whole.mul_f64(0.95) <= self.end;
        let Some(asked) = asked else {
            // As much as an invocation gives: others were done in this one.
            return if fresh { Ok(left) } else { Err(Failure::Cancelled) };
        };
        if asked <= left {
            return Ok(asked);
        }
        let longest = self.whole.max(Duration::from_millis(lambda::MOST_TIME));
        let never = asked > longest.saturating_sub(Duration::from_millis(lambda::margin(millis(longest))));
        if never || (fresh && deliveries >= GIVEN_BACK) {
            return Err(Failure::Limit {
                limit: "time".to_owned(),
                message: format!(
                    "it may take {asked:?} (`limits: {{ time: ... }}` of the step), and an invocation of this Lambda function has \
                     {:.1?} for it; lower the limit, split the step (`for-each`), or let a worker outside of Lambda do it (`pool:`)",
                    self.whole.saturating_sub(self.margin())
                ),
            });
        }
        Err(Failure::Cancelled)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A message in hand.
pub(crate) struct Hand<'a> {
    pub cancel: &'a Cancel,
    pub invocation: Option<&'a TimeLeft>,
    /// How often it was delivered, from 1.
    pub deliveries: u32,
}

impl Hand<'_> {
    /// How long the task may take that asks for so much time; and why it cannot run, unless its result is there already.
    pub fn bounds(&self, clock: &Arc<dyn Clock>, asked: Option<Duration>) -> (Bounds, Option<Failure>) {
        let own = |limit| Bounds::new(clock, self.cancel, limit);
        let Some(invocation) = self.invocation else {
            return (own(asked.unwrap_or(Limits::default().wall_time)), None);
        };
        let now = clock.monotonic();
        match invocation.time(asked, now, self.deliveries) {
            Ok(limit) if asked.is_some() => (own(limit), None),
            Ok(limit) => (own(limit).of_invocation(), None),
            Err(refused) => (own(invocation.left(now)).of_invocation(), Some(refused)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn invocation() -> TimeLeft {
        TimeLeft { end: 1000 * SECOND, whole: 900 * SECOND }
    }

    #[test]
    fn what_fits_has_its_own_limit_and_the_rest_what_is_left() {
        let it = invocation();
        assert_eq!(it.time(Some(60 * SECOND), 100 * SECOND, 1), Ok(60 * SECOND));
        assert_eq!(it.time(None, 100 * SECOND, 1), Ok(890 * SECOND), "10 s are kept");
        assert_eq!(it.time(Some(60 * SECOND), 930 * SECOND, 1), Ok(60 * SECOND), "the last moment");
    }

    #[test]
    fn what_comes_too_late_is_given_back() {
        let it = invocation();
        assert_eq!(it.time(Some(60 * SECOND), 931 * SECOND, 9), Err(Failure::Cancelled));
        assert_eq!(it.time(None, 200 * SECOND, 9), Err(Failure::Cancelled), "another one has its whole time");
        let short = TimeLeft { end: 30 * SECOND, whole: 30 * SECOND };
        assert_eq!(short.time(Some(60 * SECOND), SECOND, 1), Err(Failure::Cancelled));
    }

    #[test]
    fn what_can_never_fit_fails() {
        let it = invocation();
        let fails = |it: TimeLeft, asked, deliveries| {
            let Err(Failure::Limit { limit, message }) = it.time(Some(asked), it.end - it.whole, deliveries)
            else {
                panic!("it does not fail")
            };
            assert!(limit == "time" && message.contains("`pool:`"), "{message}");
        };
        fails(it, 891 * SECOND, 1);
        // The function's own time-out is shorter than Lambda's: it has been tried often enough.
        fails(TimeLeft { end: 30 * SECOND, whole: 30 * SECOND }, 60 * SECOND, 3);
        // Invocations of Managed Instances last longer.
        let managed = TimeLeft { end: 5400 * SECOND, whole: 5400 * SECOND };
        assert_eq!(managed.time(Some(3600 * SECOND), Duration::ZERO, 1), Ok(3600 * SECOND));
    }
}

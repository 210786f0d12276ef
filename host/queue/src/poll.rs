//! The long poll, the same for every local implementation.

use std::time::{Duration, Instant};

use crate::{Result, wake::Wake};

/// How soon a message from elsewhere (another process, a delay that has passed) is noticed, at best and at worst.
const PAUSE: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(20));

/// Calls `attempt` until it gives something or `wait` has passed: after each event in this process, and in pauses that
/// grow. An attempt in vain must be cheap: for SQLite it is one look into an index.
pub(crate) fn until_some<T>(
    wake: &Wake,
    wait: Duration,
    mut attempt: impl FnMut() -> Result<Vec<T>>,
) -> Result<Vec<T>> {
    let deadline = Instant::now() + wait;
    let mut pause = PAUSE.0;
    loop {
        let seen = wake.seen();
        let found = attempt()?;
        let left = deadline.saturating_duration_since(Instant::now());
        if !found.is_empty() || left.is_zero() {
            return Ok(found);
        }
        pause = if wake.wait(seen, pause.min(left)) { PAUSE.0 } else { (pause * 2).min(PAUSE.1) };
    }
}

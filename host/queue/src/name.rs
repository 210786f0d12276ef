//! Queue names, and limits on what goes into a call.

use std::{collections::BTreeSet, time::Duration};

use crate::{Error, MAX_BODY_BYTES, MAX_DELAY, MAX_VISIBILITY, MAX_WAIT, Outgoing, Result};

const DEAD: &str = "-dead";
/// SQS allows 80; the dead-letter queue's name is longer by its suffix.
const MAX_NAME_BYTES: usize = 80 - DEAD.len();

/// The queue that holds the dead letters of `queue`. It has none itself: a dead letter can be received any number of times.
pub fn dead_letter_queue(queue: &str) -> String {
    format!("{queue}{DEAD}")
}

/// Whether `queue` is somebody's dead-letter queue.
pub fn is_dead_letter_queue(queue: &str) -> bool {
    queue.ends_with(DEAD)
}

/// The queues that these are, or hold the dead letters of: each once, in order.
pub(crate) fn names(queues: impl Iterator<Item = String>) -> Vec<String> {
    let own = |queue: String| queue.strip_suffix(DEAD).map(str::to_owned).unwrap_or(queue);
    queues.map(own).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Accepts 1 to 75 letters, digits, `-` and `_`, or the dead-letter queue of such a name.
///
/// # Errors
/// `Invalid`, with the reason.
pub fn check_queue(queue: &str) -> Result<()> {
    let name = queue.strip_suffix(DEAD).unwrap_or(queue);
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.bytes().all(plain) {
        let shown: String = queue.chars().take(100).collect();
        return Err(Error::invalid(format!(
            "{shown:?} cannot be a queue: a name is 1 to {MAX_NAME_BYTES} ASCII letters, digits, '-' and '_'"
        )));
    }
    Ok(())
}

/// Accepts a message that every queue takes.
///
/// # Errors
/// `Invalid`, with the reason.
pub fn check_outgoing(message: &Outgoing) -> Result<()> {
    if message.body.is_empty() {
        return Err(Error::invalid("the body is empty"));
    }
    if let Some(c) = message.body.chars().find(|c| !travels(*c)) {
        return Err(Error::invalid(format!(
            "the body has the character {c:?}, which not every queue carries"
        )));
    }
    if let Some(group) = &message.group
        && (group.is_empty() || group.len() > 128 || !group.bytes().all(|b| b.is_ascii_graphic()))
    {
        return Err(Error::invalid(format!(
            "{group:?} cannot be a group: it is 1 to 128 ASCII letters, digits and punctuation"
        )));
    }
    if message.body.len() > MAX_BODY_BYTES {
        return Err(Error::invalid(format!(
            "the body has {} bytes, and {MAX_BODY_BYTES} are allowed",
            message.body.len()
        )));
    }
    check_time("delay", message.delay, MAX_DELAY)
}

/// What XML 1.0 has, as SQS asks.
fn travels(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Accepts what [`Queue::receive`](crate::Queue::receive) takes.
///
/// # Errors
/// `Invalid`, with the reason.
pub fn check_receive(max: usize, wait: Duration, visibility: Duration) -> Result<()> {
    if max == 0 {
        return Err(Error::invalid("cannot receive at most 0 messages"));
    }
    check_time("wait", wait, MAX_WAIT)?;
    check_visibility(visibility)
}

/// Accepts 0 to [`MAX_VISIBILITY`].
///
/// # Errors
/// `Invalid`.
pub fn check_visibility(visibility: Duration) -> Result<()> {
    check_time("visibility", visibility, MAX_VISIBILITY)
}

fn check_time(what: &str, time: Duration, most: Duration) -> Result<()> {
    if time > most {
        return Err(Error::invalid(format!("{what} is {time:?}, and at most {most:?} is allowed")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let longest = "x".repeat(75);
        for name in ["tasks", "a-b_C9", &longest, &dead_letter_queue(&longest), "tasks-dead"] {
            check_queue(name).unwrap_or_else(|e| panic!("{e}"));
        }
        for name in ["", "-dead", "a.b", "a/b", "ä", &"x".repeat(76)] {
            assert!(check_queue(name).is_err(), "{name:?}");
        }
    }
}

//! The trait, and what goes in and comes out of it.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use crate::{Error, Result};

/// Longest body in bytes.
pub const MAX_BODY_BYTES: usize = 256 * 1024;
/// Longest delay of a message, as in SQS.
pub const MAX_DELAY: Duration = Duration::from_secs(15 * 60);
/// Longest visibility time-out, as in SQS.
pub const MAX_VISIBILITY: Duration = Duration::from_secs(12 * 60 * 60);
/// Longest wait of one `receive`, as in SQS.
pub const MAX_WAIT: Duration = Duration::from_secs(20);

/// A message to be sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// 1 to [`MAX_BODY_BYTES`] bytes, of characters that XML has: no control characters but tab and line ends, as in SQS.
    pub body: String,
    /// How long nobody receives it; at most [`MAX_DELAY`].
    pub delay: Duration,
    /// Whose it is (a run, say): queues that can do so let no group's many messages hold up those of others. Others take no
    /// notice. Letters, digits and punctuation, at most 128.
    pub group: Option<String>,
}

impl Outgoing {
    /// To be received at once.
    pub fn new(body: impl Into<String>) -> Self {
        Self { body: body.into(), ..Self::default() }
    }

    /// Not to be received before `delay` has passed.
    pub fn after(body: impl Into<String>, delay: Duration) -> Self {
        Self { body: body.into(), delay, ..Self::default() }
    }

    /// The same as a message of `group`.
    #[must_use]
    pub fn of(self, group: impl Into<String>) -> Self {
        Self { group: Some(group.into()), ..self }
    }
}

/// How long whoever waits for a queue's messages waits for each answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// How long one `receive` waits for a message.
    pub receive: Duration,
    /// Between two looks at dead letters.
    pub dead_letters: Duration,
    /// How long whoever ends waits for a `receive` that is under way: what it is given after that, nobody has.
    pub linger: Duration,
}

impl Waits {
    /// On this machine: asking costs next to nothing.
    pub const LOCAL: Self = Self {
        receive: Duration::from_millis(500),
        dead_letters: Duration::from_secs(5),
        linger: Duration::ZERO,
    };
    /// Over the network, where each request is billed.
    pub const REMOTE: Self =
        Self { receive: MAX_WAIT, dead_letters: Duration::from_secs(60), linger: Duration::from_secs(3) };
    /// The longest `receive` of one who is about to end: it is waited for.
    pub const SHORT: Duration = Duration::from_secs(1);
}

/// Names a message for as long as its queue exists.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub String);

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The right to one delivery of a message. A later delivery of the same message makes it stale.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Receipt {
    /// The queue it was received from.
    pub queue: String,
    /// What the implementation gave out.
    pub handle: String,
}

/// A message received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The same at each delivery.
    pub id: MessageId,
    /// As it was sent.
    pub body: String,
    /// For `extend` and `delete`.
    pub receipt: Receipt,
    /// How often it has been received, this time included; from 1.
    pub receive_count: u32,
    /// When it was sent.
    pub sent_at: SystemTime,
}

/// A message in a dead-letter queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// As before it died.
    pub id: MessageId,
    /// As it was sent.
    pub body: String,
    /// How often it was received before it died, as the queue's rules have it.
    pub receive_count: u32,
    /// When it was sent.
    pub sent_at: SystemTime,
}

/// Part of a listing of dead letters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadPage {
    /// Oldest first.
    pub letters: Vec<DeadLetter>,
    /// `start_after` for the next page; none after the last.
    pub next: Option<MessageId>,
}

/// How many messages a queue holds. Over the network these are approximate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Ready to be received.
    pub visible: u64,
    /// Received, and neither deleted nor timed out.
    pub in_flight: u64,
    /// Sent with a delay that has not passed.
    pub delayed: u64,
    /// In the dead-letter queue.
    pub dead: u64,
}

/// What holds for every queue of one implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueOptions {
    /// A message that has been received this often, and comes up again, goes to the dead-letter queue; at least 1.
    pub max_receive_count: u32,
}

impl QueueOptions {
    pub(crate) fn check(&self) -> Result<()> {
        match self.max_receive_count {
            0 => Err(Error::invalid("max_receive_count is 0, and a message must be received once at least")),
            _ => Ok(()),
        }
    }
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self { max_receive_count: 5 }
    }
}

/// Messages by queue name, delivered at least once, in no promised order.
///
/// Names are letters, digits, `-` and `_`, at most 75 bytes ([`check_queue`](crate::check_queue)); a queue exists from
/// the first message on. The dead letters of `tasks` are in the queue [`dead_letter_queue("tasks")`](crate::dead_letter_queue),
/// which can be received from like any other; [`QueueAdmin`] lists and redrives them.
///
/// A message received is invisible to everybody else until it is deleted, its visibility time-out has passed, or
/// its receiver (a process, or a handle) is gone; the local implementations notice that within a fraction of a second.
///
/// In batches, the outer error means that the call failed and any part of it may have been done; the inner ones are
/// about single entries, in order.
pub trait Queue: Send + Sync {
    /// Sends each message, durably.
    ///
    /// # Errors
    /// `Invalid` for an entry with too long a body or delay (the others are sent), or for a queue name.
    fn send_batch(&self, queue: &str, messages: &[Outgoing]) -> Result<Vec<Result<MessageId>>>;

    /// Receives up to `max` messages (an implementation may give fewer: SQS 10) as soon as there is one, or none after
    /// `wait`. Each is invisible to others for `visibility`.
    /// `wait` is real time, at most [`MAX_WAIT`], whatever the queue's clock says.
    ///
    /// # Errors
    /// `Invalid` for times out of range, for `max` of 0, or for a queue name.
    fn receive(&self, queue: &str, max: usize, wait: Duration, visibility: Duration)
    -> Result<Vec<Delivery>>;

    /// The heartbeat: each message stays invisible for `visibility` from now on; zero gives it back at once.
    ///
    /// # Errors
    /// `StaleReceipt` for an entry whose time has passed or that is deleted: somebody else may have the message.
    fn extend_batch(&self, receipts: &[Receipt], visibility: Duration) -> Result<Vec<Result<()>>>;

    /// Deletes each message. A stale receipt deletes nothing and is no error.
    ///
    /// # Errors
    /// `Invalid` for an entry whose receipt this implementation never gave out.
    fn delete_batch(&self, receipts: &[Receipt]) -> Result<Vec<Result<()>>>;

    /// Counts.
    ///
    /// # Errors
    /// `Invalid` for a queue name.
    fn stats(&self, queue: &str) -> Result<Stats>;

    /// How long to wait for its answers. By default as on this machine.
    fn waits(&self) -> Waits {
        Waits::LOCAL
    }

    /// Has those who wait in [`receive`](Queue::receive) of this handle now return soon, with nothing: somebody wants to end. A wait
    /// of up to [`Waits::SHORT`] goes on to its end.
    fn interrupt(&self) {}

    /// What can be done by whoever looks after the queues; none where the implementation offers no such thing.
    fn admin(&self) -> Option<&dyn QueueAdmin> {
        None
    }

    /// Sends all messages, durably. After an error any of them may have been sent: send all again, or let the caller be
    /// delivered again.
    ///
    /// # Errors
    /// As [`send_batch`](Queue::send_batch); the first one of an entry.
    fn send(&self, queue: &str, messages: &[Outgoing]) -> Result<Vec<MessageId>> {
        self.send_batch(queue, messages)?.into_iter().collect()
    }

    /// [`extend_batch`](Queue::extend_batch) of one.
    ///
    /// # Errors
    /// `StaleReceipt`.
    fn extend(&self, receipt: &Receipt, visibility: Duration) -> Result<()> {
        only(self.extend_batch(std::slice::from_ref(receipt), visibility)?)
    }

    /// [`delete_batch`](Queue::delete_batch) of one.
    ///
    /// # Errors
    /// `Invalid`.
    fn delete(&self, receipt: &Receipt) -> Result<()> {
        only(self.delete_batch(std::slice::from_ref(receipt))?)
    }
}

/// What can be done with queues apart from sending and receiving, by implementations that can.
///
/// SQS shows nothing that is not received: there, a listing of dead letters receives all of them and gives them back, letters that
/// are with somebody else do not show, and a letter that is moved back is sent anew, under another id.
pub trait QueueAdmin: Send + Sync {
    /// A page of the dead letters of `queue`, at most `limit` (clamped to 1 ..= 1000), without receiving them.
    ///
    /// # Errors
    /// `Invalid` for a queue name or for a `start_after` that this implementation never gave out.
    fn dead_letters(&self, queue: &str, start_after: Option<&MessageId>, limit: usize) -> Result<DeadPage>;

    /// Moves a dead letter of `queue` back into it, or all of them, to be received anew from count 1. Those that somebody has
    /// received stay. Says how many.
    ///
    /// # Errors
    /// `Invalid` for a queue name or for an id that this implementation never gave out.
    fn redrive(&self, queue: &str, letter: Option<&MessageId>) -> Result<u64>;

    /// Deletes a dead letter of `queue`, unless somebody has received it. False: there is none that could be deleted.
    ///
    /// # Errors
    /// `Invalid` for a queue name or for an id that this implementation never gave out.
    fn delete_dead_letter(&self, queue: &str, letter: &MessageId) -> Result<bool>;

    /// The names of the queues that hold messages or dead letters, in order.
    ///
    /// # Errors
    /// The queue is out of reach.
    fn queues(&self) -> Result<Vec<String>>;

    /// Removes all messages of `queue`, in flight or not, apart from its dead letters. Says how many.
    ///
    /// # Errors
    /// `Invalid` for a queue name.
    fn purge(&self, queue: &str) -> Result<u64>;
}

fn only(results: Vec<Result<()>>) -> Result<()> {
    results
        .into_iter()
        .next()
        .unwrap_or_else(|| Err(Error::unavailable("the queue answered nothing for one entry")))
}

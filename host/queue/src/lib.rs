//! How tasks travel: messages with visibility time-outs, heartbeats, delays and dead letters.
//!
//! [`Queue`] is shaped after SQS. [`SqliteQueue`] keeps messages in a file that several processes share,
//! [`MemoryQueue`] in memory, for tests and simulations. [`Queues`] turns a location into a queue; [`QueueAdmin`] is what not
//! every implementation can do: dead letters, mostly. Delivery is at least once; what a message means is the
//! caller's business.
//!
//! Calls block, and every implementation can be shared between threads.

mod clock;
mod error;
mod location;
mod memory;
mod name;
mod poll;
mod queue;
mod receipt;
mod sqlite;
mod unopened;
mod wake;

#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "conformance")]
pub mod counting;

pub use clock::{Clock, ManualClock, SystemClock, Work};
pub use error::{Error, ErrorKind, Result};
pub use location::{OpenQueue, Queues, SQLITE};
pub use memory::MemoryQueue;
pub use name::{
    check_outgoing, check_queue, check_receive, check_visibility, dead_letter_queue, is_dead_letter_queue,
};
pub use queue::{
    DeadLetter, DeadPage, Delivery, MAX_BODY_BYTES, MAX_DELAY, MAX_VISIBILITY, MAX_WAIT, MessageId, Outgoing,
    Queue, QueueAdmin, QueueOptions, Receipt, Stats, Waits,
};
pub use sqlite::SqliteQueue;
pub use unopened::Unopened;
pub use wake::Wake;

//! The one loop of all who take messages: receive, hand over, keep invisible meanwhile, settle; and, beside it, see to dead letters.
//!
//! [`Handle`] says what a message means: tasks (`millstream-worker`), requests that are answered later (`millstream-endpoint`).
//! [`Consumer`] runs [`Loops`] on threads. Queue, clock and randomness are passed in: nothing here reads a clock, sleeps or draws a
//! number by itself, so that `tests/simulation` runs the very same loops on virtual time.

mod consumer;
mod handle;
mod loops;

pub use consumer::{Consumer, Ending};
pub use handle::{Handle, Handled};
pub use loops::{Loops, Options, backoff};

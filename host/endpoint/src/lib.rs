//! Serves endpoints: from a request to a version's answer.

mod invocation;

pub use invocation::{Answer, Invocation, InvokeError};

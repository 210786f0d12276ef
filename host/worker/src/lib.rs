//! A task's way: message, inputs, function, outputs, completion, successors.
//!
//! [`Home`] is a place with a store and a queue. A [`Worker`]'s threads do tasks ([`Tasks`]), each in the order of writes that
//! `task.rs` describes, so that a crash at any instruction leads to the same end. [`Functions`] is the registry of functions;
//! [`Acts`] are passed in. Who starts runs is `millstream-control`.

pub mod acts;
mod attempts;
pub mod bounds;
pub mod changes;
mod ends;
pub mod failpoint;
pub mod functions;
mod heal;
pub mod home;
mod invocation;
pub mod logs;
mod notice;
mod pipeline;
pub mod presence;
pub mod records;
pub mod routing;
pub mod sources;
mod task;
mod worker;

pub use acts::Acts;
pub use ends::RunEnds;
pub use functions::{Bundled, Functions, Registered};
pub use home::Home;
pub use invocation::TimeLeft;
pub use millstream_consumer::Handled;
pub use notice::{Ignore, Notice, Watch};
pub use records::Records;
pub use routing::send;
pub use task::{Tasks, host_failure};
pub use worker::{Options, Worker};

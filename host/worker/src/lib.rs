//! A task's way: message, inputs, function, outputs, completion, successors.
//!
//! [`Home`] is a place with a store and a queue. [`runs::start`] plans a run and sends its first tasks. A [`Worker`]'s threads
//! do tasks ([`Tasks`]), each in the order of writes that `task.rs` describes, so that a crash at any instruction leads to the
//! same end. [`Functions`] is the registry of functions; models and endpoints are in `millstream-registry`.

pub mod acts;
mod attempts;
pub mod bounds;
mod changes;
pub mod failpoint;
pub mod functions;
mod heal;
pub mod home;
pub mod logs;
mod notice;
mod pipeline;
pub mod records;
pub mod runs;
pub mod sources;
mod task;
pub mod trial;
mod worker;

pub use functions::{Bundled, Functions, Registered};
pub use home::Home;
pub use notice::{Ignore, Notice, Watch};
pub use records::Records;
pub use task::{Handled, Tasks, send};
pub use worker::{Options, Worker};

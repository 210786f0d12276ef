//! The operations, each once: what the command line, HTTP and workflows' steps call.
//!
//! [`Control`] changes endpoints: it deploys, moves traffic, rolls back, and tries a version within its endpoint's limits before
//! the version gets a request; it registers versions of models and decides about them. [`runs`] starts, cancels and retries
//! runs, [`workflows`] are pushed, found and removed, [`interrupted`] knows the runs whose process was told to stop, [`approvals`] decides
//! about steps that wait, [`dead`] lists dead letters, redrives and removes them. [`Deeds`] are what
//! a workflow's steps do by these operations. What is asked for is read into `millstream_deployment`'s types.

mod acts;
pub mod answering;
pub mod approvals;
mod change;
pub mod dead;
mod endpoints;
pub mod freeze;
pub mod interrupted;
mod models;
pub mod runs;
pub mod trial;
mod warm_start;
pub mod workflows;

pub use acts::Deeds;
pub use change::{ChangeRequest, Changed};
pub use endpoints::Control;
pub use millstream_registry::{Author, Deployed, Error, Scope, Updated};

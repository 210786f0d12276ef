//! Serves endpoints: from a request to a version's answer.
//!
//! [`Serving`] holds the routes of all endpoints in a registry, and the predictors that they lead to. [`Watch`] keeps the
//! routes true to the registry, whoever changes it, and carries rollouts on. [`LaterWorker`] answers requests that came by queue.

mod agreement;
mod capture;
mod ending;
mod figures;
mod invocation;
pub mod later;
mod long;
mod pool;
mod pools;
pub mod python;
mod route;
mod rows;
mod seen;
mod serving;
mod spans;
mod targets;
mod unseen;
mod watch;
mod workflow_metrics;

pub use agreement::Agreed;
pub use figures::Figures;
pub use invocation::{Answer, Invocation, InvokeError};
pub use later::{Later, LaterInput, LaterWorker, Outcome, Ticket};
pub use serving::{Options, Serving, Storage};
pub use spans::detached;
pub use unseen::NovelRows;
pub use watch::Watch;
pub use workflow_metrics::WorkflowMetrics;

//! Queues in SQS.
//!
//! The queue `tasks` of `sqs://churn` is the SQS queue `churn-tasks`, its dead letters are in `churn-tasks-dead`. Both are made when
//! they are needed and missing, where the rights are there. A message's group is its `MessageGroupId`: standard queues are fair by it.

mod admin;
mod error;
mod held;
mod location;
mod names;
mod queue;
mod send;

use std::sync::Arc;

use millstream_aws::from_environment;
use millstream_core::location::Location;
use millstream_queue::{Queue, QueueOptions, Result};

pub use location::Prefix;
pub use queue::SqsQueue;

/// The scheme of locations: `sqs://PREFIX`.
pub const SCHEME: &str = "sqs";

/// Opens the queues at a location, as the environment says who asks and in which region. Costs no request.
///
/// # Errors
/// `Unsupported` for a location that names no prefix.
pub fn open(location: &Location, options: QueueOptions) -> Result<Arc<dyn Queue>> {
    Ok(Arc::new(SqsQueue::new(from_environment(), Prefix::parse(location)?, options)))
}

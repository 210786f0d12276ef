//! The queue against emulators of SQS, with and without faults between.

mod conformance;
mod faults;

use std::sync::atomic::{AtomicU32, Ordering};

use millstream_aws::at_endpoint;
use millstream_aws_sqs::{Prefix, SqsQueue};
use millstream_core::location::Location;
use millstream_queue::{QueueOptions, conformance::MAX_RECEIVE_COUNT};

/// A prefix that no other test has.
fn prefix() -> Prefix {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("sqs://p{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
    Prefix::parse(&Location::parse(&name, "sqs").unwrap()).unwrap()
}

/// The queues of `prefix`, asked for at `url`.
fn queue(url: &str, prefix: Prefix) -> SqsQueue {
    let options = QueueOptions { max_receive_count: MAX_RECEIVE_COUNT };
    SqsQueue::new(&at_endpoint(url, "us-east-1", "test", "test"), prefix, options)
}

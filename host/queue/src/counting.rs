//! A queue that counts what is asked of it, as one over the network would be billed.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::{Delivery, MessageId, Outgoing, Queue, Receipt, Result, Stats, Waits};

/// Messages or receipts that one request carries, as in SQS.
const BATCH: usize = 10;

/// A queue whose requests are counted: batches are cut into tens, and it offers nothing but what any queue can do.
pub struct CountingQueue<Q> {
    queue: Q,
    requests: AtomicU64,
}

impl<Q: Queue> CountingQueue<Q> {
    /// Counts the requests to `queue`.
    pub fn new(queue: Q) -> Self {
        Self { queue, requests: AtomicU64::new(0) }
    }

    /// Requests so far.
    pub fn total(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    fn count(&self, entries: usize) {
        self.requests.fetch_add(entries.div_ceil(BATCH) as u64, Ordering::Relaxed);
    }
}

impl<Q: Queue> Queue for CountingQueue<Q> {
    fn send_batch(&self, queue: &str, messages: &[Outgoing]) -> Result<Vec<Result<MessageId>>> {
        self.count(messages.len());
        self.queue.send_batch(queue, messages)
    }

    fn receive(
        &self,
        queue: &str,
        max: usize,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Vec<Delivery>> {
        self.count(1);
        self.queue.receive(queue, max.min(BATCH), wait, visibility)
    }

    fn extend_batch(&self, receipts: &[Receipt], visibility: Duration) -> Result<Vec<Result<()>>> {
        self.count(receipts.len());
        self.queue.extend_batch(receipts, visibility)
    }

    fn delete_batch(&self, receipts: &[Receipt]) -> Result<Vec<Result<()>>> {
        self.count(receipts.len());
        self.queue.delete_batch(receipts)
    }

    fn stats(&self, queue: &str) -> Result<Stats> {
        self.count(1);
        self.queue.stats(queue)
    }

    fn waits(&self) -> Waits {
        Waits::REMOTE
    }

    fn interrupt(&self) {
        self.queue.interrupt();
    }
}

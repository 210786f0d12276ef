//! A queue that cannot be opened, for those who may do without.

use std::time::Duration;

use crate::{
    DeadPage, Delivery, Error, ErrorKind, MessageId, Outgoing, Queue, QueueAdmin, Receipt, Result, Stats,
};

/// Stands for a queue that could not be opened: every call says why.
pub struct Unopened {
    kind: ErrorKind,
    message: String,
}

impl Unopened {
    /// The queue that met `error`.
    pub fn new(error: Error) -> Self {
        Self { kind: error.kind(), message: error.to_string() }
    }

    fn refuse<T>(&self) -> Result<T> {
        Err(Error::said(self.kind, self.message.clone()))
    }
}

impl Queue for Unopened {
    fn send_batch(&self, _: &str, _: &[Outgoing]) -> Result<Vec<Result<MessageId>>> {
        self.refuse()
    }

    fn receive(&self, _: &str, _: usize, _: Duration, _: Duration) -> Result<Vec<Delivery>> {
        self.refuse()
    }

    fn extend_batch(&self, _: &[Receipt], _: Duration) -> Result<Vec<Result<()>>> {
        self.refuse()
    }

    fn delete_batch(&self, _: &[Receipt]) -> Result<Vec<Result<()>>> {
        self.refuse()
    }

    fn stats(&self, _: &str) -> Result<Stats> {
        self.refuse()
    }

    fn admin(&self) -> Option<&dyn QueueAdmin> {
        Some(self)
    }
}

impl QueueAdmin for Unopened {
    fn dead_letters(&self, _: &str, _: Option<&MessageId>, _: usize) -> Result<DeadPage> {
        self.refuse()
    }

    fn redrive(&self, _: &str, _: Option<&MessageId>) -> Result<u64> {
        self.refuse()
    }

    fn delete_dead_letter(&self, _: &str, _: &MessageId) -> Result<bool> {
        self.refuse()
    }

    fn queues(&self) -> Result<Vec<String>> {
        self.refuse()
    }

    fn purge(&self, _: &str) -> Result<u64> {
        self.refuse()
    }
}

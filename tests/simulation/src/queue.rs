//! The queue as one process sees it.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use millstream_queue::{
    Clock, DeadPage, Delivery, Error, ErrorKind, MAX_DELAY, MemoryQueue, MessageId, Outgoing, Queue,
    QueueAdmin, Receipt, Result, Stats,
};

use crate::{
    faults::Sabotage,
    world::{ProcessClock, World},
};

pub struct ProcessQueue {
    pub world: Arc<World>,
    pub process: usize,
    /// Dropped with the process, whose messages are visible again then; or kept until their time has passed.
    pub messages: Arc<MemoryQueue>,
    /// The clock of the queue, which is nobody's own.
    pub clock: Arc<ProcessClock>,
}

fn lost() -> Error {
    Error::new(ErrorKind::Unavailable, "the queue is out of reach")
}

impl ProcessQueue {
    fn call<T>(&self, what: &str, effect: impl FnOnce() -> Result<T>) -> Result<T> {
        if std::thread::panicking() {
            return Err(lost());
        }
        self.world.travel(self.process);
        if self.world.strikes("before", |faults| faults.before) {
            return Err(lost());
        }
        let done = effect();
        self.world.baton.note(|| what.to_owned());
        if what != "receive" && what != "dead-letters" {
            self.world.messages.notify();
        }
        if self.world.chance(0.3) {
            self.world.travel(self.process);
        }
        if self.world.strikes("after", |faults| faults.after) {
            return Err(lost());
        }
        done
    }

    /// One message on its way into the queue.
    fn take(&self, queue: &str, message: &Outgoing) -> Result<MessageId> {
        if self.world.has(Sabotage::LoseSends) && self.world.chance(0.1) {
            return Ok(MessageId("0".to_owned()));
        }
        let mut message = message.clone();
        let copies = if self.world.strikes("twice", |faults| faults.twice) { 2 } else { 1 };
        let mut sent = Err(lost());
        for _ in 0..copies {
            if self.world.strikes("late", |faults| faults.late) {
                let late = self.world.between(Duration::ZERO, Duration::from_secs(20));
                message.delay = (message.delay + late).min(MAX_DELAY);
            }
            sent = self.messages.send(queue, std::slice::from_ref(&message)).map(|mut ids| ids.remove(0));
        }
        sent
    }

    /// How long nothing can be received.
    fn empty_for(&self, queue: &str) -> Option<Duration> {
        let next: SystemTime = self.messages.next_visible(queue)?;
        Some(next.duration_since(self.clock.now()).unwrap_or_default())
    }
}

impl Queue for ProcessQueue {
    fn send_batch(&self, queue: &str, messages: &[Outgoing]) -> Result<Vec<Result<MessageId>>> {
        self.call(&format!("send {} {messages:?}", messages.len()), || {
            let mut sent = Vec::new();
            for message in messages {
                // Of a batch only the beginning is done.
                if self.world.strikes("part", |faults| faults.before / 4.0) {
                    return Err(lost());
                }
                sent.push(self.take(queue, message));
            }
            Ok(sent)
        })
    }

    fn receive(
        &self,
        queue: &str,
        max: usize,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Vec<Delivery>> {
        let baton = &self.world.baton;
        let end = baton.now() + wait;
        loop {
            let seen = self.world.messages.seen();
            let left = end.saturating_sub(baton.now());
            let next = self.empty_for(queue).unwrap_or(left).min(left);
            if !next.is_zero() {
                baton.wait(&self.world.messages, seen, next);
                continue;
            }
            let received =
                self.call("receive", || self.messages.receive(queue, max, Duration::ZERO, visibility))?;
            if !received.is_empty() || end <= baton.now() {
                baton.note(|| format!("received {received:?}"));
                return Ok(received);
            }
        }
    }

    fn extend_batch(&self, receipts: &[Receipt], visibility: Duration) -> Result<Vec<Result<()>>> {
        self.call(&format!("extend {receipts:?} {visibility:?}"), || {
            if self.world.has(Sabotage::NoHeartbeats) && visibility == crate::host::VISIBILITY {
                return Ok(receipts.iter().map(|_| Ok(())).collect());
            }
            self.messages.extend_batch(receipts, visibility)
        })
    }

    fn delete_batch(&self, receipts: &[Receipt]) -> Result<Vec<Result<()>>> {
        self.call(&format!("delete {receipts:?}"), || {
            if self.world.strikes("undead", |faults| faults.undead) {
                return Ok(receipts.iter().map(|_| Ok(())).collect());
            }
            self.messages.delete_batch(receipts)
        })
    }

    fn admin(&self) -> Option<&dyn QueueAdmin> {
        Some(self)
    }

    fn stats(&self, queue: &str) -> Result<Stats> {
        self.call("stats", || self.messages.stats(queue))
    }
}

impl QueueAdmin for ProcessQueue {
    fn dead_letters(&self, queue: &str, start_after: Option<&MessageId>, limit: usize) -> Result<DeadPage> {
        self.call("dead-letters", || self.messages.dead_letters(queue, start_after, limit))
    }

    fn redrive(&self, queue: &str, letter: Option<&MessageId>) -> Result<u64> {
        self.call("redrive", || self.messages.redrive(queue, letter))
    }

    fn delete_dead_letter(&self, queue: &str, letter: &MessageId) -> Result<bool> {
        self.call("delete-dead-letter", || self.messages.delete_dead_letter(queue, letter))
    }

    fn queues(&self) -> Result<Vec<String>> {
        self.call("queues", || self.messages.queues())
    }

    fn purge(&self, queue: &str) -> Result<u64> {
        self.call("purge", || self.messages.purge(queue))
    }
}

//! Messages in memory: for tests and simulations, and the model that the SQLite queue is tested against.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use crate::{
    Clock, DeadLetter, DeadPage, Delivery, Error, MessageId, Outgoing, Queue, QueueAdmin, QueueOptions,
    Receipt, Result, Stats, check_queue,
    clock::{from_millis, millis_up, now_millis},
    dead_letter_queue,
    error::Detail,
    name::{check_outgoing, check_receive, check_visibility, is_dead_letter_queue, names},
    poll,
    receipt::Handle,
    wake::Wake,
};

/// A [`Queue`] in memory. A clone is another receiver of the same queues; what a receiver holds when it is dropped is
/// visible again at once, as if its process had died.
pub struct MemoryQueue {
    shared: Arc<Shared>,
    consumer: u64,
}

struct Shared {
    clock: Arc<dyn Clock>,
    options: QueueOptions,
    state: Mutex<State>,
    wake: Wake,
}

#[derive(Default)]
struct State {
    messages: BTreeMap<i64, Message>,
    last_id: i64,
    last_consumer: u64,
}

struct Message {
    queue: String,
    body: String,
    sent_at: i64,
    visible_at: i64,
    receive_count: u32,
    generation: i64,
    /// Who received it last, unless it was given back since.
    consumer: Option<u64>,
}

impl Message {
    fn is_in_flight(&self, now: i64) -> bool {
        self.consumer.is_some() && self.visible_at > now
    }

    /// To another queue, where old receipts no longer count.
    fn move_to(&mut self, queue: String, now: i64) {
        self.queue = queue;
        self.visible_at = now;
        self.generation += 1;
        self.consumer = None;
    }
}

impl MemoryQueue {
    /// No messages yet.
    ///
    /// # Errors
    /// `Invalid` for a `max_receive_count` of 0.
    pub fn new(clock: Arc<dyn Clock>, options: QueueOptions) -> Result<Self> {
        options.check()?;
        let shared = Shared { clock, options, state: Mutex::default(), wake: Wake::default() };
        Ok(Self { shared: Arc::new(shared), consumer: 0 })
    }

    /// A panic elsewhere leaves the state usable: messages are changed one at a time.
    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> i64 {
        now_millis(&*self.shared.clock)
    }

    /// When the next message of `queue` can be received, if there is one; that may be in the past.
    pub fn next_visible(&self, queue: &str) -> Option<SystemTime> {
        let state = self.state();
        let times = state.messages.values().filter(|message| message.queue == queue).map(|m| m.visible_at);
        times.min().map(from_millis)
    }

    fn receive_now(&self, queue: &str, max: usize, visibility: Duration) -> Vec<Delivery> {
        let now = self.now();
        let mut state = self.state();
        let mut ready: Vec<(i64, i64)> = state
            .messages
            .iter()
            .filter(|(_, m)| m.queue == queue && m.visible_at <= now)
            .map(|(id, m)| (m.visible_at, *id))
            .collect();
        ready.sort_unstable();
        let mut deliveries = Vec::new();
        for (_, id) in ready {
            if deliveries.len() == max {
                break;
            }
            let Some(message) = state.messages.get_mut(&id) else { continue };
            if message.receive_count >= self.shared.options.max_receive_count && !is_dead_letter_queue(queue)
            {
                message.move_to(dead_letter_queue(queue), now);
                continue;
            }
            message.receive_count += 1;
            message.generation += 1;
            message.visible_at = now.saturating_add(millis_up(visibility));
            message.consumer = Some(self.consumer);
            deliveries.push(Delivery {
                id: MessageId(id.to_string()),
                body: message.body.clone(),
                receipt: Handle { id, generation: message.generation }.receipt(queue),
                receive_count: message.receive_count,
                sent_at: from_millis(message.sent_at),
            });
        }
        deliveries
    }
}

impl Clone for MemoryQueue {
    fn clone(&self) -> Self {
        let mut state = self.state();
        state.last_consumer += 1;
        Self { shared: self.shared.clone(), consumer: state.last_consumer }
    }
}

impl Drop for MemoryQueue {
    fn drop(&mut self) {
        let now = self.now();
        for message in self.state().messages.values_mut() {
            if message.consumer == Some(self.consumer) && message.is_in_flight(now) {
                message.visible_at = now;
                message.consumer = None;
            }
        }
        self.shared.wake.notify();
    }
}

impl Queue for MemoryQueue {
    fn send_batch(&self, queue: &str, messages: &[Outgoing]) -> Result<Vec<Result<MessageId>>> {
        check_queue(queue)?;
        let now = self.now();
        let mut state = self.state();
        let results = messages
            .iter()
            .map(|outgoing| {
                check_outgoing(outgoing)?;
                state.last_id += 1;
                let id = state.last_id;
                let message = Message {
                    queue: queue.to_owned(),
                    body: outgoing.body.clone(),
                    sent_at: now,
                    visible_at: now + millis_up(outgoing.delay),
                    receive_count: 0,
                    generation: 0,
                    consumer: None,
                };
                state.messages.insert(id, message);
                Ok(MessageId(id.to_string()))
            })
            .collect();
        drop(state);
        self.shared.wake.notify();
        Ok(results)
    }

    fn receive(
        &self,
        queue: &str,
        max: usize,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Vec<Delivery>> {
        check_queue(queue)?;
        check_receive(max, wait, visibility)?;
        poll::until_some(&self.shared.wake, wait, || Ok(self.receive_now(queue, max, visibility)))
    }

    fn extend_batch(&self, receipts: &[Receipt], visibility: Duration) -> Result<Vec<Result<()>>> {
        check_visibility(visibility)?;
        let now = self.now();
        let mut state = self.state();
        let results = receipts
            .iter()
            .map(|receipt| {
                let handle = Handle::parse(receipt)?;
                let message = state.messages.get_mut(&handle.id).filter(|m| {
                    m.queue == receipt.queue && m.generation == handle.generation && m.is_in_flight(now)
                });
                let Some(message) = message else {
                    return Err(stale(receipt, handle));
                };
                message.visible_at = now.saturating_add(millis_up(visibility));
                Ok(())
            })
            .collect();
        drop(state);
        self.shared.wake.notify();
        Ok(results)
    }

    fn delete_batch(&self, receipts: &[Receipt]) -> Result<Vec<Result<()>>> {
        let mut state = self.state();
        let delete = |receipt: &Receipt| {
            let handle = Handle::parse(receipt)?;
            let is_current = |m: &Message| m.queue == receipt.queue && m.generation == handle.generation;
            if state.messages.get(&handle.id).is_some_and(is_current) {
                state.messages.remove(&handle.id);
            }
            Ok(())
        };
        Ok(receipts.iter().map(delete).collect())
    }

    fn stats(&self, queue: &str) -> Result<Stats> {
        check_queue(queue)?;
        let (dead, now) = (dead_letter_queue(queue), self.now());
        let mut stats = Stats::default();
        for message in self.state().messages.values() {
            if message.queue == dead {
                stats.dead += 1;
            } else if message.queue == queue {
                match (message.visible_at <= now, message.consumer) {
                    (true, _) => stats.visible += 1,
                    (false, Some(_)) => stats.in_flight += 1,
                    (false, None) => stats.delayed += 1,
                }
            }
        }
        Ok(stats)
    }

    fn admin(&self) -> Option<&dyn QueueAdmin> {
        Some(self)
    }
}

impl QueueAdmin for MemoryQueue {
    fn dead_letters(&self, queue: &str, start_after: Option<&MessageId>, limit: usize) -> Result<DeadPage> {
        check_queue(queue)?;
        let dead = dead_letter_queue(queue);
        let after = parse_id(start_after)?;
        let limit = limit.clamp(1, 1000);
        let state = self.state();
        let mut letters =
            state.messages.range(after + 1..).filter(|(_, m)| m.queue == dead).map(|(id, m)| DeadLetter {
                id: MessageId(id.to_string()),
                body: m.body.clone(),
                receive_count: m.receive_count,
                sent_at: from_millis(m.sent_at),
            });
        let page: Vec<_> = letters.by_ref().take(limit).collect();
        let next = letters.next().and_then(|_| page.last().map(|letter| letter.id.clone()));
        Ok(DeadPage { letters: page, next })
    }

    fn redrive(&self, queue: &str, letter: Option<&MessageId>) -> Result<u64> {
        check_queue(queue)?;
        let (dead, now) = (dead_letter_queue(queue), self.now());
        let only = letter.map(|letter| parse_id(Some(letter))).transpose()?;
        let mut count = 0;
        for (id, message) in &mut self.state().messages {
            if message.queue == dead && !message.is_in_flight(now) && only.is_none_or(|only| only == *id) {
                message.move_to(queue.to_owned(), now);
                message.receive_count = 0;
                count += 1;
            }
        }
        self.shared.wake.notify();
        Ok(count)
    }

    fn delete_dead_letter(&self, queue: &str, letter: &MessageId) -> Result<bool> {
        check_queue(queue)?;
        let (dead, now, id) = (dead_letter_queue(queue), self.now(), parse_id(Some(letter))?);
        let mut state = self.state();
        let is_free = |m: &Message| m.queue == dead && !m.is_in_flight(now);
        Ok(state.messages.get(&id).is_some_and(is_free) && state.messages.remove(&id).is_some())
    }

    fn queues(&self) -> Result<Vec<String>> {
        Ok(names(self.state().messages.values().map(|message| message.queue.clone())))
    }

    fn purge(&self, queue: &str) -> Result<u64> {
        check_queue(queue)?;
        let mut state = self.state();
        let before = state.messages.len();
        state.messages.retain(|_, m| m.queue != queue);
        Ok((before - state.messages.len()) as u64)
    }
}

pub(crate) fn stale(receipt: &Receipt, handle: Handle) -> Error {
    Detail::StaleReceipt { queue: receipt.queue.clone(), id: handle.id.to_string() }.into()
}

/// The number of a message that this queue gave out; 0 for none, which comes before all of them.
pub(crate) fn parse_id(id: Option<&MessageId>) -> Result<i64> {
    let Some(id) = id else { return Ok(0) };
    let number = id.0.parse().ok().filter(|n| (0..i64::MAX).contains(n));
    number.ok_or_else(|| Error::invalid(format!("{:?} is no message of this queue", id.0)))
}

//! Messages in a SQLite file that the processes of one machine share.
//!
//! Layout: `<dir>/queue.sqlite` (write-ahead log), `<dir>/consumers/<id>.lock` for each open handle, `<dir>/open.lock`.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rusqlite::{Connection, Transaction, TransactionBehavior, named_params, params};

use crate::{
    Clock, DeadLetter, DeadPage, Delivery, Error, MessageId, Outgoing, Queue, QueueAdmin, QueueOptions,
    Receipt, Result, Stats, SystemClock, check_queue,
    clock::{from_millis, millis_up, now_millis},
    dead_letter_queue,
    memory::{parse_id, stale},
    name::{check_outgoing, check_receive, check_visibility, is_dead_letter_queue, names},
    poll,
    receipt::Handle,
    wake::Wake,
};

mod consumer;
mod file;
mod ready;

use consumer::Consumer;
use file::{Connections, private_file, private_folder};
use ready::ready;

/// How often a receiver looks for messages of dead processes.
const REAP_EVERY: Duration = Duration::from_millis(100);

/// A [`Queue`] in a folder. Each open one is a receiver of its own: what it holds when it is dropped, or its process is
/// killed, is visible to the others at once.
pub struct SqliteQueue {
    // Before `consumer`: its lock file goes last.
    connections: Mutex<Connections>,
    consumer: Consumer,
    consumers: PathBuf,
    clock: Arc<dyn Clock>,
    options: QueueOptions,
    wake: Wake,
    opened: Instant,
    /// Milliseconds after `opened`.
    next_reap: AtomicU64,
}

impl SqliteQueue {
    /// Opens the queues in `dir`, and makes the folder if it is missing. Several processes may have it open at once.
    ///
    /// # Errors
    /// `Permission`, `Full`, `Unavailable`; `Corrupt` or `TooNew` if the file is none that this program can use.
    pub fn open(dir: impl AsRef<Path>, options: QueueOptions) -> Result<Self> {
        Self::open_with_clock(dir, options, Arc::new(SystemClock))
    }

    /// [`open`](SqliteQueue::open) with another clock, which all users of the folder must share.
    ///
    /// # Errors
    /// As `open`; `Invalid` for a `max_receive_count` of 0.
    pub fn open_with_clock(
        dir: impl AsRef<Path>,
        options: QueueOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        options.check()?;
        let dir = dir.as_ref();
        let dir = std::path::absolute(dir).map_err(|e| Error::io("find", dir, e))?;
        let consumers = dir.join("consumers");
        private_folder(&consumers).map_err(|e| Error::io("create folder", &consumers, e))?;
        // One process at a time: SQLite switches to a write-ahead log without waiting for others, and a lock file must be
        // locked before anybody takes it for a dead process's.
        let lock_path = dir.join("open.lock");
        let lock = private_file(&lock_path).map_err(|e| Error::io("open", &lock_path, e))?;
        lock.lock().map_err(|e| Error::io("lock", &lock_path, e))?;
        let queue = Self {
            connections: Mutex::new(Connections::open(&dir.join("queue.sqlite"))?),
            consumer: Consumer::create(&consumers)?,
            consumers,
            clock,
            options,
            wake: Wake::default(),
            opened: Instant::now(),
            next_reap: AtomicU64::new(0),
        };
        queue.bury()?;
        Ok(queue)
    }

    /// A panic elsewhere leaves the connections usable: an open transaction was rolled back on its way out.
    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> i64 {
        now_millis(&*self.clock)
    }

    /// Gives back what dead processes held, and removes their lock files. Only while holding `open.lock`.
    fn bury(&self) -> Result<()> {
        let dead: Vec<String> = consumer::all(&self.consumers)
            .into_iter()
            .filter(|id| consumer::is_dead(&self.consumers, id))
            .collect();
        self.give_back(&dead)?;
        dead.iter().for_each(|id| consumer::forget(&self.consumers, id));
        self.reap()
    }

    /// Gives back what dead processes hold. Says whether there was anything.
    fn reap(&self) -> Result<()> {
        let holders: Vec<String> = {
            let connections = self.connections();
            let mut select = connections.relaxed.prepare_cached(
                "SELECT DISTINCT consumer FROM messages WHERE consumer IS NOT NULL AND consumer <> ?1",
            )?;
            select.query_map([&self.consumer.id], |row| row.get(0))?.collect::<Result<_, _>>()?
        };
        let dead: Vec<String> =
            holders.into_iter().filter(|id| consumer::is_dead(&self.consumers, id)).collect();
        self.give_back(&dead)
    }

    fn reap_if_due(&self) -> Result<()> {
        let now = self.opened.elapsed().as_millis() as u64;
        let due = self.next_reap.load(Ordering::Relaxed);
        let next = now + REAP_EVERY.as_millis() as u64;
        // Whoever sets the next time reaps.
        let mine = now >= due
            && self.next_reap.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if mine { self.reap() } else { Ok(()) }
    }

    fn give_back(&self, consumers: &[String]) -> Result<()> {
        if consumers.is_empty() {
            return Ok(());
        }
        let now = self.now();
        let mut connections = self.connections();
        let transaction = begin(&mut connections.relaxed)?;
        for consumer in consumers {
            transaction
                .prepare_cached(
                    "UPDATE messages SET visible_at = min(visible_at, ?2), consumer = NULL WHERE consumer = ?1",
                )?
                .execute(params![consumer, now])?;
        }
        Ok(transaction.commit()?)
    }

    fn receive_now(&self, queue: &str, max: usize, visibility: Duration) -> Result<Vec<Delivery>> {
        self.reap_if_due()?;
        let now = self.now();
        let mut connections = self.connections();
        // A look without a lock first: idle receivers must not keep writers waiting.
        let any = connections
            .relaxed
            .prepare_cached("SELECT 1 FROM messages WHERE queue = ?1 AND visible_at <= ?2 LIMIT 1")?
            .exists(params![queue, now])?;
        if !any {
            return Ok(Vec::new());
        }
        let transaction = begin(&mut connections.relaxed)?;
        let limit = if is_dead_letter_queue(queue) { u32::MAX } else { self.options.max_receive_count };
        let ready = loop {
            let (exhausted, ready): (Vec<_>, Vec<_>) =
                ready(&transaction, queue, now, max)?.into_iter().partition(|m| m.receive_count >= limit);
            if exhausted.is_empty() {
                break ready;
            }
            for message in exhausted {
                transaction
                    .prepare_cached(
                        "UPDATE messages SET queue = ?2, visible_at = ?3, generation = generation + 1, consumer = NULL
                         WHERE id = ?1",
                    )?
                    .execute(params![message.handle.id, dead_letter_queue(queue), now])?;
            }
        };
        let until = now.saturating_add(millis_up(visibility));
        let mut deliveries = Vec::with_capacity(ready.len());
        for message in ready {
            let handle = Handle { generation: message.handle.generation + 1, ..message.handle };
            let receive_count = message.receive_count + 1;
            transaction
                .prepare_cached(
                    "UPDATE messages SET receive_count = ?2, generation = ?3, visible_at = ?4, consumer = ?5
                     WHERE id = ?1",
                )?
                .execute(params![handle.id, receive_count, handle.generation, until, self.consumer.id])?;
            deliveries.push(Delivery {
                id: MessageId(handle.id.to_string()),
                body: message.body,
                receipt: handle.receipt(queue),
                receive_count,
                sent_at: from_millis(message.sent_at),
            });
        }
        transaction.commit()?;
        Ok(deliveries)
    }
}

/// Takes the write lock at once: a transaction that reads first and writes later can fail half-way.
fn begin(connection: &mut Connection) -> Result<Transaction<'_>> {
    Ok(connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
}

impl Drop for SqliteQueue {
    fn drop(&mut self) {
        // If this fails, whoever reaps next does it.
        let _ = self.give_back(std::slice::from_ref(&self.consumer.id));
    }
}

impl Queue for SqliteQueue {
    fn send_batch(&self, queue: &str, messages: &[Outgoing]) -> Result<Vec<Result<MessageId>>> {
        check_queue(queue)?;
        let now = self.now();
        let mut connections = self.connections();
        let transaction = begin(&mut connections.durable)?;
        let mut results = Vec::with_capacity(messages.len());
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO messages (queue, body, sent_at, visible_at) VALUES (?1, ?2, ?3, ?4)",
            )?;
            for message in messages {
                results.push(match check_outgoing(message) {
                    Ok(()) => {
                        let visible_at = now.saturating_add(millis_up(message.delay));
                        insert.execute(params![queue, message.body, now, visible_at])?;
                        Ok(MessageId(transaction.last_insert_rowid().to_string()))
                    }
                    Err(error) => Err(error),
                });
            }
        }
        transaction.commit()?;
        drop(connections);
        self.wake.notify();
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
        poll::until_some(&self.wake, wait, || self.receive_now(queue, max, visibility))
    }

    fn extend_batch(&self, receipts: &[Receipt], visibility: Duration) -> Result<Vec<Result<()>>> {
        check_visibility(visibility)?;
        let now = self.now();
        let until = now.saturating_add(millis_up(visibility));
        let mut connections = self.connections();
        let transaction = begin(&mut connections.relaxed)?;
        let mut results = Vec::with_capacity(receipts.len());
        for receipt in receipts {
            let handle = match Handle::parse(receipt) {
                Ok(handle) => handle,
                Err(error) => {
                    results.push(Err(error));
                    continue;
                }
            };
            let changed = transaction
                .prepare_cached(
                    "UPDATE messages SET visible_at = ?4
                     WHERE id = ?1 AND queue = ?2 AND generation = ?3 AND consumer IS NOT NULL AND visible_at > ?5",
                )?
                .execute(params![handle.id, receipt.queue, handle.generation, until, now])?;
            results.push(if changed == 1 { Ok(()) } else { Err(stale(receipt, handle)) });
        }
        transaction.commit()?;
        drop(connections);
        if visibility.is_zero() {
            self.wake.notify();
        }
        Ok(results)
    }

    fn delete_batch(&self, receipts: &[Receipt]) -> Result<Vec<Result<()>>> {
        let mut connections = self.connections();
        let transaction = begin(&mut connections.relaxed)?;
        let mut results = Vec::with_capacity(receipts.len());
        for receipt in receipts {
            match Handle::parse(receipt) {
                Ok(handle) => {
                    transaction
                        .prepare_cached(
                            "DELETE FROM messages WHERE id = ?1 AND queue = ?2 AND generation = ?3",
                        )?
                        .execute(params![handle.id, receipt.queue, handle.generation])?;
                    results.push(Ok(()));
                }
                Err(error) => results.push(Err(error)),
            }
        }
        transaction.commit()?;
        Ok(results)
    }

    fn stats(&self, queue: &str) -> Result<Stats> {
        check_queue(queue)?;
        let now = self.now();
        let connections = self.connections();
        let mut select = connections.relaxed.prepare_cached(
            "SELECT count(*) FILTER (WHERE queue = :queue AND visible_at <= :now),
                    count(*) FILTER (WHERE queue = :queue AND visible_at > :now AND consumer IS NOT NULL),
                    count(*) FILTER (WHERE queue = :queue AND visible_at > :now AND consumer IS NULL),
                    count(*) FILTER (WHERE queue = :dead)
             FROM messages WHERE queue IN (:queue, :dead)",
        )?;
        let parameters = named_params! { ":queue": queue, ":dead": dead_letter_queue(queue), ":now": now };
        Ok(select.query_row(parameters, |row| {
            let count = |at| Ok::<_, rusqlite::Error>(row.get::<_, i64>(at)?.unsigned_abs());
            Ok(Stats { visible: count(0)?, in_flight: count(1)?, delayed: count(2)?, dead: count(3)? })
        })?)
    }

    fn admin(&self) -> Option<&dyn QueueAdmin> {
        Some(self)
    }
}

impl QueueAdmin for SqliteQueue {
    fn dead_letters(&self, queue: &str, start_after: Option<&MessageId>, limit: usize) -> Result<DeadPage> {
        check_queue(queue)?;
        let after = parse_id(start_after)?;
        let limit = limit.clamp(1, 1000);
        let connections = self.connections();
        let mut select = connections.relaxed.prepare_cached(
            "SELECT id, body, receive_count, sent_at FROM messages WHERE queue = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
        )?;
        let rows = select.query_map(params![dead_letter_queue(queue), after, limit as i64 + 1], |row| {
            Ok(DeadLetter {
                id: MessageId(row.get::<_, i64>(0)?.to_string()),
                body: row.get(1)?,
                receive_count: row.get(2)?,
                sent_at: from_millis(row.get(3)?),
            })
        })?;
        let mut letters = rows.collect::<Result<Vec<_>, _>>()?;
        let more = letters.len() > limit;
        letters.truncate(limit);
        let next = if more { letters.last().map(|letter| letter.id.clone()) } else { None };
        Ok(DeadPage { letters, next })
    }

    fn redrive(&self, queue: &str, letter: Option<&MessageId>) -> Result<u64> {
        check_queue(queue)?;
        let now = self.now();
        let only = letter.map(|letter| parse_id(Some(letter))).transpose()?;
        let count = self.connections().durable.execute(
            "UPDATE messages SET queue = :queue, visible_at = :now, receive_count = 0, generation = generation + 1,
                 consumer = NULL
             WHERE queue = :dead AND (:only IS NULL OR id = :only) AND NOT (consumer IS NOT NULL AND visible_at > :now)",
            named_params! { ":queue": queue, ":dead": dead_letter_queue(queue), ":now": now, ":only": only },
        )?;
        self.wake.notify();
        Ok(count as u64)
    }

    fn delete_dead_letter(&self, queue: &str, letter: &MessageId) -> Result<bool> {
        check_queue(queue)?;
        let (now, id) = (self.now(), parse_id(Some(letter))?);
        let count = self.connections().durable.execute(
            "DELETE FROM messages WHERE id = ?1 AND queue = ?2 AND NOT (consumer IS NOT NULL AND visible_at > ?3)",
            params![id, dead_letter_queue(queue), now],
        )?;
        Ok(count == 1)
    }

    fn queues(&self) -> Result<Vec<String>> {
        let connections = self.connections();
        let mut select = connections.relaxed.prepare_cached("SELECT DISTINCT queue FROM messages")?;
        let found: Vec<String> = select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(names(found.into_iter()))
    }

    fn purge(&self, queue: &str) -> Result<u64> {
        check_queue(queue)?;
        let count = self.connections().durable.execute("DELETE FROM messages WHERE queue = ?1", [queue])?;
        Ok(count as u64)
    }
}

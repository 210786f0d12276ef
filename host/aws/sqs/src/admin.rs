//! Dead letters and the like, as far as SQS goes: it shows nothing that is not received.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName as System};
use millstream_aws::block_on;
use millstream_queue::{
    DeadLetter, DeadPage, Error, ErrorKind, MessageId, Outgoing, Queue as _, QueueAdmin, Receipt, Result,
    dead_letter_queue,
};

use crate::{
    SqsQueue,
    error::{LIST, PURGE},
    queue::BATCH,
};

/// How long letters are invisible while they are looked at.
const LOOKING: Duration = Duration::from_secs(60);
/// The last look, which finds nothing: long enough that all of SQS's servers are asked.
const LAST_LOOK: Duration = Duration::from_secs(1);
/// Letters of one listing. Who has more has another problem.
const MOST: usize = 10_000;

/// The last listing, by queue, so that its pages belong together and cost one.
#[derive(Debug, Default)]
pub(crate) struct Snapshot(Mutex<BTreeMap<String, Vec<DeadLetter>>>);

/// A dead letter in hand.
struct Letter {
    letter: DeadLetter,
    group: Option<String>,
    receipt: Receipt,
}

impl SqsQueue {
    /// Receives all dead letters that nobody else has.
    async fn letters(&self, queue: &str) -> Result<Vec<Letter>> {
        let dead = dead_letter_queue(queue);
        // One that was never made holds nothing, and is not made by a look.
        if self.find(&dead).await?.is_none() {
            return Ok(Vec::new());
        }
        let mut letters = BTreeMap::new();
        while letters.len() < MOST {
            let messages = self.take(&dead, BATCH, LAST_LOOK, LOOKING).await?;
            if messages.is_empty() {
                break;
            }
            for message in messages {
                if let Some(letter) = self.letter(&dead, message) {
                    letters.insert((letter.letter.sent_at, letter.letter.id.clone()), letter);
                }
            }
        }
        Ok(letters.into_values().collect())
    }

    fn letter(&self, dead: &str, message: Message) -> Option<Letter> {
        let attributes = message.attributes.unwrap_or_default();
        let sent = attributes.get(&System::SentTimestamp)?.parse().ok()?;
        Some(Letter {
            letter: DeadLetter {
                id: MessageId(message.message_id?),
                body: message.body?,
                // SQS counts on while we look; it died of this many.
                receive_count: self.options().max_receive_count,
                sent_at: SystemTime::UNIX_EPOCH + Duration::from_millis(sent),
            },
            group: attributes.get(&System::MessageGroupId).cloned(),
            receipt: Receipt { queue: dead.to_owned(), handle: message.receipt_handle? },
        })
    }

    /// Has others see letters again that were looked at.
    fn put_back(&self, letters: &[Letter]) -> Result<()> {
        let receipts: Vec<Receipt> = letters.iter().map(|letter| letter.receipt.clone()).collect();
        // What fails becomes visible by itself, a minute later.
        self.extend_batch(&receipts, Duration::ZERO).map(drop)
    }

    async fn names(&self) -> Result<Vec<String>> {
        let beginning = self.prefix().beginning();
        let mut found = Vec::new();
        let mut pages = self
            .client()
            .list_queues()
            .queue_name_prefix(&beginning)
            .max_results(1000)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.trouble(LIST, &beginning, &error))?;
            let names = page.queue_urls().iter().filter_map(|url| url.rsplit_once('/'));
            found.extend(names.filter_map(|(_, name)| name.strip_prefix(&beginning).map(str::to_owned)));
        }
        Ok(found)
    }
}

/// Accepts what may name a message: a UUID.
fn check_id(id: &MessageId) -> Result<()> {
    let bytes = id.0.as_bytes();
    let fits = |(at, byte): (usize, &u8)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    if bytes.len() == 36 && bytes.iter().enumerate().all(fits) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Invalid, format!("{:?} is no message of SQS", id.0)))
}

impl QueueAdmin for SqsQueue {
    fn dead_letters(&self, queue: &str, start_after: Option<&MessageId>, limit: usize) -> Result<DeadPage> {
        self.prefix().name(queue)?;
        let lock = || self.snapshot().0.lock().unwrap_or_else(PoisonError::into_inner);
        if start_after.is_none() {
            let found = block_on(self.letters(queue))?;
            self.put_back(&found)?;
            let letters = found.into_iter().map(|one| one.letter).collect();
            lock().insert(queue.to_owned(), letters);
        }
        let snapshot = lock();
        let letters = snapshot.get(queue).map(Vec::as_slice).unwrap_or_default();
        let from = match start_after {
            None => 0,
            Some(after) => match letters.iter().position(|letter| letter.id == *after) {
                Some(at) => at + 1,
                None => {
                    let message = format!("{:?} is no message of the last listing of this queue", after.0);
                    return Err(Error::new(ErrorKind::Invalid, message));
                }
            },
        };
        let page: Vec<DeadLetter> = letters[from..].iter().take(limit.clamp(1, 1000)).cloned().collect();
        let more = from + page.len() < letters.len();
        Ok(DeadPage { next: page.last().filter(|_| more).map(|letter| letter.id.clone()), letters: page })
    }

    fn redrive(&self, queue: &str, letter: Option<&MessageId>) -> Result<u64> {
        self.prefix().name(queue)?;
        letter.map_or(Ok(()), check_id)?;
        let (moved, left): (Vec<_>, Vec<_>) = block_on(self.letters(queue))?
            .into_iter()
            .partition(|one| letter.is_none_or(|letter| one.letter.id == *letter));
        self.put_back(&left)?;
        let messages: Vec<Outgoing> = moved
            .iter()
            .map(|one| Outgoing {
                body: one.letter.body.clone(),
                group: one.group.clone(),
                ..Outgoing::default()
            })
            .collect();
        // Sent before it is deleted: whoever dies in between leaves it twice, and not lost.
        self.send(queue, &messages)?;
        let receipts: Vec<Receipt> = moved.iter().map(|one| one.receipt.clone()).collect();
        self.delete_batch(&receipts)?.into_iter().collect::<Result<()>>()?;
        Ok(moved.len() as u64)
    }

    fn delete_dead_letter(&self, queue: &str, letter: &MessageId) -> Result<bool> {
        self.prefix().name(queue)?;
        check_id(letter)?;
        let (found, left): (Vec<_>, Vec<_>) =
            block_on(self.letters(queue))?.into_iter().partition(|one| one.letter.id == *letter);
        self.put_back(&left)?;
        let receipts: Vec<Receipt> = found.into_iter().map(|one| one.receipt).collect();
        let deleted = self.delete_batch(&receipts)?.into_iter().collect::<Result<Vec<()>>>()?;
        Ok(!deleted.is_empty())
    }

    fn queues(&self) -> Result<Vec<String>> {
        let own = |name: String| name.strip_suffix("-dead").map(str::to_owned).unwrap_or(name);
        let names: BTreeSet<String> = block_on(self.names())?.into_iter().map(own).collect();
        let mut holding = Vec::new();
        for name in names {
            let stats = self.stats(&name)?;
            if stats.visible + stats.in_flight + stats.delayed + stats.dead > 0 {
                holding.push(name);
            }
        }
        Ok(holding)
    }

    fn purge(&self, queue: &str) -> Result<u64> {
        let name = self.prefix().name(queue)?;
        block_on(async {
            let Some(url) = self.find(queue).await? else { return Ok(0) };
            let stats = self.all_stats(queue).await?;
            let request = self.client().purge_queue().queue_url(url);
            request.send().await.map_err(|error| self.trouble(PURGE, &name, &error))?;
            Ok(stats.visible + stats.in_flight + stats.delayed)
        })
    }
}

//! The trait over the SDK.

use std::{
    collections::BTreeMap,
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant, SystemTime},
};

use aws_sdk_sqs::{
    Client,
    types::{
        ChangeMessageVisibilityBatchRequestEntry as Extend, DeleteMessageBatchRequestEntry as Delete,
        Message, MessageSystemAttributeName as System, QueueAttributeName as Attribute,
    },
};
use millstream_aws::{SdkConfig, block_on};
use millstream_queue::{
    Delivery, Error, ErrorKind, MessageId, Outgoing, Queue, QueueAdmin, QueueOptions, Receipt, Result, Stats,
    Waits, check_receive, check_visibility, dead_letter_queue, is_dead_letter_queue,
};
use tokio::sync::watch;

use crate::{
    Prefix,
    admin::Snapshot,
    error::{COUNT, DELETE, EXTEND, RECEIVE, is_missing, of_receipt, stale, unavailable},
    held::Held,
    names::Urls,
};

/// Entries of one batch.
pub(crate) const BATCH: usize = 10;

/// The queues whose names begin with a prefix. What this handle holds when it is dropped goes back at once.
pub struct SqsQueue(Arc<Inner>);

struct Inner {
    client: Client,
    prefix: Prefix,
    options: QueueOptions,
    region: Option<String>,
    urls: Urls,
    held: Held,
    /// Those who wait for messages end their wait when it changes.
    interrupts: watch::Sender<u64>,
    /// The last listing of dead letters.
    snapshot: Snapshot,
}

/// Whole seconds, as SQS counts; a part of one is one.
pub(crate) fn seconds(time: Duration) -> i32 {
    let whole = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    i32::try_from(whole).unwrap_or(i32::MAX)
}

impl SqsQueue {
    /// For requests that go side by side. What is held goes back when the last one is dropped.
    pub(crate) fn share(&self) -> Self {
        Self(self.0.clone())
    }

    /// The queues of `prefix`. Asks nothing yet. `options` are for queues that are made: one that is there keeps its own.
    pub fn new(config: &SdkConfig, prefix: Prefix, options: QueueOptions) -> Self {
        Self(Arc::new(Inner {
            client: Client::new(config),
            prefix,
            options,
            region: config.region().map(ToString::to_string),
            urls: Urls::default(),
            held: Held::default(),
            interrupts: watch::Sender::new(0),
            snapshot: Snapshot::default(),
        }))
    }

    pub(crate) fn client(&self) -> &Client {
        &self.0.client
    }

    pub(crate) fn prefix(&self) -> &Prefix {
        &self.0.prefix
    }

    pub(crate) fn options(&self) -> QueueOptions {
        self.0.options
    }

    pub(crate) fn region(&self) -> Option<&str> {
        self.0.region.as_deref()
    }

    pub(crate) fn urls(&self) -> &Urls {
        &self.0.urls
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.0.snapshot
    }

    /// Messages as SQS gives them, or none when the wait is interrupted.
    pub(crate) async fn take(
        &self,
        queue: &str,
        max: usize,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Vec<Message>> {
        let name = self.prefix().name(queue)?;
        let mut interrupted = self.0.interrupts.subscribe();
        let mut created = false;
        loop {
            let url = self.url(queue).await?;
            let request = self
                .client()
                .receive_message()
                .queue_url(url)
                .max_number_of_messages(max.min(BATCH) as i32)
                .wait_time_seconds(seconds(wait))
                .visibility_timeout(seconds(visibility))
                .message_system_attribute_names(System::ApproximateReceiveCount)
                .message_system_attribute_names(System::SentTimestamp)
                .message_system_attribute_names(System::MessageGroupId);
            let (mut answer, mut interrupt) = (pin!(request.send()), pin!(interrupted.changed()));
            let answered = poll_fn(|context| match answer.as_mut().poll(context) {
                Poll::Ready(answered) => Poll::Ready(Some(answered)),
                // SQS may give a message to a request that nobody reads any more, who then has it until its time has passed.
                Poll::Pending if wait <= Waits::SHORT => Poll::Pending,
                Poll::Pending if interrupt.as_mut().poll(context).is_ready() => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            });
            match answered.await {
                None => return Ok(Vec::new()),
                Some(Ok(received)) => return Ok(received.messages.unwrap_or_default()),
                Some(Err(error)) if is_missing(&error) && !created => {
                    self.forget(queue);
                    created = true;
                }
                Some(Err(error)) => return Err(self.trouble(RECEIVE, &name, &error)),
            }
        }
    }

    /// Settles receipts queue by queue, in batches: `send` gives the failures of one batch by place in it.
    async fn settle<F>(
        &self,
        receipts: &[Receipt],
        check: impl Fn(&Receipt) -> Option<Result<()>>,
        send: impl Fn(String, String, Vec<Receipt>) -> F,
    ) -> Result<Vec<Result<()>>>
    where
        F: Future<Output = Result<Vec<(usize, Error)>>>,
    {
        let mut results: Vec<Result<()>> = Vec::with_capacity(receipts.len());
        let mut by_queue = BTreeMap::<&str, Vec<usize>>::new();
        for (at, receipt) in receipts.iter().enumerate() {
            let known = check(receipt);
            if known.is_none() {
                by_queue.entry(&receipt.queue).or_default().push(at);
            }
            results.push(known.unwrap_or(Ok(())));
        }
        for (queue, places) in by_queue {
            let name = self.prefix().name(queue)?;
            let Some(url) = self.find(queue).await? else {
                places.iter().for_each(|at| results[*at] = Err(stale(&receipts[*at])));
                continue;
            };
            for batch in places.chunks(BATCH) {
                let own = batch.iter().map(|at| receipts[*at].clone()).collect();
                for (nth, error) in send(name.clone(), url.clone(), own).await? {
                    let at =
                        batch.get(nth).ok_or_else(|| unavailable("SQS answered for what was not asked"))?;
                    results[*at] = Err(error);
                }
            }
        }
        Ok(results)
    }

    async fn extend_all(&self, receipts: &[Receipt], visibility: Duration) -> Result<Vec<Result<()>>> {
        let asked = Instant::now();
        let check = |receipt: &Receipt| {
            let passed = self.0.held.has_passed(receipt) || self.0.held.is_of_another_queue(receipt);
            invalid(receipt).or(passed.then(|| Err(stale(receipt))))
        };
        let send = |name: String, url: String, own: Vec<Receipt>| async move {
            let request = own.iter().enumerate().map(|(nth, receipt)| {
                let entry = Extend::builder().id(nth.to_string()).receipt_handle(&receipt.handle);
                entry.visibility_timeout(seconds(visibility)).build()
            });
            let entries =
                request.collect::<std::result::Result<_, _>>().map_err(|e| unavailable(e.to_string()))?;
            let request = self.client().change_message_visibility_batch().queue_url(url);
            let sent = request.set_entries(Some(entries)).send().await;
            let sent = sent.map_err(|error| self.trouble(EXTEND, &name, &error))?;
            let failed = sent.failed().iter().filter_map(|failed| {
                let nth: usize = failed.id().parse().ok()?;
                Some((nth, of_receipt(own.get(nth)?, failed)))
            });
            Ok(failed.collect())
        };
        let results = self.settle(receipts, check, send).await?;
        for (receipt, result) in receipts.iter().zip(&results) {
            if result.is_ok() && !visibility.is_zero() {
                self.0.held.take(receipt, asked, visibility);
            } else {
                self.0.held.let_go(receipt);
            }
        }
        Ok(results)
    }

    async fn delete_all(&self, receipts: &[Receipt]) -> Result<Vec<Result<()>>> {
        let check = |receipt: &Receipt| {
            let other = self.0.held.is_of_another_queue(receipt);
            invalid(receipt).or(other.then_some(Ok(())))
        };
        let send = |name: String, url: String, own: Vec<Receipt>| async move {
            let request = own.iter().enumerate().map(|(nth, receipt)| {
                Delete::builder().id(nth.to_string()).receipt_handle(&receipt.handle).build()
            });
            let entries =
                request.collect::<std::result::Result<_, _>>().map_err(|e| unavailable(e.to_string()))?;
            let request = self.client().delete_message_batch().queue_url(url);
            let sent = request.set_entries(Some(entries)).send().await;
            let sent = sent.map_err(|error| self.trouble(DELETE, &name, &error))?;
            let failed = sent.failed().iter().filter_map(|failed| {
                let nth: usize = failed.id().parse().ok()?;
                Some((nth, of_receipt(own.get(nth)?, failed)))
            });
            Ok(failed.collect())
        };
        let results = self.settle(receipts, check, send).await?;
        let mut settled = Vec::with_capacity(results.len());
        for (receipt, result) in receipts.iter().zip(results) {
            if result.is_ok() && !self.0.held.is_of_another_queue(receipt) {
                self.0.held.let_go(receipt);
            }
            // Somebody else has it: nothing is deleted, and nothing is wrong.
            settled.push(
                result.or_else(
                    |error| if error.kind() == ErrorKind::StaleReceipt { Ok(()) } else { Err(error) },
                ),
            );
        }
        Ok(settled)
    }

    async fn counts(&self, queue: &str) -> Result<(u64, u64, u64)> {
        let name = self.prefix().name(queue)?;
        let Some(url) = self.find(queue).await? else { return Ok((0, 0, 0)) };
        let wanted = [
            Attribute::ApproximateNumberOfMessages,
            Attribute::ApproximateNumberOfMessagesNotVisible,
            Attribute::ApproximateNumberOfMessagesDelayed,
        ];
        let request = self.client().get_queue_attributes().queue_url(url);
        let found = match request.set_attribute_names(Some(wanted.to_vec())).send().await {
            Ok(found) => found.attributes.unwrap_or_default(),
            Err(error) if is_missing(&error) => {
                self.forget(queue);
                return Ok((0, 0, 0));
            }
            Err(error) => return Err(self.trouble(COUNT, &name, &error)),
        };
        let [visible, in_flight, delayed] =
            wanted.map(|name| found.get(&name).and_then(|text| text.parse().ok()).unwrap_or(0));
        Ok((visible, in_flight, delayed))
    }

    pub(crate) async fn all_stats(&self, queue: &str) -> Result<Stats> {
        let (visible, in_flight, delayed) = self.counts(queue).await?;
        let dead = match is_dead_letter_queue(queue) {
            true => 0,
            false => {
                let (visible, in_flight, delayed) = self.counts(&dead_letter_queue(queue)).await?;
                visible + in_flight + delayed
            }
        };
        Ok(Stats { visible, in_flight, delayed, dead })
    }
}

/// No receipt of SQS is shorter.
const SHORTEST_RECEIPT: usize = 24;

/// What cannot have come from SQS.
fn invalid(receipt: &Receipt) -> Option<Result<()>> {
    let error =
        || Error::new(ErrorKind::Invalid, format!("{:?} is no receipt of this queue", receipt.handle));
    (receipt.handle.len() < SHORTEST_RECEIPT).then(|| Err(error()))
}

/// A message as SQS gave it; none if it lacks what every message has.
fn delivery(queue: &str, message: Message) -> Option<Delivery> {
    let attribute = |name: System| message.attributes.as_ref()?.get(&name)?.parse::<u64>().ok();
    let (count, sent) = (attribute(System::ApproximateReceiveCount), attribute(System::SentTimestamp));
    Some(Delivery {
        id: MessageId(message.message_id?),
        body: message.body?,
        receipt: Receipt { queue: queue.to_owned(), handle: message.receipt_handle? },
        receive_count: u32::try_from(count?).ok()?,
        sent_at: SystemTime::UNIX_EPOCH + Duration::from_millis(sent?),
    })
}

impl Queue for SqsQueue {
    fn send_batch(&self, queue: &str, messages: &[Outgoing]) -> Result<Vec<Result<MessageId>>> {
        block_on(self.send_all(queue, messages))
    }

    fn receive(
        &self,
        queue: &str,
        max: usize,
        wait: Duration,
        visibility: Duration,
    ) -> Result<Vec<Delivery>> {
        check_receive(max, wait, visibility)?;
        let messages = block_on(self.take(queue, max, wait, visibility))?;
        let received = Instant::now();
        let deliveries: Vec<Delivery> =
            messages.into_iter().filter_map(|message| delivery(queue, message)).collect();
        deliveries.iter().for_each(|one| self.0.held.take(&one.receipt, received, visibility));
        Ok(deliveries)
    }

    fn extend_batch(&self, receipts: &[Receipt], visibility: Duration) -> Result<Vec<Result<()>>> {
        check_visibility(visibility)?;
        block_on(self.extend_all(receipts, visibility))
    }

    fn delete_batch(&self, receipts: &[Receipt]) -> Result<Vec<Result<()>>> {
        block_on(self.delete_all(receipts))
    }

    fn stats(&self, queue: &str) -> Result<Stats> {
        block_on(self.all_stats(queue))
    }

    fn waits(&self) -> Waits {
        Waits::REMOTE
    }

    fn interrupt(&self) {
        self.0.interrupts.send_modify(|count| *count += 1);
    }

    fn admin(&self) -> Option<&dyn QueueAdmin> {
        Some(self)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let held = self.held.take_all();
        if held.is_empty() {
            return;
        }
        // Nobody waits for long for what also comes by itself, when the time that it is invisible has passed.
        let give_back = async {
            for receipt in held {
                let Some(url) = self.urls.known(&receipt.queue) else { continue };
                let request = self.client.change_message_visibility().queue_url(url);
                let request = request.receipt_handle(receipt.handle).visibility_timeout(0);
                if let Err(error) = request.send().await {
                    tracing::debug!(%error, "a message becomes visible later");
                }
            }
        };
        let _ = block_on(async { tokio::time::timeout(Duration::from_secs(2), give_back).await });
    }
}

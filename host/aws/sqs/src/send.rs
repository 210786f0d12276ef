//! Sending: in batches of ten that are not too large, side by side, with the outcome of each message.

use aws_sdk_sqs::types::SendMessageBatchRequestEntry as Entry;
use millstream_queue::{Error, ErrorKind, MessageId, Outgoing, Result, check_outgoing};
use tokio::task::JoinSet;

use crate::{
    SqsQueue,
    error::{SEND, is_missing, unavailable},
    queue::{BATCH, seconds},
};

/// Bytes of one batch, as SQS has it.
const BATCH_BYTES: usize = 1 << 20;
/// Batches on their way at once.
const SIDE_BY_SIDE: usize = 8;

/// Messages with their places among those that were given.
type Batch = Vec<(usize, Entry)>;

impl SqsQueue {
    pub(crate) async fn send_all(
        &self,
        queue: &str,
        messages: &[Outgoing],
    ) -> Result<Vec<Result<MessageId>>> {
        self.prefix().name(queue)?;
        let mut results: Vec<Option<Result<MessageId>>> = messages.iter().map(|_| None).collect();
        let mut fit = Vec::new();
        for (at, message) in messages.iter().enumerate() {
            match check_outgoing(message) {
                Ok(()) => fit.push((at, message)),
                Err(error) => results[at] = Some(Err(error)),
            }
        }
        if !fit.is_empty() {
            let url = self.url(queue).await?;
            let mut sending = JoinSet::new();
            let mut batches = batches(&fit).into_iter();
            loop {
                while sending.len() < SIDE_BY_SIDE
                    && let Some(batch) = batches.next()
                {
                    let (own, queue, url) = (self.share(), queue.to_owned(), url.clone());
                    sending.spawn(async move { own.send_one(&queue, &url, batch).await });
                }
                match sending.join_next().await {
                    None => break,
                    Some(Ok(sent)) => sent?.into_iter().for_each(|(at, result)| results[at] = Some(result)),
                    Some(Err(error)) => return Err(unavailable(error.to_string())),
                }
            }
        }
        let silent = || Err(unavailable("SQS said nothing of one message"));
        Ok(results.into_iter().map(|result| result.unwrap_or_else(silent)).collect())
    }

    async fn send_one(
        &self,
        queue: &str,
        url: &str,
        batch: Batch,
    ) -> Result<Vec<(usize, Result<MessageId>)>> {
        let name = self.prefix().name(queue)?;
        let entries: Vec<Entry> = batch.into_iter().map(|(_, entry)| entry).collect();
        let send = |url: String| {
            let request = self.client().send_message_batch().queue_url(url);
            request.set_entries(Some(entries.clone())).send()
        };
        let answered = match send(url.to_owned()).await {
            Err(error) if is_missing(&error) => {
                self.forget(queue);
                send(self.url(queue).await?).await
            }
            answered => answered,
        };
        let sent = answered.map_err(|error| self.trouble(SEND, &name, &error))?;
        let mut results = Vec::new();
        for done in sent.successful() {
            results.push((place(done.id())?, Ok(MessageId(done.message_id().to_owned()))));
        }
        for failed in sent.failed() {
            let kind = if failed.sender_fault() { ErrorKind::Invalid } else { ErrorKind::Unavailable };
            let said = failed.message().unwrap_or_default();
            let message = format!("SQS did not take a message for {name} ({}: {said})", failed.code());
            results.push((place(failed.id())?, Err(Error::new(kind, message))));
        }
        Ok(results)
    }
}

fn place(id: &str) -> Result<usize> {
    id.parse().map_err(|_| unavailable(format!("SQS answered for the entry {id:?}, which was not sent")))
}

fn batches(messages: &[(usize, &Outgoing)]) -> Vec<Batch> {
    let mut batches: Vec<(usize, Batch)> = Vec::new();
    for (at, message) in messages {
        let size = message.body.len() + message.group.as_ref().map_or(0, String::len);
        let entry = Entry::builder()
            .id(at.to_string())
            .message_body(&message.body)
            .delay_seconds(seconds(message.delay))
            .set_message_group_id(message.group.clone());
        let Ok(entry) = entry.build() else { continue };
        match batches.last_mut() {
            Some((bytes, batch)) if batch.len() < BATCH && *bytes + size <= BATCH_BYTES => {
                *bytes += size;
                batch.push((*at, entry));
            }
            _ => batches.push((size, vec![(*at, entry)])),
        }
    }
    batches.into_iter().map(|(_, batch)| batch).collect()
}

#[cfg(test)]
mod tests {
    use millstream_queue::MAX_BODY_BYTES;

    use super::*;

    #[test]
    fn batches_are_cut_by_count_and_by_bytes() {
        let cut = |sizes: &[usize]| {
            let messages: Vec<Outgoing> = sizes.iter().map(|size| Outgoing::new("x".repeat(*size))).collect();
            let numbered: Vec<_> = messages.iter().enumerate().collect();
            batches(&numbered).iter().map(Vec::len).collect::<Vec<_>>()
        };
        assert_eq!(cut(&[1; 25]), [10, 10, 5]);
        assert_eq!(cut(&[MAX_BODY_BYTES; 9]), [4, 4, 1]);
        assert_eq!(cut(&[MAX_BODY_BYTES, MAX_BODY_BYTES, MAX_BODY_BYTES, MAX_BODY_BYTES - 1, 1, 1]), [5, 1]);
    }
}

//! From a queue's name to its URL: looked up once, made when it is missing.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use millstream_queue::{Result, dead_letter_queue, is_dead_letter_queue};

use crate::{
    SqsQueue,
    error::{COUNT, CREATE, FIND, is_missing, unavailable},
};

/// Unsettled messages are kept that long: the most that SQS allows.
const RETENTION: &str = "1209600";

#[derive(Debug, Default)]
pub(crate) struct Urls(Mutex<HashMap<String, String>>);

impl Urls {
    pub(crate) fn known(&self, queue: &str) -> Option<String> {
        self.lock().get(queue).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SqsQueue {
    /// The URL of `queue`, if there is such a queue.
    pub(crate) async fn find(&self, queue: &str) -> Result<Option<String>> {
        let name = self.prefix().name(queue)?;
        if let Some(url) = self.urls().lock().get(queue) {
            return Ok(Some(url.clone()));
        }
        match self.client().get_queue_url().queue_name(&name).send().await {
            Ok(found) => {
                let url = found.queue_url.ok_or_else(|| unavailable("SQS gave no URL for a queue"))?;
                self.urls().lock().insert(queue.to_owned(), url.clone());
                Ok(Some(url))
            }
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(self.trouble(FIND, &name, &error)),
        }
    }

    /// The URL of `queue`, which is made, with its dead-letter queue, if it is missing.
    pub(crate) async fn url(&self, queue: &str) -> Result<String> {
        match self.find(queue).await? {
            Some(url) => Ok(url),
            None => self.create(queue).await,
        }
    }

    /// Somebody has removed the queue since it was found.
    pub(crate) fn forget(&self, queue: &str) {
        self.urls().lock().remove(queue);
    }

    async fn create(&self, queue: &str) -> Result<String> {
        let redrive = if is_dead_letter_queue(queue) {
            None
        } else {
            let dead = dead_letter_queue(queue);
            let dead = match self.find(&dead).await? {
                Some(url) => url,
                None => self.make(&dead, None).await?,
            };
            let arn = self.arn(&dead).await?;
            let most = self.options().max_receive_count;
            Some(format!("{{\"deadLetterTargetArn\":\"{arn}\",\"maxReceiveCount\":\"{most}\"}}"))
        };
        self.make(queue, redrive).await
    }

    async fn make(&self, queue: &str, redrive: Option<String>) -> Result<String> {
        let name = self.prefix().name(queue)?;
        tracing::info!(name, "makes a queue in SQS");
        let request = self
            .client()
            .create_queue()
            .queue_name(&name)
            .attributes(Attribute::MessageRetentionPeriod, RETENTION)
            .attributes(Attribute::SqsManagedSseEnabled, "true");
        let request = match redrive {
            Some(policy) => request.attributes(Attribute::RedrivePolicy, policy),
            None => request,
        };
        let made = match request.send().await {
            Ok(made) => made.queue_url,
            // Somebody else made it at the same time, with other settings.
            Err(error) => match self.find(queue).await {
                Ok(Some(url)) => Some(url),
                _ => return Err(self.trouble(CREATE, &name, &error)),
            },
        };
        let url = made.ok_or_else(|| unavailable("SQS gave no URL for a queue that it made"))?;
        self.urls().lock().insert(queue.to_owned(), url.clone());
        Ok(url)
    }

    async fn arn(&self, url: &str) -> Result<String> {
        let request =
            self.client().get_queue_attributes().queue_url(url).attribute_names(Attribute::QueueArn);
        let found = request.send().await.map_err(|error| self.trouble(COUNT, url, &error))?;
        let arn = found.attributes.and_then(|mut all| all.remove(&Attribute::QueueArn));
        arn.ok_or_else(|| unavailable("SQS gave no ARN for a queue"))
    }
}

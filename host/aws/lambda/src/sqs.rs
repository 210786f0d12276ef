//! Events of an SQS event source, and the answer that says which messages are to come again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lambda_runtime::Diagnostic;
use millstream_core::location::Location;
use millstream_queue::{Delivery, MessageId, Receipt};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::role::failed;

/// A batch of messages.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    records: Vec<Record>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    message_id: String,
    receipt_handle: String,
    body: String,
    attributes: Attributes,
    #[serde(rename = "eventSourceARN")]
    source: String,
}

/// Numbers are text.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attributes {
    approximate_receive_count: String,
    sent_timestamp: String,
}

/// Which messages were not dealt with.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failures {
    batch_item_failures: Vec<Failure>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    item_identifier: String,
}

impl Failures {
    /// This one comes again.
    pub fn add(&mut self, id: &MessageId) {
        self.batch_item_failures.push(Failure { item_identifier: id.0.clone() });
    }
}

/// The messages of an event, as the queue at `home` gives them.
///
/// # Errors
/// It is no event of SQS.
pub fn deliveries(event: &RawValue, home: &Location) -> Result<Vec<Delivery>, Diagnostic> {
    let Event { records } = serde_json::from_str(event.get()).map_err(|error| {
        failed(
            "NotOfSqs",
            format_args!("this function takes events of an SQS event source, and this is none: {error}"),
        )
    })?;
    Ok(records.into_iter().map(|record| record.delivery(home)).collect())
}

impl Record {
    fn delivery(self, home: &Location) -> Delivery {
        let sent = self.attributes.sent_timestamp.parse().map_or(Duration::ZERO, Duration::from_millis);
        Delivery {
            id: MessageId(self.message_id),
            body: self.body,
            receipt: Receipt { queue: queue_of(&self.source, home), handle: self.receipt_handle },
            receive_count: self.attributes.approximate_receive_count.parse().unwrap_or(1),
            sent_at: UNIX_EPOCH.checked_add(sent).unwrap_or(SystemTime::UNIX_EPOCH),
        }
    }
}

/// Our name of the queue with that ARN: `tasks-small` for `churn-tasks-small` of `sqs://churn`.
fn queue_of(arn: &str, home: &Location) -> String {
    let name = arn.rsplit(':').next().unwrap_or_default();
    let prefix = home.rest.strip_prefix("//").unwrap_or_default();
    let ours = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-'));
    ours.filter(|_| !prefix.is_empty()).unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_becomes_a_delivery() {
        let event = r#"{"Records": [{"messageId": "m1", "receiptHandle": "h", "body": "{}",
            "attributes": {"ApproximateReceiveCount": "3", "SentTimestamp": "1700000000000", "SenderId": "x",
                "ApproximateFirstReceiveTimestamp": "1700000000001"},
            "messageAttributes": {}, "md5OfBody": "x", "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:churn-tasks-small", "awsRegion": "eu-west-1"}]}"#;
        let event = RawValue::from_string(event.to_owned()).unwrap();
        let home = Location::parse("sqs://churn", "sqlite").unwrap();
        let deliveries = deliveries(&event, &home).unwrap();
        assert_eq!(
            deliveries,
            [Delivery {
                id: MessageId("m1".to_owned()),
                body: "{}".to_owned(),
                receipt: Receipt { queue: "tasks-small".to_owned(), handle: "h".to_owned() },
                receive_count: 3,
                sent_at: UNIX_EPOCH + Duration::from_millis(1_700_000_000_000),
            }]
        );
    }

    #[test]
    fn queues_have_our_names() {
        let at = |text: &str| Location::parse(text, "sqlite").unwrap();
        assert_eq!(queue_of("arn:aws:sqs:r:1:churn-tasks", &at("sqs://churn")), "tasks");
        assert_eq!(queue_of("arn:aws:sqs:r:1:tasks", &at("sqlite:/tmp/q")), "tasks");
        assert_eq!(queue_of("arn:aws:sqs:r:1:churny-tasks", &at("sqs://churn")), "churny-tasks");
    }

    #[test]
    fn other_events_are_refused() {
        let event = RawValue::from_string(r#"{"rawPath": "/"}"#.to_owned()).unwrap();
        let error = deliveries(&event, &Location::parse("sqs://x", "sqlite").unwrap()).unwrap_err();
        assert!(error.error_message.contains("SQS event source"), "{error:?}");
    }
}

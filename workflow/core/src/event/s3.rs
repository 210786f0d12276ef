//! S3's two ways to say that an object was written: a notification (to SQS, SNS or Lambda) and an EventBridge event.

use serde_json::Value;

use super::{CloudEvent, ObjectCreated};
use crate::location::percent_decoded;

pub(super) fn read(json: &Value) -> Result<Vec<CloudEvent>, String> {
    if let Some(records) = json["Records"].as_array() {
        return records.iter().filter_map(|record| notification(record).transpose()).collect();
    }
    // Sent once, when a notification is set up.
    if json["Event"] == "s3:TestEvent" {
        return Ok(Vec::new());
    }
    if json["source"] == "aws.s3" {
        return Ok(event_bridge(json)?.into_iter().collect());
    }
    Err("this is neither a CloudEvent, nor an S3 notification, nor an EventBridge event of S3".to_owned())
}

/// None if it tells of something else than a new object.
fn notification(record: &Value) -> Result<Option<CloudEvent>, String> {
    if record["eventSource"] != "aws:s3" && record["eventSource"] != "minio:s3" {
        return Err(format!("this record is of {}, not of S3", record["eventSource"]));
    }
    let name = text(record, "/eventName")?;
    // `s3:ObjectCreated:Put` in some implementations.
    if !name.trim_start_matches("s3:").starts_with("ObjectCreated:") {
        return Ok(None);
    }
    let written = text(record, "/s3/object/key")?;
    let key = percent_decoded(&written.replace('+', " "))
        .ok_or_else(|| format!("the key `{written}` of this notification is not URL-encoded UTF-8"))?;
    let time = record["eventTime"].as_str().map(str::to_owned);
    made(text(record, "/s3/bucket/name")?, key, &record["s3"]["object"], "eTag", "versionId", time).map(Some)
}

/// None if it tells of something else than a new object.
fn event_bridge(event: &Value) -> Result<Option<CloudEvent>, String> {
    if event["detail-type"] != "Object Created" {
        return Ok(None);
    }
    // Here the key is not encoded.
    let key = text(event, "/detail/object/key")?.to_owned();
    let time = event["time"].as_str().map(str::to_owned);
    let bucket = text(event, "/detail/bucket/name")?;
    made(bucket, key, &event["detail"]["object"], "etag", "version-id", time).map(Some)
}

fn made(
    bucket: &str,
    key: String,
    object: &Value,
    etag: &str,
    version: &str,
    time: Option<String>,
) -> Result<CloudEvent, String> {
    let optional = |name: &str| object[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let data = ObjectCreated {
        uri: format!("s3://{bucket}/{key}"),
        bucket: bucket.to_owned(),
        key,
        // A copy's notification may lack it.
        size: object["size"].as_u64().unwrap_or(0),
        etag: optional(etag).map(|etag| etag.trim_matches('"').to_owned()),
        version_id: optional(version),
        sequencer: optional("sequencer"),
    };
    Ok(CloudEvent::object_created(&format!("s3://{bucket}"), &data, time))
}

fn text<'a>(json: &'a Value, pointer: &str) -> Result<&'a str, String> {
    json.pointer(pointer)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| format!("this S3 event has no {}", pointer[1..].replace('/', ".")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(key: &str) -> Value {
        json!({
            "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-central-1",
            "eventTime": "2026-11-30T20:00:00.000Z", "eventName": "ObjectCreated:Put",
            "s3": {
                "bucket": {"name": "raw"},
                "object": {"key": key, "size": 12, "eTag": "abc", "versionId": "v1", "sequencer": "0055AED6DCD90281E5"}
            }
        })
    }

    #[test]
    fn both_forms_of_one_write_are_one_event() {
        let notified = &read(&json!({"Records": [record("in/x+y%2Fz%C3%A4.csv")]})).unwrap()[0];
        let bridged = &read(&json!({
            "version": "0", "id": "17793124-05d4-b198-2fde-7ededc63b103", "detail-type": "Object Created",
            "source": "aws.s3", "time": "2026-11-30T20:00:01Z",
            "detail": {
                "bucket": {"name": "raw"},
                "object": {
                    "key": "in/x y/zä.csv", "size": 12, "etag": "abc", "version-id": "v1",
                    "sequencer": "0055AED6DCD90281E5"
                },
                "reason": "PutObject"
            }
        }))
        .unwrap()[0];
        assert_eq!(notified.data, bridged.data);
        assert_eq!(notified.digest(), bridged.digest());
        let data: ObjectCreated = notified.data_as().unwrap();
        assert_eq!(data.key, "in/x y/zä.csv");
        assert_eq!(data.uri, "s3://raw/in/x y/zä.csv");
        assert_eq!(data.size, 12);
    }

    #[test]
    fn another_write_of_the_same_key_is_another_event() {
        let first = record("a.csv");
        let mut second = first.clone();
        second["s3"]["object"]["sequencer"] = "0055AED6DCD90281E6".into();
        let events = read(&json!({"Records": [first, second]})).unwrap();
        assert_ne!(events[0].digest(), events[1].digest());
    }

    #[test]
    fn what_is_no_new_object_is_passed_over() {
        let mut removed = record("a.csv");
        removed["eventName"] = "ObjectRemoved:Delete".into();
        assert_eq!(read(&json!({"Records": [removed]})).unwrap(), []);
        assert_eq!(read(&json!({"Event": "s3:TestEvent", "Bucket": "raw"})).unwrap(), []);
        assert_eq!(read(&json!({"source": "aws.s3", "detail-type": "Object Deleted"})).unwrap(), []);
    }

    #[test]
    fn what_is_missing_is_named() {
        let mut record = record("a.csv");
        record["s3"]["bucket"] = json!({});
        let error = read(&json!({"Records": [record]})).unwrap_err();
        assert_eq!(error, "this S3 event has no s3.bucket.name");
    }
}

//! Events: what starts a run by itself. Each is a CloudEvent (CloudEvents 1.0), wherever it came from.

mod s3;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::artifact::Digest;

/// The version of the specification that events follow.
pub const SPEC_VERSION: &str = "1.0";

/// An object was written: [`ObjectCreated`].
pub const OBJECT_CREATED: &str = "io.millstream.object-created";
/// A time of a schedule has come: [`ScheduleTick`].
pub const SCHEDULE: &str = "io.millstream.schedule";
/// A request that was no CloudEvent; its body is the data.
pub const HTTP: &str = "io.millstream.http";
/// A message that was no CloudEvent; its body is the data.
pub const QUEUE: &str = "io.millstream.queue";
/// A run has ended: [`WorkflowCompleted`].
pub const WORKFLOW_COMPLETED: &str = "io.millstream.workflow-completed";
/// An alarm of an endpoint went off: [`AlarmFired`].
pub const ALARM: &str = "io.millstream.alarm";

/// An event, as CloudEvents 1.0 has it. Two with the same source and id are one event, delivered twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CloudEvent {
    /// Always [`SPEC_VERSION`].
    pub specversion: String,
    /// Together with the source, which event it is.
    pub id: String,
    /// Where it happened: a URI.
    pub source: String,
    /// What kind of event it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is about, within the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When it happened: RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// What happened.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub data: Value,
    /// Attributes that CloudEvents leaves to others, `datacontenttype` and `dataschema` among them.
    #[serde(flatten)]
    pub extensions: Map<String, Value>,
}

/// The data of [`OBJECT_CREATED`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ObjectCreated {
    /// The bucket; for a watched folder, its absolute path.
    pub bucket: String,
    /// The object's key, decoded; for a watched folder, the path in it.
    pub key: String,
    /// Where the object can be read: `s3://BUCKET/KEY`, or a `file://` URL.
    pub uri: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its ETag, without quotes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Which version of the object it is, where the bucket keeps versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// Orders the events of one key, as hexadecimal text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequencer: Option<String>,
}

/// The data of [`SCHEDULE`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScheduleTick {
    /// The workflow that is due.
    pub workflow: String,
    /// The schedule, as it is written.
    pub schedule: String,
    /// The time that has come, in the schedule's time zone: RFC 3339.
    pub due: String,
    /// The time zone's name.
    pub timezone: String,
}

/// The data of [`WORKFLOW_COMPLETED`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorkflowCompleted {
    /// The workflow whose run has ended.
    pub workflow: String,
    /// Its version, if it was pushed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// The run.
    pub run: String,
    /// `succeeded`, `failed` or `cancelled`.
    pub state: String,
    /// The run's parameters.
    pub params: Map<String, Value>,
    /// By step and name; of steps with one task.
    pub metrics: Map<String, Value>,
    /// By step and name: where the output can be read, `artifact:DIGEST`; of steps with one task whose output is one part.
    pub outputs: Map<String, Value>,
}

/// The data of [`ALARM`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlarmFired {
    /// The endpoint.
    pub endpoint: String,
    /// What is watched, such as `error-rate`, `p99` or `drift`.
    pub metric: String,
    /// What was seen, in words.
    pub message: String,
    /// The weighted versions before it went off, such as `churn@3 90%, churn@4 10%`.
    pub from: String,
    /// The weighted versions since.
    pub to: String,
}

impl CloudEvent {
    /// An event without subject, time and extensions.
    pub fn new(kind: &str, source: impl Into<String>, id: impl Into<String>, data: Value) -> Self {
        Self {
            specversion: SPEC_VERSION.to_owned(),
            id: id.into(),
            source: source.into(),
            kind: kind.to_owned(),
            subject: None,
            time: None,
            data,
            extensions: Map::new(),
        }
    }

    /// An object was written. Its id is made of what tells one write from another, so that all deliveries of one write are the
    /// same event, in whatever form they come. `source` names where the object lies: `s3://BUCKET`, or a folder's URL.
    pub fn object_created(source: &str, data: &ObjectCreated, time: Option<String>) -> Self {
        let id = match (&data.version_id, &data.sequencer) {
            // A bucket without versions calls all of them `null`.
            (version, Some(sequencer)) => {
                let version = version.as_deref().unwrap_or("null");
                format!("{}?versionId={version}&sequencer={sequencer}", data.key)
            }
            (Some(version), None) if version != "null" => format!("{}?versionId={version}", data.key),
            _ => {
                let (etag, at) =
                    (data.etag.as_deref().unwrap_or_default(), time.as_deref().unwrap_or_default());
                format!("{}?etag={etag}&size={}&time={at}", data.key, data.size)
            }
        };
        let mut event = Self::new(OBJECT_CREATED, source, id, json!(data));
        event.subject = Some(data.key.clone());
        event.time = time;
        event
    }

    /// Reads a CloudEvent in its structured JSON form.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_json(json: Value) -> Result<Self, String> {
        let wrong = |why: &dyn std::fmt::Display| format!("this is not a CloudEvent: {why}");
        // Bytes come as Base64 there; what workflows read is JSON.
        if json.get("data_base64").is_some() {
            return Err(wrong(&"`data_base64` is not read; send JSON as `data`"));
        }
        let event: Self = serde_json::from_value(json).map_err(|error| wrong(&error))?;
        event.check().map_err(|why| wrong(&why))?;
        Ok(event)
    }

    /// Whether the attributes are as CloudEvents wants them.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), String> {
        if self.specversion != SPEC_VERSION {
            return Err(format!("`specversion` is `{}`; {SPEC_VERSION} is read", self.specversion));
        }
        for (name, value) in [("id", &self.id), ("source", &self.source), ("type", &self.kind)] {
            if value.is_empty() {
                return Err(format!("`{name}` is empty"));
            }
        }
        Ok(())
    }

    /// The events of a message of AWS or of a CloudEvent in structured form: an S3 notification, which holds several, an EventBridge
    /// event of S3, or one CloudEvent. An S3 notification's test message holds none.
    ///
    /// # Errors
    /// It is none of them, or what they need is missing.
    pub fn read_all(json: &Value) -> Result<Vec<Self>, String> {
        if json.get("specversion").is_some() {
            return Ok(vec![Self::from_json(json.clone())?]);
        }
        s3::read(json)
    }

    /// Names the event: the SHA-256 digest of its source and id. Deliveries of one event have one.
    pub fn digest(&self) -> Digest {
        // Their lengths keep apart what would be the same text put together.
        Digest::of(format!("{}:{}{}", self.source.len(), self.source, self.id).as_bytes())
    }

    /// The event as an expression sees it: every attribute is there, null if it was not given.
    pub fn to_value(&self) -> Value {
        let mut map = self.extensions.clone();
        map.insert("id".to_owned(), self.id.clone().into());
        map.insert("source".to_owned(), self.source.clone().into());
        map.insert("type".to_owned(), self.kind.clone().into());
        map.insert("subject".to_owned(), json!(self.subject));
        map.insert("time".to_owned(), json!(self.time));
        map.insert("data".to_owned(), self.data.clone());
        Value::Object(map)
    }

    /// The data as the type that belongs to the event's `type`.
    ///
    /// # Errors
    /// The data is another.
    pub fn data_as<T: serde::de::DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_value(self.data.clone())
            .map_err(|error| format!("the data of this {} event cannot be read: {error}", self.kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structured_json_is_read_and_written() {
        let json = json!({
            "specversion": "1.0", "id": "1", "source": "/orders", "type": "com.example.order",
            "datacontenttype": "application/json", "tenant": "a", "data": {"rows": 3}
        });
        let event = CloudEvent::from_json(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(&event).unwrap(), json);
        assert_eq!(event.to_value()["tenant"], "a");
        assert_eq!(event.to_value()["subject"], Value::Null);
    }

    #[test]
    fn what_is_no_cloud_event_is_refused() {
        for (json, says) in [
            (json!({"specversion": "1.0", "id": "1", "source": "/"}), "missing field `type`"),
            (json!({"specversion": "0.3", "id": "1", "source": "/", "type": "t"}), "`specversion` is `0.3`"),
            (json!({"specversion": "1.0", "id": "", "source": "/", "type": "t"}), "`id` is empty"),
            (
                json!({"specversion": "1.0", "id": "1", "source": "/", "type": "t", "data_base64": ""}),
                "data_base64",
            ),
            (json!({"hello": 1}), "neither"),
        ] {
            let error = CloudEvent::read_all(&json).and_then(|_| CloudEvent::from_json(json)).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn source_and_id_are_not_run_together() {
        let a = CloudEvent::new("t", "ab", "c", Value::Null);
        let b = CloudEvent::new("t", "a", "bc", Value::Null);
        assert_ne!(a.digest(), b.digest());
    }
}

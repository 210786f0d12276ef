//! Objects that clients of the S3 API write, as events that start runs.

use millstream_core::event::{CloudEvent, ObjectCreated};
use millstream_s3::{Created, NewObject};
use millstream_triggers::Triggers;

/// Tells triggers of new objects.
pub struct Written(pub Triggers);

impl Created for Written {
    fn created(&self, object: &NewObject) -> Result<(), String> {
        let source = format!("s3://{}", object.bucket);
        let data = ObjectCreated {
            bucket: object.bucket.clone(),
            key: object.key.clone(),
            uri: format!("{source}/{}", object.key),
            size: object.size,
            etag: Some(object.etag.clone()),
            version_id: None,
            sequencer: Some(object.sequencer.clone()),
        };
        let time = jiff::Timestamp::from_millisecond(i64::try_from(object.at).unwrap_or(i64::MAX));
        let event = CloudEvent::object_created(&source, &data, time.ok().map(|time| time.to_string()));
        // An event that can never start a run is noted with the trigger; its writer can do nothing about it.
        match self.0.accept(&event) {
            Err(error) if error.is_transient() => Err(error.to_string()),
            Err(error) => {
                tracing::warn!(object = data.uri, %error, "this object starts no run");
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }
}

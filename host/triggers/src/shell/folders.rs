//! Watched folders: each file that comes to rest is an object that was created.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use millstream_core::event::{CloudEvent, ObjectCreated};
use millstream_language::triggers::{Kind, Trigger};
use serde_json::Map;

use super::files::{Files, State};
use crate::Triggers;

/// A folder that triggers wait for.
pub struct Folder {
    path: PathBuf,
    files: Files,
    /// Events that could not be dealt with: store or queue were out of reach.
    again: Vec<CloudEvent>,
    /// Triggers that have had the files which were there before them.
    served: HashSet<String>,
}

impl Folder {
    /// Watches it.
    ///
    /// # Errors
    /// Why it cannot be watched.
    pub fn watch(path: &str) -> Result<Self, String> {
        let path = PathBuf::from(path);
        Ok(Self { files: Files::watch(&path)?, path, again: Vec::new(), served: HashSet::new() })
    }

    /// Gives the files that are there to triggers that want them and have not had them.
    pub fn serve(&mut self, of: Vec<(String, Trigger)>, triggers: &Triggers) {
        for (workflow, trigger) in of {
            let wants = matches!(&trigger.kind, Kind::ObjectCreated(object) if object.existing);
            let name = format!("{workflow}/{}", trigger.name);
            if !wants || self.served.contains(&name) {
                continue;
            }
            let given = self.files.there().iter().try_for_each(|(path, state)| {
                let Some(event) = event(&self.path, path, *state) else { return Ok(()) };
                triggers.accept_for(&workflow, &trigger.name, &event, Map::new()).map(drop)
            });
            match given {
                Ok(()) => drop(self.served.insert(name)),
                Err(error) => tracing::warn!(%error, "the files that are there are tried again"),
            }
        }
    }

    /// Takes the files that have come to rest as events.
    pub fn look(&mut self, triggers: &Triggers) {
        let new = self.files.at_rest();
        let new = new.iter().filter_map(|(path, state)| event(&self.path, path, *state));
        let events: Vec<CloudEvent> = std::mem::take(&mut self.again).into_iter().chain(new).collect();
        for event in events {
            match triggers.accept(&event) {
                Ok(_) => {}
                Err(error) if error.is_transient() => {
                    tracing::warn!(event = event.id, %error, "it is tried again");
                    self.again.push(event);
                }
                Err(error) => tracing::error!(event = event.id, %error, "it starts nothing"),
            }
        }
    }
}

/// A file of `folder` as an object. Written again, it is another event. None if its name is not text.
fn event(folder: &Path, file: &Path, state: State) -> Option<CloudEvent> {
    let bucket = folder.to_str()?.to_owned();
    let key = file.strip_prefix(folder).ok()?.to_str()?.to_owned();
    let since = state.modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    let data = ObjectCreated {
        uri: format!("file://{}", file.to_str()?),
        key,
        size: state.size,
        etag: None,
        version_id: None,
        sequencer: Some(format!("{:016X}{:010X}", since.as_nanos(), state.size)),
        bucket,
    };
    let time = jiff::Timestamp::from_nanosecond(since.as_nanos() as i128).ok().map(|at| at.to_string());
    Some(CloudEvent::object_created(&format!("file://{}", folder.to_str()?), &data, time))
}

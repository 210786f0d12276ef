//! The records below `triggers/`, and how they are read and changed.

use millstream_core::{artifact::Digest, event::CloudEvent};
use millstream_store::{ErrorKind, PutOptions, Store};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::Error;

/// How often a race for a record is run again. Of those who race, one wins each time.
const RACES: usize = 1000;

/// An event whose run is about to start. Written before [`Seen`], removed when the run is there: what a crash leaves can go on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Starting {
    /// The workflow.
    pub workflow: String,
    /// Its version.
    pub version: u32,
    /// The trigger's name.
    pub trigger: String,
    /// The run's name.
    pub run: String,
    /// When the event came, in milliseconds since 1970 UTC.
    pub at: u64,
    /// The event.
    pub event: CloudEvent,
    /// The run's parameters.
    pub params: Map<String, Value>,
}

impl Starting {
    /// Names the event.
    pub fn digest(&self) -> Digest {
        self.event.digest()
    }
}

/// That an event has started a run, or will never start one. Created once: repetitions of the event find it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Seen {
    /// The run that it starts.
    pub run: String,
    /// When it came, in milliseconds since 1970 UTC.
    pub at: u64,
    /// The trigger's name.
    pub trigger: String,
    /// Where the event came from.
    pub source: String,
    /// Its id there.
    pub id: String,
    /// Why it started none after all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What became of a trigger's last event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Last {
    /// When it came, in milliseconds since 1970 UTC.
    pub at: u64,
    /// Where it came from.
    pub source: String,
    /// Its id there.
    pub id: String,
    /// What became of it.
    pub outcome: Outcome,
    /// The last run that the trigger has started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<LastStart>,
}

/// The last run that a trigger has started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastStart {
    /// Its name.
    pub run: String,
    /// When its event came, in milliseconds since 1970 UTC.
    pub at: u64,
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Outcome {
    /// A run has started.
    Started {
        /// Its name.
        run: String,
    },
    /// The run starts when others have ended.
    Waiting {
        /// Its name.
        run: String,
    },
    /// The event came before.
    Duplicate {
        /// The run that it started then.
        run: String,
    },
    /// It starts no run: it does not fit, or `concurrency` leaves it out.
    NotStarted {
        /// Why.
        why: String,
    },
    /// Its run can never start: parameters or sources are wrong.
    Refused {
        /// Why.
        why: String,
    },
}

/// The time up to which a schedule was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockRecord {
    /// Milliseconds since 1970 UTC.
    pub at: u64,
    /// The schedule as it was written: another one counts from when it is first seen.
    pub schedule: String,
}

/// The change of an endpoint up to which alarms were looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmsSeen {
    /// The endpoint's revision.
    pub revision: u64,
}

/// The record under `key`; none if there is none.
pub fn read<T: DeserializeOwned>(store: &dyn Store, key: &str) -> Result<Option<T>, Error> {
    match store.get(key) {
        Ok(object) => parse(key, &object.bytes).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn parse<T: DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes)
        .map_err(|error| Error::Damaged { key: key.to_owned(), why: error.to_string() })
}

fn bytes<T: Serialize>(record: &T) -> Vec<u8> {
    serde_json::to_vec(record).expect("a record is JSON")
}

/// Creates the record unless there is one, and gives the one that holds; none if that is gone again.
pub fn create<T>(store: &dyn Store, key: &str, record: &T) -> Result<Option<T>, Error>
where
    T: Serialize + DeserializeOwned + Clone,
{
    match store.put(key, &bytes(record), &PutOptions::absent()) {
        Ok(_) => Ok(Some(record.clone())),
        Err(error) if error.kind() == ErrorKind::PreconditionFailed => read(store, key),
        Err(error) => Err(error.into()),
    }
}

/// Writes the record, whatever is there.
pub fn write<T: Serialize>(store: &dyn Store, key: &str, record: &T) -> Result<(), Error> {
    store.put(key, &bytes(record), &PutOptions::default())?;
    Ok(())
}

/// The same for what only tells people something: not waited for on the disk.
pub fn note<T: Serialize>(store: &dyn Store, key: &str, record: &T) -> Result<(), Error> {
    store.put(key, &bytes(record), &PutOptions::default().relaxed())?;
    Ok(())
}

/// Changes the record by compare-and-swap; `change` may be called several times. What is as it was is not written.
pub fn update<T, R>(store: &dyn Store, key: &str, mut change: impl FnMut(&mut T) -> R) -> Result<R, Error>
where
    T: Serialize + DeserializeOwned + Default + PartialEq + Clone,
{
    for _ in 0..RACES {
        let (before, options) = match store.get(key) {
            Ok(object) => (parse(key, &object.bytes)?, PutOptions::matches(object.version)),
            Err(error) if error.kind() == ErrorKind::NotFound => (T::default(), PutOptions::absent()),
            Err(error) => return Err(error.into()),
        };
        let mut after = before.clone();
        let result = change(&mut after);
        if after == before {
            return Ok(result);
        }
        match store.put(key, &bytes(&after), &options) {
            Ok(_) => return Ok(result),
            Err(error) if error.kind() == ErrorKind::PreconditionFailed => {}
            Err(error) => return Err(error.into()),
        }
    }
    let message = format!("others change {key} all the time; try again");
    Err(millstream_store::Error::new(ErrorKind::Unavailable, message).into())
}

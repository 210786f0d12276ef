//! Records as JSON objects in the store.

use millstream_store::{ErrorKind, PutOptions, Store, Version};
use serde::{Serialize, de::DeserializeOwned};

use crate::Error;

/// How often a write is tried again because somebody else wrote first.
pub(crate) const RACES: usize = 1000;

/// The record and the state it was read in; none if there is no such record.
pub(crate) fn read<T: DeserializeOwned>(store: &dyn Store, key: &str) -> Result<Option<(T, Version)>, Error> {
    match store.get(key) {
        Ok(object) => {
            let record = serde_json::from_slice(&object.bytes).map_err(|error| Error::damaged(key, error))?;
            Ok(Some((record, object.version)))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Writes the record in place of the one in this state; creates it if there was none. False: somebody else wrote first.
pub(crate) fn write(
    store: &dyn Store,
    key: &str,
    record: &impl Serialize,
    instead_of: Option<Version>,
) -> Result<bool, Error> {
    Ok(replace(store, key, record, instead_of)?.is_some())
}

/// The same, and gives the record's new state.
pub(crate) fn replace(
    store: &dyn Store,
    key: &str,
    record: &impl Serialize,
    instead_of: Option<Version>,
) -> Result<Option<Version>, Error> {
    let bytes = serde_json::to_vec_pretty(record).expect("a record is JSON");
    let options = instead_of.map_or_else(PutOptions::absent, PutOptions::matches);
    match store.put(key, &bytes, &options) {
        Ok(state) => Ok(Some(state)),
        Err(error) if error.kind() == ErrorKind::PreconditionFailed => Ok(None),
        Err(error) => Err(error.into()),
    }
}

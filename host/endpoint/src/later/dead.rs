//! Requests whose message is in the dead letters: every server that had one ended before it answered.

use millstream_core::layout;
use millstream_queue::DeadLetter;
use millstream_store::{Error, ErrorKind, PutOptions, Store};

use super::{Done, QueuedRequest, problem};
use crate::serving::Serving;

/// What is said of such a request.
const WHY: &str = "each server that had this request ended before it answered: it may need more memory than the machine has, or \
                   somebody kills the servers; its message is in the dead letters (`millstream dead list`)";

/// Writes down that there will be no answer, unless the request is answered. Done already is done.
///
/// # Errors
/// What the store met.
pub fn give_up(store: &dyn Store, request: &QueuedRequest, at: u64) -> Result<(), Error> {
    let key = |what: &str| layout::later(&request.endpoint, &request.id, what);
    let is_there = |what: &str| match store.head(&key(what)) {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidKey) => Ok(false),
        Err(error) => Err(error),
    };
    if !is_there("request.json")? || is_there("done.json")? {
        return Ok(());
    }
    let done = Done { content_type: None, variant: None, error: Some(WHY.to_owned()), at };
    let done = serde_json::to_vec(&done).expect("a record is JSON");
    store.put(&key("error.json"), &problem(WHY, &request.id), &PutOptions::default())?;
    match store.put(&key("done.json"), &done, &PutOptions::absent()) {
        // Somebody has answered it after all.
        Err(error) if error.kind() == ErrorKind::PreconditionFailed => Ok(()),
        written => written.map(drop),
    }
}

/// Forgets that there will be no answer, so that the request can be answered. One that is answered stays so.
///
/// # Errors
/// What the store met; `Corrupt` for a damaged record.
pub fn reopen(store: &dyn Store, request: &QueuedRequest) -> Result<(), Error> {
    let key = |what: &str| layout::later(&request.endpoint, &request.id, what);
    let done = match store.get(&key("done.json")) {
        Ok(object) => serde_json::from_slice::<Done>(&object.bytes).map_err(|error| {
            Error::new(ErrorKind::Corrupt, format!("{} is damaged: {error}", key("done.json")))
        })?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if done.error.is_none() {
        return Ok(());
    }
    // First what says that there is an end; without it, what is left of the error means nothing.
    store.delete(&key("done.json"))?;
    store.delete(&key("error.json"))
}

/// Gives up a dead letter's request. False: that could not be written down.
pub(super) fn bury(serving: &Serving, letter: &DeadLetter) -> bool {
    let place = &serving.0.place;
    // What is no request stays as it is.
    let Ok(request) = serde_json::from_str::<QueuedRequest>(&letter.body) else { return true };
    let given_up = give_up(place.store.as_ref(), &request, (place.now)());
    if let Err(error) = &given_up {
        tracing::warn!(?request, %error, "that there is no answer can't be written down");
    }
    given_up.is_ok()
}

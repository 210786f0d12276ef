//! Requests whose message is in the dead letters: every server that had one ended before it answered.

use std::{collections::HashSet, time::Duration};

use millstream_core::layout;
use millstream_queue::MessageId;
use millstream_store::{Error, ErrorKind, PutOptions, Store};

use super::{Done, QUEUE, QueuedRequest, problem};
use crate::serving::Serving;

/// How often the dead letters are looked at.
pub(super) const CHECK: Duration = Duration::from_secs(5);
/// Dead letters that are looked at in one go.
const PAGE: usize = 100;

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

/// Gives up the requests of all dead letters, but for those of `buried`. Gives those that are now.
pub(super) fn bury(serving: &Serving, buried: &HashSet<MessageId>) -> HashSet<MessageId> {
    let place = &serving.0.place;
    let mut there = HashSet::new();
    // Not every kind of queue shows its dead letters.
    let Some(admin) = place.queue.admin() else { return there };
    let mut after = None;
    loop {
        // A queue that cannot be read says so where requests are received.
        let Ok(page) = admin.dead_letters(QUEUE, after.as_ref(), PAGE) else { return there };
        for letter in page.letters {
            if buried.contains(&letter.id) {
                there.insert(letter.id);
                continue;
            }
            let Ok(request) = serde_json::from_str::<QueuedRequest>(&letter.body) else { continue };
            match give_up(place.store.as_ref(), &request, (place.now)()) {
                Ok(()) => {
                    there.insert(letter.id);
                }
                Err(error) => {
                    tracing::warn!(?request, %error, "cannot store that the request has no answer")
                }
            }
        }
        after = page.next;
        if after.is_none() {
            return there;
        }
    }
}

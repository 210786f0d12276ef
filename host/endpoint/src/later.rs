//! Requests that are answered later: rows that lie in the store, an answer that will.
//!
//! ```text
//! async/<endpoint>/<id>/request.json   who asked what; created once
//! async/<endpoint>/<id>/output         the answer, or
//! async/<endpoint>/<id>/error.json     why there is none
//! async/<endpoint>/<id>/done.json      what answered, and when; written last
//! ```
//!
//! A server that dies in between leaves a message that comes again; an answer that is there is not made again.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use millstream_consumer::{Consumer, Ending, Handle, Handled, Options};
use millstream_core::{artifact::Digest, layout};
use millstream_deployment::{Endpoint, LIVE};
use millstream_queue::{DeadLetter, Delivery, Outgoing, SystemClock};
use millstream_store::{ErrorKind, PutOptions, Store, failpoint::reached};
use serde::{Deserialize, Serialize};
use tokio::{runtime, sync::Notify, task::block_in_place};

mod dead;

pub use dead::{give_up, reopen};

use crate::{Answer, Invocation, InvokeError, serving::Serving};

/// A request to be answered later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Later {
    /// The endpoint.
    pub endpoint: String,
    /// The rows.
    pub input: LaterInput,
    /// Media type of the rows; `text/csv` if none is given.
    pub content_type: Option<String>,
    /// Media types that the caller takes.
    pub accept: Option<String>,
    /// The caller's name for this request: the same name is the same request.
    pub inference_id: Option<String>,
    /// Not begun after this time: given up.
    pub ttl: Option<Duration>,
    /// The answer may take no longer than this, nor than the endpoint's time limit.
    pub timeout: Option<Duration>,
}

/// Where the rows of a request that is answered later are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LaterInput {
    /// An artifact.
    Artifact(Digest),
    /// In the request.
    Inline(Bytes),
}

/// Where the answer will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Names the request.
    pub id: String,
    /// Key of the answer.
    pub output: String,
    /// Key of the reason, if there will be no answer.
    pub failure: String,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It waits, or is being answered.
    Pending,
    /// It is answered.
    Done {
        /// Media type of the predictions.
        content_type: String,
        /// The variant that made them.
        variant: String,
        /// The predictions.
        body: Vec<u8>,
        /// Since when they are there, in milliseconds since 1970 UTC.
        at: u64,
    },
    /// There will be no answer.
    Failed {
        /// Why.
        message: String,
    },
}

/// That a request has come to its end, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Key of the answer, or of the reason why there is none.
    pub key: String,
    /// Its media type.
    pub content_type: String,
    /// When, in milliseconds since 1970 UTC.
    pub at: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Request {
    endpoint: String,
    id: String,
    input: Digest,
    content_type: String,
    accept: Option<String>,
    at: u64,
    expires: Option<u64>,
    /// Milliseconds that the answer may take.
    #[serde(default)]
    timeout: Option<u64>,
}

impl Request {
    /// Whether it asks the same, whenever it came.
    fn asks_as(&self, other: &Self) -> bool {
        let what = |request: &Self| {
            let Self { endpoint, id, input, content_type, accept, at, expires, timeout } = request;
            let ttl = expires.map(|expires| expires.saturating_sub(*at));
            serde_json::json!([endpoint, id, input, content_type, accept, ttl, timeout])
        };
        what(self) == what(other)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Done {
    content_type: Option<String>,
    variant: Option<String>,
    error: Option<String>,
    at: u64,
}

/// What the queue says of a request: which one it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedRequest {
    /// The endpoint.
    pub endpoint: String,
    /// The request's inference id.
    pub id: String,
}

/// Answers queued requests. Dropped, it gives back what is in hand, and waits for its threads; but not for one that does not end, such
/// as in a call that can't be interrupted: its request comes again when this process is gone.
pub struct LaterWorker(Consumer<Answering>);

/// The queue of requests.
pub const QUEUE: &str = "inference";
/// Largest body of rows that is read.
const MAX_INPUT: u64 = 1 << 30;
/// Threads get this long to give back what they have in hand.
const GIVE_BACK: Duration = Duration::from_secs(5);
/// How often a request is tried while the endpoint is busy or its version does not load.
const TRIES: u32 = 10;
/// The shortest wait between two tries.
const AGAIN: Duration = Duration::from_secs(2);

impl LaterWorker {
    /// Threads that answer.
    ///
    /// # Errors
    /// The system has no room for a thread.
    pub fn start(serving: &Serving, runtime: &runtime::Handle, threads: usize) -> io::Result<Self> {
        let queue = Arc::clone(&serving.0.place.queue);
        let answering = Answering { serving: serving.clone(), runtime: runtime.clone() };
        let options =
            Options { queues: vec![QUEUE.to_owned()], threads, let_go: GIVE_BACK, ..Options::default() };
        Consumer::start(queue, Arc::new(SystemClock), fastrand::Rng::new(), answering, options).map(Self)
    }

    /// For whoever hears first that the end comes.
    pub fn ending(&self) -> Ending {
        self.0.ending()
    }
}

struct Answering {
    serving: Serving,
    runtime: runtime::Handle,
}

impl Handle for Answering {
    type Cancel = Arc<Notify>;

    fn handle(&self, delivery: &Delivery, cancel: &Arc<Notify>) -> Handled {
        answer(&self.serving, &self.runtime, cancel, delivery)
    }

    fn cancel(&self, cancel: &Arc<Notify>) {
        cancel.notify_one();
    }

    fn bury(&self, letter: &DeadLetter) -> bool {
        dead::bury(&self.serving, letter)
    }
}

impl Serving {
    /// Takes a request that is answered later. The same inference id is the same request.
    ///
    /// # Errors
    /// No such endpoint, an input that is not there or may not be read, or a store or queue out of reach.
    pub async fn later(&self, wish: Later) -> Result<Ticket, InvokeError> {
        let endpoint: Endpoint = self.endpoint(&wish.endpoint)?;
        let place = self.0.place.clone();
        let server = self.0.options.server.clone();
        block_in_place(move || {
            let at = (place.now)();
            let id = match wish.inference_id {
                Some(id) => checked(id)?,
                None => format!("{at:x}-{server}-{:08x}", fastrand::u32(..)),
            };
            let name = endpoint.name;
            let input = match wish.input {
                LaterInput::Inline(rows) => place.artifacts.put(&rows).map_err(out_of_reach)?.digest,
                LaterInput::Artifact(digest) => digest,
            };
            let request = Request {
                endpoint: name.clone(),
                id: id.clone(),
                input,
                content_type: wish.content_type.unwrap_or_else(|| "text/csv".to_owned()),
                accept: wish.accept,
                at,
                expires: wish.ttl.map(|ttl| at.saturating_add(millis(ttl))),
                timeout: wish.timeout.map(millis),
            };
            let bytes = serde_json::to_vec(&request).expect("a request is JSON");
            let key = layout::later(&name, &id, "request.json");
            match place.store.put(&key, &bytes, &PutOptions::absent()) {
                Ok(_) => {}
                // Asked before. Whoever asked may have died before it was sent; sending twice does no harm.
                Err(error) if error.kind() == ErrorKind::PreconditionFailed => {
                    let there = place.store.get(&key).map_err(out_of_reach)?;
                    let same = serde_json::from_slice::<Request>(&there.bytes)
                        .map_err(|error| out_of_reach(format!("{key} is damaged: {error}")))?
                        .asks_as(&request);
                    if !same {
                        return Err(InvokeError::Invalid {
                            parameter: "InferenceId",
                            message: format!(
                                "inference id `{id}` was used for another request to endpoint `{name}`: other rows, or other \
                                 headers; nothing was done; give each request an id of its own"
                            ),
                        });
                    }
                }
                Err(error) => return Err(out_of_reach(error)),
            }
            let message = serde_json::to_string(&QueuedRequest { endpoint: name.clone(), id: id.clone() });
            place
                .queue
                .send(QUEUE, &[Outgoing::new(message.expect("a message is JSON"))])
                .map_err(out_of_reach)?;
            Ok(Ticket {
                output: layout::later(&name, &id, "output"),
                failure: layout::later(&name, &id, "error.json"),
                id,
            })
        })
    }

    /// What became of a request that was to be answered later.
    ///
    /// # Errors
    /// There is no such request, or the store is out of reach.
    pub fn outcome(&self, endpoint: &str, id: &str) -> Result<Outcome, InvokeError> {
        let id = checked(id.to_owned())?;
        let store = &self.0.place.store;
        let read = |what: &str| match store.get(&layout::later(endpoint, &id, what)) {
            Ok(object) => Ok(Some(object.bytes)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidKey) => Ok(None),
            Err(error) => Err(out_of_reach(error)),
        };
        let Some(done) = read("done.json")? else {
            return match read("request.json")? {
                Some(_) => Ok(Outcome::Pending),
                None => Err(InvokeError::NoSuchTarget(format!("endpoint `{endpoint}` was not asked `{id}`"))),
            };
        };
        let Done { content_type, variant, error, at } = serde_json::from_slice(&done)
            .map_err(|error| out_of_reach(format!("the record of request `{id}` is damaged: {error}")))?;
        let lost = || out_of_reach(format!("the answer to request `{id}` is not in the store any more"));
        Ok(match error {
            Some(message) => Outcome::Failed { message },
            None => Outcome::Done {
                content_type: content_type.unwrap_or_default(),
                variant: variant.unwrap_or_default(),
                body: read("output")?.ok_or_else(lost)?,
                at,
            },
        })
    }
}

/// How a request ended; none if it has not, or was never made.
///
/// # Errors
/// What the store met; `Corrupt` for a damaged record.
pub fn ended(store: &dyn Store, endpoint: &str, id: &str) -> Result<Option<Ended>, millstream_store::Error> {
    let key = layout::later(endpoint, id, "done.json");
    let done = match store.get(&key) {
        Ok(object) => serde_json::from_slice::<Done>(&object.bytes).map_err(|error| {
            millstream_store::Error::new(ErrorKind::Corrupt, format!("{key} is damaged: {error}"))
        })?,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidKey) => return Ok(None),
        Err(error) => return Err(error),
    };
    let (what, content_type) = match done.error {
        None => ("output", done.content_type.unwrap_or_default()),
        Some(_) => ("error.json", "application/json".to_owned()),
    };
    Ok(Some(Ended { key: layout::later(endpoint, id, what), content_type, at: done.at }))
}

fn out_of_reach(error: impl std::fmt::Display) -> InvokeError {
    InvokeError::Unavailable { message: error.to_string(), retry_after: Duration::from_secs(5) }
}

/// An id is part of a key.
fn checked(id: String) -> Result<String, InvokeError> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !id.is_empty() && id.len() <= 64 && id.chars().all(fine) && !id.starts_with('.') {
        return Ok(id);
    }
    let message = "an inference id is 1 to 64 letters, digits, `-`, `_` and `.`".to_owned();
    Err(InvokeError::Invalid { parameter: "InferenceId", message })
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn answer(serving: &Serving, runtime: &runtime::Handle, cancel: &Notify, delivery: &Delivery) -> Handled {
    let store = &serving.0.place.store;
    let Ok(QueuedRequest { endpoint, id }) = serde_json::from_str(&delivery.body) else {
        tracing::warn!(body = delivery.body, "not a request; deleted");
        return Handled::Delete;
    };
    reached("request-received");
    let key = |what: &str| layout::later(&endpoint, &id, what);
    if store.head(&key("done.json")).is_ok() {
        return Handled::Delete;
    }
    let request = match store.get(&key("request.json")) {
        Ok(object) => match serde_json::from_slice::<Request>(&object.bytes) {
            Ok(request) => request,
            Err(error) => {
                tracing::error!(key = key("request.json"), %error, "a damaged request; deleted");
                return Handled::Delete;
            }
        },
        Err(error) if error.kind() == ErrorKind::NotFound => return Handled::Delete,
        Err(_) => return Handled::Trouble,
    };
    let now = (serving.0.place.now)();
    let answered = if request.expires.is_some_and(|expires| now > expires) {
        Err("it was not begun within its time to live".to_owned())
    } else {
        let asked = runtime.block_on(async {
            tokio::select! {
                biased;
                asked = ask(serving, &request) => Some(asked),
                () = cancel.notified() => None,
            }
        });
        let Some(asked) = asked else { return Handled::Again(Duration::ZERO) };
        match asked {
            Ok(answer) => Ok(answer),
            Err(InvokeError::Busy { retry_after, .. } | InvokeError::Unavailable { retry_after, .. })
                if delivery.receive_count < TRIES =>
            {
                return Handled::Again(retry_after.max(AGAIN));
            }
            Err(InvokeError::TimedOut { limit, .. })
                if request.timeout.is_some_and(|timeout| u128::from(timeout) == limit.as_millis()) =>
            {
                Err(format!(
                    "the model did not answer within {limit:?}, the InvocationTimeoutSeconds of the request; send fewer rows, or give \
                     it more time"
                ))
            }
            Err(error @ InvokeError::TimedOut { .. }) if request.timeout.is_some() => Err(format!(
                "{error}; it is less than the InvocationTimeoutSeconds of the request, and the shorter of the two counts"
            )),
            Err(error) => Err(error.to_string()),
        }
    };
    let mut done = Done { content_type: None, variant: None, error: None, at: (serving.0.place.now)() };
    let (what, body) = match answered {
        Ok(answer) => {
            done.content_type = Some(answer.content_type);
            done.variant = Some(answer.variant);
            ("output", answer.body)
        }
        Err(error) => {
            let body = problem(&error, &id);
            done.error = Some(error);
            ("error.json", Bytes::from(body))
        }
    };
    let done = serde_json::to_vec(&done).expect("a record is JSON");
    let always = PutOptions::default();
    let written =
        store.put(&key(what), &body, &always).and_then(|_| store.put(&key("done.json"), &done, &always));
    match written {
        Ok(_) => Handled::Delete,
        Err(error) => {
            tracing::warn!(%error, "an answer can't be written; it is made again");
            Handled::Trouble
        }
    }
}

/// What lies in the place of an answer that there will not be.
fn problem(error: &str, id: &str) -> Vec<u8> {
    serde_json::json!({ "errorMessage": error, "inferenceId": id }).to_string().into_bytes()
}

async fn ask(serving: &Serving, request: &Request) -> Result<Answer, InvokeError> {
    let place = &serving.0.place;
    let body = place.artifacts.read_verified(&request.input, MAX_INPUT);
    let headers = http::HeaderMap::new();
    serving
        .invoke(Invocation {
            endpoint: &request.endpoint,
            alias: Some(LIVE),
            target_variant: None,
            target_model: None,
            headers: &headers,
            content_type: &request.content_type,
            accept: request.accept.as_deref(),
            body: body.map_err(out_of_reach)?.into(),
            inference_id: Some(&request.id),
            time_limit: request.timeout.map(Duration::from_millis),
        })
        .await
}

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

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use bytes::Bytes;
use millstream_queue::{Delivery, Outgoing};
use millstream_store::{ErrorKind, PutOptions};
use millstream_workflow::{
    artifact::Digest,
    endpoint::{Endpoint, LIVE},
    layout,
};
use serde::{Deserialize, Serialize};
use tokio::{runtime::Handle, sync::watch, task::block_in_place};

use crate::{Answer, Invocation, InvokeError, ending::join_within, serving::Serving};

/// What is asked.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The endpoint.
    pub endpoint: String,
    /// The rows: their key in the store (under `uploads/`), or themselves.
    pub input: Result<Bytes, String>,
    /// Media type of the rows; `text/csv` if none is given.
    pub content_type: Option<String>,
    /// Media types that the caller takes.
    pub accept: Option<String>,
    /// The caller's name for this request: the same name is the same request.
    pub inference_id: Option<String>,
    /// Not begun after this time: given up.
    pub ttl: Option<Duration>,
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
        /// What lies in the store about it, as JSON.
        record: Vec<u8>,
        /// Since when, in milliseconds since 1970 UTC.
        at: u64,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Request {
    endpoint: String,
    id: String,
    input: Input,
    content_type: String,
    accept: Option<String>,
    at: u64,
    expires: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Input {
    Key(String),
    Artifact(Digest),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Done {
    content_type: Option<String>,
    variant: Option<String>,
    error: Option<String>,
    at: u64,
}

#[derive(Serialize, Deserialize)]
struct Message {
    endpoint: String,
    id: String,
}

/// Answers queued requests, until dropped.
pub struct Later {
    stop: Arc<AtomicBool>,
    /// Says that requests in hand are given back too.
    let_go: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

/// How long requests in hand may take to their end when the server ends; then they are given back, and answered by whoever
/// comes next.
const GRACE: Duration = Duration::from_secs(5);
/// How long giving them back may take.
const GIVE_BACK: Duration = Duration::from_secs(5);

/// The queue of requests.
const QUEUE: &str = "inference";
/// Largest body of rows that is read.
const MAX_INPUT: u64 = 1 << 30;
/// How often a request is tried while the endpoint is busy or its version does not load.
const TRIES: u32 = 10;
const WAIT: Duration = Duration::from_millis(500);

impl Later {
    /// Threads that answer.
    pub fn start(serving: &Serving, runtime: &Handle, threads: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (let_go, _) = watch::channel(false);
        let spawn = |number: usize| {
            let (serving, runtime, stop) = (serving.clone(), runtime.clone(), Arc::clone(&stop));
            let let_go = let_go.subscribe();
            let work = move || {
                while !stop.load(Ordering::SeqCst) {
                    receive(&serving, &runtime, &let_go);
                }
            };
            thread::Builder::new().name(format!("async-{number}")).spawn(work).ok()
        };
        let threads = (0..threads.max(1)).filter_map(spawn).collect();
        Self { stop, let_go, threads }
    }
}

impl Drop for Later {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let end = Instant::now() + GRACE;
        while Instant::now() < end && !self.threads.iter().all(JoinHandle::is_finished) {
            thread::sleep(Duration::from_millis(5));
        }
        self.let_go.send_replace(true);
        let left = join_within(self.threads.drain(..), GIVE_BACK);
        if left > 0 {
            tracing::warn!(left, "queued requests do not come to their end, and are left");
        }
    }
}

impl Serving {
    /// Takes a request that is answered later. The same inference id is the same request.
    ///
    /// # Errors
    /// No such endpoint, an input that is not there or may not be read, or a store or queue out of reach.
    pub async fn later(&self, wish: Wish) -> Result<Ticket, InvokeError> {
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
                Ok(rows) => {
                    let written = place.artifacts.put(&rows).map_err(out_of_reach)?;
                    Input::Artifact(written.digest)
                }
                Err(key) => {
                    if !key.starts_with(layout::UPLOADS) {
                        let text = format!(
                            "the input `{key}` can't be read; put it into the store under `{}`, or send the rows themselves",
                            layout::UPLOADS
                        );
                        return Err(InvokeError::NoSuchTarget(text));
                    }
                    place.store.head(&key).map_err(|error| match error.kind() {
                        ErrorKind::NotFound => InvokeError::NoSuchTarget(format!("the store has no `{key}`")),
                        _ => out_of_reach(error),
                    })?;
                    Input::Key(key)
                }
            };
            let request = Request {
                endpoint: name.clone(),
                id: id.clone(),
                input,
                content_type: wish.content_type.unwrap_or_else(|| "text/csv".to_owned()),
                accept: wish.accept,
                at,
                expires: wish.ttl.map(|ttl| at.saturating_add(ttl.as_millis() as u64)),
            };
            let bytes = serde_json::to_vec(&request).expect("a request is JSON");
            match place.store.put(&layout::later(&name, &id, "request.json"), &bytes, &PutOptions::absent()) {
                Ok(_) => {}
                // Asked before. Whoever asked may have died before it was sent; sending twice does no harm.
                Err(error) if error.kind() == ErrorKind::PreconditionFailed => {}
                Err(error) => return Err(out_of_reach(error)),
            }
            let message = serde_json::to_string(&Message { endpoint: name.clone(), id: id.clone() });
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
            Some(message) => Outcome::Failed { message, record: read("error.json")?.ok_or_else(lost)?, at },
            None => Outcome::Done {
                content_type: content_type.unwrap_or_default(),
                variant: variant.unwrap_or_default(),
                body: read("output")?.ok_or_else(lost)?,
                at,
            },
        })
    }
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
    let text = "an inference id is 1 to 64 letters, digits, `-`, `_` and `.`".to_owned();
    Err(InvokeError::NoSuchTarget(text))
}

fn receive(serving: &Serving, runtime: &Handle, let_go: &watch::Receiver<bool>) {
    let queue = &serving.0.place.queue;
    // Long enough for the longest answer that an endpoint may give.
    let visibility = Duration::from_secs(3700);
    match queue.receive(QUEUE, 1, WAIT, visibility) {
        Ok(deliveries) => {
            for delivery in deliveries {
                let settled = match answer(serving, runtime, let_go, &delivery) {
                    Ok(()) => queue.delete(&delivery.receipt),
                    Err(wait) => queue.extend(&delivery.receipt, wait),
                };
                // It comes again, finds its answer, and is deleted then.
                if let Err(error) = settled {
                    tracing::warn!(%error, "a queued request can't be settled");
                }
            }
        }
        Err(error) => {
            tracing::warn!(%error, "can't receive queued requests");
            thread::sleep(WAIT);
        }
    }
}

/// Err: to be tried again after that time.
fn answer(
    serving: &Serving,
    runtime: &Handle,
    let_go: &watch::Receiver<bool>,
    delivery: &Delivery,
) -> Result<(), Duration> {
    let store = &serving.0.place.store;
    let Ok(Message { endpoint, id }) = serde_json::from_str::<Message>(&delivery.body) else {
        tracing::warn!(body = delivery.body, "not a request; deleted");
        return Ok(());
    };
    let key = |what: &str| layout::later(&endpoint, &id, what);
    if store.head(&key("done.json")).is_ok() {
        return Ok(());
    }
    let again = Duration::from_secs(2);
    let request = match store.get(&key("request.json")) {
        Ok(object) => match serde_json::from_slice::<Request>(&object.bytes) {
            Ok(request) => request,
            Err(error) => {
                tracing::error!(key = key("request.json"), %error, "a damaged request; deleted");
                return Ok(());
            }
        },
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(_) => return Err(again),
    };
    let now = (serving.0.place.now)();
    let answered = if request.expires.is_some_and(|expires| now > expires) {
        Err("it was not begun within its time to live".to_owned())
    } else {
        let mut let_go = let_go.clone();
        let asking = async {
            tokio::select! {
                answer = ask(serving, &request) => Some(answer),
                _ = let_go.wait_for(|let_go| *let_go) => None,
            }
        };
        // The server ends: at once for whoever comes next.
        match runtime.block_on(asking).ok_or(Duration::ZERO)? {
            Ok(answer) => Ok(answer),
            Err(InvokeError::Busy { retry_after, .. } | InvokeError::Unavailable { retry_after, .. })
                if delivery.receive_count < TRIES =>
            {
                return Err(retry_after.max(again));
            }
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
            done.error = Some(error.clone());
            let problem = serde_json::json!({ "errorMessage": error, "inferenceId": id });
            ("error.json", Bytes::from(problem.to_string()))
        }
    };
    let done = serde_json::to_vec(&done).expect("a record is JSON");
    let always = PutOptions::default();
    let written =
        store.put(&key(what), &body, &always).and_then(|_| store.put(&key("done.json"), &done, &always));
    written.map(drop).map_err(|error| {
        tracing::warn!(%error, "an answer can't be written; it is made again");
        again
    })
}

async fn ask(serving: &Serving, request: &Request) -> Result<Answer, InvokeError> {
    let place = &serving.0.place;
    let body = match &request.input {
        Input::Artifact(digest) => place.artifacts.read_verified(digest, MAX_INPUT),
        Input::Key(key) => place.store.get(key).map(|object| object.bytes),
    };
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
        })
        .await
}

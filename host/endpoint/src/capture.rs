//! Requests and answers, kept as JSON Lines for later eyes. Nobody waits for it: what comes faster than the store takes it
//! is dropped, and counted.
//!
//! A line is an object as SageMaker's data capture writes it (`captureData`, `eventMetadata`, `eventVersion`), under
//! `capture/<endpoint>/<variant>/yyyy/mm/dd/hh/`.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use jiff::Timestamp;
use millstream_core::layout;
use millstream_store::{PutOptions, Store};
use serde_json::{Value, json};

/// A request and its answer.
pub struct Exchange {
    /// The endpoint.
    pub endpoint: String,
    /// The variant that answered.
    pub variant: String,
    /// The model and version.
    pub model: String,
    /// Media type and rows.
    pub input: (String, Bytes),
    /// Media type and predictions.
    pub output: (String, Bytes),
    /// The caller's name for the request.
    pub inference_id: Option<String>,
    /// When the answer was ready, in milliseconds since 1970 UTC.
    pub at: u64,
}

/// What the writer is told.
enum Word {
    /// Keep this.
    Exchange(Exchange),
    /// Write what you have, and say so.
    Write(SyncSender<()>),
}

/// Takes exchanges and writes them.
pub struct Capture {
    sender: Option<SyncSender<Word>>,
    writer: Option<JoinHandle<()>>,
    dropped: Arc<AtomicU64>,
}

/// Exchanges that may wait for the writer.
const WAITING: usize = 1024;
/// A part is written when it is this old or this large.
const AGE: Duration = Duration::from_secs(5);
const SIZE: usize = 4 << 20;

impl Capture {
    /// A writer into `store`. `server` is part of its files' names, so that servers don't meet.
    pub fn start(store: Arc<dyn Store>, server: &str) -> Self {
        let (sender, receiver) = mpsc::sync_channel(WAITING);
        let dropped = Arc::new(AtomicU64::new(0));
        let writer = Writer {
            store,
            server: server.to_owned(),
            parts: HashMap::new(),
            count: 0,
            dropped: Arc::clone(&dropped),
        };
        let writer = thread::Builder::new().name("capture".to_owned()).spawn(move || writer.run(&receiver));
        Self { sender: Some(sender), writer: writer.ok(), dropped }
    }

    /// Keeps an exchange, or drops it if too many wait.
    pub fn keep(&self, exchange: Exchange) {
        let kept =
            self.sender.as_ref().is_some_and(|sender| sender.try_send(Word::Exchange(exchange)).is_ok());
        if !kept {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes what is there, and waits until it is written.
    pub fn write(&self) {
        let (sender, written) = mpsc::sync_channel(1);
        if self.sender.as_ref().is_some_and(|writer| writer.send(Word::Write(sender)).is_ok()) {
            // A writer that panicked has said so.
            let _ = written.recv();
        }
    }

    /// How many were dropped.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        // The writer ends when nobody can send any more, after writing what it has.
        self.sender = None;
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has said so.
            let _ = writer.join();
        }
    }
}

struct Writer {
    store: Arc<dyn Store>,
    server: String,
    parts: HashMap<String, Part>,
    count: u64,
    dropped: Arc<AtomicU64>,
}

struct Part {
    began: Instant,
    lines: Vec<u8>,
    exchanges: u64,
}

impl Writer {
    fn run(mut self, receiver: &Receiver<Word>) {
        loop {
            match receiver.recv_timeout(Duration::from_millis(500)) {
                Ok(Word::Exchange(exchange)) => self.add(&exchange),
                Ok(Word::Write(done)) => {
                    self.write(|_| true);
                    // Nobody may wait any more.
                    let _ = done.send(());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    self.write(|_| true);
                    return;
                }
            }
            self.write(|part| part.began.elapsed() >= AGE || part.lines.len() >= SIZE);
        }
    }

    fn add(&mut self, exchange: &Exchange) {
        self.count += 1;
        let at = Timestamp::from_millisecond(exchange.at as i64).unwrap_or(Timestamp::UNIX_EPOCH);
        let hour = at.strftime("%Y/%m/%d/%H").to_string();
        let folder = layout::capture(&exchange.endpoint, &exchange.variant, &hour);
        let line = line(exchange, &at, &format!("{}-{}", self.server, self.count));
        let part = self.parts.entry(folder).or_insert_with(|| Part {
            began: Instant::now(),
            lines: Vec::new(),
            exchanges: 0,
        });
        part.lines.extend_from_slice(line.to_string().as_bytes());
        part.lines.push(b'\n');
        part.exchanges += 1;
    }

    fn write(&mut self, due: impl Fn(&Part) -> bool) {
        let folders: Vec<String> =
            self.parts.iter().filter(|(_, part)| due(part)).map(|(folder, _)| folder.clone()).collect();
        for folder in folders {
            let Some(part) = self.parts.remove(&folder) else { continue };
            let key = format!("{folder}{}-{:08}.jsonl", self.server, self.count);
            if let Err(error) = self.store.put(&key, &part.lines, &PutOptions::absent()) {
                tracing::warn!(%error, key, exchanges = part.exchanges, "captured data is lost");
                self.dropped.fetch_add(part.exchanges, Ordering::Relaxed);
            }
        }
    }
}

fn line(exchange: &Exchange, at: &Timestamp, event: &str) -> Value {
    let side = |mode: &str, (content_type, body): &(String, Bytes)| {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        let (encoding, data) = match (kind, std::str::from_utf8(body)) {
            ("text/csv", Ok(text)) => ("CSV", text.to_owned()),
            (kind, Ok(text)) if kind.contains("json") => ("JSON", text.to_owned()),
            _ => ("BASE64", STANDARD.encode(body)),
        };
        json!({ "observedContentType": content_type, "mode": mode, "data": data, "encoding": encoding })
    };
    let mut metadata = json!({ "eventId": event, "inferenceTime": at.to_string(), "model": exchange.model });
    if let Some(id) = &exchange.inference_id {
        metadata["inferenceId"] = id.as_str().into();
    }
    json!({
        "captureData": {
            "endpointInput": side("INPUT", &exchange.input),
            "endpointOutput": side("OUTPUT", &exchange.output),
        },
        "eventMetadata": metadata,
        "eventVersion": "0",
    })
}

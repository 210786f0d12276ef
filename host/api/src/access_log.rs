//! The access log: a JSON line for each request, written by a thread of its own.
//!
//! A request only hands its line over. If the disk is slower than the requests, lines are dropped and counted; answers are
//! never delayed.

use std::{
    fs::OpenOptions,
    io::{self, BufWriter, Write},
    net::SocketAddr,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TryRecvError, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::{Method, StatusCode};
use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use serde::Serialize;

use crate::config::AccessLogConfig;

/// Lines that wait to be written.
const WAITING: usize = 16 * 1024;

/// Shares are counted in units of this.
const UNITS: u64 = 1 << 32;

/// Takes lines.
#[derive(Debug)]
pub struct AccessLog {
    sender: Option<SyncSender<(SystemTime, Line)>>,
    writer: Option<JoinHandle<()>>,
    /// Of [`UNITS`].
    share: u64,
    /// The sum of the shares so far: each time that it passes a whole, a request is logged.
    sum: AtomicU64,
}

/// What is known of a request in the end.
#[derive(Debug)]
pub struct Line {
    pub request: String,
    pub peer: SocketAddr,
    pub method: Method,
    pub path: String,
    pub status: u16,
    pub error: Option<&'static str>,
    pub variant: Option<String>,
    pub model: Option<String>,
    pub cold: bool,
    pub bytes_in: usize,
    pub bytes_out: Option<u64>,
    pub elapsed: Duration,
    pub model_time: Duration,
    pub trace: Option<String>,
}

#[derive(Serialize)]
struct Written<'a> {
    time: String,
    request: &'a str,
    peer: SocketAddr,
    method: &'a str,
    path: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    variant: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    cold: bool,
    bytes_in: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_out: Option<u64>,
    ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
}

impl AccessLog {
    /// Opens the file and starts the thread.
    pub fn open(config: &AccessLogConfig) -> io::Result<Self> {
        let out: Box<dyn Write + Send> = match &config.file {
            Some(path) => Box::new(OpenOptions::new().create(true).append(true).open(path)?),
            None => Box::new(io::stderr()),
        };
        let (sender, receiver) = sync_channel(WAITING);
        let writer = std::thread::Builder::new()
            .name("access-log".into())
            .spawn(move || write_all(&receiver, BufWriter::new(out)))?;
        let share = (config.sample.clamp(0.0, 1.0) * UNITS as f64) as u64;
        Ok(Self { sender: Some(sender), writer: Some(writer), share, sum: AtomicU64::new(0) })
    }

    /// Whether a request with this outcome is logged: failures always are.
    pub fn wants(&self, status: StatusCode) -> bool {
        let before = self.sum.fetch_add(self.share, Ordering::Relaxed) % UNITS;
        before + self.share >= UNITS || !status.is_success()
    }

    /// Hands a line over, or counts it as dropped.
    pub fn write(&self, line: Line, dropped: &Counter) {
        let sent =
            self.sender.as_ref().is_some_and(|sender| sender.try_send((SystemTime::now(), line)).is_ok());
        if !sent {
            dropped.inc();
        }
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

fn write_all(receiver: &Receiver<(SystemTime, Line)>, mut out: impl Write) {
    while let Ok(first) = receiver.recv() {
        let mut next = Ok(first);
        while let Ok((time, line)) = next {
            // A full disk costs lines, not requests.
            let _ = write_line(&mut out, time, &line);
            next = receiver.try_recv();
        }
        let _ = out.flush();
        if next.is_err_and(|error| error == TryRecvError::Disconnected) {
            return;
        }
    }
}

fn write_line(out: &mut impl Write, time: SystemTime, line: &Line) -> io::Result<()> {
    let micros = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    let stamp = Timestamp::from_microsecond(i64::try_from(micros).unwrap_or_default()).unwrap_or_default();
    let milliseconds = |time: Duration| (time.as_secs_f64() * 1e6).round() / 1e3;
    let written = Written {
        time: stamp.to_string(),
        request: &line.request,
        peer: line.peer,
        method: line.method.as_str(),
        path: &line.path,
        status: line.status,
        error: line.error,
        variant: line.variant.as_deref(),
        model: line.model.as_deref(),
        cold: line.cold,
        bytes_in: line.bytes_in,
        bytes_out: line.bytes_out,
        ms: milliseconds(line.elapsed),
        model_ms: line.variant.is_some().then(|| milliseconds(line.model_time)),
        traceparent: line.trace.as_deref(),
    };
    serde_json::to_writer(&mut *out, &written)?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(status: u16) -> Line {
        Line {
            request: "r".into(),
            peer: ([127, 0, 0, 1], 1).into(),
            method: Method::POST,
            path: "/endpoints/\"x\"/invocations".into(),
            status,
            error: (status != 200).then_some("model"),
            variant: Some("a".into()),
            model: Some("churn@1".into()),
            cold: false,
            bytes_in: 3,
            bytes_out: Some(4),
            elapsed: Duration::from_micros(1500),
            model_time: Duration::from_micros(250),
            trace: None,
        }
    }

    #[test]
    fn lines_are_json_and_all_written_in_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let log = AccessLog::open(&AccessLogConfig { file: Some(path.clone()), sample: 1.0 }).unwrap();
        let dropped = Counter::default();
        for _ in 0..100 {
            log.write(line(200), &dropped);
        }
        drop(log);
        let text = std::fs::read_to_string(path).unwrap();
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((lines.len() as u64) + dropped.get(), 100);
        assert_eq!(lines[0]["ms"], 1.5);
        assert_eq!(lines[0]["path"], "/endpoints/\"x\"/invocations");
        assert!(lines[0]["time"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn a_sample_has_its_share_and_every_failure() {
        let folder = tempfile::tempdir().unwrap();
        let file = Some(folder.path().join("access.log"));
        let log = AccessLog::open(&AccessLogConfig { file, sample: 0.1 }).unwrap();
        let taken = (0..1000).filter(|_| log.wants(StatusCode::OK)).count();
        assert!((99..=101).contains(&taken), "{taken}");
        assert!((0..50).all(|_| log.wants(StatusCode::INTERNAL_SERVER_ERROR)));
    }
}

//! WASI for functions that others bring: enough for a language's runtime to start, and nothing of the machine in it.
//!
//! No files, no network, no environment, no arguments. Random numbers follow from the job's seed; the wall clock
//! stands still, and the other one ([`time`](super::time)) goes as the guest waits; what is printed becomes log lines.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use chacha20::{ChaCha20Rng, rand_core::SeedableRng as _};
use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    HostWallClock, WasiCtx, WasiCtxView, WasiView,
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamError, StreamResult},
};

use super::{State, report::Reporter, time::Clock};
use crate::Level;

/// What a component that imports WASI finds.
pub(crate) struct Ambient {
    ctx: WasiCtx,
    clock: Clock,
}

impl Ambient {
    /// Random numbers follow from `seed`.
    pub fn new(seed: u64, reporter: &Reporter) -> Self {
        let print = |level| Printer { level, reporter: reporter.clone() };
        let clock = Clock::default();
        let ctx = WasiCtx::builder()
            .secure_random(ChaCha20Rng::seed_from_u64(seed))
            .insecure_random(ChaCha20Rng::seed_from_u64(!seed))
            .insecure_random_seed(u128::from(seed))
            .wall_clock(StoppedClock)
            .monotonic_clock(clock.clone())
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .stdout(print(Level::Info))
            .stderr(print(Level::Warn))
            .build();
        Self { ctx, clock }
    }

    /// Its own time.
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let reporter = &self.reporter;
        // Always there when WASI is imported; a component that does not import it can't come here.
        let ambient = self.wasi.get_or_insert_with(|| Ambient::new(0, reporter));
        WasiCtxView { ctx: &mut ambient.ctx, table: &mut self.table }
    }
}

/// Always 1970-01-01T00:00:00Z.
struct StoppedClock;

impl HostWallClock for StoppedClock {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

/// Standard output or error: makes log lines.
struct Printer {
    level: Level,
    reporter: Reporter,
}

/// One open stream of it.
struct Lines {
    level: Level,
    reporter: Reporter,
    /// What has come of a line so far.
    line: Vec<u8>,
}

/// Most bytes of a line; a longer one is cut into several.
const MAX_LINE: usize = super::report::MAX_MESSAGE;

impl Lines {
    fn put(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte == b'\n' {
                self.end_line();
            } else {
                self.line.push(*byte);
                if self.line.len() >= MAX_LINE {
                    self.end_line();
                }
            }
        }
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&self.line);
        let line = line.trim_end();
        if !line.is_empty() {
            self.reporter.print(self.level, line);
        }
        self.line.clear();
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.end_line();
    }
}

impl Printer {
    fn open(&self) -> Lines {
        Lines { level: self.level, reporter: self.reporter.clone(), line: Vec::new() }
    }
}

impl IsTerminal for Printer {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Printer {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.open())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.open())
    }
}

impl OutputStream for Lines {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() > MAX_LINE {
            return Err(StreamError::trap("it wrote more at once than the stream said that it takes"));
        }
        self.put(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_LINE)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Lines {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Lines {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.put(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

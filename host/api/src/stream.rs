//! A connection's bytes, with an eye on whether its client takes the answers: one that does not would hold them in memory.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use crate::connections::Connection;

/// Reads and writes through, and ends a connection whose client is too slow.
pub struct Watched<S> {
    inner: S,
    connection: Arc<Connection>,
    /// An answer may take this long whatever its size ...
    grace: Duration,
    /// ... and from then on must be taken at this many bytes a second.
    rate: u64,
    waiting: Option<Waiting>,
}

/// Since the client could not take all that there was.
struct Waiting {
    since: Instant,
    written: u64,
    timer: Pin<Box<Sleep>>,
}

impl<S> Watched<S> {
    pub fn new(inner: S, connection: Arc<Connection>, grace: Duration, rate: u64) -> Self {
        Self { inner, connection, grace, rate: rate.max(1), waiting: None }
    }

    /// So much of that was taken.
    fn wrote(&mut self, taken: usize, offered: usize) {
        if taken > 0 {
            self.connection.moved();
        }
        if taken >= offered {
            if self.waiting.take().is_some() {
                self.connection.set_blocked(false);
            }
        } else {
            self.wait().written += taken as u64;
        }
    }

    fn wait(&mut self) -> &mut Waiting {
        let (connection, grace) = (&self.connection, self.grace);
        self.waiting.get_or_insert_with(|| {
            connection.set_blocked(true);
            let since = Instant::now();
            Waiting { since, written: 0, timer: Box::pin(sleep_until(since + grace)) }
        })
    }

    /// Nothing was taken: it goes on, or the time is up.
    fn stalled<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        let (grace, rate) = (self.grace, self.rate);
        let waiting = self.wait();
        let allowed = grace + Duration::from_secs_f64(waiting.written as f64 / rate as f64);
        let deadline = waiting.since + allowed;
        if waiting.timer.deadline() != deadline {
            waiting.timer.as_mut().reset(deadline);
        }
        ready!(waiting.timer.as_mut().poll(cx));
        let message =
            format!("the client took only {} bytes of the answer in {allowed:.0?}", waiting.written);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, message)))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.connection.moved();
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.inner).poll_write(cx, buf) {
            Poll::Pending => self.stalled(cx),
            Poll::Ready(Ok(taken)) => {
                self.wrote(taken, buf.len());
                Poll::Ready(Ok(taken))
            }
            failed => failed,
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let offered = bufs.iter().map(|buf| buf.len()).sum();
        match Pin::new(&mut self.inner).poll_write_vectored(cx, bufs) {
            Poll::Pending => self.stalled(cx),
            Poll::Ready(Ok(taken)) => {
                self.wrote(taken, offered);
                Poll::Ready(Ok(taken))
            }
            failed => failed,
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.inner).poll_flush(cx) {
            Poll::Pending => self.stalled(cx),
            Poll::Ready(Ok(())) => {
                // Asked for when nothing is left to write.
                self.wrote(0, 0);
                Poll::Ready(Ok(()))
            }
            failed => failed,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.inner).poll_shutdown(cx) {
            Poll::Pending => self.stalled(cx),
            done => done,
        }
    }
}

//! The parent's side: one executor process.

use std::{
    io::{self, BufReader},
    process::{Child, ChildStdin, ChildStdout, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

use millstream_core::failure::Failure;

use super::{
    Confinement, ExecutorCommand, Preparing, Setup, frugal,
    protocol::{Reply, Request, receive, send},
    watchdog::{Timed, Watchdog},
};
use crate::{Cancel, Event, cancel::Victim, error, interrupt::out_of_time, text::byte_size};

/// A process that does one thing at a time.
pub(super) struct Executor {
    child: Arc<Mutex<Child>>,
    requests: ChildStdin,
    replies: BufReader<ChildStdout>,
    /// What holds it back, once it has said that it is ready.
    ready: Option<Confinement>,
    /// Whether it has been killed, has died, or said what can't be understood.
    broken: bool,
    preparing: Preparing,
}

/// One request on its way; what may end it.
struct Running {
    child: Arc<Mutex<Child>>,
    state: Mutex<State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Runs,
    /// Its answer is here: nothing may end the process for its sake any more.
    Over,
    Cancelled,
    OutOfTime,
}

impl Running {
    fn end(&self, why: State) {
        let mut state = lock(&self.state);
        if *state == State::Runs {
            *state = why;
            // It fails only if the process has ended already.
            let _ = lock(&self.child).kill();
        }
    }
}

impl Victim for Running {
    fn cancel(&self) {
        self.end(State::Cancelled);
    }
}

impl Timed for Running {
    fn out_of_time(&self) {
        self.end(State::OutOfTime);
    }
}

impl Executor {
    /// Starts a process; it makes itself ready meanwhile.
    pub fn spawn(command: &ExecutorCommand, setup: &Setup) -> Result<Self, Failure> {
        let cant = |error: io::Error| {
            error::host(format!("can't start an executor ({}): {error}", command.program.display()))
        };
        let mut child =
            command.command(setup).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(cant)?;
        let (Some(mut requests), Some(replies)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(error::host("an executor came without its pipes"));
        };
        // A process that died at once is noticed at its first request.
        let broken = send(&mut requests, &Request::Setup(setup.clone())).is_err();
        let child = Arc::new(Mutex::new(child));
        Ok(Self {
            child,
            requests,
            replies: BufReader::new(replies),
            ready: None,
            broken,
            preparing: setup.preparing,
        })
    }

    /// Whether it can take another request.
    pub fn is_whole(&self) -> bool {
        !self.broken
    }

    /// What holds it back; none before its first answer.
    pub fn confinement(&self) -> Option<Confinement> {
        self.ready
    }

    /// The operating system's number for it.
    pub fn id(&self) -> u32 {
        lock(&self.child).id()
    }

    /// Sends a request and hands on events until the answer comes.
    ///
    /// # Errors
    ///
    /// `Cancelled`, `Limit` of time, or `Host` if the process died. It is broken then.
    pub fn ask(
        &mut self,
        request: &Request,
        wall_time: Duration,
        watchdog: &Watchdog,
        cancel: &Cancel,
        on_event: &mut dyn FnMut(Event),
    ) -> Result<Reply, Failure> {
        if cancel.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        let running = Arc::new(Running { child: Arc::clone(&self.child), state: Mutex::new(State::Runs) });
        let timed: Arc<dyn Timed> = running.clone();
        let victim: Arc<dyn Victim> = running.clone();
        let _deadline =
            Instant::now().checked_add(wall_time).map(|at| watchdog.watch(at, Arc::downgrade(&timed)));
        let guard: Weak<dyn Victim> = Arc::downgrade(&victim);
        cancel.register(guard);
        // From here on the process may be killed at any moment, which shows as the end of its replies. It counts as
        // broken until it has answered, so that a panic in `on_event` does not put it back half-way.
        self.broken = true;
        let answer = self.converse(request, on_event);
        let mut state = lock(&running.state);
        match *state {
            State::Cancelled => Err(Failure::Cancelled),
            State::OutOfTime if request.prepares() => Err(too_slow(wall_time)),
            State::OutOfTime => Err(out_of_time(wall_time)),
            State::Runs | State::Over => {
                *state = State::Over;
                drop(state);
                match answer {
                    Ok(reply) => {
                        self.broken = false;
                        Ok(reply)
                    }
                    Err(Broken::Refused(failure)) => Err(failure),
                    Err(Broken::Pipe(error)) => Err(self.post_mortem(&error, request.prepares())),
                }
            }
        }
    }

    fn converse(&mut self, request: &Request, on_event: &mut dyn FnMut(Event)) -> Result<Reply, Broken> {
        if self.ready.is_none() {
            match self.reply()? {
                Reply::Ready(Ok(confinement)) => self.ready = Some(confinement),
                Reply::Ready(Err(failure)) => return Err(Broken::Refused(failure)),
                _ => return Err(Broken::Pipe(io::Error::other("it did not begin with `ready`"))),
            }
        }
        send(&mut self.requests, request)?;
        loop {
            match self.reply()? {
                Reply::Event(event) => on_event(event),
                reply => return Ok(reply),
            }
        }
    }

    fn reply(&mut self) -> Result<Reply, Broken> {
        receive(&mut self.replies)?.ok_or_else(|| Broken::Pipe(io::ErrorKind::UnexpectedEof.into()))
    }

    /// Why a process is gone that nobody ended.
    fn post_mortem(&self, error: &io::Error, preparing: bool) -> Failure {
        let mut child = lock(&self.child);
        // It may have closed its pipe and live on.
        let _ = child.kill();
        match child.wait() {
            Ok(status) if status.code() == Some(frugal::EXIT_CODE) => out_of_memory(self.preparing.memory),
            // The system gave it no more.
            #[cfg(unix)]
            Ok(status) if preparing && std::os::unix::process::ExitStatusExt::signal(&status) == Some(6) => {
                out_of_memory(self.preparing.memory)
            }
            Ok(status) => error::host(format!("the executor died: {}", cause(status))),
            Err(_) => error::host(format!("the executor is out of reach: {error}")),
        }
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        let mut child = lock(&self.child);
        // Both fail only if it has ended and was waited for.
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn out_of_memory(limit: u64) -> Failure {
    Failure::Limit {
        limit: "memory".to_owned(),
        message: format!(
            "compiling the component, or having it describe itself, took more than {} of memory; if you trust it, set {} to \
             more (4GB, say)",
            byte_size(limit),
            Preparing::MEMORY_VARIABLE
        ),
    }
}

fn too_slow(limit: Duration) -> Failure {
    Failure::Limit {
        limit: "time".to_owned(),
        message: format!(
            "compiling the component, or having it describe itself, took longer than {limit:?}; if you trust it, set {} to \
             more (10m, say)",
            Preparing::TIME_VARIABLE
        ),
    }
}

/// Why there is no answer.
enum Broken {
    /// The executor could not make itself ready.
    Refused(Failure),
    /// The pipe ended, or what came through it can't be understood.
    Pipe(io::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Pipe(error)
    }
}

#[cfg(unix)]
fn cause(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;

    match status.signal() {
        Some(9) => {
            "killed (signal 9); if nobody did that by hand, the machine ran out of memory: lower the limits or run fewer \
             jobs at once"
                .to_owned()
        }
        Some(_) => format!("{status}; this is a bug in Millstream"),
        None => status.to_string(),
    }
}

#[cfg(not(unix))]
fn cause(status: ExitStatus) -> String {
    status.to_string()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

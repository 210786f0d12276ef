//! The executor's side.

use std::{
    fs, io,
    path::Path,
    process::{self, ExitCode},
    sync::Arc,
    thread,
    time::Instant,
};

use millstream_store::Artifacts;
use millstream_workflow::failure::Failure;

use super::{
    Setup,
    protocol::{Reply, Request, receive, send},
};
use crate::{
    Engine, EngineKind, Job, Report,
    engine::{MAX_COMPONENT, THREAD_STACK},
    error,
    host::report::Reporter,
    interrupt::Interrupt,
    run,
};

/// Serves requests on standard input until it ends. Standard output belongs to the answers: nothing else may print
/// there.
pub fn main() -> ExitCode {
    volunteer_for_the_oom_killer();
    #[cfg(unix)]
    end_with_the_parent();
    let server = thread::Builder::new().name("executor".to_owned()).stack_size(THREAD_STACK).spawn(serve);
    match server.map(thread::JoinHandle::join) {
        Ok(Ok(Ok(()))) => ExitCode::SUCCESS,
        Ok(Ok(Err(error))) => {
            eprintln!("executor: {error}");
            ExitCode::FAILURE
        }
        Ok(Err(_)) => ExitCode::from(101),
        Err(error) => {
            eprintln!("executor: can't start its thread: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> io::Result<()> {
    let mut requests = io::stdin().lock();
    let engine = match receive(&mut requests)? {
        Some(Request::Setup(setup)) => match open(&setup) {
            Ok(engine) => engine,
            Err(failure) => return reply(&Reply::Ready(Err(failure))),
        },
        Some(_) => {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the first request must be the setup"));
        }
        None => return Ok(()),
    };
    reply(&Reply::Ready(Ok(())))?;
    while let Some(request) = receive(&mut requests)? {
        reply(&match request {
            Request::Setup(_) => Reply::Ready(Ok(())),
            Request::Job(job) => Reply::Job(work(&engine, *job)),
            Request::Describe(function) => {
                Reply::Describe(Box::new(engine.load(&function).map(|function| function.manifest().clone())))
            }
            Request::Check(path) => Reply::Check(Box::new(check(&engine, &path))),
        })?;
    }
    Ok(())
}

fn reply(reply: &Reply) -> io::Result<()> {
    send(&mut io::stdout().lock(), reply)
}

fn open(setup: &Setup) -> Result<Engine, Failure> {
    let store = millstream_store::open(&setup.store)
        .map_err(|error| error::host(format!("can't open the store {}: {error}", setup.store)))?;
    Engine::new(EngineKind::Job, Artifacts::new(store), &setup.cache)
}

fn work(engine: &Engine, job: Job) -> Result<crate::Done, Failure> {
    let received = Instant::now();
    let reporter = Reporter::new(&job.limits, |event| {
        if reply(&Reply::Event(event)).is_err() {
            // Nobody listens any more.
            process::exit(0);
        }
    });
    run::run(engine, &Arc::new(job), Interrupt::default(), &reporter, received)
}

fn check(engine: &Engine, path: &Path) -> Result<Report, Failure> {
    let invalid = |message: String| Failure::InvalidInput {
        message,
        channel: None,
        part: None,
        row: None,
        column: None,
    };
    let cant = |error: io::Error| invalid(format!("can't read {}: {error}", path.display()));
    let size = fs::metadata(path).map_err(cant)?.len();
    if size > MAX_COMPONENT {
        return Err(invalid(format!(
            "{} has {size} bytes; a component may have {MAX_COMPONENT}",
            path.display()
        )));
    }
    Ok(engine.check(&fs::read(path).map_err(cant)?))
}

/// When memory runs out, the system had better end a job than the worker or somebody else's program.
fn volunteer_for_the_oom_killer() {
    #[cfg(target_os = "linux")]
    // Where it is not allowed, the system chooses by itself.
    let _ = fs::write("/proc/self/oom_score_adj", "500");
}

/// Ends this process when the other end of standard input is closed, also in the middle of a job. (Linux's
/// parent-death signal would follow the thread that started us, not its process.)
#[cfg(unix)]
fn end_with_the_parent() {
    use rustix::event::{PollFd, PollFlags, poll};

    thread::spawn(|| {
        let stdin = io::stdin();
        loop {
            // Asking for nothing leaves only what can't be left out: the hang-up.
            let mut watched = [PollFd::new(&stdin, PollFlags::empty())];
            match poll(&mut watched, None) {
                Ok(_) => process::exit(0),
                Err(rustix::io::Errno::INTR) => (),
                Err(error) => {
                    eprintln!("executor: can't watch its parent: {error}");
                    process::exit(1);
                }
            }
        }
    });
}

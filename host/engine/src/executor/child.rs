//! The executor's side.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{self, ExitCode},
    sync::Arc,
    thread,
    time::Instant,
};

use millstream_core::failure::Failure;
use millstream_store::{Artifacts, Stores};

use super::{
    Confinement, Setup, confine,
    protocol::{Reply, Request, receive, send},
};
use crate::{
    Engine, EngineKind, Job, Predictor, Report,
    engine::{MAX_COMPONENT, THREAD_STACK},
    error,
    host::report::Reporter,
    interrupt::Interrupt,
    run,
};

/// Serves requests on standard input until it ends, with a store of one of these kinds. Standard output belongs to the answers: nothing else may print
/// there.
pub fn main(stores: &Stores) -> ExitCode {
    volunteer_for_the_oom_killer();
    // On this thread, the only one: what is given up here, no later thread has.
    let setup = match receive(&mut io::stdin().lock()) {
        Ok(Some(Request::Setup(setup))) => setup,
        Ok(Some(_)) => return fail(&"the first request must be the setup"),
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => return fail(&error),
    };
    let confinement = confined(&setup);
    #[cfg(unix)]
    end_with_the_parent();
    let stores = stores.clone();
    let serve = move || serve(&stores, &setup, confinement);
    let server = thread::Builder::new().name("executor".to_owned()).stack_size(THREAD_STACK).spawn(serve);
    match server.map(thread::JoinHandle::join) {
        Ok(Ok(Ok(()))) => ExitCode::SUCCESS,
        Ok(Ok(Err(error))) => fail(&error),
        Ok(Err(_)) => ExitCode::from(101),
        Err(error) => fail(&format!("can't start its thread: {error}")),
    }
}

fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("executor: {error}");
    ExitCode::FAILURE
}

/// Gives up what is not needed for the store and the cache. Whatever is wrong with them shows when they are opened.
fn confined(setup: &Setup) -> Confinement {
    let mut folders = vec![setup.cache.clone()];
    folders.extend(millstream_store::local_folder(&setup.store));
    for folder in &folders {
        let _ = private_folder(folder);
    }
    let folders: Vec<&Path> = folders.iter().map(PathBuf::as_path).collect();
    confine::confine(&folders, setup.network.as_ref())
}

/// Makes a folder for this user alone, if it is not there.
pub(super) fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn serve(stores: &Stores, setup: &Setup, confinement: Confinement) -> io::Result<()> {
    let mut requests = io::stdin().lock();
    let engine = match open(stores, setup) {
        Ok(engine) => engine,
        Err(failure) => return reply(&Reply::Ready(Err(failure))),
    };
    engine.compile_within(setup.preparing);
    reply(&Reply::Ready(Ok(confinement)))?;
    while let Some(request) = receive(&mut requests)? {
        let answer = match request {
            Request::Setup(_) => Reply::Ready(Ok(confinement)),
            Request::Job(job) => Reply::Job(work(&engine, *job)),
            Request::Describe(function) => {
                Reply::Describe(Box::new(engine.load(&function).map(|function| function.manifest().clone())))
            }
            Request::Check(path) => Reply::Check(Box::new(check(&engine, &path))),
            Request::Compile(EngineKind::Job, function) => Reply::Compiled(engine.load(&function).map(drop)),
            Request::Compile(kind, function) => {
                Reply::Compiled(engine.sibling(kind).and_then(|other| other.load(&function)).map(drop))
            }
            Request::DescribeModel { name, pipeline, memory } => {
                let loaded = Predictor::load(&engine, &name, &pipeline, memory);
                Reply::Model(loaded.map(|model| model.describe().to_owned()))
            }
        };
        match reply(&answer) {
            // Nothing of it was sent.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                let failure = error::function(format!("it says more than can be told: {error}"));
                reply(&answer.refused(failure))?;
            }
            sent => sent?,
        }
    }
    Ok(())
}

fn reply(reply: &Reply) -> io::Result<()> {
    send(&mut io::stdout().lock(), reply)
}

fn open(stores: &Stores, setup: &Setup) -> Result<Engine, Failure> {
    let store = stores
        .open(&setup.store)
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

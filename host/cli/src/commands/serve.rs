//! `millstream serve`

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use millstream_api::{AccessLogConfig, Config, Server, TlsFiles, stop_signal};
use millstream_endpoint::{LaterWorker, Watch};
use millstream_serving::{self as serving, Live};
use millstream_triggers::{Options, Shell};
use millstream_worker::home::queue_name;

use super::End;
use crate::{
    cli::{HomeArgs, ServeArgs},
    display, drive,
    place::{Place, cores},
};

pub fn serve(home: &HomeArgs, args: &ServeArgs) -> anyhow::Result<End> {
    // Without workers there is only what has to be compiled.
    let workers = if args.no_workers { Some(1) } else { args.threads.workers };
    let place = Place::open(home, workers)?;
    if args.no_endpoints {
        let _triggers = look_after_triggers(&place, args)?;
        drive::serve(&place, &args.threads)?;
        return Ok(End::Done);
    }
    let threads = args.http_threads.map_or_else(cores, |n| n as usize);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name("http")
        .enable_all()
        .build()
        .context("cannot start threads")?;
    let served = runtime.block_on(listen(&place, args, threads));
    // Calls to the store that nobody waits for any more.
    runtime.shutdown_background();
    served
}

async fn listen(place: &Place, args: &ServeArgs, threads: usize) -> anyhow::Result<End> {
    let home = &place.home;
    let core = serving::open(home, threads, args.memory.0)?;
    let config = config(args);
    let live = Live::new(core.clone(), home.clone(), Some(place.triggers.clone()), config.needs_keys());
    let server = Server::bind(&config, live).await?;
    let runtime = tokio::runtime::Handle::current();
    let watch = Watch::start(core.clone(), runtime.clone());
    // A version answers as many short requests at once as there are threads: one place is left to those who wait.
    let later = LaterWorker::start(&core, &runtime, threads.saturating_sub(1).max(1))
        .context("cannot answer queued requests")?;
    let worker = match home.queue().stats(&queue_name(None)) {
        _ if args.no_workers => None,
        Ok(_) => Some(drive::work(place, &args.threads)?),
        // Endpoints need no queue: what keeps tasks from being done must not keep requests from being answered.
        Err(error) => {
            display::error_line(&format!("warning: this server answers requests and does no tasks: {error}"));
            None
        }
    };
    let scheme = if args.tls_cert.is_some() { "https" } else { "http" };
    let address = server.address().context("cannot tell the address")?;
    display::error_line(&format!("Serving {} on {scheme}://{address}; Ctrl-C ends it", home.location()));
    let triggers = tokio::task::block_in_place(|| look_after_triggers(place, args))?;
    let ending = later.ending();
    let drained = server
        .run(async move {
            stop_signal().await;
            ending.begin();
            tokio::spawn(async {
                stop_signal().await;
                display::error_line("Ended at once, as it was asked for twice");
                std::process::exit(130);
            });
        })
        .await;
    if drained.cut_off > 0 {
        display::error_line(&format!(
            "{} took too long and were cut off",
            display::text::count(drained.cut_off as u64, "connection")
        ));
    }
    // Each waits for threads of its own. What one of them can't let go of must not hold the others, nor the process.
    type LetGo = Box<dyn FnOnce() + Send>;
    let ends: [(&str, LetGo); 4] = [
        ("triggers", Box::new(move || drop(triggers))),
        ("requests that are answered later", Box::new(move || drop(later))),
        ("the registry's watch", Box::new(move || drop(watch))),
        ("tasks in hand", Box::new(move || drop(worker))),
    ];
    let waits = ends.map(|(what, end)| (what, ended(end)));
    tokio::task::block_in_place(|| {
        let deadline = Instant::now() + LONGEST_END;
        for (what, wait) in waits {
            if wait.recv_timeout(deadline.saturating_duration_since(Instant::now()))
                == Err(RecvTimeoutError::Timeout)
            {
                display::error_line(&format!(
                    "Did not wait for {what} any longer; they are done again later"
                ));
            }
        }
        // Writes what was captured last.
        if ended(Box::new(move || drop(core))).recv_timeout(CAPTURE) == Err(RecvTimeoutError::Timeout) {
            display::error_line("What was captured last could not be written in time");
        }
    });
    Ok(End::Done)
}

/// Starts runs by themselves, unless another server does.
fn look_after_triggers(place: &Place, args: &ServeArgs) -> anyhow::Result<Option<Shell>> {
    if args.no_triggers {
        return Ok(None);
    }
    let options = Options {
        workflows: args.workflows.clone(),
        functions: place.functions.clone(),
        who: super::user(),
        say: Arc::new(display::error_line),
    };
    Ok(Some(Shell::start(place.triggers.clone(), options)?))
}

/// How long everything else may take to end, once the requests have.
const LONGEST_END: Duration = Duration::from_secs(10);
const CAPTURE: Duration = Duration::from_secs(5);

/// Does it on a thread of its own; whoever wants to waits for what is given back.
fn ended(end: Box<dyn FnOnce() + Send>) -> Receiver<()> {
    let (done, wait) = channel();
    std::thread::spawn(move || {
        end();
        // Nobody may wait any more.
        let _ = done.send(());
    });
    wait
}

fn config(args: &ServeArgs) -> Config {
    let mut config = Config::new(SocketAddr::new(args.host, args.port));
    config.tls = args
        .tls_cert
        .clone()
        .zip(args.tls_key.clone())
        .map(|(certificates, key)| TlsFiles { certificates, key });
    config.insecure_http = args.insecure_http;
    config.require_keys = args.require_keys;
    config.allowed_hosts.clone_from(&args.allowed_hosts);
    config.limits.body = args.max_body.0;
    config.limits.drain = Duration::from_millis(args.drain.0);
    config.access_log = match &args.access_log {
        Some(file) if file.as_os_str() == "-" => {
            Some(AccessLogConfig { file: None, sample: args.access_log_sample })
        }
        Some(file) => Some(AccessLogConfig { file: Some(file.clone()), sample: args.access_log_sample }),
        None => None,
    };
    config
}

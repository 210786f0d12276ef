//! `millstream doctor`

mod records;
mod verify;

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use console::style;
use millstream_engine::Execute as _;
use millstream_queue::SQLITE;
use millstream_store::{ErrorKind, PutOptions, Store};
use millstream_worker::{
    Home,
    home::{cache_folder, queue_name},
};
use serde::Serialize;

use super::{End, print, print_json};
use crate::{
    bundle,
    cli::HomeArgs,
    display::{foreign, text},
    place::{Place, open_home},
};

/// The port that `serve` takes unless told otherwise.
const PORT: u16 = 8080;
/// Less room than this is worth a word.
const LITTLE_SPACE: u64 = 1 << 30;

/// What was found of one thing.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Finding {
    what: &'static str,
    state: State,
    found: String,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Good,
    /// Only some things need it.
    Note,
    Broken,
}

fn good(what: &'static str, found: impl Into<String>) -> Finding {
    Finding { what, state: State::Good, found: found.into(), mend: None }
}

fn note(what: &'static str, found: impl Into<String>, mend: &str) -> Finding {
    Finding { what, state: State::Note, found: found.into(), mend: Some(mend.to_owned()) }
}

fn broken(what: &'static str, found: impl Into<String>, mend: &str) -> Finding {
    Finding { what, state: State::Broken, found: found.into(), mend: Some(mend.to_owned()) }
}

pub fn doctor(home: &HomeArgs, verify: bool, json: bool) -> anyhow::Result<End> {
    let mut findings = Vec::new();
    match open_home(home) {
        Ok(opened) => {
            findings.push(good("home", opened.location().to_string()));
            let folders = folders(&opened);
            findings.extend(folders.iter().map(|folder| records::access(folder)));
            findings.push(store(opened.store().as_ref()));
            let place = Place::open(home, Some(1));
            findings.extend(records::records(&opened, place.as_ref().ok().map(|place| &*place.functions)));
            if verify {
                findings.extend(verify::artifacts(&opened));
            }
            findings.push(queue(opened.queue().as_ref()));
            findings.extend(folders.iter().filter_map(|folder| space(folder)));
            findings.push(match cache_folder() {
                Ok(folder) => cache(&folder),
                Err(failure) => broken("cache", failure.to_string(), "set it, then look again"),
            });
            findings.push(functions());
            findings.extend(executors(home, opened.store().network().is_some()));
        }
        Err(error) => {
            let mend = "make the folder writable, or name another place with --home, --store or --queue";
            findings.push(broken("home", format!("{error:#}"), mend));
        }
    }
    findings.push(port());
    findings.push(toolchain());
    let end = if findings.iter().any(|one| one.state == State::Broken) { End::Failed } else { End::Done };
    if json {
        print_json(&findings)?;
        return Ok(end);
    }
    let mut rows = Vec::new();
    for one in &findings {
        let icon = match one.state {
            State::Good => style("✓").green(),
            State::Note => style("!").yellow(),
            State::Broken => style("✗").red(),
        };
        rows.push(vec![icon.to_string(), one.what.to_owned(), foreign::line(&one.found).into_owned()]);
        if let Some(mend) = &one.mend {
            rows.push(vec![String::new(), String::new(), format!("{} {mend}", style("→").dim())]);
        }
    }
    print(&text::table(&rows))?;
    Ok(end)
}

/// The folders of this machine that the home is in.
fn folders(home: &Home) -> Vec<PathBuf> {
    let location = home.location();
    if let Some(folder) = location.folder() {
        return vec![folder.into()];
    }
    let store = home.store().local().map(|files| files.root().to_owned());
    let queue = (location.queue.scheme == SQLITE).then(|| location.queue.folder().ok()).flatten();
    store.into_iter().chain(queue).collect()
}

/// Writes, reads and deletes an object.
fn store(store: &dyn Store) -> Finding {
    let key = format!("doctor/{}", std::process::id());
    let tried =
        store.put(&key, b"well", &PutOptions::absent()).and_then(|_| store.get(&key)).and_then(|object| {
            store.delete(&key)?;
            Ok(object.bytes == b"well")
        });
    match tried {
        Ok(true) => good("store", "can be written and read"),
        Ok(false) => broken("store", "gives back other bytes than were written", "check the disk"),
        Err(error) if error.kind() == ErrorKind::Permission => broken(
            "store",
            format!(
                "can be read, and not written to ({error}): what is there can be looked at, and nothing can be run, registered or deployed"
            ),
            "make the folder writable for this user, or name another --home",
        ),
        Err(error) => {
            broken("store", error.to_string(), "make room, or the folder writable, or name another --home")
        }
    }
}

fn queue(queue: &dyn millstream_queue::Queue) -> Finding {
    let all = || -> millstream_queue::Result<_> {
        let mut dead = 0;
        for name in queue.admin().map_or_else(|| Ok(Vec::new()), |admin| admin.queues())? {
            dead += queue.stats(&name)?.dead;
        }
        Ok((queue.stats(&queue_name(None))?, dead))
    };
    match all() {
        Ok((_, dead)) if dead > 0 => note(
            "queue",
            text::count(dead, "dead letter"),
            "`millstream dead list` shows what nobody could deal with",
        ),
        Ok((stats, _)) => {
            good("queue", format!("{} waiting, {} in hand", stats.visible + stats.delayed, stats.in_flight))
        }
        Err(error) if error.kind() == millstream_queue::ErrorKind::Corrupt => {
            broken("queue", error.to_string(), "until then nothing runs; endpoints and all that is read work")
        }
        Err(error) => {
            broken("queue", error.to_string(), "make room, or the folder writable, or name another --home")
        }
    }
}

#[cfg(unix)]
fn space(folder: &Path) -> Option<Finding> {
    Some(match rustix::fs::statvfs(folder) {
        Ok(found) => {
            let free = found.f_bavail.saturating_mul(found.f_frsize);
            let said = format!("{} free", text::bytes(free));
            if free < LITTLE_SPACE {
                note("disk", said, "results need room: free some")
            } else {
                good("disk", said)
            }
        }
        Err(error) => note("disk", format!("its free space is unknown: {error}"), "look yourself"),
    })
}

#[cfg(not(unix))]
fn space(_: &Path) -> Option<Finding> {
    None
}

/// Compiled code lies there: nobody else may write into it.
fn cache(folder: &Path) -> Finding {
    let shown = folder.display().to_string();
    match fs::metadata(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            good("cache", format!("{shown}, made when needed"))
        }
        Err(error) => {
            broken("cache", format!("{shown}: {error}"), "name another folder with MILLSTREAM_CACHE")
        }
        Ok(metadata) if !metadata.is_dir() => {
            broken("cache", format!("{shown} is no folder"), "name another one with MILLSTREAM_CACHE")
        }
        #[cfg(unix)]
        Ok(metadata) if std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o022 != 0 => {
            let mend =
                format!("remove it, with what others may have left there: `rm -r {shown}`; it is made anew");
            broken("cache", format!("others may write into {shown}"), &mend)
        }
        Ok(_) => good("cache", shown),
    }
}

fn functions() -> Finding {
    match bundle::FUNCTIONS.len() as u64 {
        0 => broken("functions", "this binary was built without any", "build it with `cargo xtask build`"),
        count => good("functions", format!("{count} in this binary")),
    }
}

/// Starts an executor and has it compile and describe a function.
fn executors(home: &HomeArgs, networked: bool) -> Vec<Finding> {
    let mend = "see that this binary may start itself, and that the cache folder is yours alone";
    let tried: anyhow::Result<_> = Place::open(home, Some(1)).and_then(|place| {
        // One of them tells enough.
        let Some(function) = bundle::FUNCTIONS.first() else {
            return Ok(("start".to_owned(), place.executors.start()?.confinement()));
        };
        let digest = place.home.artifacts().put(&(function.unpack)())?.digest;
        let began = std::time::Instant::now();
        place.executors.describe(&digest)?;
        let found = format!(
            "start, and describe `{}` in {}",
            function.name,
            text::duration(began.elapsed().as_millis() as u64)
        );
        Ok((found, place.executors.start()?.confinement()))
    });
    match tried {
        Ok((found, confinement)) => {
            let confinement = confinement.map(|held| confined(&held.lacks(), networked));
            [good("executors", found)].into_iter().chain(confinement).collect()
        }
        // No fault of the executors: they had nothing to describe.
        Err(error) if error.downcast_ref::<millstream_store::Error>().is_some() => {
            vec![broken("executors", format!("not tried: {error:#}"), "mend the store first")]
        }
        Err(error) => vec![broken("executors", format!("{error:#}"), mend)],
    }
}

/// What holds executors back besides WebAssembly.
fn confined(lacks: &[&str], networked: bool) -> Finding {
    if lacks.is_empty() {
        return good(
            "confinement",
            if networked {
                "executors reach no network but the store's ports, no programs, and no files but the cache's and AWS's settings"
            } else {
                "executors reach no network, no programs, and no files but the store's and the cache's"
            },
        );
    }
    note(
        "confinement",
        format!("this system lacks {} for executors", lacks.join(", ")),
        "functions are kept in by WebAssembly all the same; the second fence wants Linux 5.19 or newer (6.7 for the network)",
    )
}

fn port() -> Finding {
    match TcpListener::bind(("127.0.0.1", PORT)) {
        Ok(_) => good("port", format!("{PORT} is free")),
        Err(error) => {
            note("port", format!("{PORT}: {error}"), "endpoints need another port; nothing else is affected")
        }
    }
}

/// Only writing functions in Rust needs it.
fn toolchain() -> Finding {
    const TARGET: &str = "wasm32-unknown-unknown";
    let ask = |args: &[&str]| {
        let output =
            Command::new("rustc").args(args).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(version) = ask(&["--version"]) else {
        return note(
            "toolchain",
            "no Rust here",
            "only writing functions in Rust needs it: https://rustup.rs",
        );
    };
    let libraries = ask(&["--print", "target-libdir", "--target", TARGET]).unwrap_or_default();
    if Path::new(&libraries).is_dir() {
        good("toolchain", format!("{version} with {TARGET}"))
    } else {
        let mend = "only writing functions in Rust needs it: `rustup target add wasm32-unknown-unknown`";
        note("toolchain", format!("{version} without {TARGET}"), mend)
    }
}

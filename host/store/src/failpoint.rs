//! Where the crash tests kill the process.
//!
//! `MILLSTREAM_KILL_AT=<point>[:<nth>]` ends this process as `kill -9` does when the point is reached for the n-th time
//! (the first, if not said). The binary that users have is the one that the tests kill.

use std::{
    process,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

/// Names the environment variable.
pub const KILL_AT: &str = "MILLSTREAM_KILL_AT";

struct Armed {
    point: String,
    left: AtomicU32,
}

/// Dies here, if that was asked for.
pub fn reached(point: &str) {
    static ARMED: OnceLock<Option<Armed>> = OnceLock::new();
    let armed = ARMED.get_or_init(|| {
        let text = std::env::var(KILL_AT).ok()?;
        let (point, nth) = text.split_once(':').unwrap_or((&text, "1"));
        Some(Armed { point: point.to_owned(), left: AtomicU32::new(nth.parse().unwrap_or(1)) })
    });
    if let Some(armed) = armed
        && armed.point == point
        && armed.left.fetch_sub(1, Ordering::SeqCst) == 1
    {
        die();
    }
}

#[cfg(unix)]
fn die() -> ! {
    // Not abort: a signal handler or a core dump would be a gentler end than the one that is tested.
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)
        .expect("a process may kill itself");
    process::abort()
}

#[cfg(not(unix))]
fn die() -> ! {
    process::abort()
}

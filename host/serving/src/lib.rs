//! What stands behind the HTTP routes, in `millstream serve` and in Lambda: the serving core, the registry, the keys.

mod backend;
mod keyring;
mod keys;
mod runs;
mod signature;
mod view;
mod written;

use std::sync::Arc;

use millstream_core::failure::Failure;
use millstream_endpoint::{Options, Serving, Storage};
use millstream_worker::Home;

pub use backend::{Live, buckets};

/// The serving core of a home: so many requests to a version at once, and so many bytes for all predictors together.
///
/// # Errors
/// This machine can't run predictors, or has no room for its threads.
pub fn open(home: &Home, slots: usize, memory: u64) -> Result<Serving, Failure> {
    let now = home.clone();
    let storage = Storage {
        store: Arc::clone(home.store()),
        artifacts: home.artifacts().clone(),
        queue: Arc::clone(home.queue()),
        now: Arc::new(move || now.now()),
    };
    let options = Options { server: server_name(), slots, memory };
    Serving::new(storage, home.predictors()?, options)
}

/// Names this server in the history and in captured data: its machine and process.
fn server_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String =
        host.trim().chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(32).collect();
    let host = if host.is_empty() { "server" } else { &host };
    format!("{host}-{}", std::process::id())
}

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
    let options = Options { server: millstream_worker::presence::name(), slots, memory };
    Serving::new(storage, home.predictors()?, options)
}

//! The home that a function works in.

use std::sync::Arc;

use millstream_engine::Package;
use millstream_queue::Queues;
use millstream_store::Stores;
use millstream_worker::Home;

use crate::{
    BootstrapError,
    settings::{COMPONENTS, FunctionSettings, QUEUE, STORE},
};

/// The kinds of stores, beside folders.
fn stores() -> Stores {
    Stores::default().register(millstream_aws_s3::SCHEME, millstream_aws_s3::open)
    // One more kind of store: `.register("SCHEME", open)`.
}

/// The kinds of queues, beside SQLite files.
fn queues() -> Queues {
    Queues::default().register(millstream_aws_sqs::SCHEME, millstream_aws_sqs::open)
    // One more kind of queue: `.register("SCHEME", open)`.
}

/// Opens it.
///
/// # Errors
/// Store or queue cannot be used; the variable that names it is told.
pub fn open(settings: &FunctionSettings) -> Result<Home, BootstrapError> {
    let home = Home::open(settings.home.clone(), &stores(), &queues()).map_err(|error| {
        let (name, location) = match &error {
            millstream_worker::home::Error::Store(_) => (STORE, &settings.home.store),
            millstream_worker::home::Error::Queue(_) => (QUEUE, &settings.home.queue),
        };
        BootstrapError(format!("{name} is {location}: {error}"))
    })?;
    // A name of a bucket is first looked for among those of the home, then in AWS.
    let own = Arc::new(millstream_serving::buckets(&home));
    Ok(home.reading(own).reading(Arc::new(millstream_aws_s3::S3Objects)))
}

/// Opens the compiled functions.
///
/// # Errors
/// They cannot be used; the variable that names their folder is told.
pub fn package(settings: &FunctionSettings) -> Result<Package, BootstrapError> {
    let folder = &settings.components;
    Package::open(folder)
        .map_err(|error| BootstrapError(format!("{COMPONENTS} is {}: {error}", folder.display())))
}

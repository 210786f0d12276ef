//! A store in a bucket of S3.
//!
//! Objects lie under the prefix that the location names; what else is in the bucket is never looked at. Conditional writes are S3's
//! own (`If-None-Match`, `If-Match`): no database beside it.

mod error;
mod location;
mod source;
mod store;
mod upload;
mod write;

use std::sync::Arc;

use millstream_aws::from_environment;
use millstream_core::location::Location;
use millstream_store::{Result, Store};

pub use location::Place;
pub use source::S3Objects;
pub use store::S3Store;

/// The scheme of locations: `s3://BUCKET/PREFIX`.
pub const SCHEME: &str = "s3";

/// Opens the store at a location, as the environment says who asks and in which region. Costs no request.
///
/// # Errors
/// `Unsupported` for a location that names no bucket, or a prefix that no key can begin with.
pub fn open(location: &Location) -> Result<Arc<dyn Store>> {
    Ok(Arc::new(S3Store::new(from_environment(), Place::parse(location)?)))
}

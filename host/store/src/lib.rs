//! Where Millstream keeps what must not be lost: objects by key, written whole or not at all, with conditions.
//!
//! [`Store`] is shaped after S3: conditional create and replace, ranged reads, paged listings. [`LocalStore`] keeps
//! objects in a folder, [`MemoryStore`] in memory, for tests and simulations. [`Artifacts`] names immutable bytes by
//! their SHA-256 on top of any of them. [`Stores`] turns a path or URL into a store; [`LocalFiles`] is what only a store
//! on this machine can do.
//!
//! Calls block, and every implementation can be shared between threads.

mod artifacts;
mod error;
pub mod failpoint;
mod hashing;
mod key;
mod local;
mod location;
mod looks;
mod memory;
mod network;
mod objects;
mod private;
mod scratch;
mod sound;
mod source;
mod store;
mod temp;

#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "conformance")]
pub mod counting;

pub use artifacts::{ArtifactReader, ArtifactWriter, Artifacts, Going, Written};
pub use error::{Error, ErrorKind, Result, explained};
pub use key::{MAX_KEY_BYTES, check_key, check_prefix};
pub use local::LocalStore;
pub use location::{FILE, OpenStore, Stores, local_folder};
pub use looks::{Looks, Pace};
pub use memory::{Fault, MemoryStore, Operation};
pub use network::Network;
pub use objects::{ObjectSource, SourceObject};
pub use private::{create_private_folder, private_file};
pub use scratch::Scratch;
pub use sound::Identity;
pub use source::check_source;
pub use store::{Condition, Entry, LocalFiles, MAX_PAGE, Object, Page, PutOptions, Store, Version, entries};
pub use temp::TempFile;

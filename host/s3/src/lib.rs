//! An S3-shaped API in front of a store: buckets, objects, multipart uploads, signatures.
//!
//! [`Buckets`] keeps buckets and objects in a [`Store`](millstream_store::Store), by blocking calls. [`Service`] answers S3's
//! requests out of them: the `s3s` crate reads and writes S3's HTTP and checks signatures. A [`VirtualBucket`] is a bucket that shows what
//! lies elsewhere; [`Created`] hears of each object that was written; [`Keyring`] says who may do what.
//!
//! An object is a record under its translated key (`millstream_core::object_key`) and bytes under an id that is used once. The
//! record is written last, by compare-and-swap: readers see the old object or the new one, also after a crash, and a writer knows
//! which bytes nobody needs any more.

mod access;
mod answer;
mod ask;
mod buckets;
mod checksums;
mod chunked;
mod conditions;
mod created;
mod fault;
mod intake;
mod listing;
mod multipart;
mod objects;
mod outlet;
mod record;
mod s3;
mod service;
mod taking;
mod view;

pub use access::{Keyring, Right, Unreadable};
pub use buckets::Buckets;
pub use created::{Created, NewObject};
pub use record::Record;
pub use s3s::Body;
pub use service::{Service, is_for};
pub use taking::NotTaken;
pub use view::{Node, Seen, Source, ViewError, VirtualBucket};

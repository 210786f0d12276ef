//! The language of workflows: YAML, its types, expressions, the host's acts, diagnostics, JSON Schema.
//!
//! Pure: no IO, no async, no clock, no randomness.

pub mod acts;
pub mod diagnostic;
pub mod expr;
pub mod model;
pub mod parameters;
pub mod schema;
pub mod triggers;
pub mod tuning;
pub mod yaml;

use millstream_core::{artifact::Digest, manifest::Manifest};

/// The functions that steps may use.
pub trait Functions {
    /// The function of that name: its component's digest and what it says of itself.
    fn get(&self, name: &str) -> Option<(Digest, &Manifest)>;

    /// All names.
    fn names(&self) -> Vec<&str>;
}

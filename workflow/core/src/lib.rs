//! What every part of Millstream names: artifacts and digests, manifests, failures, tasks and their keys, completions, and the keys
//! under which records are stored. Numbers, quantities and parameters are read here, so that they mean the same everywhere.
//!
//! Pure: no IO, no async, no clock, no randomness.

pub mod artifact;
pub mod completion;
pub mod failure;
pub mod format;
pub mod key;
pub mod layout;
pub mod location;
pub mod manifest;
pub mod nearest;
pub mod newest;
pub mod number;
pub mod pools;
pub mod quantity;
pub mod round;
pub mod task;

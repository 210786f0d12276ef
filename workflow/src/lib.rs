//! Millstream workflows: the YAML model, expressions, validation, plan and run state machine.
//!
//! Pure: no IO, no async, no clock, no randomness. Everything here can be simulated.

pub mod acts;
pub mod artifact;
pub mod combination;
pub mod compile;
pub mod completion;
pub mod diagnostic;
pub mod endpoint;
pub mod expr;
pub mod failure;
pub mod format;
pub mod key;
pub mod layout;
pub mod manifest;
pub mod model;
pub mod nearest;
pub mod newest;
pub mod number;
pub mod parameters;
pub mod plan;
pub mod quantity;
pub mod schema;
pub mod state;
pub mod yaml;

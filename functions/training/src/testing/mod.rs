//! Checks that several functions have in common, for their tests.

pub mod components;
pub mod forests;
pub mod lines;

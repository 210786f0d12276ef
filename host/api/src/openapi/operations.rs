//! Entries of the OpenAPI document, by what routes are for.

pub mod health;
pub mod inference;
pub mod invoke;
pub mod later;
pub mod manage;
pub mod workflows;

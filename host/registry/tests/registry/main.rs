//! The registry on a store in memory.

mod deploying;
mod endpoints;
mod keys;
mod models;
mod races;
mod removing;
mod support;
mod traffic;

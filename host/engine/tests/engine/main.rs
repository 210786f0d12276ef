//! The engine, from outside. Needs the test functions: `cargo xtask functions` builds them.

mod bounded;
mod breaches;
mod cache;
mod check;
mod damage;
mod executors;
mod jobs;
mod limits;
mod models;
mod packages;
mod preparing;
mod served;
mod support;
mod traps;
mod waiting;
mod wasi;

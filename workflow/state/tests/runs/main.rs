//! Whole runs with a simulated worker.

#[path = "../common/mod.rs"]
mod common;
mod cost;
mod folds;
mod matrix;
mod numbers;
mod random;
mod rounds;
mod simulation;
mod whole;
mod worker;

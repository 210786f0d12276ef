//! Executes Millstream functions.
//!
//! A [`Job`] names a function, its parameters and its input artifacts; whoever implements [`Execute`] gives back
//! [`Done`] or a [`Failure`](millstream_core::failure::Failure), and tells of [`Event`]s meanwhile. Two do:
//! [`Local`] runs jobs in this process; [`ExecutorPool`] runs each in a process of its own, so that a job can be
//! ended at any instruction and harms nobody when it crashes. Built without the feature `compile`, there is no compiler and no
//! executor: functions come from a [`Package`](package::Package).
//!
//! Nothing here knows a run, a queue, or an algorithm by name.

#[cfg(feature = "compile")]
mod cache;
mod cancel;
#[cfg(feature = "compile")]
mod check;
#[cfg(feature = "compile")]
mod compiled;
mod contract;
mod deadline;
mod engine;
mod error;
mod execute;
#[cfg(feature = "compile")]
pub mod executor;
mod float;
mod function;
mod host;
mod interrupt;
mod job;
#[cfg(target_os = "linux")]
mod large_pages;
mod local;
mod manifest;
mod memory;
pub mod package;
#[cfg(feature = "compile")]
mod precompile;
mod predictor;
#[cfg_attr(not(feature = "compile"), allow(dead_code, reason = "nothing is kept on disk"))]
mod private;
mod run;
mod served;
#[cfg(target_os = "linux")]
mod sigbus;
#[cfg(target_os = "linux")]
#[cfg_attr(not(feature = "compile"), allow(dead_code, reason = "nothing is kept on disk"))]
mod snapshot;
mod text;
mod trap;
mod unseen;

pub use cancel::Cancel;
#[cfg(feature = "compile")]
pub use check::Report;
pub use engine::{Engine, EngineKind};
pub use execute::Execute;
#[cfg(feature = "compile")]
pub use executor::{Confinement, ExecutorCommand, ExecutorPool, Preparing, Setup};
pub use function::Function;
pub use job::{Done, Event, Job, Level, Limits, Shard};
pub use local::Local;
pub use memory::{Memory, Quota};
pub use package::Package;
#[cfg(feature = "compile")]
pub use precompile::{Precompiler, Target};
pub use predictor::Predictor;
pub use served::{Request, Response, Served};
pub use unseen::{Novelty, Unseen};

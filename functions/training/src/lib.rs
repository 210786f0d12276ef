//! What the functions that train a model share.
//!
//! A training function is then its parameters and a call: [`Rows`] takes a table apart into what a kernel takes,
//! [`Target`] says what is to be learnt, [`blame`] turns a kernel's error into a failure with the column's name,
//! [`answer`] makes the table of predictions, [`scores`] the figures of the summary, and [`Fitted`] is the state, which
//! [`KernelModel`] loads. [`supervised`] has the whole way of a job with a target, [`unlabelled`] the state of models without.

pub mod alias;
pub mod answer;
pub mod blame;
pub mod class_weight;
pub mod columns;
pub mod fitted;
pub mod foreign;
pub mod forests;
pub mod importance;
pub mod kernel;
pub mod labelled;
pub mod line;
pub mod net;
pub mod predictor;
pub mod rows;
pub mod scaling;
pub mod scores;
pub mod stream;
pub mod supervised;
pub mod target;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
pub mod transform;
pub mod trees;
pub mod unlabelled;

pub use class_weight::ClassWeights;
pub use columns::TargetColumns;
pub use fitted::Fitted;
pub use kernel::Kernel;
pub use predictor::{KernelModel, Learner};
pub use rows::Rows;
pub use scaling::Scaling;
pub use supervised::{Labelled, Named};
pub use target::{Goal, Target};

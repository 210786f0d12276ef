//! What the functions that train a model share.
//!
//! A training function is then its parameters and a call: [`Rows`] takes a table apart into what a kernel takes,
//! [`Target`] says what is to be learnt, [`blame`] turns a kernel's error into a failure with the column's name,
//! [`answer`] makes the table of predictions, [`scores`] the figures of the summary, and [`Fitted`] is the state.

pub mod answer;
pub mod blame;
pub mod class_weight;
pub mod fitted;
pub mod foreign;
pub mod forests;
pub mod importance;
pub mod labelled;
pub mod line;
pub mod rows;
pub mod scores;
pub mod stream;
pub mod target;
pub mod transform;
pub mod trees;

pub use class_weight::ClassWeights;
pub use fitted::Fitted;
pub use rows::Rows;
pub use target::{Goal, Target};

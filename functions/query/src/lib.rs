//! Expressions and SQL over Arrow arrays.
//!
//! A light engine: `sqlparser` reads the text, this crate binds names and types, plans, and computes column by column. It is pure
//! and runs on one thread, and equal inputs give equal bytes, natively and in WebAssembly.
//!
//! What things mean follows DuckDB: logic of three values, missing values last in an order, `/` of floating-point numbers and `//`
//! of integers, overflow and integer division by zero are errors, NaN equals itself and is the greatest number. What differs:
//!
//! - Integers have 64 bits, other numbers are DOUBLE (there is no DECIMAL), sums of integers are BIGINT. A cast to a smaller
//!   integer type checks the range.
//! - The rows of a result without ORDER BY have an order: that of the input. Groups and distinct rows come in the order of their
//!   first rows; joins in that of the left rows, then of the right ones, those without a partner last.
//! - A text column is never taken for a number or a date unasked; a text that stands in the query is.
//! - A subquery cannot depend on the row outside of it.

mod aggregates;
mod bind;
mod calendar;
mod cast;
mod column;
mod dialect;
mod eval;
mod expr;
mod expression;
mod functions;
mod kind;
mod names;
mod parse;
mod plan;
mod problem;
mod query;
mod run;
mod value;
mod windows;

pub use expression::{Bound, Expression};
pub use kind::Kind;
pub use names::{aggregate_names, function_names, window_names};
pub use problem::{Position, Problem, Result};
pub use query::{BoundQuery, Query};

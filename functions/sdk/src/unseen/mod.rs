//! What rows hold that the rows a model was trained on did not: categories, numbers out of their range, missing values
//! where there were none.
//!
//! A state keeps what training saw of each column ([`Seen`]); a model takes note of categories that it does not know
//! ([`Notes`]); the host adds up what is found, and a job says it ([`Tally`]).

mod fold;
mod notes;
mod seen;
mod tally;

pub use notes::Notes;
pub use seen::{Seen, codes_of, seen_in, with_seen};
pub use tally::{Tally, WARN_FROM};

/// How a value is unlike those of training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Novelty {
    /// A category that the model does not know.
    Category,
    /// A number below the least or above the largest one.
    OutOfRange,
    /// No value, in a column that always had one.
    Missing,
}

/// Rows whose value in a column is unlike those of training.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Unseen {
    /// The column's name.
    pub column: String,
    /// How they are unlike.
    pub novelty: Novelty,
    /// How many, at least one.
    pub rows: u64,
    /// One of the values; missing ones have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
    /// A category that the model knows and that differs from the example only by blanks, case, accents or leading zeros.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub near: Option<String>,
}

/// Examples are cut to so many characters.
const EXAMPLE: usize = 100;

/// Enough of a value to recognise it.
fn short(value: &str) -> String {
    match value.char_indices().nth(EXAMPLE) {
        Some((end, _)) => format!("{}...", &value[..end]),
        None => value.to_owned(),
    }
}

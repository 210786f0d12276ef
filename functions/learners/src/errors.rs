//! What can go wrong: the data's fault or a parameter's.

use std::fmt::Display;

/// Why a fit, a prediction or a metric was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The data is at fault. Rows and columns count from 0.
    #[error("{message}")]
    Data { message: String, row: Option<usize>, column: Option<usize> },
    /// A parameter is at fault.
    #[error(transparent)]
    Param(#[from] ParamError),
}

/// A parameter outside what the algorithm takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {message}; allowed: {allowed}")]
pub struct ParamError {
    pub name: &'static str,
    pub message: String,
    /// What would have been taken.
    pub allowed: String,
}

impl Error {
    /// A fault of the data as a whole.
    pub fn data(message: impl Into<String>) -> Self {
        Self::Data { message: message.into(), row: None, column: None }
    }

    /// A fault in one row.
    pub fn row(row: usize, message: impl Into<String>) -> Self {
        Self::Data { message: message.into(), row: Some(row), column: None }
    }

    /// A fault in one cell.
    pub fn cell(row: usize, column: usize, message: impl Into<String>) -> Self {
        Self::Data { message: message.into(), row: Some(row), column: Some(column) }
    }
}

impl ParamError {
    pub fn new(name: &'static str, message: impl Into<String>, allowed: impl Into<String>) -> Self {
        Self { name, message: message.into(), allowed: allowed.into() }
    }
}

/// A number for a message: as it is, but `1e200` rather than 201 digits.
pub fn shown(number: impl Display) -> String {
    let text = number.to_string();
    match text.parse::<f64>() {
        Ok(number) if text.len() > LONGEST => format!("{number:e}"),
        _ => text,
    }
}

/// So many rows, for a message.
pub fn rows(count: usize) -> String {
    if count == 1 { "1 row".to_owned() } else { format!("{count} rows") }
}

/// Characters of a number that no power of ten is needed for: all whole numbers of 64 bits.
const LONGEST: usize = 20;

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn numbers_in_messages_are_short() {
        assert_eq!(shown(1e200), "1e200");
        assert_eq!(shown(-1.5e-300), "-1.5e-300");
        assert_eq!(shown(2.0), "2");
        assert_eq!(shown(0.1 + 0.2), "0.30000000000000004");
        assert_eq!(shown(u64::MAX), "18446744073709551615");
        assert_eq!(shown(f64::NEG_INFINITY), "-inf");
    }
}

//! What can go wrong: the data's fault or a parameter's.

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

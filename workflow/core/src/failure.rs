//! How a task fails, and whether to try again.

use millstream_errors::{Code, Coded};
use serde::{Deserialize, Serialize};

/// Why a task did not end well. The class decides what happens next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "class", rename_all = "kebab-case")]
pub enum Failure {
    /// The data is at fault. Not tried again.
    #[error("{}", describe_input(message, channel, part, row, column))]
    #[serde(rename_all = "kebab-case")]
    InvalidInput {
        /// What is wrong and what would be right.
        message: String,
        /// In which channel.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        channel: Option<String>,
        /// In which part of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        part: Option<String>,
        /// In which row, counted from 1, the header not included.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        row: Option<u64>,
        /// In which column.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        column: Option<String>,
    },
    /// A parameter is at fault. Not tried again.
    #[error("parameter `{name}`: {message}{}", allowed.as_ref().map(|a| format!(" (allowed: {a})")).unwrap_or_default())]
    InvalidParameter {
        /// Which.
        name: String,
        /// What is wrong with it.
        message: String,
        /// What would have been taken.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        allowed: Option<String>,
    },
    /// A limit was reached: `memory`, `time`, `output` or `log`. Not tried again.
    #[error("stopped at the {limit} limit: {message}")]
    Limit {
        /// Which limit.
        limit: String,
        /// How much it was, and how to raise it.
        message: String,
    },
    /// The function is at fault: a trap, or an answer that breaks the contract. Not tried again, as the same
    /// inputs would give the same fault.
    #[error("{message}{}", backtrace.as_ref().map(|b| format!("\n{b}")).unwrap_or_default())]
    Function {
        /// What happened.
        message: String,
        /// The guest's stack.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        backtrace: Option<String>,
    },
    /// The host is at fault or was disturbed: disk full, store out of reach, executor killed. Tried again with backoff.
    #[error("{message}")]
    Host {
        /// What happened.
        message: String,
    },
    /// Somebody cancelled the run. Not tried again.
    #[error("cancelled")]
    Cancelled,
}

fn describe_input(
    message: &str,
    channel: &Option<String>,
    part: &Option<String>,
    row: &Option<u64>,
    column: &Option<String>,
) -> String {
    let mut places = Vec::new();
    if let Some(channel) = channel {
        places.push(format!("input `{channel}`"));
    }
    if let Some(part) = part {
        places.push(part.clone());
    }
    if let Some(row) = row {
        places.push(format!("row {row}"));
    }
    if let Some(column) = column {
        places.push(format!("column `{column}`"));
    }
    if places.is_empty() { message.to_owned() } else { format!("{}: {message}", places.join(", ")) }
}

impl Coded for Failure {
    fn code(&self) -> Code {
        match self {
            Self::InvalidInput { .. } => Code::InvalidInput,
            Self::InvalidParameter { .. } => Code::InvalidParameter,
            Self::Limit { .. } => Code::LimitReached,
            Self::Function { .. } => Code::FunctionFailed,
            Self::Host { .. } => Code::HostFailed,
            Self::Cancelled => Code::Cancelled,
        }
    }
}

impl Failure {
    /// Whether the same task may end well if it is simply tried again.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Host { .. })
    }
}

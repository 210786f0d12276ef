//! Failures that the engine itself meets.

use millstream_core::failure::Failure;

/// The host is at fault.
pub(crate) fn host(message: impl Into<String>) -> Failure {
    Failure::Host { message: message.into() }
}

/// The function is at fault, without having run.
pub(crate) fn function(message: impl Into<String>) -> Failure {
    Failure::Function { message: message.into(), backtrace: None }
}

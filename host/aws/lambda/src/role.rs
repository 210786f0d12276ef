//! What every role is to the runtime.

use lambda_runtime::{Diagnostic, LambdaEvent};
use serde_json::value::RawValue;

use crate::{BootstrapError, answer::Answer};

/// Answers events, one at a time.
pub trait Role: Send + Sync + 'static {
    /// The threads that it needs.
    fn runtime(&self) -> tokio::runtime::Builder {
        tokio::runtime::Builder::new_current_thread()
    }

    /// What is done before the first event, on those threads.
    fn ready(&self) -> impl Future<Output = Result<(), BootstrapError>> + Send {
        std::future::ready(Ok(()))
    }

    /// Answers one. An error is told to Lambda as that of the function: whoever sent the event tries again or is told.
    fn answer(
        &self,
        event: LambdaEvent<Box<RawValue>>,
    ) -> impl Future<Output = Result<Answer, Diagnostic>> + Send;
}

/// An error of the function, with its type.
pub fn failed(kind: &str, why: impl std::fmt::Display) -> Diagnostic {
    Diagnostic { error_type: kind.to_owned(), error_message: why.to_string() }
}

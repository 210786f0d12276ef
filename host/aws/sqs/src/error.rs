//! Errors of SQS as errors of a queue.

use std::error::Error as StdError;

use aws_sdk_sqs::{
    error::{ProvideErrorMetadata, SdkError},
    types::BatchResultErrorEntry,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use millstream_aws::{Asked, Kind, explain};
use millstream_errors::Coded as _;
use millstream_queue::{Error, ErrorKind, Receipt};

use crate::SqsQueue;

/// An operation, as people and policies name it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deed {
    pub(crate) what: &'static str,
    pub(crate) right: &'static str,
}

pub(crate) const FIND: Deed = Deed { what: "find", right: "sqs:GetQueueUrl" };
pub(crate) const CREATE: Deed = Deed { what: "create the missing queue", right: "sqs:CreateQueue" };
pub(crate) const SEND: Deed = Deed { what: "send to", right: "sqs:SendMessage" };
pub(crate) const RECEIVE: Deed = Deed { what: "receive from", right: "sqs:ReceiveMessage" };
pub(crate) const EXTEND: Deed = Deed { what: "keep messages of", right: "sqs:ChangeMessageVisibility" };
pub(crate) const DELETE: Deed = Deed { what: "delete messages of", right: "sqs:DeleteMessage" };
pub(crate) const COUNT: Deed = Deed { what: "count messages of", right: "sqs:GetQueueAttributes" };
pub(crate) const LIST: Deed = Deed { what: "list queues of", right: "sqs:ListQueues" };
pub(crate) const PURGE: Deed = Deed { what: "purge", right: "sqs:PurgeQueue" };

impl SqsQueue {
    /// What went wrong with `deed` on the SQS queue `name`.
    pub(crate) fn trouble<E>(&self, deed: Deed, name: &str, error: &SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        let target = format!("{name} in SQS");
        let asked = Asked { what: deed.what, target: &target, right: deed.right, region: self.region() };
        let trouble = explain(asked, error);
        let kind = match trouble.kind {
            Kind::NoCredentials | Kind::Refused | Kind::Denied => ErrorKind::Permission,
            Kind::Region | Kind::NoBucket => ErrorKind::Unsupported,
            Kind::Clock | Kind::Throttled | Kind::Unreachable | Kind::Invalid => ErrorKind::Unavailable,
        };
        Error::told(kind, trouble.code(), trouble.text)
    }
}

/// The name of an error without the namespace that some protocols give it.
fn plain(code: &str) -> &str {
    let code = code.rsplit_once('#').map_or(code, |(_, name)| name);
    code.rsplit_once('.').map_or(code, |(_, name)| name)
}

/// Whether SQS has no queue of this name.
pub(crate) fn is_missing<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    code.is_some_and(|code| matches!(plain(code), "QueueDoesNotExist" | "NonExistentQueue"))
}

/// What SQS says of one receipt of a batch.
pub(crate) fn of_receipt(receipt: &Receipt, error: &BatchResultErrorEntry) -> Error {
    let said = error.message().unwrap_or_default();
    match plain(error.code()) {
        // "Invalid" it is, too, when its message has been deleted or received by others since.
        "ReceiptHandleIsInvalid"
        | "MessageNotInflight"
        | "InvalidParameterValue"
        | "InvalidParameterValueException" => stale(receipt),
        code => {
            Error::new(ErrorKind::Unavailable, format!("SQS could not do it ({code}: {said}); it may pass"))
        }
    }
}

pub(crate) fn stale(receipt: &Receipt) -> Error {
    let message = format!("a message of queue {:?} is no longer with this receiver", receipt.queue);
    Error::new(ErrorKind::StaleReceipt, message)
}

pub(crate) fn unavailable(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unavailable, why)
}

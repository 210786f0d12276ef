//! What can go wrong with a stack, for people.

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use millstream_aws::{Asked, Trouble, explain};
use millstream_errors::{Code, Coded};

use crate::settings::InvalidSettings;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// AWS said no, or nothing.
    #[error(transparent)]
    Aws(#[from] Trouble),
    /// The settings make no sense.
    #[error(transparent)]
    Settings(#[from] InvalidSettings),
    /// Somebody else changes the stack at this moment.
    #[error(
        "stack `{stack}` is being changed by somebody else ({status}); wait until that has ended, or run it without --no-wait"
    )]
    Busy {
        /// Its name.
        stack: String,
        /// As CloudFormation calls it.
        status: String,
    },
    /// CloudFormation could not make it so; everything is as before.
    #[error("stack `{stack}` could not be made so ({status}): {why}")]
    Failed {
        /// Its name.
        stack: String,
        /// As CloudFormation calls it.
        status: String,
        /// The first resource that failed, and why.
        why: String,
    },
    /// There is no such stack.
    #[error(
        "there is no stack `{stack}` in region {region}; `millstream aws deploy` makes one, --stack and --region name another"
    )]
    Missing {
        /// Its name.
        stack: String,
        /// Where it was looked for.
        region: String,
    },
    /// The package cannot be used.
    #[error("{0}")]
    Package(String),
    /// Objects that Millstream has not written are in the bucket.
    #[error("{0}")]
    ForeignObjects(String),
    /// Lambda cannot do what was asked of an endpoint.
    #[error("{0}")]
    Endpoint(String),
}

impl Coded for Error {
    fn code(&self) -> Code {
        match self {
            Self::Aws(trouble) => trouble.code(),
            Self::Settings(_) => Code::AwsSettings,
            Self::Busy { .. } => Code::AwsStackBusy,
            Self::Failed { .. } => Code::AwsStackFailed,
            Self::Missing { .. } => Code::AwsStackMissing,
            Self::Package(_) => Code::AwsPackage,
            Self::ForeignObjects(_) => Code::AwsForeignObjects,
            Self::Endpoint(_) => Code::AwsEndpoint,
        }
    }
}

/// Makes of what an SDK says something for people.
pub(crate) trait Explained<T> {
    /// `what` was to be done to `target`, which takes the right `right`.
    fn explained(self, what: &str, target: &str, right: &str) -> Result<T, Error>;
}

impl<T, E> Explained<T> for Result<T, SdkError<E, HttpResponse>>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    fn explained(self, what: &str, target: &str, right: &str) -> Result<T, Error> {
        self.map_err(|error| explain(Asked { what, target, right, region: None }, &error).into())
    }
}

/// Whether a service says that there is none of what was asked for.
pub(crate) fn is_missing<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    let Some(service) = error.as_service_error() else { return false };
    let message = service.message().unwrap_or_default();
    match service.code().unwrap_or_default() {
        "ResourceNotFoundException" | "NotFound" | "NoSuchKey" | "NoSuchTagSet" => true,
        "ValidationError" => message.contains("does not exist"),
        _ => false,
    }
}

//! Why the registry did not do what it was asked.

use millstream_core::failure::Failure;
use millstream_deployment::Misread;
use millstream_errors::{Code, Coded};
use millstream_store::ErrorKind;

/// Why the registry did not do what it was asked. The text says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such model, version, alias, endpoint or key.
    #[error("{0}")]
    NotFound(String),
    /// The request is wrong.
    #[error("{0}")]
    Invalid(String),
    /// A member of the request is wrong.
    #[error(transparent)]
    Misread(#[from] Misread),
    /// The state of things forbids it: a rejected version, a rollout under way, something in use.
    #[error("{0}")]
    Refused(String),
    /// The author may not do that; an administrator may.
    #[error("{0}")]
    Forbidden(String),
    /// Somebody else changed it first. Look at what is there now, then decide again.
    #[error("{0}")]
    Conflict(String),
    /// The idempotency key came with another change. Nothing was changed.
    #[error("{0}")]
    Reused(String),
    /// The version does not load, or fails the smoke test. Nothing was changed.
    #[error("{model} was not deployed, because it failed its trial: {failure}")]
    Check {
        /// Which, such as `churn@4`.
        model: String,
        /// How.
        failure: Box<Failure>,
    },
    /// The store failed, or a record is damaged (`Corrupt`, with the record's key).
    #[error(transparent)]
    Store(#[from] millstream_store::Error),
}

impl Coded for Error {
    fn code(&self) -> Code {
        match self {
            Self::NotFound(_) => Code::NoSuchRecord,
            Self::Invalid(_) => Code::InvalidChange,
            Self::Misread(misread) => misread.code(),
            Self::Refused(_) => Code::RefusedByState,
            Self::Forbidden(_) => Code::Forbidden,
            Self::Conflict(_) => Code::Conflict,
            Self::Reused(_) => Code::IdempotencyKeyReused,
            Self::Check { .. } => Code::UnfitVersion,
            Self::Store(error) => error.code(),
        }
    }
}

impl Error {
    /// Whether the store is out of reach, or a record is damaged: what was asked for may well exist.
    pub fn is_unreadable(&self) -> bool {
        matches!(self, Self::Store(_))
    }

    /// A record that cannot be read. Nobody writes over it.
    pub(crate) fn damaged(key: &str, why: impl std::fmt::Display) -> Self {
        millstream_store::Error::new(ErrorKind::Corrupt, format!("{key} is damaged: {why}")).into()
    }

    /// Others changed the record at each attempt.
    pub(crate) fn crowded(what: &str) -> Self {
        let message = format!("{what} was changed by others at each attempt; try again");
        millstream_store::Error::new(ErrorKind::Unavailable, message).into()
    }
}

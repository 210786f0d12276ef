//! What went wrong, precisely inside, and outside by what to do about it.

use std::{fmt, io, path::Path};

use millstream_errors::{Code, Coded};

/// A store's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// No object has this key: check the key, or write the object first.
    NotFound,
    /// Somebody else wrote first: read again and decide anew.
    PreconditionFailed,
    /// No room is left (disk or quota): free some. What was there is as it was.
    Full,
    /// Not allowed here: change the rights, or use another place.
    Permission,
    /// A fault of the place that may pass: try again, with backoff. A write may or may not have taken place.
    Unavailable,
    /// The bytes are not those that were written: restore the object, or remove it and run again.
    Corrupt,
    /// The key breaks the rules for keys: mend the caller.
    InvalidKey,
    /// The range is not inside the object: mend the caller.
    InvalidRange,
    /// More bytes than the caller's own limit: write less, or raise the limit.
    LimitExceeded,
    /// A kind of location that this program cannot open: use another.
    Unsupported,
}

impl ErrorKind {
    /// What kind an error is that came through `std::io`, from a reader or writer of a store too.
    pub fn of(error: &io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(own) => own.kind(),
            None => io_kind(error.kind()),
        }
    }

    /// What the user can do about it; `None` where it takes more than the kind to tell.
    pub fn advice(self) -> Option<&'static str> {
        match self {
            Self::Full => Some("make room on the store's disk, then run again"),
            Self::Permission => Some("make it accessible for this user, or use another place"),
            Self::Corrupt => Some("restore it, or remove it and run again"),
            _ => None,
        }
    }
}

/// An error that came through `std::io`, with what to do about it.
pub fn explained(error: &io::Error) -> String {
    let own = error.get_ref().is_some_and(|inner| inner.is::<Error>());
    match ErrorKind::of(error).advice() {
        Some(advice) if !own => format!("{error}; {advice}"),
        _ => error.to_string(),
    }
}

/// Why a call failed. [`kind`](Error::kind) says what to do; the text says both, for people.
#[derive(Debug)]
pub struct Error(Detail);

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.0, self.advice())
    }
}

impl Coded for Error {
    fn code(&self) -> Code {
        match &self.0 {
            Detail::Told { code, .. } => *code,
            _ => self.kind().code(),
        }
    }
}

impl Coded for ErrorKind {
    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::StoreNotFound,
            Self::PreconditionFailed => Code::StorePrecondition,
            Self::Full => Code::StoreFull,
            Self::Permission => Code::StorePermission,
            Self::Unavailable => Code::StoreUnavailable,
            Self::Corrupt => Code::StoreCorrupt,
            Self::InvalidKey => Code::StoreInvalidKey,
            Self::InvalidRange => Code::StoreInvalidRange,
            Self::LimitExceeded => Code::StoreLimit,
            Self::Unsupported => Code::StoreUnsupported,
        }
    }
}

impl From<Detail> for Error {
    fn from(detail: Detail) -> Self {
        Self(detail)
    }
}

/// Private, so that it may grow.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Detail {
    #[error("there is no object {key:?}")]
    NotFound { key: String },
    #[error("object {key:?} exists already")]
    Exists { key: String },
    #[error("object {key:?} has changed since version {expected} was read")]
    Changed { key: String, expected: String },
    #[error("{key:?} cannot be a key: {why}")]
    InvalidKey { key: String, why: String },
    #[error("bytes {offset} to {offset}+{len} are not inside object {key:?} of {size} bytes")]
    InvalidRange { key: String, offset: u64, len: u64, size: u64 },
    #[error("more than the limit of {limit} bytes")]
    LimitExceeded { limit: u64 },
    #[error("artifact {digest} holds other bytes than its name says (found {found})")]
    WrongDigest { digest: String, found: String },
    #[error("cannot open {location:?}: {why}")]
    Unsupported { location: String, why: String },
    #[error("injected fault ({kind:?})")]
    Injected { kind: ErrorKind },
    // The text has the cause already: as a `source` it would be printed twice.
    #[error("cannot {what} {path}: {cause}")]
    Io { what: &'static str, path: String, cause: io::Error },
    #[error("{message}")]
    Other { kind: ErrorKind, message: String },
    // Says what to do by itself.
    #[error("{message}")]
    Told { kind: ErrorKind, code: Code, message: String },
}

impl Error {
    /// An error of an implementation outside this crate.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Detail::Other { kind, message: message.into() }.into()
    }

    /// An error with a code of its own, whose message says what to do.
    pub fn told(kind: ErrorKind, code: Code, message: impl Into<String>) -> Self {
        Detail::Told { kind, code, message: message.into() }.into()
    }

    /// What to do about it.
    pub fn kind(&self) -> ErrorKind {
        match &self.0 {
            Detail::NotFound { .. } => ErrorKind::NotFound,
            Detail::Exists { .. } | Detail::Changed { .. } => ErrorKind::PreconditionFailed,
            Detail::InvalidKey { .. } => ErrorKind::InvalidKey,
            Detail::InvalidRange { .. } => ErrorKind::InvalidRange,
            Detail::LimitExceeded { .. } => ErrorKind::LimitExceeded,
            Detail::WrongDigest { .. } => ErrorKind::Corrupt,
            Detail::Unsupported { .. } => ErrorKind::Unsupported,
            Detail::Injected { kind } | Detail::Other { kind, .. } | Detail::Told { kind, .. } => *kind,
            Detail::Io { cause, .. } => io_kind(cause.kind()),
        }
    }

    fn advice(&self) -> String {
        if matches!(self.0, Detail::Told { .. }) {
            return String::new();
        }
        self.kind().advice().map(|advice| format!("; {advice}")).unwrap_or_default()
    }

    /// Turns an IO error into one of ours; `what` is a verb, as in "cannot write PATH: ...".
    pub(crate) fn io(what: &'static str, path: &Path, cause: io::Error) -> Self {
        Detail::Io { what, path: path.display().to_string(), cause }.into()
    }

    pub(crate) fn not_found(key: &str) -> Self {
        Detail::NotFound { key: key.to_owned() }.into()
    }
}

fn io_kind(kind: io::ErrorKind) -> ErrorKind {
    match kind {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            ErrorKind::Full
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Permission,
        _ => ErrorKind::Unavailable,
    }
}

impl From<Error> for io::Error {
    /// Keeps the error inside, so that readers and writers can hand it through `std::io`.
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::NotFound => io::ErrorKind::NotFound,
            ErrorKind::PreconditionFailed => io::ErrorKind::AlreadyExists,
            ErrorKind::Full => io::ErrorKind::StorageFull,
            ErrorKind::Permission => io::ErrorKind::PermissionDenied,
            ErrorKind::LimitExceeded => io::ErrorKind::FileTooLarge,
            ErrorKind::Corrupt => io::ErrorKind::InvalidData,
            ErrorKind::InvalidKey | ErrorKind::InvalidRange => io::ErrorKind::InvalidInput,
            ErrorKind::Unsupported => io::ErrorKind::Unsupported,
            ErrorKind::Unavailable => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_a_passing_fault() {
        let io = |kind: io::ErrorKind| Error::io("write", Path::new("x"), kind.into()).kind();
        assert_eq!(io(io::ErrorKind::StorageFull), ErrorKind::Full);
        assert_eq!(io(io::ErrorKind::QuotaExceeded), ErrorKind::Full);
        assert_eq!(io(io::ErrorKind::ReadOnlyFilesystem), ErrorKind::Permission);
        assert_eq!(io(io::ErrorKind::Interrupted), ErrorKind::Unavailable);
    }

    #[test]
    fn survives_a_trip_through_std_io() {
        let error: io::Error = Error::from(Detail::LimitExceeded { limit: 3 }).into();
        let back = error.get_ref().and_then(|e| e.downcast_ref::<Error>()).expect("still inside");
        assert_eq!(back.kind(), ErrorKind::LimitExceeded);
    }
}

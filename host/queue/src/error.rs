//! What went wrong, precisely inside, and outside by what to do about it.

use std::{fmt, io, path::Path};

use millstream_errors::{Code, Coded};

/// A queue's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// An argument breaks the rules (name, time, size): mend the caller.
    Invalid,
    /// The receipt's time has passed or its message is deleted: stop working on the message; it may be with somebody else.
    StaleReceipt,
    /// No room is left (disk or quota): free some. What was there is as it was.
    Full,
    /// Not allowed here: change the rights, or use another place.
    Permission,
    /// A fault of the place that may pass: try again, with backoff. The call may or may not have taken place.
    Unavailable,
    /// The queue's file is damaged, or no queue: move it away; runs are continued by `retry`.
    Corrupt,
    /// The queue's file was written by a newer version of this program: use that one.
    TooNew,
    /// A kind of location that this program cannot open: use another.
    Unsupported,
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
            Self::Invalid => Code::QueueInvalid,
            Self::StaleReceipt => Code::QueueStaleReceipt,
            Self::Full => Code::QueueFull,
            Self::Permission => Code::QueuePermission,
            Self::Unavailable => Code::QueueUnavailable,
            Self::Corrupt => Code::QueueCorrupt,
            Self::TooNew => Code::QueueTooNew,
            Self::Unsupported => Code::QueueUnsupported,
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
    #[error("{0}")]
    Invalid(String),
    #[error("message {id} of queue {queue:?} is no longer with this receiver")]
    StaleReceipt { queue: String, id: String },
    #[error("{path} is no Millstream queue (application id {found:#x})")]
    Foreign { path: String, found: i32 },
    #[error(
        "{path} has schema version {found}, and this program knows up to {known}; use a newer Millstream"
    )]
    TooNew { path: String, found: i32, known: i32 },
    // The text has the cause already: as a `source` it would be printed twice.
    #[error("cannot {what} {path}: {cause}")]
    Io { what: &'static str, path: String, cause: io::Error },
    #[error("queue database: {cause}")]
    Sqlite { cause: rusqlite::Error },
    #[error("{message}")]
    Other { kind: ErrorKind, message: String },
    // Says what to do by itself.
    #[error("{message}")]
    Told { kind: ErrorKind, code: Code, message: String },
    // An error that was shown before, advice and all.
    #[error("{message}")]
    Said { kind: ErrorKind, message: String },
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
            Detail::Invalid(_) => ErrorKind::Invalid,
            Detail::StaleReceipt { .. } => ErrorKind::StaleReceipt,
            Detail::Foreign { .. } => ErrorKind::Corrupt,
            Detail::TooNew { .. } => ErrorKind::TooNew,
            Detail::Io { cause, .. } => io_kind(cause.kind()),
            Detail::Sqlite { cause } => sqlite_kind(cause),
            Detail::Other { kind, .. } | Detail::Told { kind, .. } | Detail::Said { kind, .. } => *kind,
        }
    }

    /// The same error once more.
    pub(crate) fn said(kind: ErrorKind, message: String) -> Self {
        Detail::Said { kind, message }.into()
    }

    fn advice(&self) -> &'static str {
        if matches!(self.0, Detail::Said { .. } | Detail::Told { .. }) {
            return "";
        }
        match self.kind() {
            ErrorKind::Full => "; make room on the queue's disk, then run again",
            ErrorKind::Permission => "; make it accessible for this user, or use another place",
            ErrorKind::Corrupt => {
                "; move the queue's files away (`queue/queue.sqlite` and those beside it that begin so): the runs are in the store, \
                 and `millstream retry RUN` sends again what had not been done"
            }
            _ => "",
        }
    }

    pub(crate) fn invalid(why: impl Into<String>) -> Self {
        Detail::Invalid(why.into()).into()
    }

    pub(crate) fn unavailable(why: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, why)
    }

    /// `what` is a verb, as in "cannot open PATH: ...".
    pub(crate) fn io(what: &'static str, path: &Path, cause: io::Error) -> Self {
        Detail::Io { what, path: path.display().to_string(), cause }.into()
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Detail::Sqlite { cause: error }.into()
    }
}

fn io_kind(kind: io::ErrorKind) -> ErrorKind {
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            ErrorKind::Full
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Permission,
        _ => ErrorKind::Unavailable,
    }
}

fn sqlite_kind(error: &rusqlite::Error) -> ErrorKind {
    use rusqlite::ErrorCode;
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => ErrorKind::Full,
        Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
            ErrorKind::Permission
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => ErrorKind::Corrupt,
        _ => ErrorKind::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_database_is_told_from_a_passing_fault() {
        let database = rusqlite::Connection::open_in_memory().unwrap();
        database.execute_batch("CREATE TABLE t (x); PRAGMA max_page_count = 3;").unwrap();
        let full = database.execute("INSERT INTO t VALUES (zeroblob(100000))", []).unwrap_err();
        assert_eq!(Error::from(full).kind(), ErrorKind::Full);
        let passing = database.execute("no such statement", []).unwrap_err();
        assert_eq!(Error::from(passing).kind(), ErrorKind::Unavailable);
    }
}

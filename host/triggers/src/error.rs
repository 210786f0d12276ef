//! Why an event could not be dealt with.

use millstream_control::{runs, workflows};
use millstream_errors::{Code, Coded};

/// Why an event could not be dealt with. What only keeps a run from starting is no error: see [`Outcome`](crate::Outcome).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store failed: the event is to be sent again.
    #[error(transparent)]
    Store(#[from] millstream_store::Error),
    /// A run could not be started or cancelled, as store or queue failed: the event is to be sent again.
    #[error(transparent)]
    Run(#[from] runs::Error),
    /// The workflows that were pushed cannot be read, or there is no such workflow.
    #[error(transparent)]
    Workflow(#[from] workflows::Error),
    /// A record of a run cannot be read.
    #[error(transparent)]
    State(#[from] millstream_state::Error<millstream_store::Error>),
    /// The records of an endpoint cannot be read.
    #[error(transparent)]
    Registry(#[from] millstream_registry::Error),
    /// The workflow does not wait for this.
    #[error("{0}")]
    NoSuchTrigger(String),
    /// It is no event, or its data is not what its type asks for.
    #[error("{0}")]
    Event(String),
    /// A trigger cannot work here.
    #[error("{0}")]
    Unfit(String),
    /// A record below `triggers/` cannot be read.
    #[error("{key} is damaged: {why}")]
    Damaged {
        /// Its key.
        key: String,
        /// Why.
        why: String,
    },
}

impl Coded for Error {
    fn code(&self) -> Code {
        match self {
            Self::Store(error) => error.code(),
            Self::Run(error) => error.code(),
            Self::Workflow(error) => error.code(),
            Self::State(error) => error.code(),
            Self::Registry(error) => error.code(),
            Self::NoSuchTrigger(_) => Code::NoSuchTrigger,
            Self::Event(_) => Code::EventUnreadable,
            Self::Unfit(_) => Code::TriggerUnfit,
            Self::Damaged { .. } => Code::TriggerRecordDamaged,
        }
    }
}

impl Error {
    /// Whether the same event may do better later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(_) | Self::State(_) | Self::Registry(_) => true,
            Self::Run(error) => !is_refusal(error),
            Self::Workflow(error) => matches!(error, workflows::Error::Store(_)),
            Self::NoSuchTrigger(_) | Self::Event(_) | Self::Unfit(_) | Self::Damaged { .. } => false,
        }
    }
}

/// Whether the run can never start, rather than store or queue being out of reach.
pub fn is_refusal(error: &runs::Error) -> bool {
    match error {
        runs::Error::Plan(_)
        | runs::Error::Pools { .. }
        | runs::Error::WarmStart { .. }
        | runs::Error::NoSuchRun { .. }
        | runs::Error::Ambiguous { .. } => true,
        runs::Error::Outside(error) => !error.is_of_store(),
        runs::Error::Stored(error) => !matches!(error, workflows::Error::Store(_)),
        runs::Error::State(_) | runs::Error::Store(_) | runs::Error::Queue(_) => false,
    }
}

//! What is asked of an endpoint, and what comes back.

use std::time::Duration;

use bytes::Bytes;
use millstream_core::failure::Failure;
use millstream_errors::{Code, Coded};

/// A request to an endpoint, whichever route it came by.
#[derive(Clone, Debug)]
pub struct Invocation<'a> {
    /// The endpoint's name.
    pub endpoint: &'a str,
    /// The alias; `live` if none is named.
    pub alias: Option<&'a str>,
    /// This variant and no other (`X-Amzn-SageMaker-Target-Variant`).
    pub target_variant: Option<&'a str>,
    /// Of an endpoint that serves many models: which, as `name`, `name@version` or `name@alias`.
    pub target_model: Option<&'a str>,
    /// The request's headers, for sticky routing and traces.
    pub headers: &'a http::HeaderMap,
    /// Media type of the body; `text/csv` if the request said nothing, as SageMaker's containers take it.
    pub content_type: &'a str,
    /// Media types that the caller takes.
    pub accept: Option<&'a str>,
    /// The rows.
    pub body: Bytes,
    /// The caller's name for this request, kept with captured data.
    pub inference_id: Option<&'a str>,
    /// The caller waits no longer than this, if that is less than the endpoint's time limit.
    pub time_limit: Option<Duration>,
}

/// A version's answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Media type of the body.
    pub content_type: String,
    /// The predictions.
    pub body: Bytes,
    /// The variant that answered.
    pub variant: String,
    /// Its model.
    pub model: String,
    /// Its version.
    pub version: u32,
    /// The predictor had to be loaded for this request.
    pub cold: bool,
    /// Time in the model's functions.
    pub model_time: Duration,
}

/// Why there is no answer. `Display` says whose fault it is and what to do next.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// No endpoint of that name; the message offers the nearest.
    #[error("{0}")]
    NoSuchEndpoint(String),
    /// The endpoint has no such alias, variant or target model; the message lists those that it has.
    #[error("{0}")]
    NoSuchTarget(String),
    /// The content type is none that models speak.
    #[error("{0}")]
    UnsupportedMediaType(String),
    /// The caller takes no media type in which there can be an answer.
    #[error("{0}")]
    NotAcceptable(String),
    /// The request itself is at fault, whatever its rows are.
    #[error("{message}")]
    Invalid {
        /// Which parameter.
        parameter: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// The request's rows are at fault ([`Failure::InvalidInput`] names row and column), or too many.
    #[error("{0}")]
    BadRequest(Failure),
    /// More than the endpoint takes in one request.
    #[error("{0}")]
    TooLarge(String),
    /// As many requests as the endpoint takes at once are under way.
    #[error(
        "endpoint `{endpoint}` has {limit} requests in hand, as many as it takes at once; try again later"
    )]
    Busy {
        /// Which.
        endpoint: String,
        /// Its limit.
        limit: u32,
        /// When to come back.
        retry_after: Duration,
    },
    /// The version can't be loaded, or the server is going down.
    #[error("{message}")]
    Unavailable {
        /// Why.
        message: String,
        /// When to come back.
        retry_after: Duration,
    },
    /// The model took longer than the endpoint's time limit.
    #[error(
        "the model did not answer within {limit:?}, the time limit of endpoint `{endpoint}`; send fewer rows or raise `timeout`"
    )]
    TimedOut {
        /// Which endpoint.
        endpoint: String,
        /// Its limit.
        limit: Duration,
    },
    /// The model's function broke; the version's own fault.
    #[error("model {model} version {version} failed: {failure}")]
    Model {
        /// Its variant.
        variant: String,
        /// The model.
        model: String,
        /// Its version.
        version: u32,
        /// What happened.
        failure: Box<Failure>,
    },
}

impl Coded for InvokeError {
    fn code(&self) -> Code {
        match self {
            Self::NoSuchEndpoint(_) => Code::NoSuchEndpoint,
            Self::NoSuchTarget(_) => Code::NoSuchTarget,
            Self::UnsupportedMediaType(_) => Code::UnsupportedMediaType,
            Self::NotAcceptable(_) => Code::NotAcceptable,
            Self::Invalid { .. } => Code::BadRequest,
            Self::BadRequest(_) => Code::BadRows,
            Self::TooLarge(_) => Code::TooManyRows,
            Self::Busy { .. } => Code::Busy,
            Self::Unavailable { .. } => Code::Unavailable,
            Self::TimedOut { .. } => Code::ModelTimedOut,
            Self::Model { .. } => Code::ModelFailed,
        }
    }
}

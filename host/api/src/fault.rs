//! Why a request got no answer, and how that looks on each kind of route.

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{ACCEPT_ENCODING, ALLOW, CONNECTION, CONTENT_RANGE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use millstream_control::Error;
use millstream_core::failure::Failure;
use millstream_deployment::Misread;
use millstream_endpoint::InvokeError;
use millstream_errors::{Code, Coded};
use serde_json::{Map, Value, json};

use crate::{
    aws, coding,
    reply::{self, Reply},
};

/// The code of an error, on every kind of route.
pub const ERROR: HeaderName = HeaderName::from_static("x-millstream-error");

/// How errors look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// As SageMaker's runtime has them.
    SageMaker,
    /// As Lambda has them.
    Lambda,
    /// As S3 has them.
    S3,
    /// Problem documents (RFC 9457), with the `error` member that the Open Inference Protocol asks for.
    Problem,
}

/// What went wrong. Decides the status, AWS's name for it and the metrics' label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    NoSuchEndpoint,
    NoSuchTarget,
    NoSuchRoute,
    WrongMethod,
    UnsupportedMediaType,
    UnsupportedCoding,
    NotAcceptable,
    OutOfRange,
    NotAsWanted,
    BadRows,
    BadRequest,
    TooManyRows,
    BodyTooLarge,
    SlowBody,
    KeyMissing,
    KeyUnknown,
    KeyForbidden,
    Misdirected,
    CrossSite,
    Conflict,
    KeyReused,
    Unfit,
    Busy,
    Unavailable,
    TimedOut,
    Model,
    NoSuchWorkflow,
    WrongSignature,
    RunRefused,
}

/// Why a request got no answer. The message says whose fault it is and what to do next.
#[derive(Clone, Debug)]
pub struct Fault {
    pub kind: Kind,
    pub message: String,
    /// Apart, so that the answers that are none of it stay small.
    pub detail: Box<Detail>,
}

/// What else is known of a fault.
#[derive(Clone, Debug, Default)]
pub struct Detail {
    /// When to come back.
    pub retry_after: Option<Duration>,
    /// The row at fault, from 1.
    pub row: Option<u64>,
    /// The column at fault.
    pub column: Option<String>,
    /// The member, header or query parameter at fault.
    pub parameter: Option<Cow<'static, str>>,
    /// The variant at fault.
    pub variant: Option<String>,
    /// How long the object is, if a range is at fault.
    pub content_range: Option<String>,
    /// What the path takes, if the method is at fault.
    pub allow: Option<String>,
}

impl Coded for Kind {
    fn code(&self) -> Code {
        match self {
            Self::NoSuchEndpoint => Code::NoSuchEndpoint,
            Self::NoSuchTarget => Code::NoSuchTarget,
            Self::NoSuchRoute => Code::NoSuchRoute,
            Self::WrongMethod => Code::WrongMethod,
            Self::UnsupportedMediaType => Code::UnsupportedMediaType,
            Self::UnsupportedCoding => Code::UnsupportedCoding,
            Self::NotAcceptable => Code::NotAcceptable,
            Self::OutOfRange => Code::RangeBeyondEnd,
            Self::NotAsWanted => Code::ConditionFailed,
            Self::BadRows => Code::BadRows,
            Self::BadRequest => Code::BadRequest,
            Self::TooManyRows => Code::TooManyRows,
            Self::BodyTooLarge => Code::BodyTooLarge,
            Self::SlowBody => Code::SlowBody,
            Self::KeyMissing => Code::KeyMissing,
            Self::KeyUnknown => Code::KeyUnknown,
            Self::KeyForbidden => Code::KeyForbidden,
            Self::Misdirected => Code::Misdirected,
            Self::CrossSite => Code::CrossSite,
            Self::Conflict => Code::Conflict,
            Self::KeyReused => Code::IdempotencyKeyReused,
            Self::Unfit => Code::UnfitVersion,
            Self::Busy => Code::Busy,
            Self::Unavailable => Code::Unavailable,
            Self::TimedOut => Code::ModelTimedOut,
            Self::Model => Code::ModelFailed,
            Self::NoSuchWorkflow => Code::NoSuchTrigger,
            Self::WrongSignature => Code::WrongSignature,
            Self::RunRefused => Code::RunRequest,
        }
    }
}

impl Kind {
    /// The metrics' label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoSuchEndpoint => "no-such-endpoint",
            Self::NoSuchTarget => "no-such-target",
            Self::NoSuchRoute => "no-such-route",
            Self::WrongMethod => "wrong-method",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::UnsupportedCoding => "unsupported-coding",
            Self::NotAcceptable => "not-acceptable",
            Self::OutOfRange => "out-of-range",
            Self::NotAsWanted => "not-as-wanted",
            Self::BadRows => "bad-rows",
            Self::BadRequest => "bad-request",
            Self::TooManyRows => "too-many-rows",
            Self::BodyTooLarge => "body-too-large",
            Self::SlowBody => "slow-body",
            Self::KeyMissing => "key-missing",
            Self::KeyUnknown => "key-unknown",
            Self::KeyForbidden => "key-forbidden",
            Self::Misdirected => "misdirected",
            Self::CrossSite => "cross-site",
            Self::Conflict => "conflict",
            Self::KeyReused => "idempotency-key-reused",
            Self::Unfit => "unfit-version",
            Self::Busy => "busy",
            Self::Unavailable => "unavailable",
            Self::TimedOut => "timed-out",
            Self::Model => "model",
            Self::NoSuchWorkflow => "no-such-workflow",
            Self::WrongSignature => "wrong-signature",
            Self::RunRefused => "run-refused",
        }
    }

    /// The HTTP status where the shape has no other.
    pub fn status(self) -> StatusCode {
        match self {
            Self::NoSuchEndpoint | Self::NoSuchTarget | Self::NoSuchRoute | Self::NoSuchWorkflow => {
                StatusCode::NOT_FOUND
            }
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::UnsupportedMediaType | Self::UnsupportedCoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::OutOfRange => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::NotAsWanted => StatusCode::PRECONDITION_FAILED,
            Self::BadRows | Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::TooManyRows | Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::KeyMissing | Self::KeyUnknown => StatusCode::UNAUTHORIZED,
            Self::KeyForbidden | Self::CrossSite | Self::WrongSignature => StatusCode::FORBIDDEN,
            Self::Misdirected => StatusCode::MISDIRECTED_REQUEST,
            Self::Conflict => StatusCode::CONFLICT,
            Self::Unfit | Self::KeyReused | Self::RunRefused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Busy => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
            Self::Model => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl Fault {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), detail: Box::default() }
    }

    pub fn parameter(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.detail.parameter = Some(name.into());
        self
    }

    pub fn retry_after(mut self, time: Duration) -> Self {
        self.detail.retry_after = Some(time);
        self
    }

    pub fn variant(mut self, name: impl Into<String>) -> Self {
        self.detail.variant = Some(name.into());
        self
    }

    pub fn allow(mut self, methods: String) -> Self {
        self.detail.allow = Some(methods);
        self
    }

    pub fn content_range(mut self, range: String) -> Self {
        self.detail.content_range = Some(range);
        self
    }

    fn of(kind: Kind, failure: Failure) -> Self {
        let mut fault = Self::new(kind, failure.to_string());
        match failure {
            Failure::InvalidInput { row, column, .. } => {
                fault.detail.row = row;
                fault.detail.column = column;
            }
            Failure::InvalidParameter { name, .. } => fault.detail.parameter = Some(name.into()),
            _ => {}
        }
        fault
    }

    /// The answer.
    pub fn reply(&self, shape: Shape, request_id: &HeaderValue) -> Reply {
        let mut reply = match shape {
            Shape::SageMaker => aws::sagemaker_error(self, request_id),
            Shape::Lambda => aws::lambda_error(self, request_id),
            Shape::S3 => aws::s3_error(self, request_id),
            Shape::Problem => self.problem(),
        };
        let headers = reply.headers_mut();
        headers.insert(ERROR, HeaderValue::from_static(self.kind.code().as_str()));
        if let Some(time) = self.detail.retry_after {
            // Whole seconds, rounded up: nobody is told to come back too early.
            let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, seconds.max(1).into());
        }
        if let Some(allow) = &self.detail.allow {
            headers.insert(ALLOW, reply::text(allow.clone()));
        }
        if let Some(range) = &self.detail.content_range {
            headers.insert(CONTENT_RANGE, reply::text(range.clone()));
        }
        if self.kind == Kind::UnsupportedCoding {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(coding::UNDERSTOOD));
        }
        if matches!(self.kind, Kind::BodyTooLarge | Kind::SlowBody) {
            // What is left of the body would be taken for the next request.
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        reply
    }

    fn problem(&self) -> Reply {
        let mut reply = reply::new(
            self.kind.status(),
            HeaderValue::from_static("application/problem+json"),
            Bytes::from(self.document().to_string()),
        );
        if self.kind.status() == StatusCode::UNAUTHORIZED {
            reply
                .headers_mut()
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"millstream\""));
        }
        reply
    }

    /// The problem document.
    pub fn document(&self) -> Value {
        let mut document = Map::new();
        let code = self.kind.code();
        document.insert("type".into(), code.url().into());
        document.insert("title".into(), code.title().into());
        document.insert("status".into(), self.kind.status().as_u16().into());
        document.insert("code".into(), code.as_str().into());
        document.insert("detail".into(), self.message.clone().into());
        document.insert("error".into(), self.message.clone().into());
        if let Some(row) = self.detail.row {
            document.insert("row".into(), row.into());
        }
        if let Some(column) = &self.detail.column {
            document.insert("column".into(), json!(column));
        }
        if let Some(parameter) = &self.detail.parameter {
            document.insert("parameter".into(), json!(parameter));
        }
        if let Some(variant) = &self.detail.variant {
            document.insert("variant".into(), json!(variant));
        }
        Value::Object(document)
    }
}

impl From<InvokeError> for Fault {
    fn from(error: InvokeError) -> Self {
        let message = error.to_string();
        match error {
            InvokeError::NoSuchEndpoint(_) => Self::new(Kind::NoSuchEndpoint, message),
            InvokeError::NoSuchTarget(_) => Self::new(Kind::NoSuchTarget, message),
            InvokeError::UnsupportedMediaType(_) => Self::new(Kind::UnsupportedMediaType, message),
            InvokeError::NotAcceptable(_) => Self::new(Kind::NotAcceptable, message).parameter("Accept"),
            InvokeError::Invalid { parameter, .. } => {
                Self::new(Kind::BadRequest, message).parameter(parameter)
            }
            InvokeError::BadRequest(failure) => Self::of(Kind::BadRows, failure),
            InvokeError::TooLarge(_) => Self::new(Kind::TooManyRows, message),
            InvokeError::Busy { retry_after, .. } => Self::new(Kind::Busy, message).retry_after(retry_after),
            InvokeError::Unavailable { retry_after, .. } => {
                Self::new(Kind::Unavailable, message).retry_after(retry_after)
            }
            InvokeError::TimedOut { .. } => Self::new(Kind::TimedOut, message),
            InvokeError::Model { variant, .. } => Self::new(Kind::Model, message).variant(variant),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::NotFound(_) => Self::new(Kind::NoSuchTarget, message),
            Error::Invalid(_) => Self::new(Kind::BadRequest, message),
            Error::Misread(misread) => misread.into(),
            Error::Forbidden(_) => Self::new(Kind::KeyForbidden, message),
            Error::Refused(_) | Error::Conflict(_) => Self::new(Kind::Conflict, message),
            Error::Reused(_) => Self::new(Kind::KeyReused, message).parameter("Idempotency-Key"),
            Error::Check { .. } => Self::new(Kind::Unfit, message),
            Error::Store(_) => Self::new(Kind::Unavailable, message).retry_after(Duration::from_secs(1)),
        }
    }
}

impl From<Misread> for Fault {
    fn from(misread: Misread) -> Self {
        Self::new(Kind::BadRequest, misread.message).parameter(misread.member)
    }
}

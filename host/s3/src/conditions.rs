//! Conditional requests, as S3 answers them.

use http::HeaderMap;
use s3s::{
    S3Error, S3ErrorCode, S3Result,
    dto::{ETagCondition, Timestamp},
    s3_error,
};

use crate::fault;

/// When a read is answered with the object.
#[derive(Clone, Debug, Default)]
pub struct ReadIf {
    pub matches: Option<ETagCondition>,
    pub none_match: Option<ETagCondition>,
    pub modified_since: Option<Timestamp>,
    pub unmodified_since: Option<Timestamp>,
}

/// When a write takes place.
#[derive(Clone, Debug, Default)]
pub struct WriteIf {
    pub matches: Option<ETagCondition>,
    pub none_match: Option<ETagCondition>,
}

/// Why an object is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmet {
    /// It is as the client has it (304).
    NotModified,
    /// It is not as the client wants it (412).
    Changed,
}

impl ReadIf {
    /// Of an object with that entity tag, written in that second. A tag counts more than a date.
    pub fn check(&self, etag: &str, second: u64) -> Result<(), Unmet> {
        let after = |date: &Option<Timestamp>| date.as_ref().map(|date| second > seconds(date));
        match &self.matches {
            Some(wanted) if !is(wanted, etag, false) => return Err(Unmet::Changed),
            None if after(&self.unmodified_since) == Some(true) => return Err(Unmet::Changed),
            _ => {}
        }
        match &self.none_match {
            Some(known) if is(known, etag, true) => Err(Unmet::NotModified),
            None if after(&self.modified_since) == Some(false) => Err(Unmet::NotModified),
            _ => Ok(()),
        }
    }

    /// The same for the source of a copy, where both are errors.
    pub fn check_source(&self, etag: &str, second: u64) -> S3Result<()> {
        self.check(etag, second).map_err(|_| fault::precondition())
    }
}

impl WriteIf {
    /// What headers say, for requests whose types have no place for it.
    pub fn of(headers: &HeaderMap) -> S3Result<Self> {
        let read = |name: &str| {
            let Some(value) = headers.get(name) else { return Ok(None) };
            ETagCondition::parse_http_header(value.as_bytes())
                .map(Some)
                .map_err(|_| s3_error!(InvalidArgument, "The header {name} is no entity tag"))
        };
        Ok(Self { matches: read("if-match")?, none_match: read("if-none-match")? })
    }

    /// Whether there is a condition.
    pub fn is_some(&self) -> bool {
        self.matches.is_some() || self.none_match.is_some()
    }

    /// Of the object that is there now.
    ///
    /// # Errors
    /// `PreconditionFailed`; `NoSuchKey` where one is to be replaced that is not there.
    pub fn check(&self, etag: Option<&str>) -> S3Result<()> {
        if let Some(wanted) = &self.matches {
            match etag {
                None => return Err(fault::no_such_key()),
                Some(etag) if !is(wanted, etag, false) => return Err(fault::precondition()),
                Some(_) => {}
            }
        }
        match (&self.none_match, etag) {
            (Some(unwanted), Some(etag)) if is(unwanted, etag, true) => Err(fault::precondition()),
            _ => Ok(()),
        }
    }
}

/// `304 Not Modified`, with what clients update their copies by.
pub fn not_modified(etag: &str) -> S3Error {
    let mut error = S3Error::new(S3ErrorCode::NotModified);
    let mut headers = HeaderMap::new();
    if let Ok(value) = crate::record::tag(etag).to_http_header() {
        headers.insert(http::header::ETAG, value);
    }
    error.set_headers(headers);
    error
}

/// A weak tag fits only where copies are compared.
fn is(wanted: &ETagCondition, etag: &str, weak: bool) -> bool {
    match wanted {
        ETagCondition::Any => true,
        ETagCondition::ETag(tag) if weak => tag.value() == etag,
        ETagCondition::ETag(tag) => tag.as_strong() == Some(etag),
    }
}

/// Since 1970 UTC.
pub fn seconds(at: &Timestamp) -> u64 {
    let at: time::OffsetDateTime = at.clone().into();
    u64::try_from(at.unix_timestamp()).unwrap_or(0)
}

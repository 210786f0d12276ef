//! What went wrong at AWS, for people.

use std::{
    error::Error,
    time::{Duration, SystemTime},
};

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::{DateTime, date_time::Format, error::metadata::ProvideErrorMetadata};
use millstream_errors::{Code, Coded};

use crate::looked;

/// What to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// There are no credentials.
    NoCredentials,
    /// The credentials are unknown, or their time has passed.
    Refused,
    /// Another region is the right one, or none is said.
    Region,
    /// The credentials lack a right, or what was asked for belongs to another account.
    Denied,
    /// There is no such bucket.
    NoBucket,
    /// This machine's clock is off.
    Clock,
    /// Too many requests at a time: it passes.
    Throttled,
    /// No answer, or a fault of the service: it passes.
    Unreachable,
    /// What was asked for makes no sense to the service: a fault of ours, or of an emulator.
    Invalid,
}

impl Coded for Kind {
    fn code(&self) -> Code {
        match self {
            Self::NoCredentials => Code::AwsNoCredentials,
            Self::Refused => Code::AwsRefused,
            Self::Region => Code::AwsRegion,
            Self::Denied => Code::AwsDenied,
            Self::NoBucket => Code::AwsNoBucket,
            Self::Clock => Code::AwsClock,
            Self::Throttled => Code::AwsThrottled,
            Self::Unreachable => Code::AwsUnreachable,
            Self::Invalid => Code::AwsInvalid,
        }
    }
}

/// An error of AWS with what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Trouble {
    /// What to do about it.
    pub kind: Kind,
    /// What happened and what to do, in sentences.
    pub text: String,
}

impl Coded for Trouble {
    fn code(&self) -> Code {
        self.kind.code()
    }
}

/// What was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// What, as a verb: "write", "receive from".
    pub what: &'a str,
    /// Of what: `s3://bucket/key`.
    pub target: &'a str,
    /// The right that it takes: `s3:PutObject`.
    pub right: &'a str,
    /// The region that was asked.
    pub region: Option<&'a str>,
}

/// Makes of the SDK's error one that says what to do.
pub fn explain<E>(asked: Asked<'_>, error: &SdkError<E, HttpResponse>) -> Trouble
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let (kind, why) = judge(asked, error);
    Trouble { kind, text: format!("cannot {} {}: {why}", asked.what, asked.target) }
}

fn judge<E>(asked: Asked<'_>, error: &SdkError<E, HttpResponse>) -> (Kind, String)
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if let Some(found) = of_credentials(error) {
        return found;
    }
    let SdkError::ServiceError(service) = error else {
        let why = innermost(error);
        if why.contains("region") {
            return (Kind::Region, "no region is set; set AWS_REGION, or `region` in the profile".to_owned());
        }
        return (Kind::Unreachable, format!("{why}; it may pass: try again, and check network and endpoint"));
    };
    let (response, code) = (service.raw(), service.err().code().unwrap_or_default());
    let said = service.err().message().unwrap_or("it does not say why");
    let status = response.status().as_u16();
    match (code, status) {
        ("RequestTimeTooSkewed", _) => (Kind::Clock, clock(response)),
        // With a clock that is far off, signatures are refused, too.
        ("SignatureDoesNotMatch" | "InvalidSignatureException" | "RequestExpired", _)
            if skew(response).is_some_and(|(skew, _)| skew > Duration::from_secs(240)) =>
        {
            (Kind::Clock, clock(response))
        }
        ("ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" | "RequestExpired", _) => {
            let source = looked::source();
            (Kind::Refused, format!("the credentials have expired ({source}); get new ones and try again"))
        }
        (
            "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "InvalidSignatureException"
            | "InvalidToken"
            | "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "AuthFailure"
            | "IncompleteSignature",
            _,
        ) => {
            let source = looked::source();
            (Kind::Refused, format!("AWS does not accept the credentials ({source}): {said}; check them"))
        }
        (
            "PermanentRedirect"
            | "TemporaryRedirect"
            | "AuthorizationHeaderMalformed"
            | "IllegalLocationConstraintException",
            _,
        )
        | ("", 301) => (Kind::Region, region(asked, response, said)),
        ("NoSuchBucket", _) => {
            let account =
                "create it, or correct its name; a bucket is found in its own partition of AWS alone";
            (Kind::NoBucket, format!("there is no such bucket; {account}"))
        }
        (
            "AccessDenied" | "AccessDeniedException" | "AllAccessDisabled" | "AccountProblem" | "Forbidden",
            _,
        )
        | ("", 403) => (
            Kind::Denied,
            format!(
                "AWS denies it ({said}); either the credentials lack the right {}, or it belongs to another account, \
                 whose policy must allow it; `aws sts get-caller-identity` says who asks",
                asked.right
            ),
        ),
        (
            "SlowDown"
            | "Throttling"
            | "ThrottlingException"
            | "RequestThrottled"
            | "RequestLimitExceeded"
            | "TooManyRequestsException"
            | "KmsThrottled"
            | "OverLimit"
            | "BandwidthLimitExceeded",
            _,
        )
        | (_, 429) => {
            (Kind::Throttled, format!("too many requests at a time ({said}); it passes: try again later"))
        }
        (_, 500..) => (
            Kind::Unreachable,
            format!("AWS has trouble (HTTP {status}, {code}: {said}); it may pass: try again"),
        ),
        _ => (Kind::Invalid, format!("HTTP {status}, {code}: {said}")),
    }
}

/// What providers of credentials met is somewhere inside.
fn of_credentials(error: &(dyn Error + 'static)) -> Option<(Kind, String)> {
    let found = chain(error).find_map(|inner| inner.downcast_ref::<CredentialsError>());
    let why = match found {
        Some(CredentialsError::CredentialsNotLoaded(_)) => String::new(),
        Some(other) => format!(" ({})", innermost(other)),
        None if chain(error).any(|inner| inner.to_string().contains("no providers in chain provided")) => {
            String::new()
        }
        None => return None,
    };
    Some((
        Kind::NoCredentials,
        format!(
            "there are no credentials for AWS{why}; {}; set the variables, or AWS_PROFILE to a profile that has keys (for one of \
             IAM Identity Center: `eval \"$(aws configure export-credentials --format env)\"`)",
            looked::places()
        ),
    ))
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'a (dyn Error + 'static) = *error;
        error.source()
    })
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = chain(error).map(ToString::to_string).collect();
    // The outer ones say "dispatch failure", the inner ones which.
    texts.dedup();
    let last = texts.len().saturating_sub(2);
    texts[last..].join(": ")
}

fn region(asked: Asked<'_>, response: &HttpResponse, said: &str) -> String {
    let asked = asked.region.unwrap_or("none");
    match response.headers().get("x-amz-bucket-region").map(str::to_owned).or_else(|| expected(said)) {
        Some(right) => format!("it is in region {right}, and {asked} was asked; set AWS_REGION={right}"),
        None => format!("it is not in region {asked} ({said}); set AWS_REGION to its region"),
    }
}

/// "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-central-1'".
fn expected(said: &str) -> Option<String> {
    let rest = said.split_once("expecting '")?.1;
    Some(rest.split_once('\'')?.0.to_owned())
}

/// How far this clock and that of the answer are apart, and whether this one is ahead.
fn skew(response: &HttpResponse) -> Option<(Duration, bool)> {
    let date = DateTime::from_str(response.headers().get("date")?, Format::HttpDate).ok()?;
    let theirs = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(date.secs()).ok()?);
    Some(match SystemTime::now().duration_since(theirs) {
        Ok(ahead) => (ahead, true),
        Err(behind) => (behind.duration(), false),
    })
}

fn clock(response: &HttpResponse) -> String {
    let off = match skew(response) {
        Some((skew, ahead)) => {
            let (hours, minutes) = (skew.as_secs() / 3600, skew.as_secs() / 60 % 60);
            format!("{hours} h {minutes} min {}", if ahead { "ahead" } else { "behind" })
        }
        None => "more than 15 minutes off".to_owned(),
    };
    format!("this machine's clock is {off}, and AWS allows 15 minutes; set it, best by NTP")
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::http::StatusCode;
    use aws_smithy_types::{body::SdkBody, error::ErrorMetadata};

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("service error")]
    struct Service(ErrorMetadata);

    impl ProvideErrorMetadata for Service {
        fn meta(&self) -> &ErrorMetadata {
            &self.0
        }
    }

    const ASKED: Asked<'_> =
        Asked { what: "write", target: "s3://b/k", right: "s3:PutObject", region: Some("us-east-1") };

    fn answer(status: u16, code: &str, message: &str, headers: &[(&'static str, String)]) -> Trouble {
        let mut response = HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::empty());
        for (name, value) in headers {
            response.headers_mut().insert(*name, value.clone());
        }
        let mut meta = ErrorMetadata::builder();
        if !code.is_empty() {
            meta = meta.code(code).message(message);
        }
        explain(ASKED, &SdkError::service_error(Service(meta.build()), response))
    }

    #[test]
    fn each_trouble_says_what_to_do() {
        let at = |offset: i64| {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64;
            ("date", DateTime::from_secs(now + offset).fmt(Format::HttpDate).unwrap())
        };
        let header = ("x-amz-bucket-region", "eu-west-3".to_owned());
        let malformed = "the region 'us-east-1' is wrong; expecting 'eu-central-1'";
        let cases = [
            (answer(400, "ExpiredToken", "expired", &[]), Kind::Refused, "have expired"),
            (answer(403, "InvalidAccessKeyId", "unknown", &[]), Kind::Refused, "does not accept"),
            (answer(403, "SignatureDoesNotMatch", "no", &[at(5)]), Kind::Refused, "does not accept"),
            (answer(403, "SignatureDoesNotMatch", "no", &[at(3600)]), Kind::Clock, "59 min behind"),
            (answer(403, "RequestTimeTooSkewed", "no", &[at(-7201)]), Kind::Clock, "2 h 0 min ahead"),
            (answer(301, "", "", &[header]), Kind::Region, "set AWS_REGION=eu-west-3"),
            (
                answer(400, "AuthorizationHeaderMalformed", malformed, &[]),
                Kind::Region,
                "AWS_REGION=eu-central-1",
            ),
            (answer(404, "NoSuchBucket", "none", &[]), Kind::NoBucket, "there is no such bucket"),
            (answer(403, "AccessDenied", "denied", &[]), Kind::Denied, "s3:PutObject"),
            (answer(403, "", "", &[]), Kind::Denied, "another account"),
            (answer(503, "SlowDown", "slow", &[]), Kind::Throttled, "try again later"),
            (answer(503, "ServiceUnavailable", "x", &[]), Kind::Unreachable, "try again"),
            (answer(400, "MalformedXML", "x", &[]), Kind::Invalid, "MalformedXML"),
        ];
        for (trouble, kind, says) in cases {
            assert_eq!(trouble.kind, kind, "{trouble}");
            assert!(
                trouble.text.contains(says) && trouble.text.starts_with("cannot write s3://b/k: "),
                "{trouble}"
            );
        }
    }

    #[test]
    fn missing_credentials_say_where_they_were_looked_for() {
        let missing = CredentialsError::not_loaded("no providers in chain provided credentials");
        let error = SdkError::<Service, HttpResponse>::construction_failure(missing);
        let trouble = explain(ASKED, &error);
        assert_eq!(trouble.kind, Kind::NoCredentials);
        for place in ["AWS_ACCESS_KEY_ID", "AWS_PROFILE", "the profile `", "credentials", "config"] {
            assert!(trouble.text.contains(place), "{trouble}");
        }
    }
}

//! From an HTTP request to an answer of S3.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, Method, Request, Response, StatusCode, Uri,
    header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HOST, RANGE},
};
use percent_encoding::percent_decode_str;
use s3s::{
    Body, S3Error, S3Result,
    config::{S3Config, StaticConfigProvider},
    dto::{Range, Timestamp, TimestampFormat},
    host::{S3Host, VirtualHost},
    s3_error,
    service::{S3Service, S3ServiceBuilder},
};

use crate::{
    access::{Door, Keyring},
    buckets::Buckets,
    chunked::{BodyError, Trailers, Unchunked},
    conditions::seconds,
    fault,
    s3::{Api, SaidSha256},
};

const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const DECODED_LENGTH: HeaderName = HeaderName::from_static("x-amz-decoded-content-length");
/// Largest body that is XML: a thousand keys to delete, ten thousand parts.
const XML: usize = 8 << 20;
/// What signs a URL.
const SIGNATURE: [&str; 7] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
];

/// Whether a request is meant for S3: it is signed for the service `s3` (in its head or in its URL), or its host is `s3.NAME` or
/// `BUCKET.s3.NAME`. All others are somebody else's.
pub fn is_for(headers: &HeaderMap, uri: &Uri) -> bool {
    let signed = headers.get(AUTHORIZATION).is_some_and(|value| {
        let value = value.as_bytes();
        value.starts_with(b"AWS4-HMAC-SHA256") && contains(value, b"/s3/aws4_request")
    });
    signed
        || uri.query().is_some_and(|query| {
            query.contains("X-Amz-Credential=")
                && parameters(query).any(|(name, value)| {
                    name == "X-Amz-Credential" && decoded(value).ends_with("/s3/aws4_request")
                })
        })
        || host(headers).is_some_and(|host| bucket_of(host).is_some())
}

/// Answers S3's requests.
pub struct Service {
    s3: S3Service,
    /// None: whoever comes may do everything, and signatures are not looked at.
    keys: Option<Arc<dyn Keyring>>,
}

impl Service {
    /// Answers out of these buckets whoever has a key; everybody, if there is no keyring.
    pub fn new(buckets: Arc<Buckets>, keys: Option<Arc<dyn Keyring>>) -> Self {
        let mut builder = S3ServiceBuilder::new(Api::new(buckets));
        let mut config = S3Config::default();
        config.xml_max_body_size = XML;
        builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
        builder.set_host(Hosts);
        if let Some(keys) = &keys {
            builder.set_auth(Door(keys.clone()));
            builder.set_access(Door(keys.clone()));
        }
        Self { s3: builder.build(), keys }
    }

    /// Answers a request. Whatever it says, there is an answer.
    pub async fn call<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let request = match self.prepare(request) {
            Ok(request) => request,
            Err(error) => return told(error),
        };
        match self.s3.call(request).await {
            Ok(mut response) => {
                // Also where only the head is asked for.
                if response.status() == StatusCode::OK && response.headers().contains_key(CONTENT_RANGE) {
                    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
                }
                response
            }
            Err(error) => told(s3_error!(InternalError, "{}", s3s::StdError::from(error))),
        }
    }

    fn prepare<B>(&self, request: Request<B>) -> S3Result<Request<Body>>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (mut parts, body) = request.into_parts();
        let text = |headers: &HeaderMap, name: &HeaderName| {
            headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let old = parameters(&query).any(|(name, _)| name == "Signature" || name == "AWSAccessKeyId");
        if old || text(&parts.headers, &AUTHORIZATION).is_some_and(|value| value.starts_with("AWS ")) {
            return Err(s3_error!(
                InvalidRequest,
                "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
            ));
        }
        let form = text(&parts.headers, &CONTENT_TYPE)
            .is_some_and(|kind| kind.trim_start().to_ascii_lowercase().starts_with("multipart/form-data"));
        if parts.method == Method::POST && form {
            // It would be read into memory.
            return Err(fault::not_offered("upload by a form (PostObject)"));
        }
        // A range that can't be read is passed over, and so are several at once: S3 gives the whole object.
        let mut ranges = parts.headers.get_all(RANGE).iter();
        let one = ranges
            .next()
            .and_then(|value| value.to_str().ok())
            .is_some_and(|text| Range::parse(text).is_ok());
        let signed = text(&parts.headers, &AUTHORIZATION).is_some_and(|value| signs(&value, RANGE.as_str()));
        let strange = !one || ranges.next().is_some();
        // One that is signed has to stay for the signature's sake, and is refused.
        if strange && (self.keys.is_none() || !signed) {
            parts.headers.remove(RANGE);
        }
        if let Some(keys) = &self.keys {
            let credential = parameters(&query).find(|(name, _)| *name == "X-Amz-Credential");
            let who = credential.map(|(_, value)| decoded(value));
            if who.is_some_and(|who| !keys.may_presign(who.split('/').next().unwrap_or_default())) {
                return Err(s3_error!(
                    AccessDenied,
                    "The URL holds a whole API key as its access key id, and would give it away; sign URLs with the access key id \
                     that `millstream keys create` shows."
                ));
            }
            return Ok(Request::from_parts(parts, Body::http_body_unsync(Plain(body))));
        }
        self.open(parts, body, &query)
    }

    /// Without keys: signatures are taken away, and what they are made over is checked all the same where it can be.
    fn open<B>(&self, mut parts: http::request::Parts, body: B, query: &str) -> S3Result<Request<Body>>
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if parameters(query).any(|(name, _)| name == "X-Amz-Signature") {
            if has_expired(query)? {
                return Err(s3_error!(AccessDenied, "Request has expired"));
            }
            parts.uri = unsigned(&parts.uri, query)?;
        }
        parts.headers.remove(AUTHORIZATION);
        let sha256 =
            parts.headers.get(&CONTENT_SHA256).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !sha256.starts_with("STREAMING-") {
            if sha256.len() == 64 && sha256.bytes().all(|b| b.is_ascii_hexdigit()) {
                let said = SaidSha256(sha256.to_owned());
                parts.extensions.insert(said);
            }
            return Ok(Request::from_parts(parts, Body::http_body_unsync(Plain(body))));
        }
        let length = parts.headers.get(&DECODED_LENGTH).cloned();
        let length = length.ok_or_else(|| {
            s3_error!(MissingContentLength, "You must provide the x-amz-decoded-content-length header.")
        })?;
        parts.headers.insert(CONTENT_LENGTH, length);
        let trailers = Trailers::default();
        parts.extensions.insert(trailers.clone());
        Ok(Request::from_parts(parts, Body::http_body_unsync(Unchunked::new(body, trailers))))
    }
}

/// A body whose errors are those of all bodies.
struct Plain<B>(B);

impl<B> http_body::Body for Plain<B>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, BodyError>>> {
        let frame = std::pin::Pin::new(&mut self.0).poll_frame(cx);
        frame.map(|frame| frame.map(|frame| frame.map_err(|error| BodyError(error.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.0.size_hint()
    }
}

/// An error as S3 tells it.
fn told(error: S3Error) -> Response<Body> {
    error.to_http_response().unwrap_or_else(|_| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

/// Buckets in the names of hosts.
struct Hosts;

impl S3Host for Hosts {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        Ok(match bucket_of(host) {
            Some((Some(bucket), domain)) => {
                // Names of hosts are the same in all cases, and those of buckets are in lower case.
                VirtualHost::new(domain).with_bucket(bucket.to_ascii_lowercase())
            }
            _ => VirtualHost::new(host),
        })
    }
}

/// The bucket, if any, and the rest of a host that is S3's.
fn bucket_of(host: &str) -> Option<(Option<&str>, &str)> {
    let begins = |text: &str| text.len() > 3 && text.as_bytes()[..3].eq_ignore_ascii_case(b"s3.");
    if begins(host) {
        return Some((None, host));
    }
    let mut dots = host.match_indices('.').map(|(at, _)| at);
    let at = dots.rfind(|at| begins(&host[at + 1..]))?;
    Some((Some(&host[..at]), &host[at + 1..]))
}

fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(HOST)?.to_str().ok()
}

/// Whether a signature is one over that header, by its name in lower case.
fn signs(authorization: &str, header: &str) -> bool {
    let list = authorization.split("SignedHeaders=").nth(1).unwrap_or_default();
    list.split(',').next().unwrap_or_default().trim().split(';').any(|name| name == header)
}

fn contains(text: &[u8], what: &[u8]) -> bool {
    text.windows(what.len()).any(|window| window == what)
}

/// Names and values, as they came.
fn parameters(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn decoded(value: &str) -> String {
    percent_decode_str(value).decode_utf8_lossy().into_owned()
}

/// Whether the time of a signed URL is over.
fn has_expired(query: &str) -> S3Result<bool> {
    let value =
        |wanted: &str| parameters(query).find(|(name, _)| *name == wanted).map(|(_, value)| decoded(value));
    let missing =
        || s3_error!(AuthorizationQueryParametersError, "The URL has no valid X-Amz-Date and X-Amz-Expires");
    let lives: u64 = value("X-Amz-Expires").and_then(|text| text.parse().ok()).ok_or_else(missing)?;
    // Such as `20130524T000000Z`.
    let date = value("X-Amz-Date").filter(|date| date.len() == 16 && date.is_ascii()).ok_or_else(missing)?;
    let date = format!(
        "{}-{}-{}T{}:{}:{}Z",
        &date[..4],
        &date[4..6],
        &date[6..8],
        &date[9..11],
        &date[11..13],
        &date[13..15]
    );
    let signed = Timestamp::parse(TimestampFormat::DateTime, &date).map_err(|_| missing())?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Ok(now > seconds(&signed).saturating_add(lives))
}

/// The same without a signature.
fn unsigned(uri: &Uri, query: &str) -> S3Result<Uri> {
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| !SIGNATURE.contains(&pair.split('=').next().unwrap_or_default()))
        .collect();
    let path = uri.path();
    let target = if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) };
    target.parse().map_err(|_| s3_error!(InvalidURI))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn requests_of_s3_are_told_from_others() {
        let sign = |service: &str| {
            format!(
                "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
            )
        };
        let uri = |text: &str| text.parse::<Uri>().unwrap();
        let plain = uri("/endpoints/e/invocations");
        assert!(is_for(&headers(&[("authorization", &sign("s3"))]), &plain));
        for service in ["sagemaker", "lambda", "s3x"] {
            assert!(!is_for(&headers(&[("authorization", &sign(service))]), &plain));
        }
        assert!(!is_for(
            &headers(&[("authorization", "Bearer /s3/aws4_request"), ("host", "localhost:8080")]),
            &plain
        ));
        for signed in [
            "/b/k?X-Amz-Credential=x%2F20260101%2Fr%2Fs3%2Faws4_request",
            "/?a=b&X-Amz-Credential=x/1/r/s3/aws4_request&c",
        ] {
            assert!(is_for(&HeaderMap::new(), &uri(signed)), "{signed}");
        }
        assert!(!is_for(
            &HeaderMap::new(),
            &uri("/b?X-Amz-Credential=x%2F1%2Fr%2Flambda%2Faws4_request&y=/s3/aws4_request")
        ));
        for (host, bucket) in [
            ("s3.localhost:8080", Some(None)),
            ("raw.s3.localhost", Some(Some("raw"))),
            ("a.b.S3.example.com", Some(Some("a.b"))),
            ("x.s3.y.s3.localhost", Some(Some("x.s3.y"))),
            ("localhost", None),
            ("127.0.0.1:8080", None),
            ("s3", None),
            ("xs3.localhost", None),
        ] {
            assert_eq!(bucket_of(host).map(|(bucket, _)| bucket), bucket, "{host}");
            assert_eq!(is_for(&headers(&[("host", host)]), &plain), bucket.is_some(), "{host}");
        }
    }

    #[test]
    fn signed_headers_are_known_by_name() {
        let authorization = "AWS4-HMAC-SHA256 Credential=x/1/r/s3/aws4_request, SignedHeaders=host;range;x-amz-date, Signature=range";
        assert!(signs(authorization, "range") && signs(authorization, "x-amz-date"));
        assert!(!signs(authorization, "ran") && !signs("Bearer range", "range"));
    }

    #[test]
    fn signatures_of_urls_are_taken_away_and_their_time_is_kept() {
        let query = "X-Amz-Date=20130524T000000Z&partNumber=2&X-Amz-Expires=60&X-Amz-Signature=ab&x=%2F";
        assert!(has_expired(query).unwrap());
        assert!(!has_expired("X-Amz-Date=29990101T000000Z&X-Amz-Expires=60").unwrap());
        for strange in [
            "",
            "X-Amz-Expires=60",
            "X-Amz-Date=20131324T000000Z&X-Amz-Expires=1",
            "X-Amz-Date=2013&X-Amz-Expires=1",
        ] {
            assert!(has_expired(strange).is_err(), "{strange}");
        }
        let uri = unsigned(&"/b/k%20?a".parse().unwrap(), query).unwrap();
        assert_eq!(uri, "/b/k%20?partNumber=2&x=%2F");
    }
}

//! Requests that are answered later: they are queued here, and their answers fetched, by our own route or as S3 would have
//! them, where SageMaker's clients look for them.

use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode, header};
use hyper::body::Incoming;
use jiff::Timestamp;
use millstream_endpoint::Outcome;
use serde_json::json;

use crate::{
    app::{Call, decoded},
    backend::{Backend, Later, LaterInput},
    fault::{Fault, Kind},
    reply::{self, Reply},
    sagemaker::{INFERENCE_ID, INVOKED_VARIANT, LATER_CONTENT_TYPE, STREAM_ACCEPT},
};

const INPUT_LOCATION: HeaderName = HeaderName::from_static("x-amzn-sagemaker-inputlocation");
const OUTPUT_LOCATION: HeaderName = HeaderName::from_static("x-amzn-sagemaker-outputlocation");
const FAILURE_LOCATION: HeaderName = HeaderName::from_static("x-amzn-sagemaker-failurelocation");
const TTL: HeaderName = HeaderName::from_static("x-amzn-sagemaker-requestttlseconds");
const TIMEOUT: HeaderName = HeaderName::from_static("x-amzn-sagemaker-invocationtimeoutseconds");

/// When to look again for an answer that is not there yet.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// `POST /endpoints/{name}/async-invocations`: rows from an artifact or the body, the answer into an artifact.
pub async fn invoke<B: Backend>(
    mut call: Call<'_, B>,
    endpoint: &str,
    body: Incoming,
) -> Result<Reply, Fault> {
    let endpoint = decoded(endpoint)?.into_owned();
    let body = call.body(body).await?;
    let owned = |name: &HeaderName| Ok::<_, Fault>(call.header(name)?.map(str::to_owned));
    let input = match owned(&INPUT_LOCATION)? {
        Some(location) => LaterInput::Location(location),
        None if !body.is_empty() => LaterInput::Inline(body),
        None => {
            return Err(Fault::new(
                Kind::BadRequest,
                "there are no rows: name an artifact in `X-Amzn-SageMaker-InputLocation`, or send them as the body",
            )
            .parameter("InputLocation"));
        }
    };
    let content_type = match owned(&LATER_CONTENT_TYPE)? {
        None if matches!(input, LaterInput::Inline(_)) => owned(&header::CONTENT_TYPE)?,
        given => given,
    };
    let later = Later {
        endpoint,
        input,
        content_type,
        accept: owned(&STREAM_ACCEPT)?,
        inference_id: owned(&INFERENCE_ID)?,
        ttl_seconds: seconds(&call, &TTL)?,
        timeout_seconds: seconds(&call, &TIMEOUT)?,
    };
    let queued = call.app.backend.invoke_later(later).await?;
    let mut reply = reply::json(StatusCode::ACCEPTED, &json!({ "InferenceId": queued.inference_id }));
    let headers = reply.headers_mut();
    headers.insert(OUTPUT_LOCATION, reply::text(queued.output));
    if let Some(failure) = queued.failure {
        headers.insert(FAILURE_LOCATION, reply::text(failure));
    }
    Ok(reply)
}

/// `GET /endpoints/{name}/async-invocations/{id}`: the answer, or that there is none yet, or why there will be none.
pub async fn answer<B: Backend>(call: Call<'_, B>, endpoint: &str, id: &str) -> Result<Reply, Fault> {
    let (endpoint, id) = (decoded(endpoint)?, decoded(id)?);
    match call.app.backend.outcome(&endpoint, &id).await? {
        Outcome::Done { content_type, variant, body, .. } => {
            let mut reply = reply::new(StatusCode::OK, reply::media_type(content_type), body.into());
            reply.headers_mut().insert(INVOKED_VARIANT, reply::text(variant));
            Ok(reply)
        }
        Outcome::Failed { message, .. } => Err(Fault::new(Kind::Model, message)),
        Outcome::Pending => {
            let status = json!({ "InferenceId": id, "InvocationStatus": "InProgress" });
            let mut reply = reply::json(StatusCode::ACCEPTED, &status);
            reply.headers_mut().insert(header::RETRY_AFTER, LOOK_AGAIN.as_secs().into());
            Ok(reply)
        }
    }
}

/// `GET /millstream/async/{name}/{id}/{output|error.json}`: what lies there, as S3's `GetObject` gives it.
pub async fn object<B: Backend>(
    call: Call<'_, B>,
    endpoint: &str,
    id: &str,
    failure: bool,
) -> Result<Reply, Fault> {
    let (endpoint, id) = (decoded(endpoint)?, decoded(id)?);
    let (content_type, body, at) = match call.app.backend.outcome(&endpoint, &id).await? {
        Outcome::Done { content_type, body, at, .. } if !failure => (content_type, body, at),
        Outcome::Failed { record, at, .. } if failure => ("application/json".to_owned(), record, at),
        _ => return Err(Fault::new(Kind::NoSuchTarget, "The specified key does not exist.")),
    };
    let at = i64::try_from(at).ok().and_then(|at| Timestamp::from_millisecond(at).ok()).unwrap_or_default();
    let etag = format!("\"{:08x}-{:x}\"", crc32fast::hash(&body), body.len());
    let mut reply = reply::new(StatusCode::OK, reply::media_type(content_type), body.into());
    let headers = reply.headers_mut();
    headers.insert(header::ETAG, reply::text(etag));
    headers.insert(header::LAST_MODIFIED, reply::text(at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(reply)
}

fn seconds<B: Backend>(call: &Call<'_, B>, name: &HeaderName) -> Result<Option<u64>, Fault> {
    let Some(text) = call.header(name)? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        Fault::new(Kind::BadRequest, format!("`{name}` must be a whole number of seconds, not `{text}`"))
            .parameter(name.to_string())
    })
}

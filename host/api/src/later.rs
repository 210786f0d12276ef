//! Requests that are answered later: they are queued here, and their answers fetched. SageMaker's clients fetch them as objects of
//! S3.

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use jiff::Timestamp;
use millstream_control::Scope;
use millstream_endpoint::{Later, LaterInput, Outcome};
use serde_json::json;

use crate::{
    accept,
    app::App,
    backend::Backend,
    call::{Call, decoded, header},
    fault::{Fault, Kind},
    range::{self, Wanted},
    reply::{self, Reply},
    route::Access,
    sagemaker::{self, INFERENCE_ID, INVOKED_VARIANT, LATER_CONTENT_TYPE, STREAM_ACCEPT},
};

const INPUT_LOCATION: HeaderName = HeaderName::from_static("x-amzn-sagemaker-inputlocation");
const OUTPUT_LOCATION: HeaderName = HeaderName::from_static("x-amzn-sagemaker-outputlocation");
const FAILURE_LOCATION: HeaderName = HeaderName::from_static("x-amzn-sagemaker-failurelocation");
const TTL: HeaderName = HeaderName::from_static("x-amzn-sagemaker-requestttlseconds");
const TIMEOUT: HeaderName = HeaderName::from_static("x-amzn-sagemaker-invocationtimeoutseconds");

/// The bucket that shows what the home holds.
const BUCKET: &str = "s3://millstream/";
/// Longest times that SageMaker takes, in seconds.
pub const LONGEST_TTL: u64 = 21_600;
pub const LONGEST_TIMEOUT: u64 = 3600;

/// When to look again for an answer that is not there yet.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// `POST /endpoints/{name}/async-invocations`: rows from an object or the body, the answer into an object.
pub async fn invoke<B: Backend>(mut call: Call<'_, B>, endpoint: &str) -> Result<Reply, Fault> {
    let endpoint = decoded(endpoint)?.into_owned();
    let (ttl, timeout) = (seconds(&call, &TTL, LONGEST_TTL)?, seconds(&call, &TIMEOUT, LONGEST_TIMEOUT)?);
    let headers = &call.parts.headers;
    let location = header(headers, &INPUT_LOCATION)?;
    let content_type = match sagemaker::content_type(headers, &LATER_CONTENT_TYPE)? {
        None if location.is_none() => sagemaker::content_type(headers, &header::CONTENT_TYPE)?,
        given => given,
    };
    let accept = accept::of(headers, &STREAM_ACCEPT, content_type.unwrap_or_default())?;
    let inference_id = header(headers, &INFERENCE_ID)?;
    // Last: whoever waits for `100 Continue` is not told to send what is refused for its head.
    let body = call.body().await?;
    let input = match location {
        Some(_) if !body.is_empty() => {
            return Err(Fault::new(
                Kind::BadRequest,
                "there are rows in the body, and others named in `X-Amzn-SageMaker-InputLocation`; send one of the two",
            )
            .parameter("InputLocation"));
        }
        Some(location) => {
            let App { gate, backend, .. } = &**call.app;
            // Rows are read for whoever may read them.
            gate.admit(backend, Access::Key(Scope::Read), None, &call.parts.headers, &call.parts.uri)?;
            LaterInput::Artifact(backend.take(location).await?)
        }
        None if !body.is_empty() => LaterInput::Inline(body),
        None => {
            return Err(Fault::new(
                Kind::BadRequest,
                "there are no rows: name an object in `X-Amzn-SageMaker-InputLocation`, or send them as the body",
            )
            .parameter("InputLocation"));
        }
    };
    let later = Later {
        endpoint,
        input,
        content_type: content_type.map(str::to_owned),
        accept: accept.map(Cow::into_owned),
        inference_id: inference_id.map(str::to_owned),
        ttl: ttl.map(Duration::from_secs),
        timeout: timeout.map(Duration::from_secs),
    };
    let ticket = call.app.backend.invoke_later(later).await?;
    let mut reply = reply::json(StatusCode::ACCEPTED, &json!({ "InferenceId": ticket.id }));
    let headers = reply.headers_mut();
    headers.insert(OUTPUT_LOCATION, reply::text(format!("{BUCKET}{}", ticket.output)));
    headers.insert(FAILURE_LOCATION, reply::text(format!("{BUCKET}{}", ticket.failure)));
    Ok(reply)
}

/// `GET /endpoints/{name}/async-invocations/{id}`: the answer, or that there is none yet, or why there will be none.
pub async fn answer<B: Backend>(call: Call<'_, B>, endpoint: &str, id: &str) -> Result<Reply, Fault> {
    let (endpoint, id) = (decoded(endpoint)?, decoded(id)?);
    match call.app.backend.outcome(&endpoint, &id).await? {
        Outcome::Done { content_type, variant, body, at } => {
            let mut reply = stored(&call.parts.headers, content_type, body, at)?;
            reply.headers_mut().insert(INVOKED_VARIANT, reply::text(variant));
            Ok(reply)
        }
        Outcome::Failed { message } => Err(Fault::new(Kind::Model, message)),
        Outcome::Pending => {
            let status = json!({ "InferenceId": id, "InvocationStatus": "InProgress" });
            let mut reply = reply::json(StatusCode::ACCEPTED, &status);
            reply.headers_mut().insert(header::RETRY_AFTER, LOOK_AGAIN.as_secs().into());
            Ok(reply)
        }
    }
}

/// An answer, or the part of it that the request's headers ask for.
fn stored(headers: &HeaderMap, content_type: String, body: Vec<u8>, at: u64) -> Result<Reply, Fault> {
    let at = i64::try_from(at).ok().and_then(|at| Timestamp::from_millisecond(at).ok()).unwrap_or_default();
    let size = body.len() as u64;
    let etag = format!("\"{:08x}-{size:x}\"", crc32fast::hash(&body));
    let body = Bytes::from(body);
    let mut content_range = None;
    let mut reply = match range::wanted(headers, size, &etag, at.as_second()) {
        Wanted::Whole => reply::new(StatusCode::OK, reply::media_type(content_type), body),
        Wanted::Part(first, last) => {
            content_range = Some(format!("bytes {first}-{last}/{size}"));
            // Both are inside of it.
            let part = body.slice(first as usize..=last as usize);
            reply::new(StatusCode::PARTIAL_CONTENT, reply::media_type(content_type), part)
        }
        Wanted::NotModified => reply::empty(StatusCode::NOT_MODIFIED),
        Wanted::Beyond => {
            let message = format!("The requested range is not satisfiable: the object has {size} bytes.");
            return Err(Fault::new(Kind::OutOfRange, message).content_range(format!("bytes */{size}")));
        }
        Wanted::Changed => {
            let message = "At least one of the pre-conditions you specified did not hold.";
            return Err(Fault::new(Kind::NotAsWanted, message));
        }
    };
    let headers = reply.headers_mut();
    if let Some(range) = content_range {
        headers.insert(header::CONTENT_RANGE, reply::text(range));
    }
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::ETAG, reply::text(etag));
    headers.insert(header::LAST_MODIFIED, reply::text(range::http_date(at)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(reply)
}

/// A time in whole seconds, from 1 to `most`.
fn seconds<B: Backend>(call: &Call<'_, B>, name: &HeaderName, most: u64) -> Result<Option<u64>, Fault> {
    let Some(text) = call.header(name)? else { return Ok(None) };
    let seconds = text.parse().ok().filter(|seconds| (1..=most).contains(seconds));
    seconds.map(Some).ok_or_else(|| {
        let message = format!("`{name}` must be a whole number of seconds from 1 to {most}, not `{text}`");
        Fault::new(Kind::BadRequest, message).parameter(name.to_string())
    })
}

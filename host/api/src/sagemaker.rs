//! SageMaker's runtime: `InvokeEndpoint`, with a stream for an answer, and later.

use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};
use hyper::body::Incoming;
use millstream_endpoint::Invocation;
use serde_json::json;

use crate::{
    app::{Call, decoded, header},
    backend::{Backend, Later, LaterInput},
    event_stream,
    fault::{Fault, Kind},
    reply::{self, Reply},
};

const TARGET_VARIANT: HeaderName = HeaderName::from_static("x-amzn-sagemaker-target-variant");
const TARGET_MODEL: HeaderName = HeaderName::from_static("x-amzn-sagemaker-target-model");
const INFERENCE_ID: HeaderName = HeaderName::from_static("x-amzn-sagemaker-inference-id");
const STREAM_ACCEPT: HeaderName = HeaderName::from_static("x-amzn-sagemaker-accept");
const LATER_CONTENT_TYPE: HeaderName = HeaderName::from_static("x-amzn-sagemaker-content-type");
const INPUT_LOCATION: HeaderName = HeaderName::from_static("x-amzn-sagemaker-inputlocation");
const OUTPUT_LOCATION: HeaderName = HeaderName::from_static("x-amzn-sagemaker-outputlocation");
const FAILURE_LOCATION: HeaderName = HeaderName::from_static("x-amzn-sagemaker-failurelocation");
const TTL: HeaderName = HeaderName::from_static("x-amzn-sagemaker-requestttlseconds");
const TIMEOUT: HeaderName = HeaderName::from_static("x-amzn-sagemaker-invocationtimeoutseconds");
const INVOKED_VARIANT: HeaderName = HeaderName::from_static("x-amzn-invoked-production-variant");
const MODEL_VERSION: HeaderName = HeaderName::from_static("x-millstream-model");
/// Our own: which of the endpoint's aliases.
const ALIAS: HeaderName = HeaderName::from_static("x-millstream-alias");

/// What SageMaker's containers take a body for that says nothing of itself.
const DEFAULT_TYPE: &str = "text/csv";

/// `POST /endpoints/{name}/invocations`
pub async fn invoke<B: Backend>(
    mut call: Call<'_, B>,
    endpoint: &str,
    body: Incoming,
) -> Result<Reply, Fault> {
    let parts = call.parts;
    let endpoint = decoded(endpoint)?;
    let body = call.body(body).await?;
    let invocation = invocation(&endpoint, &parts.headers, &ACCEPT, body)?;
    let (answer, variant) = call.ask(invocation).await?;
    let mut reply = reply::new(StatusCode::OK, reply::media_type(answer.content_type), answer.body);
    reply.headers_mut().insert(INVOKED_VARIANT, variant.name.clone());
    reply.headers_mut().insert(MODEL_VERSION, variant.version.clone());
    Ok(reply)
}

/// `POST /endpoints/{name}/invocations-response-stream`: the answer in frames, each with its checksum.
pub async fn invoke_stream<B: Backend>(
    mut call: Call<'_, B>,
    endpoint: &str,
    body: Incoming,
) -> Result<Reply, Fault> {
    let parts = call.parts;
    let endpoint = decoded(endpoint)?;
    let body = call.body(body).await?;
    let invocation = invocation(&endpoint, &parts.headers, &STREAM_ACCEPT, body)?;
    let (answer, variant) = call.ask(invocation).await?;
    let mut reply = reply::new(
        StatusCode::OK,
        HeaderValue::from_static(event_stream::MEDIA_TYPE),
        event_stream::parts("PayloadPart", &answer.body),
    );
    let headers = reply.headers_mut();
    headers.insert(LATER_CONTENT_TYPE, reply::media_type(answer.content_type));
    headers.insert(INVOKED_VARIANT, variant.name.clone());
    headers.insert(MODEL_VERSION, variant.version.clone());
    Ok(reply)
}

fn invocation<'a>(
    endpoint: &'a str,
    headers: &'a HeaderMap,
    accept: &HeaderName,
    body: bytes::Bytes,
) -> Result<Invocation<'a>, Fault> {
    Ok(Invocation {
        endpoint,
        alias: header(headers, &ALIAS)?,
        target_variant: header(headers, &TARGET_VARIANT)?,
        target_model: header(headers, &TARGET_MODEL)?,
        headers,
        content_type: header(headers, &CONTENT_TYPE)?.unwrap_or(DEFAULT_TYPE),
        accept: header(headers, accept)?,
        body,
        inference_id: header(headers, &INFERENCE_ID)?,
    })
}

/// `POST /endpoints/{name}/async-invocations`: rows from an artifact or the body, the answer into an artifact.
pub async fn invoke_later<B: Backend>(
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
        None if matches!(input, LaterInput::Inline(_)) => owned(&CONTENT_TYPE)?,
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

fn seconds<B: Backend>(call: &Call<'_, B>, name: &HeaderName) -> Result<Option<u64>, Fault> {
    let Some(text) = call.header(name)? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        Fault::new(Kind::BadRequest, format!("`{name}` must be a whole number of seconds, not `{text}`"))
            .parameter(name.to_string())
    })
}

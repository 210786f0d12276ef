//! SageMaker's runtime: `InvokeEndpoint`, and with a stream for an answer.

use std::sync::Arc;

use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};
use millstream_endpoint::{Answer, Invocation};

use crate::{
    accept,
    backend::Backend,
    call::{Call, decoded, header},
    event_stream,
    fault::Fault,
    metrics::VariantMetrics,
    reply::{self, Reply},
};

const TARGET_VARIANT: HeaderName = HeaderName::from_static("x-amzn-sagemaker-target-variant");
const TARGET_MODEL: HeaderName = HeaderName::from_static("x-amzn-sagemaker-target-model");
pub const INFERENCE_ID: HeaderName = HeaderName::from_static("x-amzn-sagemaker-inference-id");
pub const STREAM_ACCEPT: HeaderName = HeaderName::from_static("x-amzn-sagemaker-accept");
pub const LATER_CONTENT_TYPE: HeaderName = HeaderName::from_static("x-amzn-sagemaker-content-type");
pub const INVOKED_VARIANT: HeaderName = HeaderName::from_static("x-amzn-invoked-production-variant");
const MODEL_VERSION: HeaderName = HeaderName::from_static("x-millstream-model");
/// Our own: which of the endpoint's aliases.
const ALIAS: HeaderName = HeaderName::from_static("x-millstream-alias");

/// What SageMaker's containers take a body for that says nothing of itself.
const DEFAULT_TYPE: &str = "text/csv";

/// `POST /endpoints/{name}/invocations`
pub async fn invoke<B: Backend>(call: Call<'_, B>, endpoint: &str) -> Result<Reply, Fault> {
    let (answer, variant) = ask(call, endpoint, &ACCEPT).await?;
    let reply = reply::new(StatusCode::OK, reply::media_type(answer.content_type), answer.body);
    Ok(by(&variant, reply))
}

/// `POST /endpoints/{name}/invocations-response-stream`: the answer in frames, each with its checksum.
pub async fn invoke_stream<B: Backend>(call: Call<'_, B>, endpoint: &str) -> Result<Reply, Fault> {
    let (answer, variant) = ask(call, endpoint, &STREAM_ACCEPT).await?;
    let frames = event_stream::parts("PayloadPart", &answer.body);
    let mut reply = reply::new(StatusCode::OK, HeaderValue::from_static(event_stream::MEDIA_TYPE), frames);
    reply.headers_mut().insert(LATER_CONTENT_TYPE, reply::media_type(answer.content_type));
    Ok(by(&variant, reply))
}

/// The predictions for the rows of a request, in one of the formats that the header `accept` names.
async fn ask<B: Backend>(
    mut call: Call<'_, B>,
    endpoint: &str,
    accept: &HeaderName,
) -> Result<(Answer, Arc<VariantMetrics>), Fault> {
    let headers = &call.parts.headers;
    let endpoint = decoded(endpoint)?;
    let content_type = content_type(headers, &CONTENT_TYPE)?.unwrap_or(DEFAULT_TYPE);
    let accept = accept::of(headers, accept, content_type)?;
    let alias = header(headers, &ALIAS)?;
    let (target_variant, target_model) = (header(headers, &TARGET_VARIANT)?, header(headers, &TARGET_MODEL)?);
    let inference_id = header(headers, &INFERENCE_ID)?;
    // Last: whoever waits for `100 Continue` is not told to send what is refused for its head.
    let body = call.body().await?;
    call.ask(Invocation {
        endpoint: &endpoint,
        alias,
        target_variant,
        target_model,
        headers,
        content_type,
        accept: accept.as_deref(),
        body,
        inference_id,
        time_limit: None,
    })
    .await
}

/// A media type; one without a character says nothing.
pub fn content_type<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Fault> {
    Ok(header(headers, name)?.map(str::trim).filter(|text| !text.is_empty()))
}

/// Says who answered.
fn by(variant: &VariantMetrics, mut reply: Reply) -> Reply {
    reply.headers_mut().insert(INVOKED_VARIANT, variant.name.clone());
    reply.headers_mut().insert(MODEL_VERSION, variant.version.clone());
    reply
}

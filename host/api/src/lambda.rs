//! Lambda's `Invoke`: an endpoint as a function, an alias or version of it as the qualifier.

mod event;
mod gateway;
mod place;

use std::{
    borrow::Cow,
    fmt::Write,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{ACCEPT, CONTENT_TYPE},
};
use millstream_endpoint::{Answer, Invocation, detached};
use tracing::Instrument as _;

use crate::{
    accept,
    app::App,
    aws,
    backend::Backend,
    call::{Call, decoded},
    fault::{Fault, Kind, Shape},
    reply::{self, Reply},
    sagemaker, target,
};
use event::Event;
pub use gateway::{Failed, Gateway, GatewayAnswer};

const INVOCATION_TYPE: HeaderName = HeaderName::from_static("x-amz-invocation-type");
const LOG_TYPE: HeaderName = HeaderName::from_static("x-amz-log-type");
const EXECUTED_VERSION: HeaderName = HeaderName::from_static("x-amz-executed-version");

/// What a function's name in the path says.
#[derive(Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// The endpoint.
    pub endpoint: &'a str,
    /// Its alias, variant or version.
    qualifier: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// `NAME`, `NAME:QUALIFIER`, `ACCOUNT:function:NAME` or a whole ARN.
    pub fn of(name: &'a str) -> Self {
        let mut rest = name;
        for _ in 0..6 {
            // An ARN has six parts before the name: arn:aws:lambda:REGION:ACCOUNT:function:NAME
            match rest.split_once(':') {
                Some(("function", name)) => {
                    rest = name;
                    break;
                }
                Some((_, after)) if after.contains("function:") => rest = after,
                _ => break,
            }
        }
        match rest.split_once(':') {
            Some((endpoint, qualifier)) => Self { endpoint, qualifier: Some(qualifier) },
            None => Self { endpoint: rest, qualifier: None },
        }
    }
}

/// `POST /2015-03-31/functions/{name}/invocations`
pub async fn invoke<B: Backend>(mut call: Call<'_, B>, function: &str) -> Result<Reply, Fault> {
    let function = decoded(function)?;
    let Target { endpoint, qualifier } = Target::of(&function);
    let query = call.parts.uri.query().and_then(qualifier_in).map(decoded).transpose()?;
    let qualifier = query.as_deref().or(qualifier).filter(|name| *name != "$LATEST");
    let target = target::find(&call.app.backend, endpoint, qualifier).await?;
    match call.header(&INVOCATION_TYPE)?.unwrap_or("RequestResponse") {
        "RequestResponse" => {}
        "DryRun" => {
            call.app.backend.endpoint(endpoint).await?;
            return Ok(reply::empty(StatusCode::NO_CONTENT));
        }
        "Event" => {
            call.app.backend.endpoint(endpoint).await?;
            let event = Event::read(call.body().await?)?;
            let headers = call.parts.headers.clone();
            match rows(&mut call, &event).await {
                Ok(rows) => later(&call, endpoint.to_owned(), target, headers, event, rows),
                // The caller has nothing to do with it, as if the function had answered 400 to nobody.
                Err(fault) if matches!(event, Event::Http(_)) => {
                    tracing::warn!(endpoint, error = fault.message, "an event got no answer");
                }
                Err(fault) => return Err(fault),
            }
            return Ok(reply::empty(StatusCode::ACCEPTED));
        }
        other => {
            let message = format!("`{other}` is no invocation type; send RequestResponse, Event or DryRun");
            return Err(Fault::new(Kind::BadRequest, message).parameter("InvocationType"));
        }
    }
    let wants_log = call.header(&LOG_TYPE)?.is_some_and(|log| log.eq_ignore_ascii_case("Tail"));
    let event = Event::read(call.body().await?)?;
    let headers = &call.parts.headers;
    let outcome = match rows(&mut call, &event).await {
        Ok(rows) => call.ask(invocation(endpoint, &target, headers, &event, &rows)).await,
        Err(fault) => Err(fault),
    };
    let log = wants_log.then(|| log(call.id, &outcome));
    let mut reply = match outcome {
        Ok((answer, _)) => {
            let version = answer.version.to_string();
            let mut reply = answered(&event, answer);
            reply.headers_mut().insert(EXECUTED_VERSION, reply::text(version));
            reply
        }
        Err(fault) => {
            call.failed(&fault);
            match &event {
                // A handler behind a function URL answers bad rows itself.
                Event::Http(request) if is_callers(fault.kind) => {
                    reply::new(StatusCode::OK, reply::JSON, request.problem(&fault))
                }
                _ => fault.reply(Shape::Lambda, call.id),
            }
        }
    };
    if let Some(log) = log {
        reply.headers_mut().insert(aws::LOG_RESULT, log);
    }
    Ok(reply)
}

fn is_callers(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::BadRequest
            | Kind::BadRows
            | Kind::BodyTooLarge
            | Kind::NotAcceptable
            | Kind::TooManyRows
            | Kind::UnsupportedCoding
            | Kind::UnsupportedMediaType
    )
}

/// What is asked of the endpoint.
struct Rows {
    content_type: String,
    accept: Option<String>,
    body: Bytes,
}

/// What an event asks; of a request in it what its headers say, as if it had come by itself.
async fn rows<B: Backend>(call: &mut Call<'_, B>, event: &Event) -> Result<Rows, Fault> {
    const JSON: &str = "application/json";
    match event {
        Event::Rows(body) => {
            let (content_type, accept) = (JSON.to_owned(), Some(JSON.to_owned()));
            Ok(Rows { content_type, accept, body: body.clone() })
        }
        Event::Http(request) => {
            let body = request.body.clone()?;
            let headers = &request.headers;
            let content_type = sagemaker::content_type(headers, &CONTENT_TYPE)?.unwrap_or(JSON).to_owned();
            let accept = accept::of(headers, &ACCEPT, &content_type)?.map(Cow::into_owned);
            let body = call.unpacked(headers, body).await?;
            Ok(Rows { content_type, accept, body })
        }
    }
}

fn answered(event: &Event, answer: Answer) -> Reply {
    if let Event::Http(request) = event {
        return reply::new(StatusCode::OK, reply::JSON, request.response(&answer));
    }
    reply::new(StatusCode::OK, reply::media_type(answer.content_type), answer.body)
}

fn invocation<'a>(
    endpoint: &'a str,
    target: &'a target::Target,
    headers: &'a HeaderMap,
    event: &'a Event,
    rows: &'a Rows,
) -> Invocation<'a> {
    Invocation {
        endpoint,
        alias: target.alias.as_deref(),
        target_variant: target.variant.as_deref(),
        target_model: None,
        headers: match event {
            Event::Http(request) => &request.headers,
            Event::Rows(_) => headers,
        },
        content_type: &rows.content_type,
        accept: rows.accept.as_deref(),
        body: rows.body.clone(),
        inference_id: None,
        time_limit: None,
    }
}

/// `Event`: the caller has its answer; ours goes nowhere, as Lambda's does without a destination. Draining waits for it.
fn later<B: Backend>(
    call: &Call<'_, B>,
    endpoint: String,
    target: target::Target,
    headers: HeaderMap,
    event: Event,
    rows: Rows,
) {
    let app: Arc<App<B>> = call.app.clone();
    // The request ends at once; what is done for it afterwards is a span of its own in the same trace.
    let span = detached(tracing::info_span!(parent: None, "event", millstream.endpoint.name = endpoint));
    let work = async move {
        let _until_done = app.background();
        let invocation = invocation(&endpoint, &target, &headers, &event, &rows);
        if let Err((fault, _)) = app.ask(invocation, Instant::now()).await {
            tracing::warn!(%endpoint, error = fault.message, "an event got no answer");
        }
    };
    tokio::spawn(work.instrument(span));
}

/// The last lines of the function's log, in Lambda's words.
fn log<V>(id: &HeaderValue, outcome: &Result<(Answer, V), Fault>) -> HeaderValue {
    let id = id.to_str().unwrap_or_default();
    let mut log = String::new();
    let version = match outcome {
        Ok((answer, _)) => answer.version.to_string(),
        Err(_) => "$LATEST".to_owned(),
    };
    // Writing to a string can't fail.
    let _ = writeln!(log, "START RequestId: {id} Version: {version}");
    let duration = match outcome {
        Ok((answer, _)) => {
            let model = format!("{} version {}", answer.model, answer.version);
            let _ = writeln!(
                log,
                "{model}, variant {}, {}",
                answer.variant,
                if answer.cold { "cold" } else { "warm" }
            );
            answer.model_time
        }
        Err(fault) => {
            let _ = writeln!(log, "[ERROR] {}: {}", fault.kind.as_str(), fault.message);
            Duration::ZERO
        }
    };
    let milliseconds = duration.as_secs_f64() * 1e3;
    let _ = writeln!(log, "END RequestId: {id}");
    let _ = writeln!(log, "REPORT RequestId: {id}\tDuration: {milliseconds:.2} ms");
    aws::log_tail(&log)
}

fn qualifier_in(query: &str) -> Option<&str> {
    query.split('&').find_map(|pair| pair.strip_prefix("Qualifier=")).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_named_in_all_of_lambdas_ways() {
        let arn = "arn:aws:lambda:us-east-1:123456789012:function:churn";
        for name in ["churn", arn, "123456789012:function:churn"] {
            assert_eq!(Target::of(name), Target { endpoint: "churn", qualifier: None }, "{name}");
            let qualified = format!("{name}:live");
            let expected = Target { endpoint: "churn", qualifier: Some("live") };
            assert_eq!(Target::of(&qualified), expected, "{qualified}");
        }
    }

    #[test]
    fn the_qualifier_is_found_in_the_query() {
        assert_eq!(qualifier_in("a=b&Qualifier=live"), Some("live"));
        assert_eq!(qualifier_in("Qualifier="), None);
        assert_eq!(qualifier_in(""), None);
    }
}

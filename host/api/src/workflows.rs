//! Runs: started by a request or a CloudEvent, and looked at.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{CONTENT_TYPE, LOCATION},
};
use millstream_control::Scope;
use millstream_core::event::{CloudEvent, HTTP, SPEC_VERSION};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use crate::{
    app::App,
    backend::Backend,
    call::{Call, decoded, header},
    fault::{Fault, Kind},
    reply::{self, Reply},
    route::Access,
};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const SIGNATURE: HeaderName = HeaderName::from_static("x-hub-signature-256");
const CE_SPECVERSION: HeaderName = HeaderName::from_static("ce-specversion");
/// Says that the run had been started before, by the same event.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A request for a run of a workflow.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRequest {
    /// The workflow.
    pub workflow: String,
    /// The request as an event.
    pub event: CloudEvent,
    /// The parameters that the request names.
    pub params: Map<String, Value>,
    /// The body as it came, which a signature is made of.
    pub body: Bytes,
    /// The signature that came with it.
    pub signature: Option<String>,
}

/// What became of a request for a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunAnswer {
    /// The run has started.
    Started(String),
    /// It starts when others have ended.
    Waiting(String),
    /// The same event has started this run before.
    Repeated(String),
    /// The event starts none, as the workflow wants it; the text says why.
    NotStarted(String),
}

/// Why no run was started or found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// There is no such workflow or run, or the workflow takes no requests.
    #[error("{0}")]
    NotFound(String),
    /// The signature is missing or wrong, or cannot be checked.
    #[error("{0}")]
    Signature(String),
    /// The run can never start so.
    #[error("{0}")]
    Refused(String),
    /// Store or queue are out of reach.
    #[error("{0}")]
    Unavailable(String),
}

impl From<RunError> for Fault {
    fn from(error: RunError) -> Self {
        let kind = match &error {
            RunError::NotFound(_) => Kind::NoSuchWorkflow,
            RunError::Signature(_) => Kind::WrongSignature,
            RunError::Refused(_) => Kind::RunRefused,
            RunError::Unavailable(_) => Kind::Unavailable,
        };
        Self::new(kind, error.to_string())
    }
}

/// `POST /workflows/{workflow}/runs`: parameters, any JSON, or a CloudEvent in either mode. A signature is as good as a key where the
/// workflow asks for one.
pub async fn start<B: Backend>(mut call: Call<'_, B>, workflow: &str) -> Result<Reply, Fault> {
    let workflow = decoded(workflow)?.into_owned();
    let signed = call.app.backend.is_signed(&workflow).await;
    if !matches!(signed, Ok(true)) {
        let App { gate, backend, .. } = &**call.app;
        gate.admit(backend, Access::Key(Scope::Deploy), None, &call.parts.headers, &call.parts.uri)?;
    }
    signed?;
    let signature = call.header(&SIGNATURE)?.map(str::to_owned);
    let key = call.header(&IDEMPOTENCY_KEY)?.map(str::to_owned);
    let id = key.unwrap_or_else(|| call.id.to_str().unwrap_or_default().to_owned());
    let body = call.body().await?;
    let (event, params) = event(&workflow, &call.parts.headers, &body, id)?;
    let asked = RunRequest { workflow: workflow.clone(), event, params, body, signature };
    let app = call.app.clone();
    // It is started also if the caller hangs up: half of a start would be taken up by somebody else later.
    let started = tokio::spawn(async move {
        let _until_done = app.background();
        app.backend.start_run(asked).await
    });
    let started = started.await.map_err(|error| Fault::new(Kind::Unavailable, error.to_string()))??;
    let (status, run, state) = match started {
        RunAnswer::Started(run) => (StatusCode::ACCEPTED, run, "started"),
        RunAnswer::Waiting(run) => (StatusCode::ACCEPTED, run, "waiting"),
        RunAnswer::Repeated(run) => (StatusCode::OK, run, "repeated"),
        RunAnswer::NotStarted(why) => {
            return Ok(reply::json(
                StatusCode::OK,
                &json!({ "workflow": workflow, "state": "not-started", "why": why }),
            ));
        }
    };
    let address = format!("/runs/{run}");
    let document = json!({ "workflow": workflow, "run": run, "state": state, "address": address });
    let mut reply = reply::json(status, &document);
    reply.headers_mut().insert(LOCATION, reply::text(address));
    if state == "repeated" {
        reply.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(reply)
}

/// `GET /runs/{run}`: how it stands.
pub async fn run<B: Backend>(call: Call<'_, B>, run: &str) -> Result<Reply, Fault> {
    let run = decoded(run)?.into_owned();
    let document = call.app.backend.run(&run).await?;
    Ok(reply::json(StatusCode::OK, &document))
}

/// The event that a request is, and the parameters that it names.
fn event(
    workflow: &str,
    headers: &HeaderMap,
    body: &[u8],
    id: String,
) -> Result<(CloudEvent, Map<String, Value>), Fault> {
    let wrong = |message: String| Fault::new(Kind::BadRequest, message);
    let content_type = header(headers, &CONTENT_TYPE)?.unwrap_or_default().to_ascii_lowercase();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let json = |body: &[u8]| -> Result<Value, Fault> {
        serde_json::from_slice(body).map_err(|error| wrong(format!("the body is not JSON: {error}")))
    };
    if media_type == "application/cloudevents-batch+json" {
        let message = "a batch of CloudEvents is not taken; send them one by one".to_owned();
        return Err(Fault::new(Kind::UnsupportedMediaType, message));
    }
    if media_type == "application/cloudevents+json" {
        let event = CloudEvent::from_json(json(body)?).map_err(wrong)?;
        return Ok((event, Map::new()));
    }
    if headers.contains_key(&CE_SPECVERSION) {
        let data = match media_type {
            _ if body.is_empty() => Value::Null,
            "" | "application/json" => json(body)?,
            other if other.ends_with("+json") => json(body)?,
            _ => String::from_utf8(body.to_vec())
                .map_err(|_| wrong("the data of this event is neither JSON nor text".to_owned()))?
                .into(),
        };
        return Ok((binary(headers, data).map_err(wrong)?, Map::new()));
    }
    let data = if body.is_empty() { json!({}) } else { json(body)? };
    let params = match &data {
        Value::Object(members) if members.len() == 1 => {
            members.get("params").and_then(Value::as_object).cloned().unwrap_or_default()
        }
        _ => Map::new(),
    };
    Ok((CloudEvent::new(HTTP, format!("/workflows/{workflow}/runs"), id, data), params))
}

/// A CloudEvent in binary mode: its attributes are headers, percent-encoded.
fn binary(headers: &HeaderMap, data: Value) -> Result<CloudEvent, String> {
    let mut json = Map::new();
    for (name, value) in headers {
        let Some(attribute) = name.as_str().strip_prefix("ce-") else { continue };
        let text = value.to_str().map_err(|_| format!("header `{name}` is not ASCII text"))?;
        let text = percent_decode_str(text)
            .decode_utf8()
            .map_err(|_| format!("header `{name}` is not percent-encoded UTF-8"))?;
        if attribute == "data" {
            return Err(format!("`{name}` is no attribute: the data is the body"));
        }
        json.insert(attribute.to_owned(), text.into_owned().into());
    }
    if json.get("specversion").is_none_or(|version| version != SPEC_VERSION) {
        return Err(format!("`ce-specversion` must be {SPEC_VERSION}"));
    }
    if let Some(content_type) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) {
        json.insert("datacontenttype".to_owned(), content_type.into());
    }
    json.insert("data".to_owned(), data);
    CloudEvent::from_json(Value::Object(json))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&str, &str)], body: &str) -> Result<(CloudEvent, Map<String, Value>), Fault> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        event("w", &map, body.as_bytes(), "id-1".to_owned())
    }

    #[test]
    fn parameters_and_any_other_json() {
        let (event, params) =
            read(&[("content-type", "application/json")], r#"{"params": {"n": 3}}"#).unwrap();
        assert_eq!(
            (event.kind.as_str(), event.id.as_str(), event.source.as_str()),
            (HTTP, "id-1", "/workflows/w/runs")
        );
        assert_eq!(Value::Object(params), json!({"n": 3}));
        let (event, params) = read(&[], r#"{"params": {"n": 3}, "ref": "main"}"#).unwrap();
        assert_eq!((params.len(), &event.data["ref"]), (0, &json!("main")));
        assert_eq!(read(&[], "").unwrap().0.data, json!({}));
        assert!(read(&[], "{").unwrap_err().message.contains("not JSON"));
    }

    #[test]
    fn cloud_events_in_both_modes_are_the_same() {
        let structured = json!({
            "specversion": "1.0", "id": "7", "source": "/shop", "type": "order", "subject": "ä",
            "datacontenttype": "application/json", "data": {"n": 1}
        });
        let (a, _) =
            read(&[("content-type", "application/cloudevents+json; charset=utf-8")], &structured.to_string())
                .unwrap();
        let headers = [
            ("ce-specversion", "1.0"),
            ("ce-id", "7"),
            ("ce-source", "/shop"),
            ("ce-type", "order"),
            ("ce-subject", "%C3%A4"),
            ("content-type", "application/json"),
        ];
        let (b, _) = read(&headers, r#"{"n": 1}"#).unwrap();
        assert_eq!(a, b);
        let text = [&headers[..5], &[("content-type", "text/plain")]].concat();
        assert_eq!(read(&text, "hello").unwrap().0.data, json!("hello"));
        for (headers, says) in [
            (&headers[1..], ""),
            (&[("ce-specversion", "0.3"), ("ce-id", "7")][..], "must be 1.0"),
            (&[("ce-specversion", "1.0"), ("ce-id", "7")][..], "missing field"),
            (&[("content-type", "application/cloudevents-batch+json")][..], "one by one"),
        ] {
            match read(headers, "{}") {
                // Without a version it is any other JSON.
                Ok((event, _)) => assert_eq!((event.kind.as_str(), says), (HTTP, "")),
                Err(fault) => assert!(fault.message.contains(says), "{}", fault.message),
            }
        }
    }
}

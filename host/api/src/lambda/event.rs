//! A function's event: rows as they are, or an HTTP request as API Gateway and function URLs pass it on.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{ACCEPT, CONTENT_TYPE},
};
use indexmap::IndexMap;
use memchr::memmem;
use millstream_endpoint::Answer;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::fault::{Fault, Kind};

/// What is to be predicted.
#[derive(Debug)]
pub enum Event {
    /// JSON in one of the forms that models take.
    Rows(Bytes),
    /// A request in a request.
    Http {
        /// Its headers.
        headers: HeaderMap,
        /// Its body, decoded.
        body: Bytes,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HttpEvent {
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
    headers: Option<IndexMap<String, String>>,
    request_context: Option<serde::de::IgnoredAny>,
    raw_path: Option<serde::de::IgnoredAny>,
    http_method: Option<serde::de::IgnoredAny>,
}

impl Event {
    /// Tells the two apart: an HTTP event has a `body` of text, and something else that rows don't have.
    pub fn read(payload: Bytes) -> Result<Self, Fault> {
        if payload.iter().all(u8::is_ascii_whitespace) {
            let message = "the event is empty; send {\"instances\": [...]} or an HTTP event with a `body`";
            return Err(Fault::new(Kind::BadRequest, message));
        }
        // Large events are rows, and are not parsed twice.
        if memmem::find(&payload, b"\"body\"").is_none() {
            return Ok(Self::Rows(payload));
        }
        let Ok(event) = serde_json::from_slice::<HttpEvent>(&payload) else { return Ok(Self::Rows(payload)) };
        let is_http = event.request_context.is_some()
            || event.raw_path.is_some()
            || event.http_method.is_some()
            || event.headers.is_some()
            || event.is_base64_encoded;
        let Some(body) = event.body.filter(|_| is_http) else { return Ok(Self::Rows(payload)) };
        let body = if event.is_base64_encoded {
            let decoded = BASE64_STANDARD.decode(body).map_err(|error| {
                let message = format!("`isBase64Encoded` is true, but `body` is not base64: {error}");
                Fault::new(Kind::BadRequest, message).parameter("body")
            })?;
            Bytes::from(decoded)
        } else {
            Bytes::from(body)
        };
        let given = event.headers.unwrap_or_default();
        let headers = given
            .iter()
            .filter_map(|(name, value)| {
                Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?))
            })
            .collect();
        Ok(Self::Http { headers, body })
    }

    pub fn is_http(&self) -> bool {
        matches!(self, Self::Http { .. })
    }

    /// The headers of the request in the request.
    pub fn headers(&self) -> Option<&HeaderMap> {
        match self {
            Self::Rows(_) => None,
            Self::Http { headers, .. } => Some(headers),
        }
    }

    pub fn content_type(&self) -> &str {
        self.text(&CONTENT_TYPE).unwrap_or("application/json")
    }

    pub fn accept(&self) -> Option<&str> {
        match self {
            Self::Rows(_) => Some("application/json"),
            Self::Http { .. } => self.text(&ACCEPT),
        }
    }

    fn text(&self, name: &HeaderName) -> Option<&str> {
        self.headers()?.get(name)?.to_str().ok()
    }

    pub fn rows(&self) -> Bytes {
        match self {
            Self::Rows(rows) => rows.clone(),
            Self::Http { body, .. } => body.clone(),
        }
    }

    /// An answer in the form that an HTTP event's sender unpacks.
    pub fn response(&self, answer: &Answer) -> Bytes {
        let mut response = json!({
            "statusCode": 200,
            "headers": {
                "content-type": answer.content_type,
                "x-amzn-invoked-production-variant": answer.variant,
            },
        });
        let (body, encoded) = match std::str::from_utf8(&answer.body) {
            Ok(text) => (text.to_owned(), false),
            Err(_) => (BASE64_STANDARD.encode(&answer.body), true),
        };
        response["body"] = Value::String(body);
        response["isBase64Encoded"] = Value::Bool(encoded);
        Bytes::from(response.to_string())
    }

    /// A fault in that form.
    pub fn problem(&self, fault: &Fault) -> Bytes {
        let response = json!({
            "statusCode": fault.kind.status().as_u16(),
            "headers": { "content-type": "application/problem+json" },
            "body": fault.document().to_string(),
            "isBase64Encoded": false,
        });
        Bytes::from(response.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(payload: &'static str) -> Event {
        Event::read(Bytes::from(payload)).unwrap()
    }

    #[test]
    fn rows_are_passed_on_as_they_are() {
        for payload in [
            r#"{"instances": [[1, 2]]}"#,
            r#"[[1, 2]]"#,
            // A column may be named so.
            r#"{"body": "heavy", "doors": 4}"#,
            r#"{"body": 1.5, "headers": {}}"#,
        ] {
            assert!(matches!(read(payload), Event::Rows(rows) if rows == payload), "{payload}");
        }
    }

    #[test]
    fn a_request_in_an_event_is_unpacked() {
        let event = read(
            r#"{"version": "2.0", "rawPath": "/", "headers": {"Content-Type": "text/csv"}, "body": "MSwyCg==", "isBase64Encoded": true}"#,
        );
        assert!(event.is_http());
        assert_eq!((event.content_type(), event.rows()), ("text/csv", Bytes::from("1,2\n")));
        let event = read(r#"{"requestContext": {}, "body": "{\"instances\": []}"}"#);
        assert_eq!((event.content_type(), event.accept()), ("application/json", None));
    }

    #[test]
    fn an_empty_event_and_broken_base64_are_refused() {
        assert!(Event::read(Bytes::from(" \n")).is_err());
        let broken = r#"{"rawPath": "/", "body": "?", "isBase64Encoded": true}"#;
        assert!(Event::read(Bytes::from(broken)).unwrap_err().message.contains("base64"));
    }
}

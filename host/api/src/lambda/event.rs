//! A function's event: rows as they are, or an HTTP request as API Gateway, function URLs and load balancers pass it on.

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    prelude::BASE64_STANDARD,
};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    header::{CONTENT_TYPE, COOKIE},
};
use memchr::memmem;
use millstream_endpoint::Answer;
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

use super::place::Place;
use crate::fault::{Fault, Kind};

/// What is to be predicted.
#[derive(Debug)]
pub enum Event {
    /// JSON in one of the forms that models take.
    Rows(Bytes),
    /// A request in a request.
    Http(Request),
}

/// A request in a request.
#[derive(Debug)]
pub struct Request {
    /// Its method; `POST` if nothing says another.
    pub method: Method,
    /// Its path with the query, as it was sent as far as that is known.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, out of base64; or what is wrong with it.
    pub body: Result<Bytes, Fault>,
    /// How its sender wants the answer.
    form: Form,
}

#[derive(Clone, Copy, Debug, Default)]
struct Form {
    /// Headers are lists, as they came.
    multi: bool,
    /// A load balancer reads the status as text, too.
    balancer: bool,
}

/// The members that tell, each of any type: a sender's mistake is not to be taken for rows.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Members<'a> {
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
    #[serde(default)]
    is_base64_encoded: Value,
    #[serde(default)]
    headers: Value,
    #[serde(default)]
    multi_value_headers: Value,
    #[serde(default)]
    cookies: Value,
    #[serde(default)]
    pub(super) request_context: Value,
    #[serde(default)]
    pub(super) raw_path: Value,
    #[serde(default)]
    pub(super) http_method: Value,
    #[serde(flatten)]
    place: Place,
}

/// Some sender leaves out what fills up the last group.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl Event {
    /// Tells the two apart: an HTTP event has a member that only HTTP events have, whatever else it has or lacks.
    pub fn read(payload: Bytes) -> Result<Self, Fault> {
        if payload.iter().all(u8::is_ascii_whitespace) {
            let message = "the event is empty; send {\"instances\": [...]} or an HTTP event with a `body`";
            return Err(Fault::new(Kind::BadRequest, message));
        }
        // Large events are rows, and are not parsed twice.
        let marks = ["\"body\"", "\"requestContext\"", "\"rawPath\"", "\"httpMethod\""];
        if !marks.iter().any(|mark| memmem::find(&payload, mark.as_bytes()).is_some()) {
            return Ok(Self::Rows(payload));
        }
        let Ok(members) = serde_json::from_slice::<Members<'_>>(&payload) else {
            return Ok(Self::Rows(payload));
        };
        if !members.are_http() {
            return Ok(Self::Rows(payload));
        }
        let headers = members.headers();
        let body = members.body(&headers);
        let form = members.form();
        let (method, path) = members.place.read(&members);
        Ok(Self::Http(Request { method, path, headers, body, form }))
    }
}

impl Members<'_> {
    /// Columns may have any of these names: one alone says nothing, unless rows can't hold what it is.
    fn are_http(&self) -> bool {
        let text_body = self.body.is_some_and(|body| body.get().starts_with('"'));
        let has_headers = self.headers.is_object() || self.multi_value_headers.is_object();
        let method = self.http_method.as_str().is_some_and(|method| !method.is_empty());
        let path = self.raw_path.as_str().is_some_and(|path| path.starts_with('/'));
        let rest = has_headers || self.body.is_some() || self.is_base64_encoded.is_boolean();
        self.request_context.is_object()
            || (method && rest)
            || path
            || (text_body && (has_headers || self.is_base64_encoded.is_boolean()))
    }

    /// Lists, if there are any, hold what the others do and more.
    fn headers(&self) -> HeaderMap {
        let mut all = HeaderMap::new();
        for (name, value) in self.multi_value_headers.as_object().into_iter().flatten() {
            append(&mut all, name, value);
        }
        let lists = all.clone();
        for (name, value) in self.headers.as_object().into_iter().flatten() {
            if !HeaderName::try_from(name.as_str()).is_ok_and(|name| lists.contains_key(name)) {
                append(&mut all, name, value);
            }
        }
        // Function URLs and HTTP APIs take them out of the headers.
        let cookies: Vec<&str> =
            self.cookies.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if !cookies.is_empty() && !all.contains_key(COOKIE) {
            append(&mut all, COOKIE.as_str(), &Value::from(cookies.join("; ")));
        }
        all
    }

    fn body(&self, headers: &HeaderMap) -> Result<Bytes, Fault> {
        let fault = |message: String| Err(Fault::new(Kind::BadRequest, message).parameter("body"));
        let nothing = || fault("the request has no body; send rows".to_owned());
        let Some(body) = self.body else { return nothing() };
        let text = match serde_json::from_str::<Value>(body.get()) {
            Ok(Value::String(text)) => text,
            Ok(Value::Null) | Err(_) => return nothing(),
            // Written by hand, or by a mapping template: JSON in JSON.
            Ok(Value::Object(_) | Value::Array(_)) if is_json(headers) => {
                return Ok(Bytes::copy_from_slice(body.get().as_bytes()));
            }
            Ok(_) => return fault("the event's `body` must be text".to_owned()),
        };
        if text.is_empty() {
            return nothing();
        }
        let encoded = match &self.is_base64_encoded {
            Value::Bool(encoded) => *encoded,
            Value::String(text) => text.eq_ignore_ascii_case("true"),
            _ => false,
        };
        if !encoded {
            return Ok(Bytes::from(text));
        }
        let bare: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        match LENIENT.decode(bare) {
            Ok(bytes) if bytes.is_empty() => nothing(),
            Ok(bytes) => Ok(Bytes::from(bytes)),
            Err(error) => fault(format!("`isBase64Encoded` is true, but `body` is not base64: {error}")),
        }
    }

    fn form(&self) -> Form {
        Form {
            multi: self.multi_value_headers.is_object() && !self.headers.is_object(),
            balancer: self.request_context.get("elb").is_some(),
        }
    }
}

/// Text, numbers and truth values are taken as they are written, lists member by member; null is nothing.
fn append(headers: &mut HeaderMap, name: &str, value: &Value) {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        Value::Array(list) => {
            list.iter().filter(|one| !one.is_array()).for_each(|one| append(headers, name, one));
            return;
        }
        Value::Null | Value::Object(_) => return,
    };
    // What no header can hold came in none.
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(text)) {
        headers.append(name, value);
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(given) = headers.get(CONTENT_TYPE).and_then(|given| given.to_str().ok()) else { return true };
    given.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

impl Request {
    /// An answer in the form that the event's sender unpacks.
    pub fn response(&self, answer: &Answer) -> Bytes {
        let headers = [
            ("content-type", answer.content_type.as_str()),
            ("x-amzn-invoked-production-variant", answer.variant.as_str()),
        ];
        let (body, encoded) = as_text(&answer.body);
        self.written(StatusCode::OK, &headers, body, encoded)
    }

    /// An answer of a route in that form.
    pub fn reply(&self, head: &http::response::Parts, body: &Bytes) -> Bytes {
        let text = |value: &'_ HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let values: Vec<(&str, String)> =
            head.headers.iter().map(|(name, value)| (name.as_str(), text(value))).collect();
        let headers: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (body, encoded) = as_text(body);
        self.written(head.status, &headers, body, encoded)
    }

    /// A fault in that form.
    pub fn problem(&self, fault: &Fault) -> Bytes {
        let headers = [("content-type", "application/problem+json")];
        self.written(fault.kind.status(), &headers, fault.document().to_string(), false)
    }

    fn written(&self, status: StatusCode, headers: &[(&str, &str)], body: String, encoded: bool) -> Bytes {
        let mut response = Map::new();
        response.insert("statusCode".into(), status.as_u16().into());
        if self.form.balancer {
            let reason = status.canonical_reason().unwrap_or_default();
            response.insert("statusDescription".into(), format!("{} {reason}", status.as_u16()).into());
        }
        let headers = headers.iter().map(|(name, value)| {
            ((*name).to_owned(), if self.form.multi { json!([value]) } else { json!(value) })
        });
        let member = if self.form.multi { "multiValueHeaders" } else { "headers" };
        response.insert(member.into(), Value::Object(headers.collect()));
        response.insert("body".into(), body.into());
        response.insert("isBase64Encoded".into(), encoded.into());
        Bytes::from(Value::Object(response).to_string())
    }
}

/// A body as JSON can hold it, and whether that is base64.
fn as_text(body: &[u8]) -> (String, bool) {
    match std::str::from_utf8(body) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (BASE64_STANDARD.encode(body), true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(payload: &'static str) -> Event {
        Event::read(Bytes::from(payload)).unwrap()
    }

    fn http(payload: &'static str) -> Request {
        match read(payload) {
            Event::Http(request) => request,
            Event::Rows(_) => panic!("taken for rows: {payload}"),
        }
    }

    #[test]
    fn rows_are_passed_on_as_they_are() {
        for payload in [
            r#"{"instances": [[1, 2]]}"#,
            r#"[[1, 2]]"#,
            // Columns may be named so.
            r#"{"body": "heavy", "doors": 4}"#,
            r#"{"body": 1.5, "headers": {}}"#,
            r#"{"httpMethod": "GET", "bytes": 12}"#,
            r#"{"instances": [{"rawPath": "/a", "body": "x", "headers": {}}]}"#,
            r#"{"rawPath": 7}"#,
            r#"{"requestContext": "checkout"}"#,
            r#"{"body": "#,
        ] {
            assert!(matches!(read(payload), Event::Rows(rows) if rows == payload), "{payload}");
        }
    }

    #[test]
    fn a_request_in_an_event_is_unpacked() {
        let event = http(
            r#"{"version": "2.0", "rawPath": "/", "headers": {"Content-Type": "text/csv"}, "body": "MSwyCg==", "isBase64Encoded": true}"#,
        );
        assert_eq!(
            (event.headers["content-type"].as_bytes(), event.body.unwrap()),
            (&b"text/csv"[..], Bytes::from("1,2\n"))
        );
        for body in ["MSwyCg", "MSwy\\nCg==\\n"] {
            let text = format!(r#"{{"rawPath": "/", "body": "{body}", "isBase64Encoded": "true"}}"#);
            let Event::Http(event) = Event::read(Bytes::from(text)).unwrap() else { panic!("{body}") };
            assert_eq!(event.body.unwrap(), "1,2\n", "{body}");
        }
        assert_eq!(
            http(r#"{"requestContext": {}, "body": "{\"instances\": []}"}"#).body.unwrap(),
            "{\"instances\": []}"
        );
        assert_eq!(
            http(r#"{"httpMethod": "POST", "body": {"instances": [[1, 2]]}}"#).body.unwrap(),
            r#"{"instances": [[1, 2]]}"#
        );
    }

    #[test]
    fn a_request_without_rows_is_a_request_all_the_same() {
        for payload in [
            r#"{"resource":"/","httpMethod":"POST","headers":{"content-type":"application/json"},"requestContext":{},"body":null,"isBase64Encoded":false}"#,
            r#"{"version":"2.0","rawPath":"/","headers":{"content-type":"text/csv"},"requestContext":{"http":{"method":"POST"}},"isBase64Encoded":false}"#,
            r#"{"httpMethod":"GET","headers":null,"multiValueHeaders":null,"body":null,"requestContext":{"elb":{}}}"#,
            r#"{"rawPath":"/","body":"","isBase64Encoded":true}"#,
            r#"{"rawPath":"/","body":"  ","isBase64Encoded":true}"#,
        ] {
            let fault = http(payload).body.unwrap_err();
            assert_eq!(fault.kind, Kind::BadRequest);
            assert!(fault.message.contains("no body"), "{payload}: {}", fault.message);
        }
        for (payload, expected) in [
            (r#"{"rawPath": "/", "body": "?", "isBase64Encoded": true}"#, "base64"),
            (r#"{"httpMethod": "POST", "body": 7}"#, "must be text"),
            (
                r#"{"httpMethod": "POST", "headers": {"content-type": "text/csv"}, "body": [1]}"#,
                "must be text",
            ),
        ] {
            let message = http(payload).body.unwrap_err().message;
            assert!(message.contains(expected), "{payload}: {message}");
        }
        assert!(Event::read(Bytes::from(" \n")).is_err());
    }

    #[test]
    fn headers_of_every_kind_are_read() {
        let event = http(
            r#"{"httpMethod": "POST", "body": "1\n", "headers": {"content-length": 8, "x-flag": true, "x-none": null, "x-odd": {"a": 1},
                "x-list": ["a", 1], "accept": "text/csv", "bad name": "x", "x-bad": "a\nb"}}"#,
        );
        let text = |name: &str| event.headers.get(name).map(|value| value.to_str().unwrap());
        assert_eq!(
            [text("content-length"), text("x-flag"), text("x-none"), text("x-odd"), text("x-bad")],
            [Some("8"), Some("true"), None, None, None]
        );
        assert_eq!(event.headers.get_all("x-list").iter().collect::<Vec<_>>(), ["a", "1"]);
        assert_eq!(event.headers.len(), 5);
        // Lists hold more than the plain ones, which are left for what they lack.
        let event = http(
            r#"{"requestContext": {}, "body": "1\n", "headers": {"Accept": "application/json", "x-a": "1"},
                "multiValueHeaders": {"accept": ["text/csv;q=0.5", "application/json"], "x-b": [null, "2"]}, "cookies": ["a=1", "b=2"]}"#,
        );
        assert_eq!(event.headers.get_all("accept").iter().count(), 2);
        assert_eq!(
            (&event.headers["x-a"], &event.headers["x-b"], &event.headers["cookie"]),
            (&"1".parse().unwrap(), &"2".parse().unwrap(), &"a=1; b=2".parse().unwrap())
        );
    }

    #[test]
    fn the_answer_has_the_form_of_the_event() {
        let fault = Fault::new(Kind::BadRequest, "no");
        let answer = |payload| serde_json::from_slice::<Value>(&http(payload).problem(&fault)).unwrap();
        let plain = answer(r#"{"rawPath": "/", "headers": {}}"#);
        assert_eq!(
            (&plain["statusCode"], &plain["headers"]["content-type"]),
            (&json!(400), &json!("application/problem+json"))
        );
        assert!(plain.get("multiValueHeaders").is_none() && plain.get("statusDescription").is_none());
        let both = answer(r#"{"httpMethod": "POST", "headers": {}, "multiValueHeaders": {}}"#);
        assert!(both.get("multiValueHeaders").is_none());
        let lists =
            answer(r#"{"httpMethod": "POST", "requestContext": {"elb": {}}, "multiValueHeaders": {}}"#);
        assert_eq!(lists["multiValueHeaders"]["content-type"], json!(["application/problem+json"]));
        assert_eq!((lists.get("headers"), &lists["statusDescription"]), (None, &json!("400 Bad Request")));
    }
}

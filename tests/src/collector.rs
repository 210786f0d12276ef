//! An OpenTelemetry collector that keeps what it gets: OTLP over HTTP, protobuf.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value, trace::v1 as otlp,
};
use prost::Message as _;

/// Listens until the test ends.
pub struct Collector {
    /// `http://127.0.0.1:PORT`
    pub url: String,
    spans: Arc<Mutex<Vec<Span>>>,
}

/// A span that came.
#[derive(Clone, Debug)]
pub struct Span {
    /// What it is called.
    pub name: String,
    /// In hexadecimal.
    pub trace: String,
    /// In hexadecimal.
    pub id: String,
    /// The span above it, in hexadecimal; empty if there is none.
    pub parent: String,
    /// Whether it stands for an error.
    pub failed: bool,
    /// Its service.
    pub service: String,
    attributes: Vec<(String, String)>,
}

impl Span {
    /// An attribute as text; empty if it has none of this name.
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

impl Collector {
    /// On a free port.
    ///
    /// # Panics
    /// There is none.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let spans = Arc::<Mutex<Vec<Span>>>::default();
        let kept = Arc::clone(&spans);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let taken = take(stream);
                kept.lock().unwrap_or_else(PoisonError::into_inner).extend(taken);
            }
        });
        Self { url, spans }
    }

    /// What came so far.
    pub fn spans(&self) -> Vec<Span> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One request of the exporter's, answered.
fn take(stream: TcpStream) -> Vec<Span> {
    let mut stream = BufReader::new(stream);
    let (mut head, mut line, mut length) = (String::new(), String::new(), 0);
    stream.read_line(&mut head).expect("a request");
    assert!(head.starts_with("POST /v1/traces "), "{head}");
    while stream.read_line(&mut line).expect("headers") > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        line.clear();
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).expect("a body");
    let ok = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    stream.get_mut().write_all(ok).expect("it waits for an answer");
    let request = ExportTraceServiceRequest::decode(body.as_slice()).expect("OTLP");
    let mut spans = Vec::new();
    for resource in request.resource_spans {
        let service = resource.resource.map(|resource| attributes(resource.attributes)).unwrap_or_default();
        let service = service.into_iter().find(|(name, _)| name == "service.name").unwrap_or_default().1;
        for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            spans.push(Span { service: service.clone(), ..span.into() });
        }
    }
    spans
}

impl From<otlp::Span> for Span {
    fn from(span: otlp::Span) -> Self {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            name: span.name,
            trace: hex(&span.trace_id),
            id: hex(&span.span_id),
            parent: hex(&span.parent_span_id),
            failed: span.status.is_some_and(|status| status.code == otlp::status::StatusCode::Error as i32),
            service: String::new(),
            attributes: attributes(span.attributes),
        }
    }
}

fn attributes(list: Vec<opentelemetry_proto::tonic::common::v1::KeyValue>) -> Vec<(String, String)> {
    let text = |value: Option<Value>| match value {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(bool)) => bool.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        _ => String::new(),
    };
    list.into_iter().map(|pair| (pair.key, text(pair.value.and_then(|value| value.value)))).collect()
}

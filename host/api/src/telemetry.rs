//! Traces: `tracing`'s spans go to an OpenTelemetry collector, as parts of the caller's trace.
//!
//! The spans are made wherever the work is done; nothing is sent, and a span costs next to nothing, unless
//! `OTEL_EXPORTER_OTLP_ENDPOINT` is set. The standard's other variables work too: `OTEL_SERVICE_NAME`,
//! `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER` and its argument, `OTEL_EXPORTER_OTLP_HEADERS`.

use std::{env, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, StatusCode, request::Parts};
use opentelemetry::{KeyValue, propagation::TextMapPropagator, trace::TracerProvider};
use opentelemetry_http::{HeaderExtractor, HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tracing::{Span, Subscriber, field::Empty, level_filters::LevelFilter};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Layer, filter::FilterFn, registry::LookupSpan};

use crate::{fault::Fault, metrics::VariantMetrics, route::Route};

const VARIABLES: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];

/// Spans of other crates are not sent.
const OURS: &str = "millstream";

/// A collector that does not answer holds nothing up for longer.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
const LAST_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends spans until it is dropped; then what is left goes out.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

impl Drop for Traces {
    fn drop(&mut self) {
        // A collector that can't be reached costs spans and nothing else.
        let _ = self.0.shutdown_with_timeout(LAST_TIMEOUT);
    }
}

/// A layer for the program's subscriber that sends spans to the collector that the environment names; none if it names none.
/// The error says which variable is at fault.
pub fn traces_from_environment<S>() -> Result<Option<(impl Layer<S> + Send + Sync, Traces)>, String>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let says = |name: &str, what: &str| env::var(name).is_ok_and(|value| value.eq_ignore_ascii_case(what));
    let named = VARIABLES.iter().any(|name| env::var_os(name).is_some_and(|value| !value.is_empty()));
    if !named || says("OTEL_SDK_DISABLED", "true") || says("OTEL_TRACES_EXPORTER", "none") {
        return Ok(None);
    }
    traces(None).map(Some)
}

/// The same, to a collector that is named here. `address` has no path.
pub fn traces_to<S>(address: &str) -> Result<(impl Layer<S> + Send + Sync, Traces), String>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    traces(Some(format!("{}/v1/traces", address.trim_end_matches('/'))))
}

fn traces<S>(endpoint: Option<String>) -> Result<(impl Layer<S> + Send + Sync, Traces), String>
where
    S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    let mut exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_http_client(Client::new());
    if let Some(endpoint) = endpoint {
        exporter = exporter.with_endpoint(endpoint);
    }
    let exporter = exporter.build().map_err(|error| format!("traces can't be sent: {error}"))?;
    let mut resource =
        Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
    if env::var_os("OTEL_SERVICE_NAME").is_none() {
        resource = resource.with_service_name("millstream");
    }
    let provider =
        SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build()).build();
    // The hint keeps what other crates say at finer levels from being looked at.
    let ours = FilterFn::new(|span| span.is_span() && span.target().starts_with(OURS))
        .with_max_level_hint(LevelFilter::INFO);
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("millstream"))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(ours);
    Ok((layer, Traces(provider)))
}

/// Sends from the thread on which the spans are gathered: it may block.
#[derive(Debug)]
struct Client(ureq::Agent);

impl Client {
    fn new() -> Self {
        let config =
            ureq::Agent::config_builder().timeout_global(Some(SEND_TIMEOUT)).http_status_as_error(false);
        Self(config.build().into())
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let request = Request::from_parts(parts, body.to_vec());
        let (parts, mut body) = self.0.run(request)?.into_parts();
        Ok(Response::from_parts(parts, Bytes::from(body.read_to_vec()?)))
    }
}

/// The span of a request to an endpoint, in the trace that the caller's `traceparent` names. Names and attributes are those of
/// OpenTelemetry's conventions for HTTP servers; what they have no word for begins with `millstream.`.
pub fn request_span(route: &Route<'_>, parts: &Parts, scheme: &'static str) -> Span {
    let Some(template) = route.traced() else { return Span::none() };
    let span = tracing::info_span!(
        "request",
        otel.kind = "server",
        otel.name = %format_args!("{} {template}", parts.method),
        http.request.method = parts.method.as_str(),
        http.route = template,
        http.response.status_code = Empty,
        url.path = parts.uri.path(),
        url.scheme = scheme,
        faas.coldstart = Empty,
        millstream.request.id = Empty,
        millstream.endpoint.name = route.endpoint(),
        millstream.variant.name = Empty,
        millstream.model.name = Empty,
        millstream.model.version = Empty,
        error.type = Empty,
        otel.status_code = Empty,
        otel.status_description = Empty,
    );
    if !span.is_disabled() {
        // Fails only if nobody listens for traces.
        let _ = span.set_parent(TraceContextPropagator::new().extract(&HeaderExtractor(&parts.headers)));
    }
    span
}

/// Says on a request's span who answered.
pub fn answered(span: &Span, variant: &VariantMetrics, cold: bool) {
    if span.is_disabled() {
        return;
    }
    if let Ok(name) = variant.name.to_str() {
        span.record("millstream.variant.name", name);
    }
    span.record("millstream.model.name", variant.model_name());
    span.record("millstream.model.version", variant.model_version());
    span.record("faas.coldstart", cold);
}

/// Says on a request's span what went wrong. What the caller is at fault for is no error of the server's, as the conventions
/// want it.
pub fn failed(span: &Span, fault: &Fault) {
    span.record("error.type", fault.kind.as_str());
    if let Some(variant) = &fault.detail.variant {
        span.record("millstream.variant.name", variant.as_str());
    }
    if fault.kind.status().is_server_error() {
        span.record("otel.status_code", "ERROR");
        span.record("otel.status_description", &fault.message);
    }
}

/// Says on a request's span how it was answered.
pub fn ended(span: &Span, status: StatusCode, id: &http::HeaderValue) {
    if span.is_disabled() {
        return;
    }
    span.record("http.response.status_code", status.as_u16());
    if let Ok(id) = id.to_str() {
        span.record("millstream.request.id", id);
    }
}

//! The spans of a request's way through an endpoint. Unless somebody listens for traces, making one is a comparison.

use millstream_deployment::Variant;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Makes a root span part of the present one's trace, below it, without holding the present one open: what it stands for may
/// outlive the answer.
pub fn detached(span: Span) -> Span {
    if !span.is_disabled() {
        // Fails only if nobody listens for traces.
        let _ = span.set_parent(Span::current().context());
    }
    span
}

/// What a variant does for a request.
pub(crate) fn predict(endpoint: &str, variant: &Variant) -> Span {
    tracing::info_span!(
        "predict",
        millstream.endpoint.name = endpoint,
        millstream.variant.name = variant.name,
        millstream.model.name = variant.model,
        millstream.model.version = variant.version,
        millstream.shadow = false,
    )
}

/// The same for a copy of the request, whose answer nobody waits for.
pub(crate) fn shadow(endpoint: &str, variant: &Variant) -> Span {
    detached(tracing::info_span!(
        parent: None,
        "predict",
        millstream.endpoint.name = endpoint,
        millstream.variant.name = variant.name,
        millstream.model.name = variant.model,
        millstream.model.version = variant.version,
        millstream.shadow = true,
    ))
}

/// Waiting for one of the version's predictors, all of which are busy.
pub(crate) fn queue(model: &str, version: u32) -> Span {
    tracing::info_span!("queue", millstream.model.name = model, millstream.model.version = version)
}

/// Loading a predictor of the version.
pub(crate) fn load(model: &str, version: u32) -> Span {
    tracing::info_span!("load", millstream.model.name = model, millstream.model.version = version)
}

//! Whether the server lives and is ready, and what it has counted.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header::RETRY_AFTER};
use serde_json::json;

use crate::{app::App, backend::Backend, metrics, reply, reply::Reply};

/// `GET /ping`: as SageMaker's containers have it.
pub fn ping<B: Backend>(app: &App<B>) -> Reply {
    let (status, word) = if app.is_draining() {
        (StatusCode::SERVICE_UNAVAILABLE, "draining")
    } else if app.is_ready() {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "starting")
    };
    let mut reply = reply::json(status, &json!({ "status": word }));
    if status != StatusCode::OK {
        reply.headers_mut().insert(RETRY_AFTER, Duration::from_secs(1).as_secs().into());
    }
    reply
}

/// `GET /v2/health/live`
pub fn live() -> Reply {
    reply::json(StatusCode::OK, &json!({ "live": true }))
}

/// `GET /v2/health/ready`
pub fn ready<B: Backend>(app: &App<B>) -> Reply {
    let ready = app.is_ready();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    reply::json(status, &json!({ "ready": ready }))
}

/// `GET /metrics`
pub fn metrics<B: Backend>(app: &App<B>) -> Reply {
    let media_type: HeaderValue = metrics::MEDIA_TYPE;
    reply::new(
        StatusCode::OK,
        media_type,
        Bytes::from(app.metrics.text(&app.backend.figures(), Instant::now())),
    )
}
